"""Forward mode: tensors with a tangent, and the tangents of what is computed of them.

Nothing is computed along: a tensor with a tangent is an alias whose history begins at an entrance that knows the tangent, and
the tangent of a result follows from that history (:class:`~flambeau.autograd.levels.Linear`). So it is there for every
operation whose derivative can be differentiated. While a level is entered histories are recorded in any case, ``no_grad`` or
not, and tensors with tangents say that they require grad.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph.dtypes import promote_types
from ..graph.trace import local
from .levels import Level, LevelEntrance, Linear, Mark, entered, history_of, reaches_outside, released


class DualLevel(Level):
    """A level, and the tangents given in it: by the identity of an entrance, its mark and the tangent."""

    __slots__ = ("tangents", "grad")

    def __init__(self) -> None:
        super().__init__()
        self.tangents: dict[int, tuple[Mark, Tensor]] = {}
        #: Whether histories were recorded when it was entered.
        self.grad = local.grad


class _Entered(threading.local):
    level: DualLevel | None = None


_entered = _Entered()


def enter_dual_level() -> int:
    """Begin a level. ``RuntimeError`` inside of another one."""
    if _entered.level is not None:
        raise RuntimeError(
            "Nested forward mode AD is not supported at the moment (torch.func.jvp can be nested)"
        )
    _entered.level = DualLevel()
    local.grad = True
    local.forward += 1
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: tensors have no tangents any more."""
    current = _entered.level
    if current is None or level not in (None, 0):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not supported."
        )
    current.active = False
    current.tangents.clear()
    _entered.level = None
    local.grad = current.grad
    local.forward -= 1


class dual_level:
    """Context manager: a level of forward mode."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exception: object) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """An alias of ``tensor`` with a tangent of its shape. It can be differentiated backwards as well.

    A tangent of a narrower dtype is taken as the primal's; ``RuntimeError`` if it is of a wider one, of which digits were lost.
    """
    current = _entered.level
    if current is None:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    for name, value in (("primal", tensor), ("tangent", tangent)):
        if value.dtype.category < 2:
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {value.dtype}")
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            f"Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(tensor.shape)} while the given forward gradient is of size "
            f"{list(tangent.shape)}."
        )
    if tensor.dtype is not tangent.dtype:
        if promote_types(tensor.dtype, tangent.dtype) is not tensor.dtype:
            raise RuntimeError(
                f"Expected the tangent to be of the dtype of the primal, {tensor.dtype}, or of a narrower one, but got "
                f"{tangent.dtype}"
            )
        tangent = tangent.to(tensor.dtype)
    dual, mark = entered(tensor, current, forward=True)
    current.tangents[id(mark.alias._gradient)] = mark, tangent
    return dual


class UnpackedDualTensor(NamedTuple):
    """A tensor's value, and its tangent (None if it has none)."""

    primal: Tensor
    tangent: Tensor | None


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value of a tensor and its tangent."""
    current = _entered.level
    if current is None:
        return UnpackedDualTensor(tensor, None)
    pairs = _pairs_behind(tensor, current)
    if not pairs:
        return UnpackedDualTensor(tensor, None)
    marks, directions = zip(*pairs)
    derivative = Linear([tensor], marks)
    keep = current.grad
    current.active = False
    try:
        create = keep and (derivative.reaches_outside() or reaches_outside(map(history_of, directions)))
        (tangent,) = derivative.tangents(directions, create)
        return UnpackedDualTensor(released(tensor.view_as(tensor), keep), released(tangent, keep))
    finally:
        current.active = True


def _pairs_behind(tensor: Tensor, level: DualLevel) -> list[tuple[Mark, Tensor]]:
    """The marks of tensors with tangents of which one was made, and these tangents."""
    found: list[tuple[Mark, Tensor]] = []
    seen: set[int] = set()
    waiting: list[Any] = [history_of(tensor)]
    while waiting:
        edge = waiting.pop()
        node = edge[0] if type(edge) is tuple else edge
        if not isinstance(node, Gradient) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, LevelEntrance) and node.context is level:
            found.append(level.tangents[id(node)])
        waiting += node.edges
    return found


__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]
