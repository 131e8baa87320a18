"""All steps of a layer, forwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...kernels.kernel import GATES, KEPT, Call, Operand, Recurrent, Strided
from ..arguments import Arguments
from ..attention.panels import Panels
from ..conversion import register_type
from ..gemm.pack import lower_pack
from ..ir import Kernel, KernelBuilder, Module
from ..values import LANES, Type
from .cells import CELLS
from .walk import FIELDS, Rows, Walk, scratch_bytes, strided_arguments, walk_arguments


def lower_recurrent(
    problem: Recurrent, projected: Strided, initial: Sequence[Strided], bias: Operand | None, output: Operand,
    ends: Sequence[Operand], kept: tuple[Operand, Sequence[Operand]] | None,
) -> list[Call]:  # fmt: skip
    """The calls that compute the ``output`` of each row, the states at the end, and what is ``kept``: activations, and the
    states before each row."""
    type = register_type(problem.dtype)
    code = ForwardCode(problem.kind, type, len(initial), bias is not None, kept is not None, Panels(type).key)
    columns = GATES[problem.kind] * problem.hidden
    packing, weight = lower_pack(
        type, Panels(type).width, (), columns, problem.hidden, problem.weight.transposed()
    )
    values = walk_arguments(problem, type, columns, problem.reverse)
    reads = [problem.sizes, projected.operand, *[state.operand for state in initial], weight.operand]
    writes = [output, *ends]
    values |= strided_arguments(projected=projected, **{f"initial{k}": state for k, state in enumerate(initial)})
    values |= {"weight": weight.operand, "output": output, **{f"end{k}": end for k, end in enumerate(ends)}}
    if bias is not None:
        values["bias"] = bias
        reads.append(bias)
    if kept is not None:
        activations, before = kept
        values |= {"kept": activations, **{f"before{k}": state for k, state in enumerate(before)}}
        writes += [activations, *before]
    call = Call(
        Kernel(code.key, code.emit),
        code.arguments.values(**values),
        tiles=-(-problem.sequences // values["block"]),
        scratch=scratch_bytes(problem, type, columns),
        reads=tuple(dict.fromkeys(reads)),
        writes=tuple(writes),
        flops=2 * problem.rows * problem.hidden * columns,
        label=problem.kind,
    )
    return [packing, call]


@dataclass(frozen=True)
class ForwardCode:
    """What the code of the kernel depends on."""

    kind: str
    type: Type
    states: int
    biased: bool
    keeps: bool
    panels: str

    @property
    def key(self) -> str:
        return f"recurrent {self.kind} {self.type} {self.biased:d}{self.keeps:d} {self.panels}"

    @property
    def arguments(self) -> Arguments:
        each = [f"&initial{k} initial{k}_pitch &end{k}" for k in range(self.states)]
        kept = ["&kept", *[f"&before{k}" for k in range(self.states)]] if self.keeps else []
        return Arguments(FIELDS, "&projected projected_pitch &weight &output", *each, "&bias" * self.biased, *kept)

    def emit(self, module: Module, name: str) -> None:
        b = KernelBuilder(module, name)
        a: Any = self.arguments.load(b, self.type)
        walk = Walk(b, a, self.type)
        given = vars(a)
        ends = [given[f"end{k}"] for k in range(self.states)]
        for sequence, column, mask in walk.all():
            for k, end in enumerate(ends):
                start = given[f"initial{k}"] + (sequence * given[f"initial{k}_pitch"] + column)
                (end + (sequence * a.hidden + column)).store(start.load(LANES, mask), mask)
        with walk.steps() as (begin, count):
            ahead = [Rows(a.projected, a.projected_pitch).behind(begin)]
            if self.keeps:
                ahead.append(Rows(a.kept, a.hidden * KEPT[self.kind]).behind(begin))
            walk.multiply(ends[0] + walk.first * a.hidden, a.hidden, count, a.weight, a.hidden, ahead)
            with b.loop(0, count) as row:
                for column, mask in b.vectors(0, a.hidden):
                    self._cell(walk, a, ends, begin + row, row, column, mask)
        b.finish()

    def _cell(self, walk: Walk, a: Any, ends: list[Any], at: Any, row: Any, column: Any, mask: Any) -> None:
        """The new states of sixteen elements of one row, row ``at`` of all."""
        hidden = a.hidden
        places = [hidden * gate + column for gate in range(GATES[self.kind])]
        sums = [walk.product(row, place, mask) for place in places]
        if self.biased:
            sums = [x + (a.bias + place).load(LANES, mask) for x, place in zip(sums, places)]
        given = [(a.projected + (at * a.projected_pitch + place)).load(LANES, mask) for place in places]
        inside = (walk.first + row) * hidden + column
        states = [(end + inside).load(LANES, mask) for end in ends]
        new, kept = CELLS[self.kind].forward(sums, given, states)
        place = at * hidden + column
        for end, state in zip(ends, new):
            (end + inside).store(state, mask)
        (a.output + place).store(new[0], mask)
        if self.keeps:
            start = a.kept + (at * (hidden * KEPT[self.kind]) + column)
            for number, value in enumerate(kept):
                (start + hidden * number).store(value, mask)
            for k, state in enumerate(states):
                (getattr(a, f"before{k}") + place).store(state, mask)
