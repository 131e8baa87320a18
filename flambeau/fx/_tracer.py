"""``Tracer``: a module or function is called with proxies, and what it does with them becomes a graph."""

from __future__ import annotations

import collections
import functools
import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from types import FunctionType, ModuleType
from typing import Any

from ..core.tensor import Tensor
from ..interpreter.naming import internal_module, published_module
from ..nn.modules.container import Sequential
from ..nn.modules.module import Module
from ..nn.parameter import Parameter
from ._patching import _create_wrapped_method, _new_patcher, _Patcher
from .graph import Graph, _PyTreeCodeGen, _PyTreeInfo
from .node import Argument, Node, base_types
from .proxy import ParameterProxy, Proxy, Scope, ScopeContextManager, TracerBase

_VARIADIC = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_proxyable_classes: dict[type, None] = {}
_tracing = 0


def is_fx_tracing() -> bool:
    """Whether something is traced at present."""
    return _tracing > 0


is_fx_symbolic_tracing = is_fx_tracing


@contextmanager
def _while_tracing() -> Iterator[None]:
    global _tracing
    _tracing += 1
    try:
        yield
    finally:
        _tracing -= 1


class ProxyableClassMeta(type):
    """The type of classes whose construction with proxies becomes a node."""

    def __init__(cls, name: str, bases: Any, attrs: Any) -> None:
        _proxyable_classes.setdefault(cls)
        super().__init__(name, bases, attrs)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        given = [value for value in (*args, *kwargs.values()) if isinstance(value, Proxy)] if is_fx_tracing() else []
        if given:
            return given[0].tracer.create_proxy("call_function", cls, args, kwargs)
        return super().__call__(*args, **kwargs)


class PHBase:
    """A place in ``concrete_args`` that stays an input."""

    def __repr__(self) -> str:
        return "PH"


PH = PHBase()


class PHWithMeta(PHBase):
    """A place that stays an input, with a key that its node gets."""

    def __init__(self, ph_key: str | None = None) -> None:
        self.ph_key = ph_key


def _assert_is_none(value: Any, msg: str) -> None:
    assert value is None, msg


def _annotation(function: Any, name: str) -> Any:
    """What a function says of an argument or its result; the types themselves where the package's own methods name them."""
    kind = inspect.get_annotations(function).get(name)
    if isinstance(kind, str) and internal_module(str(function.__module__)).partition(".")[0] == "flambeau":
        try:
            kind = eval(kind, function.__globals__)
        except NameError:  # known to type checkers alone
            return None
    return None if kind is Any else kind


