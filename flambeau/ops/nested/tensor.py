"""What is common to nested tensors of both layouts: a tensor that holds the elements of all samples, and has the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import dtype
from ...graph.shapes import wrap_dim
from ..of_parts import TensorOfParts, begin

TABLE: dict[str, Callable[..., Any]] = {}
"""What operations do with nested tensors, by the names under which the package exports them."""

modes: list[Callable[..., Any]] = []
"""What becomes a mode with the first nested tensor; put here by ``ops.nested.calls``."""


class NestedTensor(TensorOfParts):
    """Samples of different sizes, whose elements are in one tensor ``_values``.

    The slots of other tensors are not set, so an operation that knows nothing of nested tensors fails when it reads one. What a
    layout says of where the samples are does not change; tensors computed from each other element by element share it.
    """

    __slots__ = ("_values",)

    is_nested = True

    _values: Tensor

    def _begin(self, values: Tensor) -> None:
        begin(modes)
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

    def __contains__(self, element: Any) -> bool:
        return any([element in part for part in self._parts()])

    def __copy__(self) -> NestedTensor:
        made = self._with(self._values)
        made.__dict__.update(self.__dict__)
        return made

    # --- gradients ------------------------------------------------------------------------------------------------------

    def _gradient_given(self, gradient: Any) -> Tensor:
        """A nested tensor as the gradient of this one's values. ``RuntimeError`` if it is not of these samples' sizes."""
        if not isinstance(gradient, NestedTensor):
            raise RuntimeError("the gradient of a nested tensor is a nested tensor")
        if self._matches(gradient):
            return gradient._values
        mine, given = self._parts(), gradient._parts()
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
        return output._values, output._gradient_given(gradient)

    def _input_of(self) -> Tensor:
        return self._values

    def _gradient_of(self, gradient: Tensor) -> NestedTensor:
        return self._with(gradient)


for _name in ("storage_offset", "data_ptr", "is_shared"):
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
