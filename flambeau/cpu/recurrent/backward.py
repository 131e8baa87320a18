"""The gradient of a layer: all steps, backwards."""

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


def lower_recurrent_gradient(
    problem: Recurrent, d_output: Strided | None, d_ends: Sequence[Strided], kept: Operand, before: Sequence[Operand],
    d_projected: Operand, d_initial: Sequence[Operand], d_product: Operand | None,
) -> list[Call]:  # fmt: skip
    """The calls that compute the gradients of what the input gives to the gates, of the states at the beginning, and of the
    product's results where they are others."""
    type = register_type(problem.dtype)
    apart = d_product is not None
    code = BackwardCode(problem.kind, type, len(d_ends), d_output is not None, apart, Panels(type).key)
    gates = GATES[problem.kind] * problem.hidden
    packing, weight = lower_pack(type, Panels(type).width, (), problem.hidden, gates, problem.weight)
    values = walk_arguments(problem, type, problem.hidden, not problem.reverse)
    reads = [problem.sizes, *[state.operand for state in d_ends], kept, *before, weight.operand]
    writes = [d_projected, *d_initial]
    values |= strided_arguments(**{f"d_end{k}": state for k, state in enumerate(d_ends)})
    values |= {"weight": weight.operand, "kept": kept, "d_projected": d_projected}
    for k, (state, d_state) in enumerate(zip(before, d_initial)):
        values |= {f"before{k}": state, f"d_state{k}": d_state}
    if d_output is not None:
        values |= strided_arguments(d_output=d_output)
        reads.append(d_output.operand)
    if d_product is not None:
        values["d_product"] = d_product
        writes.append(d_product)
    call = Call(
        Kernel(code.key, code.emit),
        code.arguments.values(**values),
        tiles=-(-problem.sequences // values["block"]),
        scratch=scratch_bytes(problem, type, problem.hidden),
        reads=tuple(dict.fromkeys(reads)),
        writes=tuple(writes),
        flops=2 * problem.rows * problem.hidden * gates,
        label=f"{problem.kind} gradient",
    )
    return [packing, call]


@dataclass(frozen=True)
class BackwardCode:
    """What the code of the kernel depends on: ``given`` if there is a gradient of the output."""

    kind: str
    type: Type
    states: int
    given: bool
    apart: bool
    panels: str

    @property
    def key(self) -> str:
        return f"recurrent gradient {self.kind} {self.type} {self.given:d} {self.panels}"

    @property
    def arguments(self) -> Arguments:
        each = [f"&d_end{k} d_end{k}_pitch &d_state{k} &before{k}" for k in range(self.states)]
        more = ["&d_output d_output_pitch" * self.given, "&d_product" * self.apart]
        return Arguments(FIELDS, "&weight &kept &d_projected", *each, *more)

    def emit(self, module: Module, name: str) -> None:
        b = KernelBuilder(module, name)
        a: Any = self.arguments.load(b, self.type)
        walk = Walk(b, a, self.type)
        given = vars(a)
        d_states = [given[f"d_state{k}"] for k in range(self.states)]
        for sequence, column, mask in walk.all():
            for k, state in enumerate(d_states):
                start = given[f"d_end{k}"] + (sequence * given[f"d_end{k}_pitch"] + column)
                (state + (sequence * a.hidden + column)).store(start.load(LANES, mask), mask)
        pitch = a.hidden * GATES[self.kind]
        factors = a.d_product if self.apart else a.d_projected
        with walk.steps() as (begin, count):
            with b.loop(0, count) as row:
                for column, mask in b.vectors(0, a.hidden):
                    self._cell(walk, a, d_states, begin + row, row, column, mask)
            wide = [(a.kept, KEPT[self.kind]), (a.d_projected, GATES[self.kind])]
            ahead = [Rows(start, a.hidden * times).behind(walk.following) for start, times in wide]
            walk.multiply(factors + begin * pitch, pitch, count, a.weight, pitch, ahead)
            with b.loop(0, count) as row:
                for column, mask in b.vectors(0, a.hidden):
                    place = d_states[0] + ((walk.first + row) * a.hidden + column)
                    sums = walk.product(row, column, mask)
                    # What reaches the state without the product is there already.
                    place.store(place.load(LANES, mask) + sums if self.apart else sums, mask)
        b.finish()

    def _cell(self, walk: Walk, a: Any, d_states: list[Any], at: Any, row: Any, column: Any, mask: Any) -> None:
        """The gradients of sixteen elements of one row, row ``at`` of all."""
        hidden = a.hidden
        inside = (walk.first + row) * hidden + column
        place = at * hidden + column
        d_h, *others = [(state + inside).load(LANES, mask) for state in d_states]
        if self.given:
            d_h = (a.d_output + (at * a.d_output_pitch + column)).load(LANES, mask) + d_h
        start = a.kept + (at * (hidden * KEPT[self.kind]) + column)
        kept = [(start + hidden * number).load(LANES, mask) for number in range(KEPT[self.kind])]
        states = [(getattr(a, f"before{k}") + place).load(LANES, mask) for k in range(self.states)]
        found = CELLS[self.kind].backward(d_h, others, kept, states)
        pairs = [(a.d_projected, found.projected)]
        if self.apart:
            pairs.append((a.d_product, found.product))
        for target, values in pairs:
            start = target + (at * (hidden * GATES[self.kind]) + column)
            for number, value in enumerate(values):
                (start + hidden * number).store(value, mask)
        for state, value in zip(d_states if self.apart else d_states[1:], found.states):
            (state + inside).store(value, mask)
