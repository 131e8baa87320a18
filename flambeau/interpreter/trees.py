"""Trees of containers: nested lists, tuples, dictionaries and registered classes, taken apart into leaves and put together.

A class of containers is known by how it is taken apart (:class:`NodeDef`). What is of no known class is a leaf; None is one.
The structure without the leaves is a :class:`TreeSpec`.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Context = Any
IsLeaf = Callable[[Any], bool] | None


class NodeDef(NamedTuple):
    """How containers of a class are taken apart (children and what is known besides) and put together."""

    type: Any
    flatten_fn: Callable[[Any], tuple[Sequence[Any], Context]]
    unflatten_fn: Callable[[Iterable[Any], Context], Any]
    #: As ``flatten_fn``, with pairs of a key and a child.
    flatten_with_keys_fn: Callable[[Any], tuple[Sequence[tuple[Any, Any]], Context]] | None


# --- keys: how a child is reached from its parent ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SequenceKey:
    """A place in a sequence."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Sequence[Any]) -> Any:
        """The child."""
        return sequence[self.idx]


@dataclass(frozen=True, slots=True)
class MappingKey:
    """A key of a dictionary."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Mapping[Any, Any]) -> Any:
        """The child."""
        return mapping[self.key]


@dataclass(frozen=True, slots=True)
class GetAttrKey:
    """The name of an attribute."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """The child."""
        return getattr(obj, self.name)


# --- classes of containers --------------------------------------------------------------------------------------------


def is_namedtuple_class(cls: type) -> bool:
    """Whether a class was made by ``namedtuple`` or ``NamedTuple``."""
    return (
        isinstance(cls, type)
        and issubclass(cls, tuple)
        and isinstance(getattr(cls, "_fields", None), tuple)
        and all(type(field) is str for field in cls._fields)  # type: ignore[attr-defined]
        and callable(getattr(cls, "_make", None))
        and callable(getattr(cls, "_asdict", None))
    )


def is_namedtuple_instance(obj: object) -> bool:
    """Whether an object is a named tuple."""
    return is_namedtuple_class(type(obj))


def is_namedtuple(obj: object | type) -> bool:
    """Whether an object is a named tuple, or a class of such."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_structseq_class(cls: type) -> bool:
    """Whether a class is one of Python's sequences with named fields that is written in C (``time.struct_time``)."""
    return (
        isinstance(cls, type)
        and cls.__bases__ == (tuple,)
        and all(isinstance(getattr(cls, name, None), int) for name in ("n_fields", "n_sequence_fields", "n_unnamed_fields"))
    )


def is_structseq_instance(obj: object) -> bool:
    """Whether an object is such a sequence."""
    return is_structseq_class(type(obj))


def is_structseq(obj: object | type) -> bool:
    """Whether an object is such a sequence, or a class of them."""
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


def _in_order(make: Callable[[Iterable[Any]], Any]) -> tuple[Any, Any, Any]:
    """How a plain sequence is taken apart."""
    return (
        lambda value: (list(value), None),
        lambda children, _: make(children),
        lambda value: ([(SequenceKey(place), child) for place, child in enumerate(value)], None),
    )


def _by_key(make: Callable[[list[Any], Iterable[Any]], Any]) -> tuple[Any, Any, Any]:
    """How a dictionary is taken apart, in the order of its keys."""
    return (
        lambda value: (list(value.values()), list(value)),
        lambda children, keys: make(keys, children),
        lambda value: ([(MappingKey(key), child) for key, child in value.items()], list(value)),
    )


SUPPORTED_NODES: dict[Any, NodeDef] = {
    cls: NodeDef(cls, *functions)
    for cls, functions in {
        tuple: _in_order(tuple),
        list: _in_order(list),
        dict: _by_key(lambda keys, children: dict(zip(keys, children, strict=True))),
        OrderedDict: _by_key(lambda keys, children: OrderedDict(zip(keys, children, strict=True))),
        namedtuple: (  # it stands for all classes that it makes
            lambda value: (list(value), type(value)),
            lambda children, cls: cls(*children),
            lambda value: ([(GetAttrKey(name), getattr(value, name)) for name in value._fields], type(value)),
        ),
        defaultdict: (
            lambda value: (list(value.values()), [value.default_factory, list(value)]),
            lambda children, context: defaultdict(context[0], zip(context[1], children, strict=True)),
            lambda value: (
                [(MappingKey(key), child) for key, child in value.items()], [value.default_factory, list(value)],
            ),
        ),
        deque: (
            lambda value: (list(value), value.maxlen),
            lambda children, length: deque(children, maxlen=length),
            lambda value: ([(SequenceKey(place), child) for place, child in enumerate(value)], value.maxlen),
        ),
    }.items()
}  # fmt: skip

