"""Running a program on a library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .choices import plain
from .integers import INTEGER_MAPS, INTEGER_PAIRS, INTEGER_SOURCES, INTEGERS_OF_FLOATS, READS
from .loops import in_step
from .pending import PENDING
from .program import (
    MOST_ELEMENTS,
    MOST_REGISTERS,
    Fact,
    Instruction,
    Loop,
    NotApplicable,
    Outcome,
    Program,
    Sizes,
    need,
)
from .values import BINARY, PRODUCTS, SOURCES, UNARY
from .views import VIEWS, WITHOUT_HISTORY
from .writes import LOOKS, WRITES

INTEGERS = (*INTEGER_SOURCES, *INTEGER_MAPS, *INTEGER_PAIRS, *INTEGERS_OF_FLOATS)
"""Instructions that give whole numbers."""


@dataclass
class Register:
    tensor: Any
    #: Registers of one root share memory.
    root: int
    #: Whether it has no history while others of its root may have.
    apart: bool = False


class Machine:
    """Runs programs on a library. The first run of a program makes the facts; later ones must agree with them."""

    def __init__(
        self,
        library: Any,
        facts: list[Fact] | None = None,
        look: bool = True,
        pending: str | None = None,
        nudge: float = 0.0,
    ) -> None:
        self.T = library
        self.known = facts
        self.facts: list[Fact] = []
        self.look = look
        #: How leaves have yet to be computed, if they are not in memory.
        self.pending = pending
        #: By what share the leaves' elements are greater than they should be.
        self.nudge = nudge
        self.sizes = Sizes()
        self.registers: list[Register] = []
        self.leaves: list[Any] = []
        self.integers: list[Any] = []
        #: What a loop has given so far, to be stacked.
        self.outputs: list[Register] = []
        self.roots = 0

    def run(self, program: Program) -> Outcome:
        self.start(program)
        if program.loop is None:
            for instruction in program.instructions:
                self.do(instruction)
        else:
            loop, (rows, *rest) = program.loop, self.registers
            states, constants = rest[: loop.states], rest[loop.states :]
            for layer in range(loop.layers):
                axis = loop.axis if layer == 0 else 0
                states, rows = self.go_round(loop, program.instructions, rows, axis, states, constants)
            self.registers = [*states, *constants, rows]
        return self.finish(program)

    def do(self, instruction: Instruction) -> None:
        fact = Fact(instruction)
        known = self.known[len(self.facts)] if self.known is not None else None
        try:
            self.step(instruction, fact, known)
        except NotApplicable:
            pass
        except (RuntimeError, IndexError, ValueError) as error:
            fact.error = f"{type(error).__name__}: {error}"
        self.facts.append(fact)

    def go_round(
        self,
        loop: Loop,
        instructions: Sequence[Instruction],
        rows: Register,
        axis: int,
        states: list[Register],
        constants: list[Register],
    ) -> tuple[list[Register], Register]:
        """Run a loop; gives the last states and the outputs."""
        kept: list[Register] = []
        self.outputs = []
        if loop.outputs == "written":
            self.registers = states[:1]
            self.do(Instruction("room", 0, 0, rows.tensor.shape[axis], 0, 0))
            kept = self.registers[-1:]
        for number in range(rows.tensor.shape[axis]):
            place = -1 - number if loop.backwards else number
            row = Register(rows.tensor.select(axis, place), rows.root, rows.apart)
            given = [*states, *constants, row, *kept]
            self.registers = given.copy()
            self.integers = [self.T.arange(5) * 3 + number]
            for instruction in instructions:
                turned = in_step(instruction, number)
                if turned is not None:
                    self.do(turned)
            made = [register for register in self.registers if all(register is not each for each in given)]
            states = [self.following(loop, state, made) for state in states]
            self.registers = [*kept, states[0]]
            if loop.outputs == "written":
                self.do(Instruction("set row", 0, 0, number, 0, 1))
            elif loop.outputs == "grown":
                self.do(Instruction("grown" if kept else "unsqueeze", 0, 0, 0, 0, 0))
                kept = self.registers[-1:]
            else:
                self.outputs.append(states[0])
        if loop.outputs == "stacked":
            self.do(Instruction("stacked", 0, 0, 0, 0, 0))
            kept = self.registers[-1:]
        return states, kept[0]

    def following(self, loop: Loop, state: Register, made: list[Register]) -> Register:
        """The state after ``state``: the last of what a step made that has its shape, which is taken out, and squashed."""
        fitting = [register for register in made if register.tensor.shape == state.tensor.shape] or [state]
        made[:] = [register for register in made if register is not fitting[-1]]
        self.registers = fitting[-1:]
        self.do(Instruction(loop.squashed, 0, 0, 0, 0, 0))
        return self.registers[-1]

    def start(self, program: Program) -> None:
        random = np.random.default_rng(7)
        self.dtype = dtype = getattr(self.T, program.dtype)
        self.sizes = program.sizes
        for index, shape in enumerate(program.shapes):
            leaf = self.T.tensor(random.uniform(-1.5, 1.5, shape) * (1 + self.nudge), dtype=dtype)
            if self.pending is not None:
                leaf = PENDING[self.pending](self.T, leaf)
            if program.loop is not None and program.loop.zeros and 0 < index <= program.loop.states:
                leaf = self.T.zeros(shape, dtype=dtype)
            elif index + 1 < len(program.shapes) or index == 0:
                leaf.requires_grad_()
                self.leaves.append(leaf)
            self.add(Register(leaf, self.new_root()))

    def new_root(self) -> int:
        self.roots += 1
        return self.roots

    def add(self, register: Register) -> None:
        if len(self.registers) < MOST_REGISTERS:
            self.registers.append(register)
        else:
            self.registers[self.roots % MOST_REGISTERS] = register

    def other(self, instruction: Instruction, shape: Sequence[int], within: bool) -> Register:
        """A register that broadcasts with ``shape`` (to it, if ``within``)."""
        fitting = []
        for register in self.registers:
            try:
                common = np.broadcast_shapes(tuple(register.tensor.shape), tuple(shape))
            except ValueError:
                continue
            if common == tuple(shape) or not within and math.prod(common) <= MOST_ELEMENTS:
                fitting.append(register)
        need(bool(fitting))
        return fitting[instruction.second % len(fitting)]

    def step(self, i: Instruction, fact: Fact, known: Fact | None) -> None:
        register = self.registers[i.first % len(self.registers)]
        x = register.tensor
        if i.name in LOOKS:
            if self.look:
                LOOKS[i.name](x)
            return
        if i.name in WRITES:
            self.write(register, i, fact, known)
            return
        if i.name in INTEGERS:
            self.add_integer(self.integer(i, register))
            return
        result = self.result(i, register)
        need(math.prod(result.shape) <= MOST_ELEMENTS)
        fact.applied = True
        fact.aliased = shares(result, x)
        fact.sizes, fact.strides = tuple(result.shape), tuple(result.stride())
        apart = fact.aliased and (register.apart or i.name in WITHOUT_HISTORY)
        self.add(Register(result, register.root if fact.aliased else self.new_root(), apart))

    def value(self, register: Register) -> Any:
        """The register's tensor."""
        return register.tensor

    def result(self, i: Instruction, register: Register) -> Any:
        """What an instruction makes of registers (nothing is written)."""
        if i.name in SOURCES:
            return SOURCES[i.name](self.T, self.dtype, self.sizes, i.a, i.b, i.c)
        if i.name == "stacked":
            return self.T.stack([self.value(output) for output in self.outputs])
        x = self.value(register)
        if i.name == "grown":  # by the register after it
            return self.T.cat([x, self.value(self.registers[1])[None]])
        if i.name == "room":
            return self.T.zeros((i.a, *x.shape), dtype=x.dtype)
        if i.name in READS:
            return READS[i.name](self.T, x, self.chosen(i.second), i.a, i.b, i.c)
        if i.name in BINARY:
            y = self.value(self.other(i, x.shape, False))
            return BINARY[i.name](self.T, plain(x), plain(y), i.a, i.b, i.c)
        if i.name in PRODUCTS:
            need(x.ndim > 0)
            matrices = [r for r in self.registers if r.tensor.ndim == 2 and r.tensor.shape[1] == x.shape[-1]]
            need(bool(matrices))
            return PRODUCTS[i.name](self.T, plain(x), plain(self.value(matrices[i.second % len(matrices)])))
        return (UNARY.get(i.name) or VIEWS[i.name])(self.T, x, i.a, i.b, i.c)

    def integer(self, i: Instruction, register: Register) -> Any:
        """What an instruction that gives whole numbers gives."""
        if i.name in INTEGER_SOURCES:
            return INTEGER_SOURCES[i.name](self.T, self.sizes, i.a, i.b, i.c)
        if i.name in INTEGERS_OF_FLOATS:
            return INTEGERS_OF_FLOATS[i.name](self.T, self.value(register).detach(), i.a, i.b, i.c)
        first = self.chosen(i.first)
        if i.name in INTEGER_MAPS:
            return INTEGER_MAPS[i.name](self.T, first, i.a, i.b, i.c)
        return INTEGER_PAIRS[i.name](self.T, first, self.chosen(i.second), i.a, i.b, i.c)

    def chosen(self, k: int) -> Any:
        """One of the tensors of whole numbers."""
        need(bool(self.integers))
        return self.integers[k % len(self.integers)]

    def add_integer(self, result: Any) -> None:
        need(math.prod(result.shape) <= MOST_ELEMENTS)
        if len(self.integers) < MOST_REGISTERS:
            self.integers.append(result)
        else:
            self.integers[result.numel() % MOST_REGISTERS] = result

    def write(self, register: Register, i: Instruction, fact: Fact, known: Fact | None) -> None:
        write = WRITES[i.name]
        x = register.tensor
        target = x if write.where is None else write.where(self.T, x.detach(), i.a, i.b, i.c)
        need(not overlaps(x) and not overlaps(target) or i.name in ("add_", "copy_", "mul_", "set part"))
        source = self.other(i, target.shape, True)
        y = source.tensor
        if source.root == register.root:
            y = y.clone()
        untracked = i.c % 8 == 0
        if register.apart or untracked:
            y = y.detach()
        if untracked:
            with self.T.no_grad():
                write.said(self.T, x, y, i.a, i.b, i.c)
        else:
            write.said(self.T, x, y, i.a, i.b, i.c)
        for each in self.registers:
            _ = each.tensor.grad_fn  # PyTorch brings a view's history up to date when somebody asks for it
        fact.applied = True

    # --- the end ----------------------------------------------------------------------------------------------------------

    def tensors(self) -> list[Any]:
        return [register.tensor for register in self.registers]

    def finish(self, program: Program) -> Outcome:
        outcome = Outcome()
        tensors = self.tensors()
        loss = None
        for number_, tensor in enumerate(tensors):
            if not tensor.requires_grad or not tensor.numel():
                continue
            weights = np.cos(np.arange(tensor.numel()) + number_).reshape(tuple(tensor.shape))
            term = (tensor * self.T.tensor(weights, dtype=tensor.dtype)).sum()
            loss = term if loss is None else loss + term
        try:
            if loss is not None:
                outcome.gradients = self.differentiate(loss, program.twice)
        except RuntimeError as error:
            outcome.refused = str(error)
        for tensor in (*tensors, *self.integers):
            outcome.values.append(as_array(tensor))
            outcome.strides.append(tuple(tensor.stride()))
            outcome.tracked.append(tensor.requires_grad)
        return outcome

    def differentiate(self, loss: Any, twice: bool) -> list[np.ndarray | None]:
        grad = self.T.autograd.grad
        first = grad(loss, self.leaves, create_graph=twice, allow_unused=True)
        found = list(first)
        tracked = [g for g in first if g is not None and g.requires_grad]
        if twice:
            total = sum((g * g).sum() for g in tracked)
            found += grad(total, self.leaves, allow_unused=True) if tracked else [None] * len(self.leaves)
        return [None if g is None else as_array(g) for g in found]


def overlaps(x: Any) -> bool:
    """Whether two indices may name one element; writing there is refused, or means nothing, but for stride 0."""
    if 0 in x.shape:
        return False
    reach = 1
    for step, extent in sorted((s, n) for s, n in zip(x.stride(), x.shape, strict=True) if n > 1):
        need(step >= reach or step == 0)
        if step == 0:
            return True
        reach = step * (extent - 1) + reach
    return False


def shares(a: Any, b: Any) -> bool:
    """Whether two tensors share memory."""
    if isinstance(a, torch.Tensor):
        return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr() and a.numel() > 0
    return a.numel() > 0 and (a is b or a._storage is not None and a._storage is b._storage)


def as_array(tensor: Any) -> np.ndarray:
    """A copy of a tensor's values."""
    return np.array(tensor.numpy(force=True) if isinstance(tensor, torch.Tensor) else tensor.detach()._array())
