"""Random programs of views, arithmetic, reductions, indexing and writes in place, to run on PyTorch and on Flambeau.

A program is data: leaf tensors and instructions with numbers. What an instruction does to which register follows from
its numbers and the registers' shapes alone, so that the same program means the same on every library. PyTorch's run
notes what each instruction did (:class:`Fact`): whether it raised, and whether its result shares memory. Where PyTorch
refuses to differentiate because a saved tensor was written to, :class:`Functional` gives the right gradients: it runs the
program in PyTorch without writing to anything, each view being a set of positions in a flat value that is replaced.

What programs are is in ``program``, what their instructions do in ``values``, ``integers``, ``views`` and ``writes``, how they
are run in ``machine`` and ``functional``.
"""

from .functional import Functional
from .machine import Machine
from .program import Fact, Instruction, Outcome, Program
from .strategies import SHAPES, programs

__all__ = ["SHAPES", "Fact", "Functional", "Instruction", "Machine", "Outcome", "Program", "programs"]