BUILTIN_TYPES: set[Any] = set(SUPPORTED_NODES)
STANDARD_DICT_TYPES: set[Any] = {dict, OrderedDict, defaultdict}
"""Dictionaries that may stand for each other where structures are compared."""


def node_type(tree: Any) -> Any:
    """The class under which a tree's root is known, if it is."""
    cls = type(tree)
    if cls not in SUPPORTED_NODES and is_namedtuple_class(cls):
        return namedtuple
    return cls


def tree_is_leaf(tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether a tree is a single leaf."""
    return is_leaf is not None and is_leaf(tree) or node_type(tree) not in SUPPORTED_NODES


# --- structure --------------------------------------------------------------------------------------------------------


class TreeSpec:
    """The structure of a tree: the class of its root (None for a leaf), what is known besides, and the children's."""

    __slots__ = ("type", "_context", "_children", "num_nodes", "num_leaves", "num_children")

    type: Any

    def __init__(self, type: Any, context: Context, children_specs: list[TreeSpec]) -> None:
        if type is None and (context is not None or children_specs):
            raise AssertionError("a leaf has neither a context nor children")
        self.type = type
        self._context = context
        self._children = children_specs
        self.num_nodes: int = 1 + sum([child.num_nodes for child in children_specs])
        self.num_leaves: int = 1 if type is None else sum([child.num_leaves for child in children_specs])
        self.num_children = len(children_specs)

    @property
    def context(self) -> Context:
        return self._context

    @property
    def children_specs(self) -> list[TreeSpec]:
        warnings.warn(
            "`treespec.children_specs` is deprecated. Use `treespec.child(index)` to access a single child, or "
            "`treespec.children()` to get all children.",
            FutureWarning,
            stacklevel=2,
        )
        return self._children

    def is_leaf(self) -> bool:
        """Whether it is that of a single leaf."""
        return self.type is None

    def children(self) -> list[TreeSpec]:
        """The structures of the children."""
        return self._children.copy()

    def child(self, index: int) -> TreeSpec:
        """The structure of one child."""
        return self._children[index]

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree of this structure with the given leaves. ``ValueError`` unless there are as many as it needs."""
        given = leaves if isinstance(leaves, (list, tuple)) else list(leaves)
        if len(given) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(given)} but the spec refers to a pytree that holds "
                f"{self.num_leaves} items ({self})."
            )
        return self._made_of(iter(given))

    def _made_of(self, leaves: Iterator[Any]) -> Any:
        if self.type is None:
            return next(leaves)
        children = [child._made_of(leaves) for child in self._children]
        return SUPPORTED_NODES[self.type].unflatten_fn(children, self._context)

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """The parts of a tree that stand where this structure has leaves. ``ValueError`` if it is of another one above these."""
        parts: list[Any] = []
        self._collect(tree, parts)
        return parts

    def _collect(self, tree: Any, parts: list[Any]) -> None:
        if self.type is None:
            parts.append(tree)
            return
        for part, child in zip(self._children_of(tree), self._children, strict=True):
            child._collect(part, parts)

    def _children_of(self, tree: Any) -> Sequence[Any]:
        """The children of a tree whose root must be as here."""
        given = node_type(tree)
        if self.type in STANDARD_DICT_TYPES and given in STANDARD_DICT_TYPES:
            keys = self._context[1] if self.type is defaultdict else self._context
            if set(tree) != set(keys):
                missing, extra = set(keys).difference(tree), set(tree).difference(keys)
                raise ValueError(
                    "Node keys mismatch"
                    + (f"; missing key(s): {missing}" if missing else "")
                    + (f"; extra key(s): {extra}" if extra else "")
                    + "."
                )
            return [tree[key] for key in keys]
        kind = "Node type" if self.type in BUILTIN_TYPES else "Type"
        if given != self.type:
            raise ValueError(f"{kind} mismatch; expected {self.type!r}, but got {given!r}.")
        children, context = SUPPORTED_NODES[given].flatten_fn(tree)
        if len(children) != self.num_children:
            raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(children)}.")
        if given is not deque and context != self._context:
            raise ValueError(
                f"Node context mismatch for node type {self.type!r}; expected {self._context!r}, but got {context!r}."
            )
        return children

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (self.type, self._context, self._children) == (other.type, other._context, other._children)

    def __hash__(self) -> int:
        try:
            context = hash(self._context)
        except TypeError:  # lists of keys, and what other classes have
            context = 0
        return hash((self.type, context, tuple(self._children)))

    def __repr__(self, indent: int = 0) -> str:
        separator = ",\n" + " " * (indent + 2)
        children = separator.join([child.__repr__(indent + 2) for child in self._children])
        return f"TreeSpec({self.type.__name__}, {self._context}, [{children}])"

    def __reduce__(self) -> Any:
        return type(self), (self.type, self._context, self._children)


class LeafSpec(TreeSpec):
    """The structure of a leaf."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(None, None, [])

    def __repr__(self, indent: int = 0) -> str:
        return "*"

    def __reduce__(self) -> Any:
        return LeafSpec, ()


LEAF = LeafSpec()


# --- taking apart and putting together ------------------------------------------------------------------------------------


def tree_flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """The leaves of a tree, from the first to the last, and its structure. What ``is_leaf`` says so of is a leaf, too."""
    leaves: list[Any] = []

    def spec_of(node: Any) -> TreeSpec:
        cls = node_type(node)
        if is_leaf is not None and is_leaf(node) or cls not in SUPPORTED_NODES:
            leaves.append(node)
            return LEAF
        children, context = SUPPORTED_NODES[cls].flatten_fn(node)
        return TreeSpec(cls, context, [spec_of(child) for child in children])

    return leaves, spec_of(tree)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of a structure with the given leaves: the inverse of :func:`tree_flatten`."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            "tree_unflatten(leaves, treespec): Expected `treespec` to be instance of TreeSpec but got item of type "
            f"{type(treespec)}."
        )
    return treespec.unflatten(leaves)


