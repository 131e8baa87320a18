"""What a module does with example inputs, as a graph of operations beneath Python.

The module runs with real tensors. Every call of the package and every operator of tensors is written as operations
(``_aten``), each of which is run for its result: so the graph computes what was seen. Calls that cannot be written are
refused; none is left out.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .._ops import OpOverload, namespace
from ..core.tensor import Tensor
from ..fx import Graph
from ..fx._names import module_of, target_name
from ..fx._patching import _new_patcher
from ..fx.node import Node, map_aggregate
from ..ops.calls import enter_mode, leave_mode
from ._aten import OPERATORS, OTHER_NAMES, WRITTEN, bound, overload_of

_VALUES = {"item", "tolist", "numpy", "__bool__", "__int__", "__float__", "__index__", "__iter__"}
"""What looks at values, which a graph cannot depend on."""

_PROPERTIES = ("T", "mT")
_NAMES = {"_assert_tensor_metadata.default": "_assert_tensor_metadata_default"}
"""What nodes are called that are not called as their operations."""


class Recorder:
    """Records calls on this thread into ``graph``. ``constants`` gets the tensors that are nobody's parameter or buffer."""

    def __init__(self, constant: Callable[[Tensor, int], Node]) -> None:
        self.graph = Graph()
        self._nodes: dict[int, tuple[Node, Tensor]] = {}
        self._constant, self._constants = constant, 0
        self._inside = self._active = False
        self._thread = threading.get_ident()

    def know(self, tensor: Tensor, node: Node) -> None:
        """Let a tensor be the value of a node."""
        self._nodes[id(tensor)] = node, tensor
        node.meta["val"] = tensor

    def node_of(self, tensor: Tensor) -> Node:
        """The node whose value a tensor is; a constant's if it is nobody's."""
        found = self._nodes.get(id(tensor))
        if found is None:
            self.know(tensor, self._constant(tensor, self._constants))
            self._constants += 1
            found = self._nodes[id(tensor)]
        return found[0]

    def argument(self, value: Any) -> Any:
        """A value as an argument of a node."""
        return map_aggregate(value, lambda part: self.node_of(part) if isinstance(part, Tensor) else part)

    def emit(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Run an operation of aten's, by name and form, and record it."""
        name, _, form = operation.partition(".")
        target = getattr(getattr(namespace("aten"), name), form)
        result = target(*args, **kwargs)
        args, kwargs = _plain(args), _plain(kwargs)
        node = self.graph.call_function(
            target, self.argument(args), dict(self.argument(kwargs)), name=_NAMES.get(operation, target_name(name))
        )
        if isinstance(result, Tensor):
            self.know(result, node)
        elif isinstance(result, (tuple, list)):
            for place, part in enumerate(result):
                if isinstance(part, Tensor):
                    self.know(part, self.graph.call_function(operator.getitem, (node, place)))
        return result

    def call(self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call of the program: recorded as operations if it has to do with tensors, or run as it is."""
        if self._inside or not self._active or threading.get_ident() != self._thread:
            return NotImplemented
        self._inside = True
        try:
            own = name.rpartition(".")[2]
            own = OTHER_NAMES.get(own, own)
            if own in _VALUES:
                raise RuntimeError(f"torch.export: {own}() looks at a tensor's values, which a graph cannot depend on")
            written = WRITTEN.get(name, WRITTEN.get(own))
            if written is not None:
                return written(self.emit, *args, **kwargs)
            values, named = bound(function, args, kwargs)
            operation = overload_of(own, values, named)
            if operation is not None:
                result = self.emit(operation, *values, **named)
                return tuple(result) if isinstance(result, list) else result
            result = function(*args, **kwargs)
            if _has_tensors(result):
                raise NotImplementedError(f"torch.export: {own} is not written as an operation of aten's")
            return result
        finally:
            self._inside = False

    @contextmanager
    def recording(self) -> Iterator[None]:
        """A block whose calls are recorded."""

        def mode(name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
            if isinstance(call, OpOverload):
                return NotImplemented if self._inside else self.emit(call.__name__, *arguments, **keywords)
            name = f"functional.{call.__name__}" if module_of(call) == "torch.nn.functional" else call.__name__
            return self.call(name, call, arguments, keywords)

        with _new_patcher() as patcher:
            for name in (
                *OPERATORS,
                "__getitem__",
                "__radd__",
                "__rmul__",
                "__rsub__",
                "__rpow__",
                "__rtruediv__",
                "__bool__",
            ):
                patcher.patch_method(Tensor, name, self._operator(name, getattr(Tensor, name)))
            for name in _PROPERTIES:
                patcher.patch_method(Tensor, name, property(self._property(name, vars(Tensor)[name])))  # type: ignore[arg-type]
            enter_mode(mode, as_given=True)
            self._active = True
            try:
                yield
            finally:
                # An operation that was looked up meanwhile may keep one of the patches.
                self._active = False
                leave_mode(mode)

    def _property(self, name: str, own: Any) -> Callable[[Tensor], Any]:
        def get(tensor: Tensor) -> Any:
            result = self.call(name, own.__get__, (tensor,), {})
            return own.__get__(tensor) if result is NotImplemented else result

        return get

    def _operator(self, name: str, function: Any) -> Callable[..., Any]:
        def applied(*args: Any) -> Any:
            if any(not isinstance(arg, (Tensor, int, float, complex)) for arg in args[1:]) and name != "__getitem__":
                return function(*args)
            result = self.call(OPERATORS.get(name, name), function, args, {})
            return function(*args) if result is NotImplemented else result

        applied.__name__ = name
        return applied


def _plain(value: Any) -> Any:
    """Sizes and other sequences as lists, but for the outermost arguments."""
    if isinstance(value, dict):
        return {name: _listed(part) for name, part in value.items()}
    return tuple(_listed(part) for part in value)


def _listed(value: Any) -> Any:
    return [_listed(part) for part in value] if isinstance(value, (tuple, list)) else value


def _has_tensors(value: Any) -> bool:
    found: list[Tensor] = []
    map_aggregate(value, lambda part: found.append(part) if isinstance(part, Tensor) else None)
    return bool(found)
