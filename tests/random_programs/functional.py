"""The right gradients where PyTorch refuses to differentiate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from .integers import READS
from .machine import INTEGERS, Machine, Register
from .program import Fact, Instruction, Program
from .views import VIEWS, WITHOUT_HISTORY
from .writes import WRITES


class Replaced(torch.autograd.Function):
    """The values of the second argument with the history of the first."""

    @staticmethod
    def forward(ctx: Any, old: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        return new.clone()

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        return grad, None


@dataclass
class Cell:
    """A flat value that several registers look at."""

    flat: torch.Tensor


class Functional(Machine):
    """Runs programs in PyTorch without writing in place; ``Register.tensor`` holds positions in a cell."""

    def __init__(self, facts: list[Fact]) -> None:
        super().__init__(torch, facts, look=False)
        self.cells: dict[int, Cell] = {}

    def start(self, program: Program) -> None:
        super().start(program)
        for register in self.registers:
            leaf = register.tensor
            register.tensor = self.cell(leaf, tuple(leaf.shape), tuple(leaf.stride()), register.root)

    def cell(self, value: torch.Tensor, sizes: Any, strides: Any, root: int) -> torch.Tensor:
        """Make a cell of a fresh value that lies in memory with the given strides; returns its positions."""
        positions = torch.arange(value.numel()).as_strided(sizes, strides)
        order = torch.argsort(positions.reshape(-1))
        self.cells[root] = Cell(value.reshape(-1)[order])
        return positions

    def value(self, register: Register) -> torch.Tensor:
        found = self.cells[register.root].flat[register.tensor]
        return found.detach() if register.apart else found

    def step(self, i: Instruction, fact: Fact, known: Fact | None) -> None:
        assert known is not None
        register = self.registers[i.first % len(self.registers)]
        if i.name in WRITES:
            self.write(register, i, fact, known)
            return
        if i.name in INTEGERS:
            self.add_integer(self.integer(i, register))
            return
        if not known.applied:
            return
        if known.aliased and (i.name in VIEWS or i.name in READS):
            if i.name in READS:  # by one whole number, which gives a view
                positions = READS[i.name](torch, register.tensor, self.chosen(i.second), i.a, i.b, i.c)
            else:
                positions = VIEWS[i.name](torch, register.tensor, i.a, i.b, i.c)
            apart = register.apart or i.name in WITHOUT_HISTORY
            self.add(Register(positions, register.root, apart))
            return
        result = self.result(i, register)
        root = self.new_root()
        self.add(Register(self.cell(result, known.sizes, known.strides, root), root))

    def write(self, register: Register, i: Instruction, fact: Fact, known: Fact | None) -> None:
        assert known is not None
        if not known.applied:
            return
        write = WRITES[i.name]
        positions = register.tensor
        if write.where is not None:
            positions = write.where(torch, positions, i.a, i.b, i.c)
        cell = self.cells[register.root]
        old = self.value(Register(positions, register.root, register.apart))
        y = self.value(self.other(i, positions.shape, True))
        untracked = i.c % 8 == 0 or register.apart
        if untracked:
            y = y.detach()
        new = write.content(torch, old, y, i.a, i.b, i.c)
        flat = cell.flat.index_put((positions.reshape(-1),), new.reshape(-1))
        cell.flat = Replaced.apply(cell.flat, flat.detach()) if untracked else flat

    def tensors(self) -> list[Any]:
        return [self.value(register) for register in self.registers]
