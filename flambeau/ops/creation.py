"""New tensors of one value."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.device import check_device
from ..core.meta import is_meta, names_meta, recording_on_meta, without_values
from ..core.tensor import Tensor
from ..cpu.memory import allocate
from ..graph import dtypes
from ..graph.bounds import LARGEST, SMALLEST, check_fits, check_strides, check_value, whole_number, within_half
from ..graph.dtypes import dtype as dtype_type
from ..graph.dtypes import get_default_dtype
from ..graph.meta import on_meta
from ..graph.primitives import nbytes
from ..graph.shapes import Size, View
from ..graph.trace import local, record_constant
from .memory_order import alike, lay, order_of
from .operation import Sizes, operation, titled
from .views import sizes_of


def finished(
    tensor: Tensor, requires_grad: bool = False, device: Any = None, layout: Any = None, pin: bool = False
) -> Tensor:
    """What all creation functions end with."""
    if names_meta(device):
        tensor = tensor if is_meta(tensor) else without_values(tensor)
    elif device is not None:
        check_device(device)
    if local.inference:
        tensor._autograd_state().inference = True
    if requires_grad and tensor.dtype.category < 2:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return tensor.requires_grad_() if requires_grad else tensor


def number_of(value: Any) -> Any:
    """A number given as such, or as a tensor or a NumPy scalar."""
    return value.item() if isinstance(value, (Tensor, np.generic)) else value


def element_of(value: Any, d: dtype_type) -> Any:
    """A number as an element of a dtype: cut for integers; ``RuntimeError`` if it does not fit, as PyTorch checks."""
    if type(value) is int and not SMALLEST <= value <= LARGEST:
        value = whole_number(value, dtypes.float64)
    if isinstance(value, (int, float)):
        check_fits(value, d)
        if isinstance(value, float) and d.category < 2:
            value = bool(value) if d.kind == "bool" else int(value)
    return value


def new_element(value: Any, d: dtype_type) -> Any:
    """As :func:`element_of`, but where one element is made or written, half types take any number, as in PyTorch."""
    if d.itemsize == 2 and d.category == 2 and isinstance(value, (int, float)):
        return within_half(float(value), d)
    return element_of(value, d)


def filling(value: Any, d: dtype_type, sizes: Size) -> Any:
    """As :func:`element_of`, for elements of these sizes: one alone is made as :func:`new_element` says."""
    alone = d.itemsize == 2 and d.category == 2 and sizes.numel() == 1
    return new_element(value, d) if alone else element_of(value, d)


def checked_sizes(size: tuple[Any, ...]) -> Size:
    """Sizes given one by one or as one sequence; ``RuntimeError`` for negative ones."""
    sizes = Size(sizes_of(size))
    for n in sizes:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(sizes)}")
    return sizes


def check_room(sizes: tuple[int, ...], d: dtype_type) -> None:
    """``RuntimeError`` if there is no memory for a value, before work on its parts begins."""
    check_value(sizes, d)
    allocate(nbytes(sizes, d))


def filled(sizes: Size, value: Any, d: dtype_type) -> Tensor:
    """A tensor of one value; nothing is computed until it is needed."""
    return Tensor._from_node(record_constant(sizes, value, d))


@operation(method=False, out="resized")
def zeros(*size: Any, dtype: Any = None, layout: Any = None,
          device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Zeros."""
    extents = Size(sizes_of(size))
    if extents and min(extents) < 0:
        raise RuntimeError("zeros: Dimension size must be non-negative.")
    made = filled(extents, 0, dtype or get_default_dtype())
    return finished(made, requires_grad, device)


