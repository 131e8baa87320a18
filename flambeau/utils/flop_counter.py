"""``FlopCounterMode``: the floating-point operations of products, convolutions and attention that a program records."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from ..graph import primitives as p
from ..graph.segments import expanded
from ..graph.steps import chain_to
from ..graph.trace import Trace, evaluate_trace, local
from .module_tracker import ModuleTracker

Shape = Sequence[int]


def _product(result: Shape, attributes: Any, a: Shape, b: Shape) -> int:
    return 2 * prod(result) * a[-1]


def _convolution(result: Shape, attributes: Any, *operands: Shape) -> int:
    c = attributes[2]
    each = c.in_channels // c.groups * prod(c.kernel)
    return 2 * c.batch * c.out_channels * c.out_height * c.out_width * each  # type: ignore[no-any-return]


def _attention(result: Shape, attributes: Any, query: Shape, key: Shape, value: Shape, *others: Shape) -> int:
    """Scores, and their product with the values."""
    return 2 * prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _attention_gradient(result: Shape, attributes: Any, grad: Shape, query: Shape, key: Shape, *others: Shape) -> int:
    """Scores once more, and two products for each of the two that there were."""
    return 2 * prod(query[:-1]) * key[-2] * (3 * query[-1] + 2 * grad[-1])


def _recurrent(result: Shape, attributes: Any, gates: Shape, counts: Shape, weight: Shape, *others: Shape) -> int:
    """The states' products with the weight, all steps together."""
    return 2 * gates[0] * prod(weight)


def _recurrent_gradient(result: Shape, attributes: Any, counts: Shape, weight: Shape, kept: Shape, *others: Shape) -> int:
    return 2 * kept[0] * prod(weight)


#: What each primitive counts for, and PyTorch's name for the operation.
_FORMULAS: dict[p.Primitive, tuple[str, Callable[..., int]]] = {
    p.MATMUL: ("mm", _product),
    p.CONVOLUTION: ("convolution", _convolution),
    p.CONVOLUTION_INPUT: ("convolution_backward", _convolution),
    p.CONVOLUTION_WEIGHT: ("convolution_backward", _convolution),
    p.ATTENTION: ("_scaled_dot_product_flash_attention", _attention),
    p.ATTENTION_GRADIENT: ("_scaled_dot_product_flash_attention_backward", _attention_gradient),
    p.RECURRENT: ("mm", _recurrent),
    p.RECURRENT_GRADIENT: ("mm", _recurrent_gradient),
}


class FlopCounterMode:
    """Counts inside what products, convolutions and attention are recorded, by modules; prints a table at the end.

    What is recorded counts, whether or not anybody needs it. Operations go by PyTorch's names for them, as text: "aten.mm",
    and for products of stacks of matrices "aten.bmm".
    """

    def __init__(
        self, mods: Any = None, depth: int = 2, display: bool = True, custom_mapping: dict[Any, Any] | None = None
    ) -> None:
        if mods is not None:
            warnings.warn("mods argument is not needed anymore, you can stop passing it", stacklevel=2)
        if custom_mapping:
            raise NotImplementedError("torch.utils.flop_counter.FlopCounterMode has no custom_mapping: primitives are counted")
        self.flop_counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.depth = depth
        self.display = display
        self.mod_tracker = _Tracker(self._count)
        self._trace: Trace | None = None
        self._position = 0
        self._evaluate: Callable[[Trace], None] | None = None

    def __enter__(self) -> FlopCounterMode:
        self.flop_counts.clear()
        self._trace, self._position = local.trace, local.trace.cursor.depth
        self._evaluate = evaluate_trace[0]
        evaluate_trace[0] = self._counted
        self.mod_tracker.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._count()
        self.mod_tracker.__exit__()
        assert self._evaluate is not None
        evaluate_trace[0] = self._evaluate
        if self.display:
            print(self.get_table(self.depth))

    def _counted(self, trace: Trace) -> None:
        """Evaluate a trace, which ends there, so what it has is counted first."""
        if trace is local.trace:
            self._count()
        assert self._evaluate is not None
        self._evaluate(trace)

    def _count(self) -> None:
        """Count what was recorded since this was done last, for the modules that are under way."""
        trace = local.trace
        if trace is not self._trace:
            self._trace, self._position = trace, 0
        if trace.cursor.depth <= self._position:
            self._position = trace.cursor.depth
            return
        steps = expanded(chain_to(trace.cursor))
        for step in steps[self._position :]:
            if step.primitive not in _FORMULAS:
                continue
            name, formula = _FORMULAS[step.primitive]
            shapes = [
                steps[place].shape if view is None else view.sizes for place, view in step.operands if type(place) is int
            ]
            count = formula(step.shape, step.attributes, *shapes)
            operator = "aten." + ("bmm" if name == "mm" and len(step.shape) > 2 else name)
            for module in self.mod_tracker.parents:
                self.flop_counts[module][operator] += count
        self._position = len(steps)

    def get_total_flops(self) -> int:
        """All that was counted."""
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self) -> dict[str, dict[str, int]]:
        """What was counted by module, and in it by operation."""
        return {module: dict(counts) for module, counts in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """What was counted as a table, modules down to ``depth``."""
        depth = self.depth if depth is None else depth
        total = self.get_total_flops()
        power = max(0, min(4, (len(str(total)) - 2) // 3))
        modules = [name for name in sorted(self.flop_counts) if name != "Global" and name.count(".") < depth]
        whole = any(sum(self.flop_counts[name].values()) >= total for name in modules)
        rows: list[tuple[str, ...]] = []
        for name in modules if whole else ["Global", *modules]:
            padding = " " * (name.count(".") + (not whole and name != "Global"))
            counts = self.flop_counts[name]
            entries = [(padding + name, sum(counts.values())), *((f"{padding} - {key}", n) for key, n in counts.items())]
            for text, count in entries:
                share = f"{count / total:.2%}" if total else "0%"
                rows.append((text, f"{count / 1000**power:.3f}{('', 'K', 'M', 'B', 'T')[power]}", share))
        return _aligned([("Module", "FLOP", "% Total"), *(rows if total else [("Global", "0", "0%")])])


class _Tracker(ModuleTracker):
    """Tells before other modules are under way."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def _change(self, change: Callable[[str], None], name: str) -> None:
        self._tell()
        change(name)


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows)]
    head, *lines = (
        "  ".join(text.ljust(width) if place == 0 else text.rjust(width) for place, (text, width) in enumerate(zip(row, widths)))
        for row in rows
    )
    return "\n".join([head, "  ".join("-" * width for width in widths), *lines])


__all__ = ["FlopCounterMode"]
