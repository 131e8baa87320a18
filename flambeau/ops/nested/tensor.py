"""What is common to nested tensors of both layouts: a tensor that holds the elements of all samples, and has the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import dtype
from ...graph.shapes import wrap_dim
from ..calls import ACTIVE

TABLE: dict[str, Callable[..., Any]] = {}
"""What operations do with nested tensors, by the names under which the package exports them."""

modes: list[Callable[..., Any]] = []
"""What becomes a mode with the first nested tensor; put here by ``ops.nested.calls``."""


class NestedTensor(Tensor):
    """Samples of different sizes, whose elements are in one tensor ``_values``.

    The slots of other tensors are not set, so an operation that knows nothing of nested tensors fails when it reads one. What a
    layout says of where the samples are does not change; tensors computed from each other element by element share it.
    """

    __slots__ = ("_values",)

    is_nested = True
    of_parts = True

    _values: Tensor

    def _begin(self, values: Tensor) -> None:
        for mode in modes:
            if mode not in ACTIVE:
                ACTIVE.insert(0, mode)
        self._values = values

    # --- what a layout says ---------------------------------------------------------------------------------------------

    def _with(self, values: Tensor) -> NestedTensor:
        """Other elements in the same places."""
        raise NotImplementedError

    def _parts(self) -> list[Tensor]:
        """The samples, as views."""
        raise NotImplementedError

    def _of_parts(self, parts: Sequence[Tensor]) -> NestedTensor:
        """A new nested tensor of this layout, of samples that are copied."""
        raise NotImplementedError

    def _packed(self) -> bool:
        """Whether each element of the values is in one sample."""
        raise NotImplementedError

    def _matches(self, other: NestedTensor) -> bool:
        """Whether the samples of another nested tensor lie as those of this one, so that its values belong to these."""
        raise NotImplementedError

    def _beside(self, name: str, other: Tensor) -> Tensor:
        """A tensor that is not nested as an operand beside ``_values``."""
        raise NotImplementedError

    # --- what it is -----------------------------------------------------------------------------------------------------

    @property
    def dtype(self) -> dtype:  # type: ignore[override]
        return self._values.dtype

    @property
    def device(self) -> Any:
        return self._values.device

    @property
    def ndim(self) -> int:
        return self.dim()

    def ndimension(self) -> int:
        """Number of dimensions, that of the samples included."""
        return self.dim()

    def nelement(self) -> int:
        """Number of elements of all samples."""
        return self.numel()

    @property
    def nbytes(self) -> int:
        return self.numel() * self.dtype.itemsize

    def values(self) -> Tensor:
        """The elements of all samples, in the same memory."""
        return self._values.view_as(self._values)

    def to_padded_tensor(self, padding: float, output_size: Any = None, out: Any = None) -> Tensor:
        """The samples in one tensor (see :func:`flambeau.nested.to_padded_tensor`)."""
        return TABLE["to_padded_tensor"](self, padding, output_size, out)  # type: ignore[no-any-return]

    def item(self) -> Any:
        """The value of the only element."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self._values.item()

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self._values.item())

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """``RuntimeError``: there is no array of samples of different sizes."""
        raise RuntimeError(
            ".numpy() is not supported for nested tensors: to_padded_tensor() has an array, unbind() one for each sample"
        )

    def tolist(self) -> Any:
        """``RuntimeError``: the samples have lists."""
        raise RuntimeError(".tolist() is not supported for nested tensors: unbind() has a tensor for each sample")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.numpy()

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self._parts())

    def __len__(self) -> int:
        return int(self.size(0))

    def __hash__(self) -> int:
        return id(self)

    def __contains__(self, element: Any) -> bool:
        return any([element in part for part in self._parts()])

    def __copy__(self) -> NestedTensor:
        made = self._with(self._values)
        made.__dict__.update(self.__dict__)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> NestedTensor:
        if id(self) not in memo:
            made = self._with(self._values.__deepcopy__(memo))
            made.__dict__.update(self.__dict__)
            memo[id(self)] = made
        return memo[id(self)]  # type: ignore[no-any-return]

    # --- gradients ------------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        return self._values.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self._values.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> NestedTensor:
        """Begin (or stop) recording operations on this leaf."""
        self._values.requires_grad_(requires_grad)
        return self

    @property
    def grad(self) -> Any:
        gradient = self._values.grad
        return None if gradient is None else self._with(gradient)

    @grad.setter
    def grad(self, value: Any) -> None:
        self._values.grad = None if value is None else self._values_of(value)

    def _values_of(self, value: Any) -> Tensor:
        """A nested tensor as the gradient of this one's values. ``RuntimeError`` if it is not of these samples' sizes."""
        if not isinstance(value, NestedTensor):
            raise RuntimeError("the gradient of a nested tensor is a nested tensor")
        if self._matches(value):
            return value._values
        mine, given = self._parts(), value._parts()
        if [part.shape for part in mine] != [part.shape for part in given]:
            raise RuntimeError("grad and outputs are nested tensors of different sizes")
        return self._of_parts(given)._values

    def _output_of(self, gradient: Any) -> tuple[Tensor, Any]:
        """What backward begins with. ``RuntimeError`` without a gradient."""
        if gradient is None:
            if self.requires_grad:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            return self._values, None
        # What lies between the samples has no gradient, and what is in several has the sum of theirs.
        output = self if self._packed() else self._of_parts(self._parts())
        return output._values, output._values_of(gradient)

    def _input_of(self) -> Tensor:
        """What the gradient is asked for."""
        return self._values

    def _gradient_of(self, gradient: Tensor) -> NestedTensor:
        """The gradient of the values as that of the nested tensor."""
        return self._with(gradient)

    def register_hook(self, hook: Callable[[Any], Any]) -> Any:
        """``hook(grad)`` runs when this tensor's gradient is computed; what it returns takes the gradient's place."""

        def of_values(gradient: Tensor) -> Any:
            result = hook(self._with(gradient))
            return None if result is None else self._values_of(result)

        return self._values.register_hook(of_values)

    def detach(self) -> NestedTensor:
        """The same memory, without history."""
        return self._with(self._values.detach())

    def detach_(self) -> NestedTensor:
        """Cut this tensor off from its history."""
        self._values.detach_()
        return self

    @property
    def data(self) -> Any:
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        self._values.data = self._values_of(value)


def _delegated(name: str) -> property:
    return property(lambda self: getattr(self._values, name))


for _name in ("is_leaf", "grad_fn", "output_nr", "retains_grad", "is_cpu", "is_meta", "_version", "_base"):
    setattr(NestedTensor, _name, _delegated(_name))
for _name in (
    "retain_grad",
    "storage_offset",
    "data_ptr",
    "register_post_accumulate_grad_hook",
    "is_inference",
    "is_shared",
):
    setattr(NestedTensor, _name, lambda self, *given, _called=_name: getattr(self._values, _called)(*given))


def axis_of(x: NestedTensor, dim: Any, more: int = 0) -> int:
    """A dimension, counted from the first. ``IndexError`` if there is none."""
    return wrap_dim(dim, x.dim() + more)


def refuse(name: str) -> NoReturn:
    """``NotImplementedError`` for an operation that nested tensors have not."""
    raise NotImplementedError(f'"{name}" not implemented for nested tensors')


def sizes_of(given: Sequence[Any]) -> tuple[Any, ...]:
    """Sizes that come one by one, or as one sequence."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (tuple, list)) else tuple(given)
