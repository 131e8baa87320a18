"""The code of a graph: one statement for each node, in which values are dropped after their last use."""

from __future__ import annotations

import enum
import re
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..core.device import device
from ..core.tensor import Tensor
from ._names import is_of_pytorch, qualified_name, type_text
from ._namespace import Namespace, _custom_builtins
from .node import Argument, Node

reflectable_magic_methods = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "floordiv": "{} // {}", "truediv": "{} / {}", "div": "{} / {}",
    "mod": "{} % {}", "pow": "{} ** {}", "lshift": "{} << {}", "rshift": "{} >> {}", "and_": "{} & {}", "or_": "{} | {}",
    "xor": "{} ^ {}", "getitem": "{}[{}]", "matmul": "{} @ {}",
}  # fmt: skip
magic_methods = {
    "eq": "{} == {}", "ne": "{} != {}", "lt": "{} < {}", "gt": "{} > {}", "le": "{} <= {}", "ge": "{} >= {}", "pos": "+{}",
    "neg": "-{}", "invert": "~{}", **reflectable_magic_methods,
}  # fmt: skip
inplace_methods = {
    "iadd": "{} += {}", "iand": "{} &= {}", "ifloordiv": "{} //= {}", "ilshift": "{} <<= {}", "imod": "{} %= {}",
    "imul": "{} *= {}", "imatmul": "{} @= {}", "ior": "{} |= {}", "ipow": "{} **= {}", "irshift": "{} >>= {}",
    "isub": "{} -= {}", "itruediv": "{} /= {}", "ixor": "{} ^= {}", "setitem": "{}[{}] = {}",
}  # fmt: skip

_ABBREVIATIONS = {
    "bfloat16": "bf16", "float64": "f64", "float32": "f32", "float16": "f16", "complex32": "c32", "complex64": "c64",
    "complex128": "c128", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "bool": "b8", "uint8": "u8",
    "uint16": "u16", "uint32": "u32", "uint64": "u64",
}  # fmt: skip
_COUNTER = re.compile(r"# COUNTER: (\d+)")

TransformCodeFunc = Callable[[list[str]], list[str]]


@dataclass
class PythonCode:
    """The code of a graph, what its global names mean, and which line is which node's."""

    src: str
    globals: dict[str, Any]
    _lineno_map: dict[int, int | None] | None = None
    _prologue_start: int = 0


class _PyTreeInfo(NamedTuple):
    """What a function takes that has containers among its arguments: names, and the structures of inputs and outputs."""

    orig_args: list[str]
    in_spec: Any
    out_spec: Any


def _format_target(base: str, target: str) -> str:
    """The text of an attribute by its dotted name."""
    for part in target.split("."):
        base = f"{base}.{part}" if part.isidentifier() else f'getattr({base}, "{part}")'
    return base


