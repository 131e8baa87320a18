"""What tensors that are made of others have in common: complex, sparse and nested ones.

One dense, real tensor holds their elements and has the history; how these are to be understood, a subclass knows. The slots of
dense tensors are not set, so an operation that knows nothing of the subclass fails when it reads one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..core.tensor import Tensor
from .calls import KINDS, Mode


def begin(modes: Iterable[Mode]) -> None:
    """Have calls be seen by what knows of a kind of tensors: from the first of them on."""
    KINDS.extend([mode for mode in modes if mode not in KINDS])


class TensorOfParts(Tensor):
    """Gradients, hooks and the state of the history: those of the elements."""

    __slots__ = ()

    of_parts = True

    # --- what a subclass knows ----------------------------------------------------------------------------------------

    def _input_of(self) -> Tensor:
        """The elements: what a gradient is asked for."""
        raise NotImplementedError

    def _gradient_of(self, gradient: Tensor) -> Any:
        """Other elements in the same places, such as their gradient, as a tensor of this kind."""
        raise NotImplementedError

    def _gradient_given(self, gradient: Any) -> Tensor:
        """A gradient for this tensor as one of the elements. ``RuntimeError`` if it does not fit."""
        raise NotImplementedError

    def _output_of(self, gradient: Any) -> tuple[Tensor, Any]:
        """What backward begins with, and its gradient. ``RuntimeError`` where one is wanted, and none given."""
        raise NotImplementedError

    # --- what follows from it -----------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        return self._input_of().requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Begin (or stop) recording operations on this leaf."""
        self._input_of().requires_grad_(requires_grad)
        return self

    @property
    def grad(self) -> Any:
        gradient = self._input_of().grad
        return None if gradient is None else self._gradient_of(gradient)

    @grad.setter
    def grad(self, value: Any) -> None:
        self._input_of().grad = None if value is None else self._gradient_given(value)

    def register_hook(self, hook: Callable[[Any], Any]) -> Any:
        """``hook(grad)`` runs when this tensor's gradient is computed; what it returns takes the gradient's place."""

        def of_elements(gradient: Tensor) -> Any:
            result = hook(self._gradient_of(gradient))
            return None if result is None else self._gradient_given(result)

        return self._input_of().register_hook(of_elements)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], None]) -> Any:
        """``hook(tensor)`` runs after this leaf's ``grad`` has been added to."""
        return self._input_of().register_post_accumulate_grad_hook(lambda elements: hook(self))

    def retain_grad(self) -> None:
        """Keep this non-leaf tensor's gradient in ``grad`` during backward."""
        self._input_of().retain_grad()

    def detach(self) -> Any:
        """The same memory, without history."""
        return self._gradient_of(self._input_of().detach())

    def detach_(self) -> Any:
        """Cut this tensor off from its history."""
        self._input_of().detach_()
        return self

    @property
    def data(self) -> Any:
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        self._input_of().data = self._gradient_given(value)

    def is_inference(self) -> bool:
        """Whether the tensor was made in inference mode."""
        return self._input_of().is_inference()

    def __hash__(self) -> int:
        return id(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            made = self._gradient_of(self._input_of().__deepcopy__(memo))
            made.__dict__.update(self.__dict__)
            memo[id(self)] = made
        return memo[id(self)]


def _asked_of_elements(name: str) -> property:
    return property(lambda self: getattr(self._input_of(), name))


for _name in ("is_leaf", "grad_fn", "output_nr", "retains_grad", "_version", "is_meta", "device"):
    setattr(TensorOfParts, _name, _asked_of_elements(_name))
