"""What a module does with example inputs, as a graph of operations beneath Python.

The module runs with real tensors. Every call of the package and every operator of tensors is written as operations
(``_aten``), each of which is run for its result: so the graph computes what was seen. Calls that cannot be written are
refused; none is left out.
"""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .. import backends
from .._ops import OpOverload, namespace
from ..autograd.function import Function
from ..core.tensor import Tensor
from ..fx import Graph
from ..fx._names import module_of, target_name
from ..fx._patching import _new_patcher
from ..fx.node import Node, map_aggregate
from ..graph.notices import warn
from ..graph.shapes import Size
from ..graph.sites import user_site
from ..jit import TracerWarning
from ..ops.calls import enter_mode, leave_mode
from ._aten import OPERATORS, OTHER_NAMES, bound, overload_of
from ._composed import COMPOSED
from ._sizes import Extent, plain
from ._written import WRITTEN

_VALUES = {"item", "tolist", "numpy", "__bool__", "__int__", "__float__", "__index__", "__contains__", "equal", "allclose",
           "is_nonzero"}
"""What looks at values, which a graph cannot depend on unless they are constants."""

_PROPERTIES = ("T", "mT", "data")
_SIZES = {"size", "numel", "nelement"}
_FURTHER = (
    "__getitem__", "__setitem__", "__radd__", "__rmul__", "__rsub__", "__rpow__", "__rtruediv__", "__rfloordiv__", "__rmod__",
    "__iter__",
)  # fmt: skip
"""Methods of tensors that are no operators with an operation of their own, and are recorded all the same."""

_NAMES = {"_assert_tensor_metadata.default": "_assert_tensor_metadata_default"}
"""What nodes are called that are not called as their operations."""


class NotWrittenError(NotImplementedError):
    """A call of the package that is no operation beneath Python: its name, and the line of the program."""

    def __init__(self, operation: str) -> None:
        self.operation, self.site = operation, user_site()
        where = "" if self.site is None else f" (at {self.site[0]}:{self.site[1]})"
        super().__init__(f"torch.export: {operation} is not written as an operation of aten's{where}")