def tree_iter(tree: Any, is_leaf: IsLeaf = None) -> Iterator[Any]:
    """The leaves of a tree, one by one."""
    if tree_is_leaf(tree, is_leaf):
        yield tree
        return
    for child in SUPPORTED_NODES[node_type(tree)].flatten_fn(tree)[0]:
        yield from tree_iter(child, is_leaf)


def tree_leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves of a tree."""
    return list(tree_iter(tree, is_leaf))


def tree_structure(tree: Any, is_leaf: IsLeaf = None) -> TreeSpec:
    """The structure of a tree."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """A tree like ``tree`` whose leaves are what ``func`` makes of its leaves, and of the parts of ``rests`` in their places."""
    leaves, treespec = tree_flatten(tree, is_leaf)
    return treespec.unflatten(list(map(func, leaves, *[treespec.flatten_up_to(rest) for rest in rests])))


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """Call ``func`` as :func:`tree_map` does, for what it does; returns ``tree``."""
    leaves, treespec = tree_flatten(tree, is_leaf)
    for _ in map(func, leaves, *[treespec.flatten_up_to(rest) for rest in rests]):
        pass
    return tree


def broadcast_to(tree: Any, treespec: TreeSpec, is_leaf: IsLeaf = None) -> list[Any] | None:
    """A leaf for each leaf of a structure: those of ``tree``, which may end earlier, for all below. None if it differs."""
    full = treespec.unflatten([0] * treespec.num_leaves)
    leaves, above = tree_flatten(tree, is_leaf)
    try:
        parts = above.flatten_up_to(full)
    except ValueError:
        return None
    return [leaf for leaf, part in zip(leaves, parts) for _ in tree_iter(part, is_leaf)]
