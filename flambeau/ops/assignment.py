"""Writing results into tensors that are there: in place, over all that was there before, or as ``out=``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.history import Edge, Gradient
from ..core.tensor import Tensor
from ..graph.dtypes import C_NAMES, TYPE_NAMES, can_cast
from ..graph.notices import warn
from ..graph.primitives import CAST
from ..graph.trace import Node, local, record, record_constant


class Overwritten(Gradient):
    """History of a tensor whose content was replaced: zeros to the old content, the gradient to what replaced it.

    ``edges`` are those of the old content and, if the new one is another tensor's, of that."""

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor]:
        old = Tensor._from_node(record_constant(tuple(self.shape), 0, self.dtype)) if self.needs(0) else None
        return (old, grad)[: len(self.edges)]  # type: ignore[return-value]


def overwritten_by(name: str, overload: int = 0) -> type[Overwritten]:
    """The history that the operation ``name`` leaves, named as PyTorch does it: ``log_normal_`` is LogNormalBackward0."""
    return Overwritten.named(f"{''.join(part.capitalize() for part in name.split('_'))}Backward{overload}")


#: Gives the base of a differentiable view its new history, with the edges of what was written; put here by
#: ``ops.views``.
write_through_view: list[Callable[[Tensor, tuple[Edge, ...]], None]] = []


_MOST_VIEWS = 32
"""Views of views of a tensor whose histories are looked at."""


def check_writable(tensor: Tensor) -> None:
    """``RuntimeError`` if writing in place would make a leaf that requires grad something else."""
    if tensor._tracked and local.grad:
        base = tensor._base
        if base is not None:
            _check_alone(tensor, base)
        if is_leaf(tensor):
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        if base is not None and base._tracked and is_leaf(base):
            raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")


def _check_alone(view: Tensor, base: Tensor) -> None:
    """``RuntimeError`` for one of several views that one operation gave, and for views of it."""
    view._read()
    edge, number, found = view._gradient, 0, ""
    for _ in range(_MOST_VIEWS):
        if edge is None or edge is base or edge is base._gradient:
            break
        node, place = edge if type(edge) is tuple else (edge, 0)
        if not isinstance(node, Gradient) or not node.edges:
            return
        if not found:
            number, name = place, node.name()
        if node.several_views:
            found = name
        edge = node.edges[0]
    else:
        return
    if found:
        name = found.removesuffix("0").removesuffix("Backward")
        raise RuntimeError(
            f"Output {number} of {name} is a view and is being modified inplace. This view is the output of a function that "
            "returns multiple views. Such functions do not allow the output views to be modified inplace. You should replace the "
            "inplace operation by an out-of-place one."
        )


def is_leaf(tensor: Tensor) -> bool:
    """Whether a tensor that requires grad is a leaf, or one to the function that is being differentiated."""
    gradient = tensor._gradient
    return gradient is None or type(gradient) is not tuple and gradient.protected


def check_apart(tensor: Tensor) -> None:
    """``RuntimeError`` if elements that are to be written share memory."""
    if tensor._view is not None and tensor._view.overlaps_itself():
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )


def assign(target: Tensor, value: Tensor, read: Node | None = None) -> Tensor:
    """Make ``value``, a function of the content of ``target``, its content, history included.

    If it changes some elements only, ``read`` is what the others are from (see :meth:`~flambeau.core.storage.Storage.write`).
    """
    storage = target._storage
    if storage is not None and read is None and value._storage is None and not local.grad:  # a parameter's new value, most often
        assert target._view is not None
        if storage.replace(target._view, value._node):
            return target
    _put(target, value, read)
    if local.grad and (value._tracked or target._tracked):
        if not value._tracked:
            _rewrite(target, Overwritten, ())
        elif target._base is not None:
            write_through_view[0](target, (value._gradient or value,))
        else:
            target._rebase(value._gradient or value)
            target._autograd_state().version += 1
    return target


def overwrite(target: Tensor, value: Tensor, history: type[Gradient], *sources: Tensor) -> Tensor:
    """Make ``value`` the content of ``target`` whatever that was before; it gets a history of class ``history``.

    What ``value`` is a broadcast and converted copy of, if it is, is the one of ``sources``.
    """
    _put(target, value)
    if local.grad and target.dtype.category >= 2:
        edges = tuple([(x._gradient or x) if x._tracked else None for x in sources])
        if target._tracked or any(edge is not None for edge in edges):
            _rewrite(target, history, edges)
    return target