class Recorder:
    """Records calls on this thread into ``graph``. ``constant`` gives inputs for tensors that are nobody's parameter or buffer.

    With ``extents``, sizes of tensors know what they are sizes of. With ``bake``, values that are looked at become part of
    the program, with a warning; they are refused otherwise.
    """

    def __init__(self, constant: Callable[[Tensor, int], Node], extents: bool = False, bake: bool = False) -> None:
        self.graph = Graph()
        #: The sizes that were asked for, and what was computed of them.
        self.log: list[Extent] | None = [] if extents else None
        self._nodes: dict[int, tuple[Node, Tensor]] = {}
        self._free: set[Node] = set()
        self._constant, self._constants, self._bake = constant, 0, bake
        self._inside = self._active = self._running = False
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
            self._free.add(found[0])
        return found[0]

    def argument(self, value: Any) -> Any:
        """A value as an argument of a node."""
        return map_aggregate(value, lambda part: self.node_of(part) if isinstance(part, Tensor) else part)

    def emit(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Run an operation of aten's, by name and form, and record it."""
        name, _, form = operation.partition(".")
        return self.emit_target(getattr(getattr(namespace("aten"), name), form), args, kwargs)

    def emit_target(self, target: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operation and record it."""
        self._inside = self._running = True
        try:
            result = target(*plain(args), **dict(plain(kwargs)))
        finally:
            self._running = False
        if result is not None and not _has_tensors(result):
            return result
        name = target.__name__
        args, kwargs = self.argument(_plain(args)), dict(self.argument(_plain(kwargs)))
        node = self.graph.call_function(
            target, args, kwargs, name=_NAMES.get(name, target_name(name.rpartition(".")[0]))
        )
        node.meta["site"] = user_site()
        if all(part in self._free for part in node.all_input_nodes):
            self._free.add(node)
        return self._known(result, node)

    def call(self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call of the program: recorded as operations if it has to do with tensors, or run as it is."""
        if self._inside or not self._active or threading.get_ident() != self._thread:
            return NotImplemented
        own = name.rpartition(".")[2]
        own = OTHER_NAMES.get(own, own)
        if own in _SIZES:
            return NotImplemented if self.log is None else self._sizes(own, *args, **kwargs)
        composed = COMPOSED.get(name, COMPOSED.get(own))
        if composed is not None:
            return composed(*args, **kwargs)
        self._inside = True
        try:
            if isinstance(function, OpOverload):
                return self.emit_target(function, args, kwargs)
            if own in _VALUES:
                return self._looked_at(own, function, args, kwargs)
            written = WRITTEN.get(name, WRITTEN.get(own))
            if written is not None:
                return written(self.emit, *args, **kwargs)
            values, named = bound(function, args, kwargs)
            operation = overload_of(own, values, named)
            if operation is not None:
                result = self.emit(operation, *values, **named)
                return tuple(result) if isinstance(result, list) else result
            self._running = True
            result = function(*plain(args), **dict(plain(kwargs)))
            if _has_tensors(result):
                raise NotWrittenError(own)
            return result
        finally:
            self._inside = self._running = False

    def _as_symbol(self, cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A function of ``autograd`` with a ``symbolic`` of its own: one node, whatever it computes."""
        self._inside = self._running = True
        try:
            result = cls.apply(*plain(args), **dict(plain(kwargs)))
        finally:
            self._inside = self._running = False
        args, kwargs = self.argument(args), dict(self.argument(kwargs))
        node = self.graph.call_function(cls.apply, args, kwargs, name=target_name(cls.__name__))
        node.meta |= {"site": user_site(), "symbolic": cls.symbolic}
        return self._known(result, node)

    def _known(self, result: Any, node: Node) -> Any:
        """A result, which is a node's value, or the nodes that take it apart."""
        if isinstance(result, Tensor):
            self.know(result, node)
        elif isinstance(result, (tuple, list)):
            for place, part in enumerate(result):
                if isinstance(part, Tensor):
                    self.know(part, self.graph.call_function(operator.getitem, (node, place)))
        return result

    def _looked_at(self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a tensor's values are asked for: those of constants are known, others are not for ever."""
        follows = any(self.node_of(arg) not in self._free for arg in args if isinstance(arg, Tensor))
        if follows and not self._bake:
            raise RuntimeError(f"torch.export: {name}() looks at a tensor's values, which a graph cannot depend on")
        if follows:
            warn(
                f"{name}() looks at a tensor's values, which become part of the program as if they were constants: it may not "
                "generalise to other inputs",
                TracerWarning,
            )
        self._running = True
        return function(*args, **kwargs)

    def _shape(self, tensor: Tensor) -> Size | None:
        """The sizes of a tensor of the graph, which know what they are, or None if nobody asks for that now."""
        found = self._nodes.get(id(tensor))
        if self.log is None or self._running or not self._active or found is None:
            return None
        if threading.get_ident() != self._thread:
            return None
        function = namespace("aten").sym_size.int
        self._running = True
        sizes = tensor.shape
        self._running = False
        return Size([Extent(size, function, (found[0], axis), self.log) for axis, size in enumerate(sizes)])

    def _sizes(self, name: str, tensor: Tensor, dim: Any = None) -> Any:
        """What ``size`` and ``numel`` answer."""
        shape = tensor.shape
        if name != "size":
            return math.prod(shape)
        return shape if dim is None else shape[dim]

    @contextmanager
    def recording(self) -> Iterator[None]:
        """A block whose calls are recorded."""

        def mode(name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
            if not isinstance(call, OpOverload) and not name.startswith(("linalg_", "fft_", "special_")):
                prefix = "functional." if module_of(call) == "torch.nn.functional" else ""
                name = f"{prefix}{call.__name__}"
            return self.call(name, call, arguments, keywords)

        def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
            if self._inside or not self._active or not hasattr(cls, "symbolic"):
                return own_apply.__func__(cls, *args, **kwargs)
            return self._as_symbol(cls, args, kwargs)

        own_apply: Any = vars(Function)["apply"]
        fast = backends.mha.get_fastpath_enabled()
        with _new_patcher() as patcher:
            for name in (*OPERATORS, *_FURTHER, *(name for name in _VALUES if name.startswith("__"))):
                patcher.patch_method(Tensor, name, self._operator(name, getattr(Tensor, name)))
            for name in _SIZES if self.log is not None else ():
                patcher.patch_method(Tensor, name, self._operator(name, getattr(Tensor, name)))
            for name in _PROPERTIES:
                patcher.patch_method(Tensor, name, property(self._property(name, vars(Tensor)[name])))  # type: ignore[arg-type]
            if self.log is not None:
                own = vars(Tensor)["shape"]
                found: Any = property(lambda tensor: own.__get__(tensor) if (s := self._shape(tensor)) is None else s)
                patcher.patch_method(Tensor, "shape", found)
            enter_mode(mode, as_given=True)
            self._active = True
            backends.mha.set_fastpath_enabled(False)
            if self._bake:
                Function.apply = classmethod(apply)  # type: ignore[assignment,method-assign]
            try:
                yield
            finally:
                # An operation that was looked up meanwhile may keep one of the patches.
                self._active = False
                leave_mode(mode)
                backends.mha.set_fastpath_enabled(fast)
                Function.apply = own_apply  # type: ignore[method-assign]

    def _property(self, name: str, own: Any) -> Callable[[Tensor], Any]:
        def get(tensor: Tensor) -> Any:
            result = self.call(name, own.__get__, (tensor,), {})
            return own.__get__(tensor) if result is NotImplemented else result

        return get

    def _operator(self, name: str, function: Any) -> Callable[..., Any]:
        further = {"__getitem__", "__setitem__", *_VALUES, *_SIZES}

        def applied(*args: Any, **kwargs: Any) -> Any:
            if any(not isinstance(arg, (Tensor, int, float, complex)) for arg in args[1:]) and name not in further:
                return function(*args, **kwargs)
            result = self.call(OPERATORS.get(name, name), function, args, kwargs)
            return function(*args, **kwargs) if result is NotImplemented else result

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
