"""Operations as PyTorch has them beneath autograd, for who wants to see them: dispatch modes, and classes of tensors.

Nothing here is loaded until a mode is entered or a class with ``__torch_dispatch__`` has an instance. Then each call of the
program is taken apart into operations of aten's (``calls``, with the tables of ``export``; ``composed`` has what PyTorch composes
of others), each of which is given to modes and classes (``running``), and gets a history whose gradient is operations of aten's
again (``history``, ``formulas``).
"""
