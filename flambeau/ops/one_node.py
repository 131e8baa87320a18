"""Functions of tensors that appear in the history as one node, although they are composed of several operations.

While such a function runs, what it records leads to *entrances*, one for each tracked tensor that it was given, and from
there to the tensors' own histories. A node of the function's name is put in front of its results. Backward through that node
is a run of its own, from the results to the entrances, so derivatives follow from the composition and are written nowhere
a second time. Gradients of gradients pass the entrances like any other node.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

from ..core.history import FREED, Edge, Gradient
from ..core.tensor import Tensor
from ..graph.trace import local

#: Runs backward from edges with their gradients to the nodes given, beyond which nothing is run; put here by
#: ``autograd.engine``.
run_between: list[Callable[[list[tuple[Any, Tensor]], Sequence[Gradient | None]], tuple[Tensor | None, ...]]] = []

_new = object.__new__
_F = TypeVar("_F", bound=Callable[..., Any])


class Entrance(Gradient):
    """Where a composition's history begins: leads from its inside to one of its arguments."""

    def backward(self, grad: Tensor) -> Tensor:
        return grad


class Composed(Gradient):
    """History of a composition; ``context`` holds the edges of its results and its entrances."""

    replayable = False  # the nodes inside are

    def backward(self, grad: Any) -> tuple[Tensor | None, ...]:
        if self.context is None:
            raise RuntimeError(FREED)
        results, entrances = self.context
        given = grad if type(grad) is dict else {0: grad}
        checked = local.check_nan
        try:
            local.check_nan = False  # the node itself is checked
            return run_between[0]([(results[number], value) for number, value in given.items()], entrances)
        finally:
            local.check_nan = checked

    def release(self) -> None:
        self.saved = self.context = None


@lru_cache(maxsize=1024)
def _class_of(name: str, outputs: int, zero_curvature: bool) -> type[Composed]:
    members = {"__slots__": (), "outputs": outputs, "zero_curvature": zero_curvature, "__doc__": Composed.__doc__}
    return type(name, (Composed,), members)


def one_node(name: str | Callable[..., str], zero_curvature: bool = False) -> Callable[[_F], _F]:
    """Decorator: the function's results have one history node called ``name``, or what ``name`` makes of the arguments.

    The function takes tensors (or sequences of them) and gives one tensor or a tuple; results must not share memory with
    arguments. Where nothing is to be differentiated the function is simply called. For ``zero_curvature`` see
    :class:`~flambeau.core.history.Gradient`.
    """

    def decorate(function: _F) -> _F:
        @functools.wraps(function)
        def called(*arguments: Any, **keywords: Any) -> Any:
            if not local.grad:
                return function(*arguments, **keywords)
            entrances: list[Entrance] = []
            edges: list[Edge] = []
            originals: dict[int, Tensor] = {}
            inside = [_with_entrance(x, entrances, edges, originals) for x in arguments]
            within = {key: _with_entrance(x, entrances, edges, originals) for key, x in keywords.items()}
            if not entrances:
                return function(*arguments, **keywords)
            results = function(*inside, **within)
            shown = name if isinstance(name, str) else name(*arguments, **keywords)
            if not isinstance(results, Tensor):
                _lead(results, shown, entrances, edges, zero_curvature)
            elif id(results) in originals:
                return originals[id(results)]
            else:
                _lead((results,), shown, entrances, edges, zero_curvature)
            return results

        return cast(_F, called)

    return decorate


def _with_entrance(x: Any, entrances: list[Entrance], edges: list[Edge], originals: dict[int, Tensor]) -> Any:
    """An argument as the function gets it: tracked tensors with an entrance for their history."""
    if isinstance(x, Tensor):
        if not x.requires_grad:
            edges.append(None)
            return x
        edge = x._gradient or x
        edges.append(edge)
        entrance = Entrance.of((edge,), (), x.shape, x.dtype)
        entrances.append(entrance)
        alias = _new(Tensor)
        alias._node = x._node
        alias._storage = x._storage
        alias._view = x._view
        alias._tracked = True
        alias._gradient = entrance
        alias._autograd = None
        originals[id(alias)] = x
        return alias
    if isinstance(x, (list, tuple)) and any(isinstance(each, Tensor) for each in x):
        return [_with_entrance(each, entrances, edges, originals) for each in x]
    return x


def _lead(
    results: Sequence[Tensor], name: str, entrances: list[Entrance], edges: list[Edge], zero_curvature: bool
) -> None:
    """Put one node in front of the histories of the results."""
    inner = [(result._gradient or result) if result._tracked else None for result in results]
    if not any(edge is not None for edge in inner):
        return
    several = len(results) > 1
    shapes, dtypes = [result.shape for result in results], [result.dtype for result in results]
    node = _class_of(name, len(results), zero_curvature).of(
        tuple(edges), (), shapes if several else shapes[0], dtypes if several else dtypes[0], (inner, _slots(entrances, edges))
    )
    if local.watched:
        node.observe()
    for number, result in enumerate(results):
        if result._tracked:
            result._gradient = (node, number) if several else node
            if result._autograd is not None:
                result._autograd.base = None  # what it was reshaped from was never seen; the history is its own


def _slots(entrances: list[Entrance], edges: list[Edge]) -> list[Entrance | None]:
    """The entrances with None for arguments that are not tracked."""
    following = iter(entrances)
    return [None if edge is None else next(following) for edge in edges]
