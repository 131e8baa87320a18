"""``Proxy``: a value that is not there yet, of which everything that is done with it becomes a node of a graph."""

from __future__ import annotations

import collections
import copy
import dis
import enum
import inspect
import operator
import os
import traceback
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from types import FrameType
from typing import Any

from ..core.tensor import Tensor
from ._interception import Interceptable, handed_on, proxies_in
from ._names import is_method
from .graph import Graph, magic_methods, reflectable_magic_methods
from .node import Argument, Node, Target, base_types, map_arg

__all__ = [
    "Attribute",
    "GraphAppendingTracer",
    "ParameterProxy",
    "Proxy",
    "Scope",
    "ScopeContextManager",
    "TraceError",
    "TracerBase",
]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class TraceError(ValueError):
    """What a program does with a proxy that depends on a value."""


class Scope:
    """The module whose ``forward`` is traced: its dotted name and its class."""

    def __init__(self, module_path: str, module_type: Any) -> None:
        self.module_path, self.module_type = module_path, module_type


class ScopeContextManager:
    """A block in which a scope is another one."""

    def __init__(self, scope: Scope, current_scope: Scope) -> None:
        self._before = copy.copy(scope)
        scope.module_path, scope.module_type = current_scope.module_path, current_scope.module_type
        self._scope = scope

    def __enter__(self) -> Scope:
        return self._scope

    def __exit__(self, *raised: object) -> None:
        self._scope.module_path, self._scope.module_type = self._before.module_path, self._before.module_type


class TracerBase:
    """Makes nodes of what is done with proxies."""

    graph: Graph
    record_stack_traces = False
    check_mutable_operations = False
    trace_asserts = False
    proxy_buffer_attributes = False
    traced_func_name = "forward"
    scope: Scope
    module_stack: Any
    node_name_to_scope: dict[str, Any]

    def create_node(
        self, kind: str, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Argument], name: str | None = None,
        type_expr: Any = None,
    ) -> Node:  # fmt: skip
        """Insert a node into the graph."""
        node = self.graph.create_node(kind, target, args, kwargs, name, type_expr)
        self.node_name_to_scope[node.name] = (self.scope.module_path, self.scope.module_type)
        if self.module_stack:
            node.meta["nn_module_stack"] = copy.copy(self.module_stack)
        if self.record_stack_traces:
            frames = traceback.extract_stack()
            first = next((place for place, frame in enumerate(frames) if frame.name == "forward"), len(frames))
            own = [frame for frame in frames[first:] if not frame.filename.startswith(_PACKAGE)]
            if own:
                node.stack_trace = "".join(traceback.StackSummary.from_list(own).format()).strip()
        return node

    def proxy(self, node: Node) -> Any:
        """The proxy of a node."""
        return Proxy(node, self)

    def create_proxy(
        self, kind: str, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any], name: str | None = None,
        type_expr: Any = None, proxy_factory_fn: Callable[[Node], Any] | None = None,
    ) -> Any:  # fmt: skip
        """Insert a node with arguments as programs have them, and give its proxy."""
        node = self.create_node(kind, target, self.create_arg(args), self.create_arg(kwargs), name, type_expr)
        return self.proxy(node) if proxy_factory_fn is None else proxy_factory_fn(node)

    def create_arg(self, a: Any) -> Argument:
        """What a value is as an argument of a node. ``NotImplementedError`` for types that nodes cannot have."""
        if isinstance(a, Proxy):
            return a.node
        if hasattr(a, "__fx_create_arg__"):
            return a.__fx_create_arg__(self)
        if isinstance(a, tuple):
            members = [self.create_arg(member) for member in a]
            return type(a)(*members) if hasattr(a, "_fields") else type(a)(members)
        if isinstance(a, list):
            return [self.create_arg(member) for member in a]
        if isinstance(a, dict):
            return {self._key(key): self.create_arg(value) for key, value in a.items()}
        if isinstance(a, (slice, range)):
            return type(a)(self.create_arg(a.start), self.create_arg(a.stop), self.create_arg(a.step))
        if is_dataclass(a) and not isinstance(a, type):
            values = {field.name: self.create_arg(getattr(a, field.name)) for field in fields(a)}
            return self.create_node("call_function", type(a), (), values)
        if isinstance(a, (*base_types, enum.Enum)) or a is None or a is ...:
            return a
        raise NotImplementedError(f"argument of type: {type(a)}")

    def _key(self, key: Any) -> Any:
        def refuse(node: Node) -> Node:
            raise RuntimeError(f"Keys for dictionaries used as an argument cannot contain a Node. Got key: {node}")

        return key if isinstance(key, str) else map_arg(self.create_arg(key), refuse)

    def to_bool(self, obj: Proxy) -> bool:
        """What a proxy is where a program asks whether it is true: ``TraceError``, unless a tracer knows."""
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")

    def iter(self, obj: Proxy) -> Iterator[Any]:
        """What a program walks through that walks through a proxy: ``TraceError``, unless a tracer knows."""
        raise TraceError(
            "Proxy object cannot be iterated. This can be attempted when the Proxy is used in a loop or as a *args or "
            "**kwargs function argument. See the torch.fx docs on pytorch.org for a more detailed explanation of what types "
            "of control flow can be traced, and check out the Proxy docstring for help troubleshooting Proxy iteration errors"
        )

    def keys(self, obj: Proxy) -> Any:
        """The keys of a proxy."""
        return Attribute(obj, "keys")()


