"""``GraphModule``: a module whose ``forward`` is the code of a graph."""

from __future__ import annotations

import ast
import copy
import importlib
import itertools
import linecache
import sys
import traceback
from collections.abc import Callable
from itertools import count
from types import ModuleType
from typing import Any

from ..core.tensor import Tensor
from ..interpreter.naming import internal_module, published_module
from ..nn.modules.module import Module, _addindent
from ..nn.parameter import Parameter
from ._folder import write_folder
from ._names import is_of_pytorch
from ._tracer import Tracer
from .graph import Graph, PythonCode, _custom_builtins, _PyTreeCodeGen

__all__ = ["GraphModule", "reduce_graph_module"]

_USER_PRESERVED_ATTRIBUTES_KEY = "_user_preserved_attributes"
_numbers = count()


# --- code that becomes a function ------------------------------------------------------------------------------------


def _forward_from_src(src: str, globals: dict[str, Any], co_fields: dict[str, Any] | None = None) -> Callable[..., Any]:
    """The function ``forward`` that a text defines, whose lines errors and debuggers show."""
    origin = ""
    if co_fields:
        origin = f" from {co_fields['co_filename']}:{co_fields['co_firstlineno']} in {co_fields['co_name']}"
    file = f"<eval_with_key>.{next(_numbers)}{origin}"
    linecache.cache[file] = (len(src), None, src.splitlines(keepends=True), file)
    space = globals.copy()
    exec(compile(src, file, "exec", dont_inherit=True), space)
    forward: Callable[..., Any] = space.pop("forward")
    return forward


def _import_statement(name: str, value: Any) -> str:
    """How code says what one of its names means."""
    if name in _custom_builtins:
        return _custom_builtins[name].import_str
    if is_of_pytorch(name):
        return "import torch"
    if isinstance(value, ModuleType):
        return f"import {published_module(value.__name__)} as {name}"
    if isinstance(value, str):  # an annotation that is not evaluated
        return f"{name} = {value!r}"
    return f"from {value.__module__} import {value.__qualname__} as {name}"


def _format_import_block(globals: dict[str, Any], importer: Any = None) -> str:
    return "\n".join(sorted({_import_statement(name, value) for name, value in globals.items()}))


