"""``FlopCounterMode``: the floating-point operations of products, convolutions and attention, by modules.

A dispatch mode counts them: whatever reaches aten's products, forwards and backwards. What is one operation here and none of
those, as an LSTM, is not counted, as in PyTorch; attention is, which PyTorch does not count on processors.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import wraps
from math import prod
from typing import Any

from .._ops import OpOverloadPacket, namespace
from ..core.tensor import Tensor
from ._python_dispatch import TorchDispatchMode
from ._pytree import tree_map
from .module_tracker import ModuleTracker

Shape = Sequence[int]
Formula = Callable[..., int]

flop_registry: dict[Any, Formula] = {}
"""What operations count for: functions of their arguments, and of the result as ``out_val``."""


def get_shape(i: Any) -> Any:
    """The shape of a tensor; anything else as it is."""
    return i.shape if isinstance(i, Tensor) else i


def shape_wrapper(f: Formula) -> Formula:
    """A formula of shapes as one of tensors."""

    @wraps(f)
    def of_tensors(*args: Any, out_val: Any = None, **kwargs: Any) -> int:
        args, kwargs, shape = tree_map(get_shape, (args, kwargs, out_val))
        return f(*args, out_shape=shape, **kwargs)

    return of_tensors


def register_flop_formula(targets: Any, get_raw: bool = False) -> Callable[[Formula], Formula]:
    """Decorator: what operations count for. The function is given the shapes of arguments, and of the result as ``out_shape``.

    With ``get_raw`` it is given the tensors, and the result as ``out_val``.
    """

    def declare(flop_formula: Formula) -> Formula:
        formula = flop_formula if get_raw else shape_wrapper(flop_formula)
        for target in targets if isinstance(targets, (list, tuple)) else (targets,):
            if not isinstance(target, OpOverloadPacket):
                raise ValueError(
                    "register_flop_formula(targets): expected each target to be OpOverloadPacket (i.e. torch.ops.mylib.foo), got "
                    f"{target} which is of type {type(target)}"
                )
            if target in flop_registry:
                raise RuntimeError(f"duplicate registrations for {target}")
            flop_registry[target] = formula
        return flop_formula

    return declare


# --- formulas -----------------------------------------------------------------------------------------------------------

_aten = namespace("aten")


@register_flop_formula(_aten.mm)
def mm_flop(a_shape: Shape, b_shape: Shape, *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """A product of matrices."""
    return 2 * prod(a_shape) * b_shape[1]


@register_flop_formula(_aten.addmm)
def addmm_flop(self_shape: Shape, a_shape: Shape, b_shape: Shape, out_shape: Any = None, **kwargs: Any) -> int:
    """A product of matrices; what is added does not count."""
    return mm_flop(a_shape, b_shape)


@register_flop_formula(_aten.bmm)
def bmm_flop(a_shape: Shape, b_shape: Shape, out_shape: Any = None, **kwargs: Any) -> int:
    """Products of the matrices of two stacks."""
    return 2 * prod(a_shape) * b_shape[2]


@register_flop_formula(_aten.baddbmm)
def baddbmm_flop(self_shape: Shape, a_shape: Shape, b_shape: Shape, out_shape: Any = None, **kwargs: Any) -> int:
    """Products of the matrices of two stacks; what is added does not count."""
    return bmm_flop(a_shape, b_shape)


def conv_flop_count(x_shape: Shape, w_shape: Shape, out_shape: Shape, transposed: bool = False) -> int:
    """A convolution: for each place that the window has, the products of a weight of each output."""
    places = (x_shape if transposed else out_shape)[2:]
    return 2 * x_shape[0] * prod(places) * prod(w_shape)


@register_flop_formula(_aten.convolution)
def conv_flop(
    x_shape: Shape, w_shape: Shape, _bias: Any, _stride: Any, _padding: Any, _dilation: Any, transposed: bool, *args: Any,
    out_shape: Any = None, **kwargs: Any,
) -> int:  # fmt: skip
    """A convolution, or the transpose of one."""
    return conv_flop_count(x_shape, w_shape, out_shape, transposed)


def _turned(shape: Shape) -> list[int]:
    return [shape[1], shape[0], *shape[2:]]


@register_flop_formula(_aten.convolution_backward)
def conv_backward_flop(
    grad_out_shape: Shape, x_shape: Shape, w_shape: Shape, _bias: Any, _stride: Any, _padding: Any, _dilation: Any,
    transposed: bool, _output_padding: Any, _groups: int, output_mask: Sequence[bool], out_shape: Any,
) -> int:  # fmt: skip
    """The gradients of a convolution: one more convolution for each of both that is wanted."""
    count = 0
    if output_mask[0]:
        count += conv_flop_count(grad_out_shape, w_shape, out_shape[0], not transposed)
    if output_mask[1]:
        first, second = (grad_out_shape, x_shape) if transposed else (x_shape, grad_out_shape)
        count += conv_flop_count(_turned(first), _turned(second), _turned(out_shape[1]), transposed)
    return count


def sdpa_flop_count(query_shape: Shape, key_shape: Shape, value_shape: Shape) -> int:
    """Attention: scores, and their product with the values."""
    each = 2 * prod(query_shape[:-1]) * key_shape[-2]
    return each * (query_shape[-1] + value_shape[-1])


@register_flop_formula(_aten._scaled_dot_product_flash_attention_for_cpu)
def sdpa_flop(
    query_shape: Shape, key_shape: Shape, value_shape: Shape, *args: Any, out_shape: Any = None, **kwargs: Any
) -> int:
    """Attention as one operation."""
    return sdpa_flop_count(query_shape, key_shape, value_shape)


def sdpa_backward_flop_count(
    grad_out_shape: Shape, query_shape: Shape, key_shape: Shape, value_shape: Shape
) -> int:
    """Scores once more, and two products for each of the two that there were."""
    each = 2 * prod(query_shape[:-1]) * key_shape[-2]
    return each * (3 * query_shape[-1] + 2 * value_shape[-1])


@register_flop_formula(_aten._scaled_dot_product_flash_attention_for_cpu_backward)
def sdpa_backward_flop(
    grad_out_shape: Shape, query_shape: Shape, key_shape: Shape, value_shape: Shape, *args: Any, out_shape: Any = None,
    **kwargs: Any,
) -> int:  # fmt: skip
    """The gradients of attention."""
    return sdpa_backward_flop_count(grad_out_shape, query_shape, key_shape, value_shape)


# --- counting -----------------------------------------------------------------------------------------------------------


class FlopCounterMode:
    """Counts inside what products, convolutions and attention are called, by modules; prints a table at the end.

    ``custom_mapping`` has formulas of further operations, or other ones, as :func:`register_flop_formula` takes them.
    """

    def __init__(
        self, mods: Any = None, depth: int = 2, display: bool = True, custom_mapping: dict[Any, Any] | None = None
    ) -> None:
        if mods is not None:
            warnings.warn("mods argument is not needed anymore, you can stop passing it", stacklevel=2)
        self.flop_counts: dict[str, dict[Any, int]] = defaultdict(lambda: defaultdict(int))
        self.depth = depth
        self.display = display
        self.mode: _Counting | None = None
        own = {
            target: formula if getattr(formula, "_get_raw", False) else shape_wrapper(formula)
            for target, formula in (custom_mapping or {}).items()
        }
        self.flop_registry = {**flop_registry, **own}
        self.mod_tracker = ModuleTracker()

    def __enter__(self) -> FlopCounterMode:
        self.flop_counts.clear()
        self.mod_tracker.__enter__()
        self.mode = _Counting(self)
        self.mode.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        assert self.mode is not None
        self.mode.__exit__(*exception)
        self.mode = None
        self.mod_tracker.__exit__()
        if self.display:
            print(self.get_table(self.depth))

    def _count_flops(self, func_packet: Any, out: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        formula = self.flop_registry.get(func_packet)
        if formula is not None:
            count = formula(*args, **kwargs, out_val=out)
            for module in set(self.mod_tracker.parents):
                self.flop_counts[module][func_packet] += count
        return out

    def get_total_flops(self) -> int:
        """All that was counted."""
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self) -> dict[str, dict[Any, int]]:
        """What was counted by module, and in it by operation (``torch.ops.aten.mm``)."""
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


class _Counting(TorchDispatchMode):
    """What is told of operations for a counter."""

    supports_higher_order_operators = True

    def __init__(self, counter: FlopCounterMode) -> None:
        super().__init__()
        self.counter = counter

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.overloadpacket not in self.counter.flop_registry:
            with self:  # what it is composed of counts, where operations are told as they are called
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        return self.counter._count_flops(func.overloadpacket, func(*args, **kwargs), args, kwargs)


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows)]
    head, *lines = (
        "  ".join(text.ljust(width) if place == 0 else text.rjust(width) for place, (text, width) in enumerate(zip(row, widths)))
        for row in rows
    )
    return "\n".join([head, "  ".join("-" * width for width in widths), *lines])


__all__ = ["FlopCounterMode", "register_flop_formula"]