class GraphAppendingTracer(TracerBase):
    """Inserts nodes into a graph that is there."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.scope = Scope("", None)
        self.module_stack = collections.OrderedDict()
        self.node_name_to_scope = {}


def assert_fn(x: Any) -> None:
    """``AssertionError`` unless a value is true: what a traced ``assert`` becomes."""
    assert x, "Assertion failed"


def _instruction(frame: FrameType | None) -> tuple[list[dis.Instruction], int]:
    """The instructions of what runs in a frame, and the place of the present one."""
    assert frame is not None
    instructions = [*dis.get_instructions(frame.f_code)]
    return instructions, bisect_left(instructions, frame.f_lasti, key=lambda instruction: instruction.offset)


class Proxy(Interceptable):
    """A node's value while a program is traced. It cannot be looked at, and not walked through (``TraceError``)."""

    node: Node

    def __init__(self, node: Node, tracer: TracerBase | None = None) -> None:
        self.tracer = GraphAppendingTracer(node.graph) if tracer is None else tracer
        self.node = node

    def __repr__(self) -> str:
        return f"Proxy({self.node.name})"

    def __getattr__(self, k: str) -> Any:
        # What is asked of it before it is made (when it is copied, say) is not there.
        if k in ("node", "tracer", "root"):
            raise AttributeError(k)
        return Attribute(self, k)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __deepcopy__(self, memo: Any) -> Proxy:
        made = type(self).__new__(type(self))
        made.__dict__.update({name: copy.deepcopy(value, memo) for name, value in self.__dict__.items()})
        return made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self) -> Iterator[Any]:
        frame = inspect.currentframe()
        instructions, place = _instruction(frame and frame.f_back)
        if instructions[place].opname == "UNPACK_SEQUENCE":  # ``a, b = proxy`` says how many there are
            return (self[number] for number in range(instructions[place].argval))  # type: ignore[index]
        return self.tracer.iter(self)

    def __abs__(self) -> Any:
        return self.tracer.create_proxy("call_function", operator.abs, (self,), {})

    def __bool__(self) -> bool:
        if self.tracer.trace_asserts:
            frame = inspect.currentframe()
            instructions, place = _instruction(frame and frame.f_back)
            behind = [instruction.opname for instruction in instructions[place + 1 : place + 3]]
            if instructions[place].opname.startswith("POP_JUMP") and "LOAD_ASSERTION_ERROR" in behind:
                self.tracer.create_proxy("call_function", assert_fn, (self,), {})
                return True
        return self.tracer.to_bool(self)

    def keys(self) -> Any:
        """The keys of what this will be."""
        return self.tracer.keys(self)

    def __len__(self) -> int:
        raise RuntimeError(
            "'len' is not supported in symbolic tracing by default. If you want this call to be recorded, please call "
            "torch.fx.wrap('len') at module scope"
        )

    @classmethod
    def __torch_function__(cls, orig_method: Any, types: Any, args: Any = None, kwargs: Any = None) -> Any:
        """A call of a function of the package as a node."""
        args, kwargs = args or (), kwargs or {}
        tracers = {id(proxy.tracer): proxy.tracer for proxy in proxies_in((args, kwargs))}
        if len(tracers) > 1:
            raise RuntimeError(
                f"Found multiple different tracers {[*tracers.values()]} while trying to trace operations {orig_method}"
            )
        tracer = next(iter(tracers.values()))
        if is_method(orig_method):
            return tracer.create_proxy("call_method", orig_method.__name__, args, kwargs)
        args, kwargs = handed_on(orig_method, args, kwargs)
        name = tracer.graph._target_to_str(orig_method.__name__)
        return tracer.create_proxy("call_function", orig_method, args, kwargs, name=name)