class Texts:
    """Texts of values and types, with the global names that they need."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.globals: dict[str, Any] = {}
        for name, (_, value) in _custom_builtins.items():
            self.globals[namespace.create_name(name, value)] = value

    def of_global(self, hint: str, value: Any) -> str:
        """The name by which code reaches a function, a class or a value: a dotted one for what is PyTorch's."""
        if is_of_pytorch(value) and value is not device:
            return qualified_name(value)
        name = self.namespace.create_name(hint, value)
        self.globals.setdefault(name, value)
        return name

    def of_type(self, kind: Any) -> str:
        """The text of an annotation."""
        if kind == ():
            return "()"
        text = type_text(kind)
        if isinstance(kind, types.UnionType) and "|" in text:
            return "|".join(map(self.of_type, typing.get_args(kind)))
        if origin := getattr(kind, "__origin__", None):
            if isinstance(kind, typing._GenericAlias):  # type: ignore[attr-defined]
                origin = getattr(typing, origin.__name__.capitalize(), origin) if isinstance(origin, type) else origin
            name, inner = self.of_global(type_text(origin), origin), typing.get_args(kind)
            return f"{name}[{','.join(map(self.of_type, inner))}]" if inner else name
        return self.of_global(text, kind)

    def of_value(self, value: Any) -> str:
        """The text of an argument."""
        if isinstance(value, Node):
            return repr(value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return f"{self.of_global(qualified_name(type(value)), type(value))}{tuple(value)!r}"
        if isinstance(value, enum.Enum):
            return f"{self.of_global(type(value).__name__, type(value))}.{value.name}"
        if isinstance(value, Tensor):
            return f"torch.Tensor(size={[*value.shape]}, dtype={str(value.dtype).rpartition('.')[2]})"
        if isinstance(value, tuple):
            return f"({', '.join(map(self.of_value, value))}{',' if len(value) == 1 else ''})"
        if isinstance(value, list):
            return f"[{', '.join(map(self.of_value, value))}]"
        if isinstance(value, slice):
            return f"slice({', '.join(map(self.of_value, (value.start, value.stop, value.step)))})"
        return repr(value)

    def of_arguments(self, args: Iterable[Any], kwargs: dict[str, Any]) -> str:
        """The text between the parentheses of a call."""
        named = [f"{name} = {self.of_value(value)}" for name, value in kwargs.items()]
        return ", ".join([*map(self.of_value, args), *named])


class CodeGen:
    """How a graph becomes a function."""

    def __init__(self) -> None:
        self._body_transformer: TransformCodeFunc | None = None
        self._func_name = "forward"

    # --- what kinds of functions differ in

    def gen_fn_def(self, free_vars: list[str], maybe_return_annotation: str, *, expanded_def: bool = False) -> str:
        """The line with which the function begins."""
        if not free_vars or free_vars[0] != "self":
            free_vars.insert(0, "self")
        if expanded_def:
            parameters = "".join(f"    {parameter},\n" for parameter in free_vars)
            return f"def {self._func_name}(\n{parameters}){maybe_return_annotation}:"
        return f"def {self._func_name}({', '.join(free_vars)}){maybe_return_annotation}:"

    def generate_output(self, output_args: Argument, *, descs: Any = None, repr_fn: Callable[[Any], str] = repr) -> str:
        """The statement with which the function ends."""
        return f"return {repr_fn(output_args)}"

    def process_inputs(self, *args: Any) -> Any:
        """The graph's inputs, from the function's."""
        return args

    def process_outputs(self, outputs: Any) -> Any:
        """The function's result, from the graph's."""
        return outputs

    def additional_globals(self) -> list[tuple[str, Any]]:
        """Names that the function uses besides those of its nodes, and what they mean."""
        return []

    # --- what they share

    def _gen_python_code(
        self, nodes: Sequence[Node], root_module: str, namespace: Namespace, *, verbose: bool = False,
        include_stride: bool = False, include_device: bool = False, colored: bool = False, expanded_def: bool = False,
        record_func: bool = False, additional_meta: list[str] | None = None,
    ) -> PythonCode:  # fmt: skip
        texts = Texts(namespace)
        writer = _Writer(self, texts, root_module, verbose, include_stride, include_device)
        dropped = _last_uses(nodes)
        for place, node in enumerate(nodes):
            if verbose:
                writer.write_origin(node)
            writer.body.append(f"# COUNTER: {place}\n")
            writer.write(node)
            writer.write_dropping(node, dropped.get(node, []))
        body = writer.body or ["pass\n"]
        wrapping = ""
        if writer.wrapped:
            from ._wrapping import wrap

            name = texts.of_global("wrap", wrap)
            wrapping = "\n".join(f'{name}("{function}")' for function in writer.wrapped)
        if self._body_transformer:
            body = self._body_transformer(body)
        for name, value in self.additional_globals():
            texts.of_global(name, value)
        prologue = self.gen_fn_def(writer.parameters, writer.returns, expanded_def=expanded_def)
        lines: list[str] = []
        origins: dict[int, int | None] = {}
        current, before = None, prologue.count("\n") + 1
        for line in "".join(body).split("\n"):
            if counter := _COUNTER.search(line):
                current = int(counter.group(1))
            else:
                origins[len(lines) + before] = current
                lines.append(line)
        code = "\n".join("    " + line for line in "\n".join(lines).lstrip("\n").split("\n"))
        return PythonCode(f"\n{wrapping}\n\n{prologue}\n{code}", texts.globals, origins, wrapping.count("\n") + 4)


def _last_uses(nodes: Sequence[Node]) -> dict[Node, list[Node]]:
    """{node: the values that no later one uses}."""
    seen: set[Node] = set()
    last: dict[Node, list[Node]] = {}
    for node in reversed(nodes):
        for used in node._input_nodes:
            if used not in seen:
                seen.add(used)
                last.setdefault(node, []).append(used)
    return last


class _Writer:
    """Writes the statements of nodes."""

    def __init__(self, codegen: CodeGen, texts: Texts, root: str, verbose: bool, stride: bool, device: bool) -> None:
        self.codegen, self.texts, self.root = codegen, texts, root
        self.verbose, self.stride, self.device = verbose, stride, device
        self.body: list[str] = []
        self.parameters: list[str] = []
        self.returns = ""
        self.wrapped: dict[str, None] = {}
        self._origin = ""

    def write(self, node: Node) -> None:
        getattr(self, f"_{node.op}")(node)

    def write_dropping(self, node: Node, unused: list[Node]) -> None:
        """End a node's statement, and drop the values that are not used behind it; itself, too, if it never is."""
        if node.op == "placeholder":
            return
        names = [repr(n) for n in ([*unused, *(() if node.users else (node,))] if node.op != "output" else ())]
        self.body.append(f";  {' = '.join([*names, 'None'])}\n" if names else "\n")

    def write_origin(self, node: Node) -> None:
        """Say in a comment from which line of the program the following nodes come."""
        if node.op in ("placeholder", "output"):
            return
        text = "No stacktrace found for following nodes"
        lines = (node.stack_trace or "").strip().split("\n")
        for place in range(len(lines) - 2, -1, -1):
            if found := re.match(r'File "(.+)", line (\d+), in (.+)$', lines[place].strip()):
                file, line, name = found.groups()
                text = f"File: {file}:{line} in {name}, code: {lines[place + 1].strip()}"
                break
        if text != self._origin:
            self._origin = text
            self.body.append(f"\n# {text}\n")

    def _annotated(self, node: Node) -> str:
        """A node's name, with its type if that is known."""
        kind = "" if node.type is None else f" : {self.texts.of_type(node.type)}"
        value = (
            node.meta.get("val", node.meta.get("tensor_meta", node.meta.get("example_value"))) if self.verbose else None
        )
        if value is not None and hasattr(value, "shape") and hasattr(value, "dtype"):
            text = f"{_ABBREVIATIONS[str(value.dtype).rpartition('.')[2]]}[{', '.join(map(str, value.shape))}]"
            if isinstance(value, Tensor):
                text += f"[{', '.join(map(str, value.stride()))}]" if self.stride else ""
                text += str(value.device) if self.device else ""
            kind = f': "{text}"'
        return kind

    def _placeholder(self, node: Node) -> None:
        default = f" = {self.texts.of_value(node.args[0])}" if node.args else ""
        self.parameters.append(f"{node.target}{self._annotated(node)}{default}")
        name = str(node.target).replace("*", "")
        if name != repr(node):
            self.body.append(f"{node!r} = {name}\n")

    def _assign(self, node: Node, value: str) -> None:
        self.body.append(f"{node!r}{self._annotated(node)} = {value}")

    def _call_method(self, node: Node) -> None:
        method = _format_target(self.texts.of_value(node.args[0]), str(node.target))
        self._assign(node, f"{method}({self.texts.of_arguments(node.args[1:], node.kwargs)})")

    def _call_function(self, node: Node) -> None:
        target: Any = node.target
        if getattr(target, "__module__", "") == "_operator":
            operands = [self.texts.of_value(argument) for argument in node.args]
            if target.__name__ in magic_methods:
                self._assign(node, magic_methods[target.__name__].format(*operands))
                return
            if target.__name__ in inplace_methods:
                statement = inplace_methods[target.__name__].format(*operands)
                self.body.append(f"{statement};  {node!r}{self._annotated(node)} = {operands[0]}")
                return
        name = self.texts.of_global(qualified_name(target), target)
        if name == "getattr" and len(node.args) == 2 and isinstance(node.args[1], str) and node.args[1].isidentifier():
            self._assign(node, _format_target(self.texts.of_value(node.args[0]), node.args[1]))
            return
        self._assign(node, f"{name}({self.texts.of_arguments(node.args, node.kwargs)})")
        if node.meta.get("is_wrapped", False):
            self.wrapped.setdefault(name)

    def _call_module(self, node: Node) -> None:
        called = _format_target(self.root, str(node.target))
        self._assign(node, f"{called}({self.texts.of_arguments(node.args, node.kwargs)})")

    def _get_attr(self, node: Node) -> None:
        self._assign(node, _format_target(self.root, str(node.target)))

    def _output(self, node: Node) -> None:
        if node.type is not None:
            self.returns = f" -> {self.texts.of_type(node.type)}"
        self.body.append(self.codegen.generate_output(node.args[0], repr_fn=self.texts.of_value))


class _PyTreeCodeGen(CodeGen):
    """How a graph becomes a function that takes containers, which the graph has flat."""

    def __init__(self, pytree_info: _PyTreeInfo) -> None:
        super().__init__()
        self.pytree_info = pytree_info

    def process_inputs(self, *inputs: Any) -> Any:
        from ..utils import _pytree

        return _pytree.tree_leaves(inputs)

    def process_outputs(self, outputs: Any) -> Any:
        from ..utils import _pytree

        if self.pytree_info.out_spec is None:
            return outputs
        return _pytree.tree_unflatten(
            [*outputs] if isinstance(outputs, (list, tuple)) else [outputs], self.pytree_info.out_spec
        )

    def additional_globals(self) -> list[tuple[str, Any]]:
        from ..utils import _pytree
        from . import _pytree as flattening

        return [("fx_pytree", flattening), ("pytree", _pytree)]

    def gen_fn_def(self, free_vars: list[str], maybe_return_annotation: str, *, expanded_def: bool = False) -> str:
        names = self.pytree_info.orig_args
        if names and names[0] == "self":
            free_vars.insert(0, "self")
        begin = super().gen_fn_def([*names], maybe_return_annotation, expanded_def=expanded_def)
        if not free_vars:
            return begin
        annotated = [name for name in free_vars if ":" in name]
        types = "\n    " + "".join(f"{name}; " for name in annotated) + "\n" if annotated else ""
        flat = ", ".join(name.split(":")[0].split("#")[0] for name in free_vars)
        return f"{begin}{types}\n    {flat}, = fx_pytree.tree_flatten_spec({self._given(names)}, self._in_spec)"

    def _given(self, names: list[str]) -> str:
        """The text of the inputs as ``in_spec`` has them: in a tuple, or in one and a dictionary of those by keyword."""
        spec = self.pytree_info.in_spec
        kinds = [child.type for child in spec.children()]
        if kinds != [tuple, dict]:
            return f"[{', '.join(names)}]"
        names = [name for name in names if name != "self"]
        count = spec.child(0).num_children
        by_keyword = ", ".join(f"'{key}':{name}" for key, name in zip(spec.child(1).context, names[count:]))
        return f"([{', '.join(names[:count])}], {{{by_keyword}}})"

    def generate_output(self, output_args: Argument, *, descs: Any = None, repr_fn: Callable[[Any], str] = repr) -> str:
        if self.pytree_info.out_spec is None:
            return super().generate_output(output_args, repr_fn=repr_fn)
        return f"return pytree.tree_unflatten({repr_fn(output_args)}, self._out_spec)"