class Tracer(TracerBase):
    """Traces modules and functions. Subclasses say what is not traced through (``is_leaf_module``), and more.

    Functions of ``autowrap_modules`` and ``autowrap_functions`` are not traced through if they are given proxies. With
    ``param_shapes_constant`` the shapes of parameters are numbers.
    """

    root: Any

    def __init__(
        self, autowrap_modules: tuple[ModuleType, ...] = (math,), autowrap_functions: tuple[Callable[..., Any], ...] = (),
        param_shapes_constant: bool = False,
    ) -> None:  # fmt: skip
        named = chain.from_iterable(vars(module).items() for module in autowrap_modules)
        self._autowrap_function_ids = {
            id(value) for name, value in named if not name.startswith("_") and callable(value)
        }
        self._autowrap_function_ids |= {id(function) for function in autowrap_functions}
        self._autowrap_search = [*autowrap_modules]
        self.param_shapes_constant = param_shapes_constant
        self.submodule_paths: dict[Any, str] | None = None
        self.root_module_name = ""
        self.scope = Scope("", None)
        self.module_stack: collections.OrderedDict[str, Any] = collections.OrderedDict()
        self.num_calls: dict[str, int] = {}
        self.node_name_to_scope: dict[str, Any] = {}

    # --- what is an argument

    def get_fresh_qualname(self, prefix: str) -> str:
        """A name for an attribute of the root module that it has not."""
        number = 0
        while hasattr(self.root, f"{prefix}{number}"):
            number += 1
        return f"{prefix}{number}"

    def create_arg(self, a: Any) -> Argument:
        """What a value is as an argument: parameters, tensors and modules become attributes of the root module.

        A tensor that is nobody's attribute gets a name there. ``NameError`` for a parameter that is not the root's.
        """
        if isinstance(a, Parameter):
            for name, parameter in self.root.named_parameters():
                if a is parameter:
                    return self.create_node("get_attr", name, (), {})
            raise NameError("parameter is not a member of this module")
        named: Iterable[tuple[str, Any]] = ()
        if isinstance(a, Tensor):
            named = self.root.named_buffers()
        elif isinstance(a, Module):
            named = self.root.named_modules()
        for name, value in named:
            if a is value:
                return self.create_node("get_attr", name, (), {})
        if isinstance(a, tuple) and hasattr(a, "_fields"):
            return self.create_node("call_function", type(a), tuple([self.create_arg(member) for member in a]), {})
        if isinstance(a, Tensor):
            known = self.tensor_attrs.get(id(a))
            if known is None:
                known = self.tensor_attrs[id(a)] = self.get_fresh_qualname("_tensor_constant")
                setattr(self.root, known, a)
            return self.create_node("get_attr", known, (), {})
        if type(a) in _proxyable_classes:
            known = self.get_fresh_qualname(f"_{type(a).__name__}_constant_")
            setattr(self.root, known, a)
            return self.create_node("get_attr", known, (), {})
        return super().create_arg(a)

    # --- modules

    def is_leaf_module(self, m: Module, module_qualified_name: str) -> bool:
        """Whether a call of a module is one node: of those of ``torch.nn``, but not of ``Sequential``."""
        own = published_module(m.__module__).startswith(("torch.nn", "torch.ao.nn"))
        return own and not isinstance(m, Sequential)

    def path_of_module(self, mod: Module) -> str:
        """The dotted name of a submodule of the root. ``NameError`` if it is none."""
        if self.submodule_paths:
            if mod not in self.submodule_paths:
                raise NameError("module is not installed as a submodule")
            return self.submodule_paths[mod]
        for name, module in self.root.named_modules():
            if module is mod:
                return str(name)
        raise NameError("module is not installed as a submodule")

    def call_module(self, m: Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a call of a submodule gives: the proxy of a node, or what ``forward`` gives, which is traced."""
        path = self.path_of_module(m)
        with ScopeContextManager(self.scope, Scope(path, type(m))) as scope:
            count = self.num_calls.get(path, 0)
            key = f"{scope.module_path}@{count}" if count > 0 else scope.module_path
            self.module_stack[key] = (path, scope.module_type)
            self.num_calls[path] = count + 1
            if self.is_leaf_module(m, path):
                result = self.create_proxy("call_module", path, args, kwargs)
            else:
                result = forward(*args, **kwargs)
            self.module_stack.popitem(last=True)
        return result

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """What an attribute of a module is while it is traced: of parameters (and of buffers, if so said) a proxy."""
        if isinstance(attr_val, Parameter):
            named = self.root.named_parameters()
        elif self.proxy_buffer_attributes and isinstance(attr_val, Tensor):
            named = self.root.named_buffers()
        else:
            return attr_val
        for name, value in named:
            if value is attr_val:
                if name not in parameter_proxy_cache:
                    options: dict[str, Any] = {}
                    if self.param_shapes_constant:
                        options["proxy_factory_fn"] = functools.partial(self._parameter_proxy, name, value)
                    parameter_proxy_cache[name] = self.create_proxy("get_attr", name, (), {}, **options)
                return parameter_proxy_cache[name]
        return attr_val

    def _parameter_proxy(self, name: str, parameter: Any, node: Node) -> ParameterProxy:
        return ParameterProxy(self, node, name, parameter)

    # --- inputs

    def create_args_for_root(
        self, root_fn: Any, is_module: bool, concrete_args: Any = None
    ) -> tuple[Callable[..., Any], list[Any]]:
        """A function and what it is called with: proxies of inputs, but for what ``concrete_args`` has."""
        analysed = inspect.unwrap(root_fn)
        code = analysed.__code__
        total = code.co_argcount + code.co_kwonlyargcount
        names = iter(code.co_varnames)
        args: list[Any] = []
        if is_module:
            if total == 0:
                raise RuntimeError("``self`` argument cannot be part of *args expansion!")
            next(names)
            args.append(self.root)
        signature = inspect.signature(analysed)
        if isinstance(concrete_args, tuple) and concrete_args and code.co_flags & _VARIADIC and total == 1:
            for number, value in enumerate(concrete_args):
                proxy = self.create_proxy("placeholder", f"input_{number}", (), {})
                if isinstance(value, PHBase):
                    proxy.node.__dict__.update(vars(value))
                args.append(proxy)
            return root_fn, args
        own = [next(names) for _ in range(len(args), total)]
        if isinstance(concrete_args, tuple):
            if len(own) != len(concrete_args):
                raise RuntimeError(
                    f"Tracing expected {len(own)} arguments but got {len(concrete_args)} concrete arguments"
                )
            concrete_args = dict(zip(own, concrete_args))

        def placeholder(name: str) -> Any:
            return self._proxy_placeholder(name, concrete_args, signature, analysed)

        args += map(placeholder, own)
        if code.co_kwonlyargcount > 0 or code.co_flags & _VARIADIC:
            if code.co_flags & inspect.CO_VARARGS:
                args.append(placeholder("*" + next(names)))
            if code.co_flags & inspect.CO_VARKEYWORDS:
                args.append(placeholder("**" + next(names)))
            root_fn = _with_positional(root_fn, len(args))
        if any(isinstance(value, (tuple, list, dict)) for value in args):
            return self._with_flat_inputs(root_fn, args, [*code.co_varnames[:total]])
        return root_fn, args

    def _with_flat_inputs(self, function: Callable[..., Any], args: list[Any], names: list[str]) -> Any:
        """A function of what containers among the inputs hold, and of the rest."""
        from ..utils import _pytree

        flat, in_spec = _pytree.tree_flatten(tuple(args))
        codegen = _PyTreeCodeGen(_PyTreeInfo(names, in_spec, None))
        self.graph._codegen = codegen

        def flattened(*values: Any) -> Any:
            result = function(*_pytree.tree_unflatten([*values], in_spec))
            results, out_spec = _pytree.tree_flatten(result)
            codegen.pytree_info = codegen.pytree_info._replace(out_spec=out_spec)
            return results

        flattened.__annotations__.clear()  # they would be the graph's
        return flattened, flat

    def _proxy_placeholder(self, name: str, concrete_args: Any, sig: inspect.Signature, fn_for_analysis: Any) -> Any:
        """The proxy of an input; or the value that it is to have, with nodes that check that it has."""
        parameter = None if name[0] == "*" else sig.parameters[name]
        default = () if parameter is None or parameter.default is parameter.empty else (parameter.default,)
        if concrete_args is None or name not in concrete_args:
            kind = _annotation(fn_for_analysis, name)
            return self.create_proxy("placeholder", name, default, {}, type_expr=kind)
        count = 0

        def place(value: Any) -> Any:
            nonlocal count
            count += 1
            proxy = self.create_proxy("placeholder", f"{name}_{count}", default, {})
            if isinstance(value, PHBase):
                proxy.node.__dict__.update(vars(value))
                return proxy
            message = f"{name} has been specialized to have value {value} but got another value"
            if value is None:
                self.create_proxy("call_function", _assert_is_none, (proxy, message), {})
            elif type(value) in base_types and not isinstance(value, Tensor):
                self.create_proxy("call_function", _package()._assert, (proxy == value, message), {})
            else:
                warnings.warn(
                    f"Was not able to add assertion to guarantee correct input {name} to specialized function. It is up to the "
                    "user to make sure that your inputs match the inputs you specialized the function with.",
                    stacklevel=2,
                )
            return value

        given = concrete_args[name]
        if not isinstance(given, (tuple, list, dict)):
            return place(given)
        from ..utils import _pytree

        return _pytree.tree_map(place, given)

    # --- tracing

    def trace(self, root: Any, concrete_args: Any = None) -> Graph:
        """The graph of a module or function; of a function, attributes are those of a new module in ``root``."""
        if isinstance(root, Module):
            assert hasattr(type(root), self.traced_func_name), (
                f"traced_func_name={self.traced_func_name} doesn't exist in {type(root).__name__}"
            )
            self.root, function = root, getattr(type(root), self.traced_func_name)
            self.root_module_name = root._get_name()
            self.submodule_paths = {module: name for name, module in root.named_modules()}
        else:
            self.root, function = Module(), root
        self.graph = Graph(tracer_cls=type(self))
        code = getattr(function, "__code__", None)
        if code is not None:
            self.graph._co_fields = {
                "co_name": code.co_name, "co_filename": code.co_filename, "co_firstlineno": code.co_firstlineno,
            }  # fmt: skip
        self.tensor_attrs = {
            id(value): f"{path}.{name}" if path else name
            for path, module in self.root.named_modules()
            for name, value in vars(module).items()
            if isinstance(value, Tensor)
        }
        assert isinstance(function, FunctionType), f"Expected FunctionType, got {type(function)}"
        space = function.__globals__
        with _while_tracing():
            function, args = self.create_args_for_root(function, isinstance(root, Module), concrete_args)
            with _new_patcher() as patcher:
                self._patch_modules(patcher)
                patcher.patch_method(Tensor, "__getitem__", _create_wrapped_method(Tensor, "__getitem__"))
                patcher.patch_wrapped()
                patcher.autowrap(space, self._autowrap_function_ids)
                for module in self._autowrap_search:
                    patcher.autowrap(vars(module), self._autowrap_function_ids)
                kind = _annotation(inspect.unwrap(function), "return")
                self.create_node("output", "output", (self.create_arg(function(*args)),), {}, type_expr=kind)
        self.submodule_paths = None
        return self.graph

    def _patch_modules(self, patcher: _Patcher) -> None:
        """Ask the tracer at every call and for every attribute of a module."""
        call, get = Module.__call__, Module.__getattr__
        proxies: dict[str, Any] = {}

        @functools.wraps(get)
        def get_attribute(module: Module, name: str) -> Any:
            return self.getattr(name, get(module, name), proxies)

        @functools.wraps(call)
        def call_module(module: Module, *args: Any, **kwargs: Any) -> Any:
            patcher.autowrap(getattr(module.forward, "__globals__", {}), self._autowrap_function_ids)
            return self.call_module(module, lambda *a, **k: call(module, *a, **k), args, kwargs)

        patcher.patch_method(Module, "__getattr__", get_attribute)
        patcher.patch_method(Module, "__call__", call_module)


def _package() -> Any:
    import flambeau

    return flambeau


def _with_positional(function: Any, count: int) -> FunctionType:
    """A function whose parameters, those by keyword and the variadic ones as well, are given by position."""
    code = function.__code__
    plain = code.replace(
        co_argcount=count, co_posonlyargcount=0, co_kwonlyargcount=0, co_flags=code.co_flags & ~_VARIADIC
    )
    return FunctionType(plain, function.__globals__, function.__name__, function.__defaults__, function.__closure__)


for _made in (PHBase, PHWithMeta, ProxyableClassMeta, Tracer, _assert_is_none, is_fx_tracing):
    _made.__module__ = f"{__package__}._symbolic_trace"  # where programs and pickles find them