@operation(method=False, out="resized")
def ones(*size: Any, dtype: Any = None, layout: Any = None,
         device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Ones."""
    made = filled(checked_sizes(size), 1, dtype or get_default_dtype())
    return finished(made, requires_grad, device)


@operation(method=False, out="resized")
def empty(*size: Any, dtype: Any = None, layout: Any = None, device: Any = None,
          pin_memory: bool = False, requires_grad: bool = False, memory_format: Any = None) -> Tensor:  # fmt: skip
    """Memory of arbitrary content (zeros, in fact)."""
    made = zeros(*size, dtype=dtype, device=device, requires_grad=requires_grad)
    return made if memory_format is None else lay(made, order_of(memory_format, made.ndim))


@operation(method=False, out="resized")
def full(size: Sizes, fill_value: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
         pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """``fill_value`` everywhere; its dtype follows from the value unless given."""
    value = number_of(fill_value)
    if dtype is None:
        dtype = (
            dtypes.bool_ if isinstance(value, bool) else dtypes.int64 if isinstance(value, int) else get_default_dtype()
        )
    sizes = checked_sizes((size,))
    made = filled(sizes, filling(value, dtype, sizes), dtype)
    return finished(made, requires_grad, device)


def _like(name: str) -> Any:
    def like(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
             memory_format: Any = None, pin_memory: bool = False) -> Tensor:  # fmt: skip
        value, d = 1 if name == "ones" else 0, dtype or input.dtype
        return finished(alike(input, lambda sizes: filled(sizes, value, d), memory_format, device), requires_grad, device)

    meaning = f"{name.capitalize()} with the sizes and dtype of ``input``."
    return operation(method=False)(titled(like, name + "_like", meaning))


zeros_like, ones_like, empty_like = _like("zeros"), _like("ones"), _like("empty")


@operation(method=False)
def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
              requires_grad: bool = False, memory_format: Any = None) -> Tensor:  # fmt: skip
    """``fill_value`` with the sizes and dtype of ``input``."""
    d = dtype or input.dtype
    value = filling(number_of(fill_value), d, input.shape)
    made = alike(input, lambda sizes: filled(sizes, value, d), memory_format, device)
    return finished(made, requires_grad, device)


@operation(method=False)
def empty_strided(
    size: Sizes, stride: Sizes, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None
) -> Tensor:
    """Memory of arbitrary content with the given strides."""
    sizes, strides = sizes_of((size,)), sizes_of((stride,))
    if len(sizes) != len(strides):
        raise RuntimeError(
            f"dimensionality of sizes ({len(sizes)}) must match dimensionality of strides ({len(strides)})"
        )
    check_strides(strides)
    view = View(checked_sizes((sizes,)), strides, 0)
    flat = filled(Size((view.last_element() + 1,)), 0, dtype or get_default_dtype())
    return finished(flat.as_strided(view.sizes, view.strides).detach(), requires_grad, device)


def _new_method(name: str) -> None:
    def make(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, layout: Any = None,
             requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
        if device is None and is_meta(self) and not recording_on_meta():
            return on_meta(make, self, *size, dtype=dtype, requires_grad=requires_grad)
        return finished(filled(checked_sizes(size), 1 if name == "ones" else 0, dtype or self.dtype), requires_grad, device)

    meaning = f"{name.capitalize()} of the given sizes in this tensor's dtype."
    setattr(Tensor, "new_" + name, titled(make, "new_" + name, meaning))


for _name in ("zeros", "ones", "empty"):
    _new_method(_name)


@operation(function=False)
def new_full(
    self: Tensor, size: Sizes, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``fill_value`` in the given sizes and this tensor's dtype."""
    if device is None and is_meta(self) and not recording_on_meta():
        return on_meta(new_full, self, size, fill_value, dtype=dtype, requires_grad=requires_grad)
    return full(size, fill_value, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


@operation(method=False)
def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A zero-dimensional tensor."""
    d = dtype or get_default_dtype()
    return finished(filled(Size(), new_element(number_of(s), d), d), requires_grad, device)


@operation(method=False)
def empty_permuted(size: Sizes, physical_layout: Sizes, *, dtype: Any = None, device: Any = None, layout: Any = None,
                   requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Memory of arbitrary content whose axes lie in the given order, the outermost first."""
    sizes = checked_sizes((size,))
    order = list(sizes_of((physical_layout,)))
    if len(order) != len(sizes):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = "
            f"{len(sizes)} is not equal to len(physical_layout) = {len(order)}"
        )
    for place, axis in enumerate(order):
        if not 0 <= axis < len(sizes):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(sizes) - 1}, but got {axis} at index {place})."
            )
    if len(set(order)) != len(order):
        raise RuntimeError("Duplicate dim not allowed")
    inverse = [order.index(axis) for axis in range(len(order))]
    made = empty([sizes[axis] for axis in order], dtype=dtype, device=device).permute(inverse)
    return finished(made.detach(), requires_grad)