def _put(target: Tensor, value: Tensor, read: Node | None = None) -> None:
    """The value alone, after checking that it may be put there."""
    if target.shape != value.shape:
        raise RuntimeError(
            f"output with shape {list(target.shape)} doesn't match the broadcast shape {list(value.shape)}"
        )
    if target._tracked and local.grad:
        check_writable(target)
    check_apart(target)
    node = value._read()
    view = value._view
    d = target.dtype
    if node.dtype is not d:
        if not can_cast(node.dtype, d):
            raise RuntimeError(
                f"result type {TYPE_NAMES[node.dtype]} can't be cast to the desired output type {TYPE_NAMES[d]}"
            )
        node = record(CAST, d, (node, view))
        view = None
    target._assign(node, view, read)


def _rewrite(target: Tensor, history: type[Gradient], edges: tuple[Edge, ...]) -> None:
    """A tensor whose content was replaced by what ``edges`` lead to gets its new history."""
    if target._base is not None:
        write_through_view[0](target, edges)
        return
    old = (target._gradient or target) if target._tracked else None
    target._rebase(history.of((old, *edges), (), target.shape, target.dtype))
    target._autograd_state().version += 1


def write_out(out: Tensor, value: Tensor, how: str = "", read: Sequence[Tensor] = ()) -> Tensor:
    """Put a result into a tensor given as ``out=``, resizing it if need be.

    ``how`` is what the operation's declaration says of that; with "apart" in it, ``read`` are the tensors that are read.
    """
    if local.grad and (value.requires_grad or out.requires_grad):
        raise RuntimeError(
            "out=... arguments don't support automatic differentiation, but one of the arguments requires grad."
        )
    if out.of_pairs and "real" in how:
        raise RuntimeError(f"a floating point output tensor is expected, but got {TYPE_NAMES[out.dtype]}")
    if out.dtype is not value.dtype and "exact" in how:
        raise RuntimeError(f"Expected out tensor to have dtype {C_NAMES[value.dtype]}, but got {C_NAMES[out.dtype]} instead")
    if not can_cast(value.dtype, out.dtype):
        raise RuntimeError(
            f"result type {TYPE_NAMES[value.dtype]} can't be cast to the desired output type {TYPE_NAMES[out.dtype]}"
        )
    if out.shape != value.shape:
        if out.numel() and "resized" not in how:
            warn(
                f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not match "
                f"the required output shape {list(value.shape)}. This behavior is deprecated, and in a future PyTorch release "
                "outputs will not be resized unless they have zero elements. You can explicitly reuse an out tensor t by "
                "resizing it, inplace, to zero elements with t.resize_(0)."
            )
        check_apart(out._pair if out.of_pairs else out)
        out.resize_(value.shape)
    if any([_share(out, operand) for operand in read]):
        raise RuntimeError(
            "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )
    return out.copy_(value) if out.of_pairs else assign(out, value)


def _share(a: Tensor, b: Tensor) -> bool:
    """Whether the parts of one storage between the first and the last element of each have something in common."""
    if not a.numel() or not b.numel():
        return False
    if a is b:
        return True
    if a._storage is None or a._storage is not b._storage:
        return False
    one, other = a._view, b._view
    assert one is not None and other is not None
    return one.offset <= other.last_element() and other.offset <= one.last_element()


def write_results(name: str, out: Any, result: Any, how: str = "", read: Sequence[Tensor] = ()) -> Any:
    """Results put into what was given as ``out=``. ``TypeError`` if that is not as many tensors as there are results."""
    several = not isinstance(result, Tensor)
    places, parts = (out, result) if several else ((out,), (result,))
    if (
        not isinstance(places, (tuple, list))
        or len(places) != len(parts)
        or not all(isinstance(place, Tensor) for place in places)
    ):
        wanted = f"tuple of {len(parts)} Tensors" if several else "Tensor"
        raise TypeError(f"{name}(): argument 'out' must be {wanted}, not {type(out).__name__}")
    if several:
        how += " exact"
    written = [write_out(place, part, how, read) for place, part in zip(places, parts)]
    return type(result)(written) if several else written[0]
