"""``Node``: one value of a graph, with what makes it and who uses it."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..core.device import device, layout, memory_format
from ..core.tensor import Tensor
from ..graph.dtypes import dtype
from ..ops.conditions import _assert
from ._names import module_of, qualified_name, type_text
from .immutable_collections import immutable_dict, immutable_list

if TYPE_CHECKING:
    from .graph import Graph

__all__ = ["Argument", "Node", "Target", "base_types", "has_side_effect", "map_aggregate", "map_arg"]

Target = Callable[..., Any] | str
Argument = Any
base_types = (str, int, float, bool, complex, dtype, Tensor, device, memory_format, layout)
"""Types of values that nodes have as arguments as they are."""

_legal_ops = dict.fromkeys(["placeholder", "call_method", "call_module", "call_function", "get_attr", "output", "root"])
_side_effectful_functions: set[Any] = {operator.setitem, _assert}
_get_qualified_name, _type_repr = qualified_name, type_text


def has_side_effect(fn: Any) -> Any:
    """Declare that calls of a function are to stay although nobody uses their result; also a decorator."""
    _side_effectful_functions.add(fn)
    return fn


# --- arguments -------------------------------------------------------------------------------------------------------


def map_aggregate(a: Argument, fn: Callable[[Argument], Argument]) -> Argument:
    """What nested tuples, lists, dictionaries and slices become if ``fn`` is applied to all that they hold."""
    if isinstance(a, tuple):
        members = [map_aggregate(member, fn) for member in a]
        return type(a)(*members) if hasattr(a, "_fields") else tuple(members)
    if isinstance(a, list):
        return immutable_list([map_aggregate(member, fn) for member in a])
    if isinstance(a, dict):
        return immutable_dict({key: map_aggregate(member, fn) for key, member in a.items()})
    if isinstance(a, slice):
        return slice(map_aggregate(a.start, fn), map_aggregate(a.stop, fn), map_aggregate(a.step, fn))
    return fn(a)


def map_arg(a: Argument, fn: Callable[[Node], Argument]) -> Argument:
    """What nested arguments become if ``fn`` is applied to the nodes among them."""
    assert callable(fn), "torch.fx.map_arg(a, fn): fn must be a callable"
    return map_aggregate(a, lambda value: fn(value) if isinstance(value, Node) else value)


def _argument_text(argument: Any) -> str:
    """An argument as the text of a graph has it: with ``%`` before nodes."""
    if isinstance(argument, list):
        return f"[{', '.join(map(_argument_text, argument))}]"
    if isinstance(argument, tuple):
        return f"({', '.join(map(_argument_text, argument))}{',' if len(argument) == 1 else ''})"
    if isinstance(argument, dict):
        return "{" + ", ".join(f"{key}: {_argument_text(value)}" for key, value in argument.items()) + "}"
    return f"%{argument}" if isinstance(argument, Node) else str(argument)


_format_arg = _argument_text


# --- nodes -----------------------------------------------------------------------------------------------------------


class Node:
    """A value of a graph.

    ``op`` says how it is made: it is an input (``placeholder``), an attribute of the module (``get_attr``), the result of
    a function, of a method of its first argument, or of a submodule (``call_function``, ``call_method``,
    ``call_module``), or what the graph returns (``output``). ``target`` is the function, or a name.
    """

    _args: tuple[Argument, ...] = ()
    _kwargs: dict[str, Argument] = {}

    def __init__(
        self, graph: Graph, name: str, op: str, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Argument],
        return_type: Any = None,
    ) -> None:  # fmt: skip
        assert op in _legal_ops, f"op '{op}' is not in _legal_ops"
        wanted = "a Callable" if op == "call_function" else "a str"
        if not (callable(target) if op == "call_function" else isinstance(target, str)):
            raise ValueError(
                f"Node [graph = {graph}, name = '{name}'] target {target} has type {type_text(type(target))} but {wanted} "
                "is expected"
            )
        self.graph, self.op, self.target, self.type = graph, op, target, return_type
        self._name = name
        self.users: dict[Node, None] = {}
        self.meta: dict[str, Any] = {}
        self._input_nodes: dict[Node, None] = {}
        self._prev = self._next = self
        self._erased = False
        self._repr_fn: Callable[[Node], str] | None = None
        self._update_args_kwargs(args, kwargs)

    @property
    def name(self) -> str:
        """The name of the value, which no other in the graph has."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        for user in self.users:
            self._tell_of_replacement(self, value, user)
        self._name = value

    def _rename(self, candidate: str) -> None:
        """Give the node a name that is like ``candidate``."""
        if candidate != self.name:
            self.name = self.graph._graph_namespace.create_name(candidate, None)
            self.graph._graph_namespace.rename(self, self.name)

    # --- place in the graph

    @property
    def next(self) -> Node:
        """The node behind this one."""
        return self._next

    @property
    def prev(self) -> Node:
        """The node before this one."""
        return self._prev

    def prepend(self, x: Node) -> None:
        """Move ``x``, a node of the same graph, before this one."""
        assert self.graph is x.graph, "Attempting to move a Node into a different Graph"
        if self is x:
            warnings.warn("Trying to prepend a node to itself. This behavior has no effect on the graph.", stacklevel=2)
            return
        x._remove_from_list()
        before = self._prev
        before._next, x._prev = x, before
        x._next, self._prev = self, x

    _prepend = prepend

    def append(self, x: Node) -> None:
        """Move ``x``, a node of the same graph, behind this one."""
        self._next.prepend(x)

    def _remove_from_list(self) -> None:
        self._prev._next, self._next._prev = self._next, self._prev

    def _comes_before(self, other: Node) -> bool:
        node = self._next
        while node.op != "root":
            if node is other:
                return True
            node = node._next
        return False

    def __lt__(self, other: Node) -> bool:
        return self is not other and self._comes_before(other)

    def __gt__(self, other: Node) -> bool:
        return self is not other and other._comes_before(self)

    def __le__(self, other: Node) -> bool:
        return self is other or self._comes_before(other)

    def __ge__(self, other: Node) -> bool:
        return self is other or other._comes_before(self)

    # --- arguments

    @property
    def args(self) -> tuple[Argument, ...]:
        """The arguments by position. Assigning others keeps account of users."""
        return self._args

    @args.setter
    def args(self, a: tuple[Argument, ...]) -> None:
        self._update_args_kwargs(a, self._kwargs)

    @property
    def kwargs(self) -> dict[str, Argument]:
        """The arguments by keyword. Assigning others keeps account of users."""
        return self._kwargs

    @kwargs.setter
    def kwargs(self, k: dict[str, Argument]) -> None:
        self._update_args_kwargs(self._args, k)

    @property
    def all_input_nodes(self) -> list[Node]:
        """The nodes among the arguments, each once."""
        return [*self._input_nodes]

    def _update_args_kwargs(self, args: tuple[Argument, ...], kwargs: dict[str, Argument]) -> None:
        found: dict[Node, None] = {}

        def note(node: Node) -> Node:
            found[node] = None
            return node

        self._args, self._kwargs = map_arg(tuple(args), note), map_arg(dict(kwargs), note)
        for old in self._input_nodes:
            old.users.pop(self, None)
        self._input_nodes = found
        for new in found:
            new.users[self] = None

    def update_arg(self, idx: int, arg: Argument) -> None:
        """Replace the argument at a position."""
        args = [*self.args]
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx: int, arg: Argument) -> None:
        """Insert an argument before the one at a position."""
        assert 0 <= idx <= len(self.args), f"insert_args index must be between 0 and len(self.args), got {idx}"
        self.args = (*self.args[:idx], arg, *self.args[idx:])

    def update_kwarg(self, key: str, arg: Argument) -> None:
        """Replace or add an argument by keyword."""
        self.kwargs = {**self.kwargs, key: arg}

    def _replace_input_with(self, old: Node, new: Argument) -> None:
        self._update_args_kwargs(*map_arg((self._args, dict(self._kwargs)), lambda n: new if n is old else n))

    def replace_input_with(self, old_input: Node, new_input: Node) -> None:
        """Take ``new_input`` wherever ``old_input`` is an argument."""
        self._tell_of_replacement(old_input, new_input.name, self)
        self._replace_input_with(old_input, new_input)

    def replace_all_uses_with(
        self, replace_with: Node, delete_user_cb: Callable[[Node], bool] | None = None, *, propagate_meta: bool = False
    ) -> list[Node]:
        """Let users of this node use another one, those of which ``delete_user_cb`` says so; gives these users."""
        if propagate_meta:
            assert not replace_with.meta, (
                "Called node.replace_all_uses_with(replace_with, propagate_meta=True), but replace_with already has .meta keys"
            )
            replace_with.meta.update(self.meta)
        changed = [user for user in [*self.users] if delete_user_cb is None or delete_user_cb(user)]
        for user in changed:
            self._tell_of_replacement(self, replace_with.name, user)
            user._replace_input_with(self, replace_with)
        return changed

    def _tell_of_replacement(self, old: Node, new: str, user: Node) -> None:
        for hook in getattr(self.graph.owning_module, "_replace_hooks", None) or ():
            hook(old=old, new=new, user=user)

    # --- what it is

    @property
    def stack_trace(self) -> str | None:
        """Where the program made the value, if that was recorded."""
        return self.meta.get("stack_trace")

    @stack_trace.setter
    def stack_trace(self, trace: str | None) -> None:
        self.meta["stack_trace"] = trace

    def is_impure(self, impure_random: bool = True) -> bool:
        """Whether the node must stay although nobody uses it: inputs, the output, what changes its arguments."""
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_module":
            owner = self.graph.owning_module
            assert owner is not None, "self.graph.owning_module not set for purity check"
            return bool(getattr(owner.get_submodule(str(self.target)), "_is_impure", False))
        if self.op != "call_function":
            return False
        return self.target in _side_effectful_functions or bool(impure_random and _draws(self.target))

    def normalized_arguments(
        self, root: Any, arg_types: Any = None, kwarg_types: Any = None, normalize_to_only_use_kwargs: bool = False
    ) -> Any:
        """The arguments with those by position and by keyword told apart in one way, and defaults filled in; or None."""
        from .operator_schemas import normalize_function, normalize_module

        only = normalize_to_only_use_kwargs
        target: Any = self.target
        if self.op == "call_function":
            return normalize_function(target, self.args, self.kwargs, arg_types, kwarg_types, only)
        return normalize_module(root, target, self.args, self.kwargs, only) if self.op == "call_module" else None

    # --- texts

    def __repr__(self) -> str:
        return self.name if self._repr_fn is None else self._repr_fn(self)

    @staticmethod
    def _pretty_print_target(target: Any) -> str:
        if isinstance(target, str):
            return target
        module, name = getattr(target, "__module__", None), getattr(target, "__name__", None)
        if module in ("builtins", "_operator") and name is not None:
            return f"{module.lstrip('_')}.{name}"
        return qualified_name(target)

    def format_node(
        self, placeholder_names: list[str] | None = None, maybe_return_typename: list[str] | None = None, *,
        include_tensor_metadata: bool = False,
    ) -> str | None:  # fmt: skip
        """The node as a line of text. Further inputs are put into ``placeholder_names``, if there are some already."""
        kind = f"{type_text(self.type)} " if self.type is not None else ""
        head = f"%{self.name} : {kind}[num_users={len(self.users)}] = {self.op}[target={self._pretty_print_target(self.target)}]"
        if self.op == "placeholder":
            if placeholder_names:
                text = f"{self.target}{self.target}: {type_text(self.type)}" if self.type else f"{self.target}"
                placeholder_names.append(text)
                return None
            return head + (f"(default={self.args[0]})" if self.args else "")
        if self.op == "get_attr":
            return head
        if self.op == "output":
            if self.type and maybe_return_typename:
                maybe_return_typename[0] = f" -> {type_text(self.type)}"
            return f"return {self.args[0]}"
        return f"{head}(args = {_argument_text(self.args)}, kwargs = {_argument_text(self.kwargs)})"


_RANDOM = frozenset(
    "alpha_dropout bernoulli dropout feature_alpha_dropout feature_dropout multinomial normal poisson rand rand_like randint "
    "randint_like randn randn_like randperm rrelu".split()
)
"""Functions of the package itself whose calls stay, for without them later ones would draw other numbers.

As in PyTorch, those of ``nn.functional`` do not.
"""


def _draws(function: Any) -> bool:
    return getattr(function, "__name__", None) in _RANDOM and module_of(function) == "torch"
