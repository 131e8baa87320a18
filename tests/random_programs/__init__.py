"""Random programs of views, arithmetic, reductions, indexing and writes in place, to run on PyTorch and on Flambeau.

A program is data: leaf tensors and instructions with numbers. What an instruction does to which register follows from
its numbers and the registers' shapes alone, so that the same program means the same on every library. PyTorch's run
notes what each instruction did (:class:`Fact`): whether it raised, and whether its result shares memory. Where PyTorch
refuses to differentiate because a saved tensor was written to, :class:`Functional` gives the right gradients: it runs the
program in PyTorch without writing to anything, each view being a set of positions in a flat value that is replaced.

A program can be run at other sizes: its leaves' extents and those that it names are changed by a rule, its instructions
stay. It may also be a loop over time, whose body is applied to its own results.

What programs are is in ``program``, what their instructions do in ``values``, ``integers``, ``views`` and ``writes``, how they
are run in ``machine`` and ``functional``; ``loops`` says how the steps of a loop differ, ``pending`` what leaves may be.
"""

from .functional import Functional
from .machine import Machine
from .pending import PENDING
from .program import Fact, Instruction, Loop, Outcome, Program, Sizes
from .strategies import SHAPES, loops, programs, sizes

__all__ = [
    "PENDING", "SHAPES", "Fact", "Functional", "Instruction", "Loop", "Machine", "Outcome", "Program",
    "Sizes", "loops", "programs", "sizes",
]  # fmt: skip