class Attribute(Proxy):
    """An attribute of a proxy, which becomes a node when it is used: as a method that is called, or as a value."""

    def __init__(self, root: Proxy, attr: str) -> None:
        self.root, self.attr, self.tracer = root, attr, root.tracer
        self._node: Node | None = None

    @property
    def node(self) -> Node:  # type: ignore[override]
        """The node of the attribute as a value, made when it is first asked for."""
        if self._node is None:
            self._node = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {}).node
        return self._node

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


class ParameterProxy(Proxy):
    """The proxy of a parameter, whose shape is known."""

    def __init__(self, tracer: TracerBase, node: Node, name: str, param: Any) -> None:
        super().__init__(node, tracer)
        self.param, self.name = param, name

    def __repr__(self) -> str:
        return f"ParameterProxy({self.name})"

    @property
    def shape(self) -> Any:
        """The parameter's shape."""
        return self.param.shape

    @property
    def ndim(self) -> int:
        """How many axes the parameter has."""
        return int(self.param.ndim)

    def size(self) -> Any:
        """The parameter's shape."""
        return self.param.size()

    def dim(self) -> int:
        """How many axes the parameter has."""
        return int(self.param.dim())

    def numel(self) -> int:
        """How many elements the parameter has."""
        return int(self.param.numel())

    nelement = numel


# --- operators -------------------------------------------------------------------------------------------------------


def _operator(name: str) -> Callable[..., Any]:
    def apply(self: Proxy, *args: Any) -> Any:
        return self.tracer.create_proxy("call_function", getattr(operator, name), (self, *args), {})

    apply.__name__ = name
    return apply


_OF_TENSORS = {
    "truediv": "div", "mod": "remainder", "floordiv": "__floordiv__", "and_": "__and__", "or_": "__or__", "xor": "__xor__",
    "lshift": "__lshift__", "rshift": "__rshift__",
}  # fmt: skip
"""The methods that PyTorch takes operators of tensors for, where they are called otherwise than Python's functions."""


def _reflected(name: str) -> Callable[..., Any]:
    def apply(self: Proxy, other: Any) -> Any:
        if isinstance(other, Tensor):  # whose operator is asked first: a method, to PyTorch
            method = _OF_TENSORS.get(name, name)
            return self.tracer.create_proxy("call_method", method, (other, self), {})
        return self.tracer.create_proxy("call_function", getattr(operator, name), (other, self), {})

    apply.__name__ = apply.__qualname__ = f"__r{name.strip('_')}__"
    return apply


for _name in magic_methods:
    if hasattr(operator, _name):
        setattr(Proxy, f"__{_name.strip('_')}__", _operator(_name))
for _name in reflectable_magic_methods:
    if hasattr(operator, _name):
        setattr(Proxy, f"__r{_name.strip('_')}__", _reflected(_name))