class _CodeOnlyModule(Module):
    """A module that has the attributes of another one."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__()
        self.__dict__ = body


def reduce_graph_module(body: dict[str, Any], import_block: str) -> Any:
    """A graph module from its attributes and its code, which is traced: what pickles of graph modules call."""
    space: dict[str, Any] = {name: builtin.obj for name, builtin in _custom_builtins.items()}
    for line in import_block.splitlines():
        # The statements of :func:`_import_statement`, whose names of PyTorch's mean what is here.
        words = line.split()
        if words[:1] == ["from"]:
            found: Any = importlib.import_module(internal_module(words[1]))
            for part in words[3].split("."):
                found = getattr(found, part)
            space[words[-1]] = found
        elif words[:1] == ["import"] and len(words) == 4:
            space[words[3]] = importlib.import_module(internal_module(words[1]))
        elif words[1] == "=" and words[0] not in space:
            space[words[0]] = ast.literal_eval(line.partition("=")[2].strip())
    return _deserialized(_forward_from_src(body.get("_code") or body["code"], space), body)


def _deserialized(forward: Callable[..., Any], body: dict[str, Any]) -> Any:
    tracer: Any = body.get("_tracer_cls") or Tracer
    leaves = type(tracer.__name__, (tracer,), {"is_leaf_module": lambda self, module, name: True})
    traced = type("_CodeOnlyModule", (_CodeOnlyModule,), {"forward": forward})(body)
    graph = leaves().trace(traced, **body.get("_tracer_extras", {}))
    graph._tracer_cls = tracer
    made = GraphModule(traced, graph, body.get("_graphmodule_cls_name", "GraphModule"))
    for name, value in body.items():
        if not hasattr(made, name):
            setattr(made, name, value)
    return made


# --- attributes by dotted names --------------------------------------------------------------------------------------


def _put(module: Any, path: list[str], value: Any) -> None:
    """Put a value at a dotted name, in new modules where there are none."""
    *above, last = path
    for part in above:
        inner = getattr(module, part, None)
        if inner is None:
            inner = Module()
            setattr(module, part, inner)
        module = inner
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        module.register_buffer(last, value)
    else:
        setattr(module, last, value)


def _assign_attr(from_obj: Any, to_module: Any, target: str) -> None:
    """Put a value at a dotted name of a module."""
    _put(to_module, target.split("."), from_obj)


def _copy_attr(from_module: Any, to_module: Any, target: str) -> None:
    """Give a module what another one has at a dotted name."""
    value, there = from_module, to_module
    *above, last = target.split(".")
    for part in above:
        value, there = getattr(value, part), getattr(there, part, None)
        if value is there:  # the whole of it was copied before
            return
    _put(to_module, target.split("."), getattr(value, last))


def _get_attr(model: Any, attr_name: str) -> Any:
    """What a module has at a dotted name."""
    for part in attr_name.split("."):
        model = getattr(model, part)
    return model


# --- errors ----------------------------------------------------------------------------------------------------------


class _WrappedCall:
    """Calls a module, and shows the line of its code in which an error was raised."""

    def __init__(self, cls: Any, cls_call: Any) -> None:
        self.cls, self.cls_call = cls, cls_call

    @staticmethod
    def _generate_error_message(frame_summary: traceback.FrameSummary) -> str:
        line, number = frame_summary.line or "", frame_summary.lineno or 1
        lines = linecache.getlines(frame_summary.filename)
        message = f"Call using an FX-traced Module, line {number} of the traced Module's generated forward function:"
        before, behind = "".join(lines[max(0, number - 2) : number]), "\n".join(lines[number : number + 2])
        return "\n".join([traceback.format_exc(), message, before, "~" * len(line) + "~~~ <--- HERE", behind])

    def __call__(self, obj: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            if self.cls_call is not None:
                return self.cls_call(obj, *args, **kwargs)
            return super(self.cls, obj).__call__(*args, **kwargs)  # type: ignore[misc]
        except Exception as error:
            frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__))
            if frames and "eval_with_key" in frames[-1].filename:
                print(self._generate_error_message(frames[-1]), file=sys.stderr)
                raise error.with_traceback(None)  # noqa: B904
            raise


# --- the module ------------------------------------------------------------------------------------------------------


class GraphModule(Module):
    """A module with a ``graph``, the ``code`` made from it, and what the graph's nodes name.

    ``root`` has that: a module, or a dictionary by dotted names. Assigning another graph makes new code; after a change of
    the graph that is there, :meth:`recompile` does.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Each instance has a class of its own, whose ``forward`` is its code.
        base = next(c for c in cls.__mro__ if c.__qualname__.rpartition(".")[2] != "GraphModuleImpl")
        return super().__new__(type(base)("GraphModuleImpl", (base,), {"__module__": base.__module__}))

    def __init__(self, root: Any, graph: Graph, class_name: str = "GraphModule") -> None:
        super().__init__()
        self.__class__.__name__ = class_name
        targets = [str(node.target) for node in graph.nodes if node.op in ("get_attr", "call_module")]
        if isinstance(root, Module):
            if hasattr(root, "training"):
                self.training = root.training
            if isinstance(root, _CodeOnlyModule):  # of which nothing is left out
                targets = [name for kind in (root._modules, root._buffers, root._parameters) for name in kind] + targets
            for target in targets:
                _copy_attr(root, self, target)
        elif isinstance(root, dict):
            for node in graph.nodes:
                if node.op in ("get_attr", "call_module") and node.target not in root:
                    raise RuntimeError(
                        f"Node {node} referenced target {node.target} but that target was not provided in ``root``!"
                    )
            for target in sorted(targets, key=lambda name: name.count(".")):
                _assign_attr(root[target], self, target)
        else:
            raise RuntimeError("Unsupported type " + str(root) + " passed for root!")
        self.meta: dict[str, Any] = {}
        self._replace_hooks: list[Any] = []
        self._create_node_hooks: list[Any] = []
        self._erase_node_hooks: list[Any] = []
        self._deepcopy_hooks: list[Any] = []
        self.graph = graph
        self._tracer_cls = None
        if graph._tracer_cls and "<locals>" not in graph._tracer_cls.__qualname__:
            self._tracer_cls = graph._tracer_cls
        self._tracer_extras = graph._tracer_extras or {}

    @property
    def graph(self) -> Graph:
        """The graph whose code is the module's ``forward``."""
        return self._graph

    @graph.setter
    def graph(self, g: Graph) -> None:
        assert isinstance(g, Graph), f"Expected a Graph instance, but got {type(g)}"
        self._graph = g
        g.owning_module = self
        self.recompile()

    @property
    def code(self) -> str:
        """The code of the graph, as of the last :meth:`recompile`."""
        return self._code

    def recompile(self) -> PythonCode:
        """Make code of the graph as it is now, and of those of submodules."""
        codegen = self._graph._codegen
        if isinstance(codegen, _PyTreeCodeGen):
            self._in_spec, self._out_spec = codegen.pytree_info.in_spec, codegen.pytree_info.out_spec
        made = self._graph.python_code(root_module="self")
        self._code, self._lineno_map, self._prologue_start = made.src, made._lineno_map, made._prologue_start
        cls: Any = type(self)
        cls.forward = _forward_from_src(made.src, made.globals, self._graph._co_fields)
        if "_wrapped_call" not in vars(cls):
            cls._wrapped_call = _WrappedCall(cls, vars(cls).get("__call__"))
        for child in self.children():
            if isinstance(child, GraphModule):
                child.recompile()

        def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
            return self._wrapped_call(self, *args, **kwargs)

        cls.__call__ = __call__
        return made

    # --- submodules

    def add_submodule(self, target: str, m: Module) -> bool:
        """Put a module at a dotted name, in new modules where there are none; whether that was possible."""
        *above, last = target.split(".")
        module: Any = self
        for part in above:
            inner = getattr(module, part, None)
            if inner is None:
                inner = Module()
                setattr(module, part, inner)
            if not isinstance(inner, Module):
                return False
            module = inner
        module.add_module(last, m)
        return True

    def delete_submodule(self, target: str) -> bool:
        """Remove the module at a dotted name; whether there was one."""
        path, _, last = target.rpartition(".")
        module: Any = self
        for part in path.split(".") if path else ():
            module = getattr(module, part, None)
            if not isinstance(module, Module):
                return False
        if not isinstance(getattr(module, last, None), Module):
            return False
        delattr(module, last)
        return True

    def delete_all_unused_submodules(self) -> None:
        """Remove the modules that no node calls or takes something from."""
        used: set[str] = set()
        for node in self.graph.nodes:
            if node.op in ("call_module", "get_attr"):
                used |= {*itertools.accumulate(str(node.target).split("."), lambda x, y: f"{x}.{y}")}
                if node.op == "call_module":
                    try:
                        inner = self.get_submodule(str(node.target))
                    except AttributeError:
                        continue
                    used |= {f"{node.target}.{name}" for name, _ in inner.named_modules() if name}
        for name in [name for name, _ in self.named_modules() if name not in used]:
            self.delete_submodule(name)

    # --- copies

    def __reduce__(self) -> Any:
        body = self.__dict__.copy()
        made = self.recompile()
        del body["_graph"]
        return reduce_graph_module, (body, _format_import_block(made.globals))

    def _deepcopy_init(self) -> Callable[..., None]:
        return GraphModule.__init__

    def __deepcopy__(self, memo: Any) -> Any:
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        body = _CodeOnlyModule(copy.deepcopy(self.__dict__, memo))
        self._deepcopy_init()(made, body, body.__dict__["_graph"])
        kept = [
            "_state_dict_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks", "_replace_hooks",
            "_create_node_hooks", "_erase_node_hooks", "_deepcopy_hooks",
        ]  # fmt: skip
        made.__dict__.update({name: copy.deepcopy(self.__dict__[name], memo) for name in kept if name in self.__dict__})
        made.meta = copy.copy(getattr(self, "meta", {}))
        for name in made.meta.get(_USER_PRESERVED_ATTRIBUTES_KEY, ()):
            setattr(made, name, made.meta[_USER_PRESERVED_ATTRIBUTES_KEY][name])
        for hook in self._deepcopy_hooks:
            hook(made)
        return made

    def __copy__(self) -> Any:
        made = GraphModule(self, self.graph)
        made.meta = getattr(self, "meta", {})
        return made

    # --- texts

    def print_readable(
        self, print_output: bool = True, include_stride: bool = False, include_device: bool = False, colored: bool = False,
        *, fast_sympy_print: bool = False, expanded_def: bool = False, additional_meta: list[str] | None = None,
    ) -> str:  # fmt: skip
        """The code as a class, with where its nodes come from, and those of submodules; printed if so said."""
        made = self._graph.python_code(
            root_module="self", verbose=True, include_stride=include_stride, include_device=include_device,
            expanded_def=expanded_def,
        )  # fmt: skip
        text = _addindent(f"class {type(self).__name__}(torch.nn.Module):\n" + made.src.lstrip("\n"), 4)
        inner = [""]
        for name, child in self.named_children():
            if isinstance(child, GraphModule):
                found = child.print_readable(False, include_stride, include_device)
                inner.append(found.replace(f"class {type(child).__name__}(", f"class {name}(", 1))
        text += _addindent("\n".join(inner), 4)
        if print_output:
            print(text)
        return text

    def __str__(self) -> str:
        hint = "# To see more debug info, please use `graph_module.print_readable()`"
        return "\n".join([super().__str__(), self._code, hint])

    def to_folder(self, folder: Any, module_name: str = "FxModule") -> None:
        """Write the module to a folder as Python's text, with its state and its submodules beside it."""
        write_folder(self, folder, module_name)

    # --- hooks

    def _set_replace_hook(self, f: Any) -> Any:
        self._replace_hooks.append(f)
        return _until_left(lambda: self._replace_hooks.remove(f))

    def _register_replace_node_hook(self, f: Any) -> None:
        self._replace_hooks.append(f)

    def _unregister_replace_node_hook(self, f: Any) -> None:
        self._replace_hooks.remove(f)

    def _register_create_node_hook(self, f: Any) -> None:
        self._create_node_hooks.append(f)

    def _unregister_create_node_hook(self, f: Any) -> None:
        self._create_node_hooks.remove(f)

    def _register_erase_node_hook(self, f: Any) -> None:
        self._erase_node_hooks.append(f)

    def _unregister_erase_node_hook(self, f: Any) -> None:
        self._erase_node_hooks.remove(f)

    def _register_deepcopy_hook(self, f: Any) -> None:
        self._deepcopy_hooks.append(f)

    def _unregister_deepcopy_hook(self, f: Any) -> None:
        self._deepcopy_hooks.remove(f)


class _until_left:
    """A block at whose end a function is called."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave

    def __enter__(self) -> None:
        pass

    def __exit__(self, *raised: object) -> None:
        self._leave()
