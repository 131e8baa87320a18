"""Trees of containers under PyTorch's names: mapping over leaves, key paths, registration of classes, structures as text.

The trees themselves are in :mod:`flambeau.interpreter.trees`.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple

from ..interpreter import trees
from ..interpreter.trees import (
    BUILTIN_TYPES,
    LEAF,
    STANDARD_DICT_TYPES,
    SUPPORTED_NODES,
    Context,
    GetAttrKey,
    IsLeaf,
    LeafSpec,
    MappingKey,
    NodeDef,
    SequenceKey,
    TreeSpec,
    is_namedtuple,
    is_namedtuple_class,
    is_namedtuple_instance,
    is_structseq,
    is_structseq_class,
    is_structseq_instance,
    tree_flatten,
    tree_is_leaf,
    tree_iter,
    tree_leaves,
    tree_map,
    tree_map_,
    tree_structure,
    tree_unflatten,
)

for _public in (TreeSpec, LeafSpec, NodeDef, SequenceKey, MappingKey, GetAttrKey):
    _public.__module__ = __name__

PyTree = Any
PyTreeSpec = TreeSpec
KeyPath = tuple[Any, ...]
_LEAF_SPEC = LEAF
_get_node_type = trees.node_type
_broadcast_to_and_flatten = trees.broadcast_to
_is_leaf = tree_is_leaf
_is_namedtuple_instance = is_namedtuple_instance


def treespec_leaf() -> LeafSpec:
    """The structure of a leaf."""
    return LEAF


def treespec_tuple(iterable: Iterable[TreeSpec] = (), /) -> TreeSpec:
    """The structure of a tuple of trees."""
    return TreeSpec(tuple, None, list(iterable))


def treespec_dict(mapping: Any = (), /, **keywords: TreeSpec) -> TreeSpec:
    """The structure of a dictionary of trees."""
    specs = dict(mapping, **keywords)
    return TreeSpec(dict, list(specs), list(specs.values()))


# --- some leaves only -------------------------------------------------------------------------------------------------


def _predicate(types: Any) -> Callable[[Any], bool]:
    """What tells whether a leaf is meant: one of some types, or what a function says so of."""
    if isinstance(types, (type, tuple)) or hasattr(types, "__args__"):
        return lambda leaf: isinstance(leaf, types)
    if callable(types):
        return types  # type: ignore[no-any-return]
    raise TypeError("Argument must be a type, a tuple of types, or a callable.")


def map_only(type_or_types_or_pred: Any, /) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Decorator: the function is called with what is of the types (or of which the predicate holds); all else stays."""
    meant = _predicate(type_or_types_or_pred)
    return lambda func: lambda leaf: func(leaf) if meant(leaf) else leaf


def tree_map_only(
    type_or_types_or_pred: Any, /, func: Callable[[Any], Any], tree: PyTree, is_leaf: IsLeaf = None
) -> PyTree:
    """:func:`tree_map` of the leaves that are of the types (or of which the predicate holds); others stay."""
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(
    type_or_types_or_pred: Any, /, func: Callable[[Any], Any], tree: PyTree, is_leaf: IsLeaf = None
) -> PyTree:
    """:func:`tree_map_` of the leaves that are of the types (or of which the predicate holds)."""
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    """Whether the predicate holds for all leaves."""
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    """Whether the predicate holds for a leaf."""
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(
    type_or_types: Any, /, pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None
) -> bool:
    """Whether the predicate holds for all leaves that are of the types."""
    return all(pred(leaf) for leaf in tree_iter(tree, is_leaf) if isinstance(leaf, type_or_types))


def tree_any_only(
    type_or_types: Any, /, pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None
) -> bool:
    """Whether the predicate holds for a leaf that is of the types."""
    return any(pred(leaf) for leaf in tree_iter(tree, is_leaf) if isinstance(leaf, type_or_types))


def arg_tree_leaves(*args: PyTree, **kwargs: PyTree) -> list[Any]:
    """The leaves of a call's arguments."""
    return tree_leaves((args, list(kwargs.values())))


# --- key paths --------------------------------------------------------------------------------------------------------


def _with_paths(path: KeyPath, tree: PyTree, is_leaf: IsLeaf) -> Iterable[tuple[KeyPath, Any]]:
    if tree_is_leaf(tree, is_leaf):
        yield path, tree
        return
    cls = trees.node_type(tree)
    with_keys = SUPPORTED_NODES[cls].flatten_with_keys_fn
    if with_keys is None:
        raise ValueError(
            f"Did not find a flatten_with_keys_fn for type: {cls}. Please pass a flatten_with_keys_fn argument to "
            "register_pytree_node."
        )
    for key, child in with_keys(tree)[0]:
        yield from _with_paths((*path, key), child, is_leaf)


def tree_leaves_with_path(tree: PyTree, is_leaf: IsLeaf = None) -> list[tuple[KeyPath, Any]]:
    """Pairs of a path of keys and the leaf to which it leads."""
    return list(_with_paths((), tree, is_leaf))


def tree_flatten_with_path(tree: PyTree, is_leaf: IsLeaf = None) -> tuple[list[tuple[KeyPath, Any]], TreeSpec]:
    """:func:`tree_flatten` with the path to each leaf."""
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None) -> PyTree:
    """:func:`tree_map` with the path to each leaf as the first argument."""
    leaves, treespec = tree_flatten_with_path(tree, is_leaf)
    others = [treespec.flatten_up_to(rest) for rest in rests]
    return treespec.unflatten([func(path, leaf, *rest) for (path, leaf), *rest in zip(leaves, *others, strict=True)])


def keystr(kp: KeyPath) -> str:
    """A path of keys as it is written in Python."""
    return "".join(map(str, kp))


def key_get(obj: Any, kp: KeyPath) -> Any:
    """What a path of keys leads to."""
    for key in kp:
        obj = key.get(obj)
    return obj


# --- classes of containers --------------------------------------------------------------------------------------------


class _Text(NamedTuple):
    """How a class is told in the text of a structure, and what it has besides its children."""

    name: str | None
    write: Callable[[Context], Any] | None
    read: Callable[[Any], Context] | None


_texts: dict[Any, _Text] = {}


def register_pytree_node(
    cls: type,
    flatten_fn: Callable[[Any], tuple[list[Any], Context]],
    unflatten_fn: Callable[[Iterable[Any], Context], Any],
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: Callable[[Context], Any] | None = None,
    from_dumpable_context: Callable[[Any], Context] | None = None,
    flatten_with_keys_fn: Callable[[Any], tuple[list[tuple[Any, Any]], Context]] | None = None,
) -> None:
    """Have a class be one of containers: ``flatten_fn`` gives the children and a context, ``unflatten_fn`` makes it of them.

    ``ValueError`` if it is known already, or if only one of the functions for the context's text is given.
    """
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    _register(
        cls, flatten_fn, unflatten_fn, flatten_with_keys_fn,
        _Text(serialized_type_name, to_dumpable_context, from_dumpable_context),
    )  # fmt: skip


def _register(cls: type, flatten: Any, unflatten: Any, with_keys: Any, text: _Text) -> None:
    if (text.write is None) != (text.read is None):
        raise ValueError(
            f"Both to_dumpable_context and from_dumpable_context for {cls} must be None or registered."
        )
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten, unflatten, with_keys)
    _texts[cls] = text


def _private_register_pytree_node(cls: type, flatten_fn: Any, unflatten_fn: Any, **options: Any) -> None:
    """:func:`register_pytree_node` for a class that may be known already."""
    SUPPORTED_NODES.pop(cls, None)
    register_pytree_node(cls, flatten_fn, unflatten_fn, **options)


_register_pytree_node = _private_register_pytree_node


def _deregister_pytree_node(cls: type) -> None:
    """Have a class be one of leaves again."""
    del SUPPORTED_NODES[cls]
    _texts.pop(cls, None)


def _register_namedtuple(cls: type, *, serialized_type_name: str) -> None:
    """Have a class of named tuples be known by a name of its own in texts. (As containers they are known anyway.)"""
    flatten, unflatten, with_keys = SUPPORTED_NODES[namedtuple][1:]
    _register(cls, flatten, unflatten, with_keys, _Text(serialized_type_name, lambda _: None, lambda _: cls))


def register_dataclass(
    cls: type, *, field_names: list[str] | None = None, drop_field_names: list[str] | None = None,
    serialized_type_name: str | None = None,
) -> None:  # fmt: skip
    """Have a data class (or one that is made by keyword of ``field_names``) be one of containers; fields that are None stay."""
    if dataclasses.is_dataclass(cls):
        declared = {f.name for f in dataclasses.fields(cls) if f.init}.difference(drop_field_names or ())
        if field_names is None:
            field_names = [f.name for f in dataclasses.fields(cls) if f.init]
        elif declared != set(field_names):
            raise ValueError(
                "field_names does not include all dataclass fields.\n"
                f"Missing fields in `field_names`: {declared.difference(field_names)}, unexpected fields: "
                f"{set(field_names).difference(declared)}. Fields that are to be left out belong into `drop_field_names`."
            )
    elif field_names is None:
        raise ValueError(
            f"field_names must be specified with a list of all fields used to initialize {cls}, as it is not a dataclass."
        )
    names = list(field_names)

    def flatten(value: Any) -> tuple[list[Any], Context]:
        given = [name for name in names if getattr(value, name) is not None]
        return [getattr(value, name) for name in given], [given, [name for name in names if name not in given]]

    def unflatten(children: Iterable[Any], context: Context) -> Any:
        given, absent = context
        return cls(**dict(zip(given, children, strict=True)), **dict.fromkeys(absent))

    def with_keys(value: Any) -> tuple[list[tuple[Any, Any]], Context]:
        children, context = flatten(value)
        return [(GetAttrKey(name), child) for name, child in zip(context[0], children)], context

    _register(cls, flatten, unflatten, with_keys, _Text(serialized_type_name, None, None))


@dataclasses.dataclass(frozen=True, slots=True)
class ConstantNode:
    """What a constant leaves of itself in the structure: all of it."""

    value: Any


CONSTANT_NODES: set[type] = set()


def register_constant(cls: type) -> None:
    """Have objects of a class belong to the structure: trees of them have no leaves. They must be comparable and hashable."""
    if cls.__eq__ is object.__eq__:  # type: ignore[comparison-overlap]
        raise TypeError("register_constant(cls) expects `cls` to have a non-default `__eq__` implementation.")
    if cls.__hash__ is None:
        raise TypeError("register_constant(cls) expects `cls` to have a non-default `__hash__` implementation.")

    def kept(value: Any) -> tuple[list[Any], ConstantNode]:
        return [], ConstantNode(value)

    _register(cls, kept, lambda _, context: context.value, kept, _Text(None, None, None))
    CONSTANT_NODES.add(cls)


def is_constant_class(cls: type) -> bool:
    """Whether :func:`register_constant` knows a class."""
    return isinstance(cls, type) and cls in CONSTANT_NODES


def _is_constant_holder(spec: TreeSpec) -> bool:
    return isinstance(spec._context, ConstantNode)


def _retrieve_constant(spec: TreeSpec) -> Any:
    return tree_unflatten([], spec)


# --- structures as text -----------------------------------------------------------------------------------------------


def _written_class(cls: Any) -> dict[str, str]:
    return {"class_module": cls.__module__, "class_name": cls.__qualname__}


def _read_class(told: Any) -> Any:
    found = importlib.import_module(told["class_module"])
    for name in told["class_name"].split("."):
        found = getattr(found, name)
    return found


def _no_text(_: Any) -> Any:
    raise NotImplementedError(
        "A namedtuple's class has a text only if it was registered by _register_namedtuple(serialized_type_name=...)."
    )


_texts.update(
    {
        tuple: _Text("builtins.tuple", None, None),
        list: _Text("builtins.list", None, None),
        dict: _Text("builtins.dict", None, None),
        namedtuple: _Text("collections.namedtuple", _no_text, _no_text),
        OrderedDict: _Text("collections.OrderedDict", None, None),
        deque: _Text("collections.deque", None, None),
        defaultdict: _Text(
            "collections.defaultdict",
            lambda context: {"factory": context[0] and _written_class(context[0]), "keys": context[1]},
            lambda told: [told["factory"] and _read_class(told["factory"]), told["keys"]],
        ),
    }
)


class EnumEncoder(json.JSONEncoder):
    """Writes members of enumerations by their names."""

    def default(self, obj: object) -> Any:
        if isinstance(obj, Enum):
            return {"__enum__": True, "fqn": f"{type(obj).__module__}:{type(obj).__qualname__}", "name": obj.name}
        return super().default(obj)


def enum_object_hook(obj: dict[str, Any]) -> Any:
    """Reads what :class:`EnumEncoder` has written."""
    if "__enum__" not in obj:
        return obj
    module, _, name = obj["fqn"].partition(":")
    return _read_class({"class_module": module, "class_name": name})[obj["name"]]


_PROTOCOL = 1


def _told(spec: TreeSpec) -> dict[str, Any]:
    if spec.is_leaf():
        return {"type": None, "context": None, "children_spec": []}
    text = _texts.get(spec.type, _Text(None, None, None))
    if text.name is None:
        raise NotImplementedError(
            f"No registered serialization name for {spec.type} found. Please update your register_pytree_node call with a "
            "`serialized_type_name` kwarg."
        )
    context = json.dumps(spec._context, cls=EnumEncoder) if text.write is None else text.write(spec._context)
    return {"type": text.name, "context": context, "children_spec": [_told(child) for child in spec._children]}


def _understood(told: Any) -> TreeSpec:
    if told["type"] is None:
        return LEAF
    for cls, text in _texts.items():
        if text.name == told["type"]:
            given = told["context"]
            context = json.loads(given, object_hook=enum_object_hook) if text.read is None else text.read(given)
            return TreeSpec(cls, context, [_understood(child) for child in told["children_spec"]])
    raise NotImplementedError(f"Deserializing {told['type']} in pytree is not registered.")


def treespec_dumps(treespec: TreeSpec, protocol: int | None = None) -> str:
    """A structure as text (JSON). ``NotImplementedError`` for classes that were registered without a name for it."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"treespec_dumps(treespec): Expected a TreeSpec but got item of type {type(treespec)}.")
    if protocol not in (None, _PROTOCOL):
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [{_PROTOCOL}]")
    return json.dumps((_PROTOCOL, _told(treespec)), cls=EnumEncoder)


def treespec_loads(serialized: str) -> TreeSpec:
    """The structure that :func:`treespec_dumps` has written."""
    protocol, told = json.loads(serialized)
    if protocol != _PROTOCOL:
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [{_PROTOCOL}]")
    return _understood(told)


class _Asterisk:
    def __repr__(self) -> str:
        return "*"


def treespec_pprint(treespec: TreeSpec) -> str:
    """A structure as a tree of it with asterisks for leaves is shown."""
    return repr(treespec.unflatten([_Asterisk()] * treespec.num_leaves))


__all__ = [
    "BUILTIN_TYPES", "CONSTANT_NODES", "STANDARD_DICT_TYPES", "SUPPORTED_NODES", "ConstantNode", "Context", "EnumEncoder",
    "GetAttrKey", "KeyPath", "LeafSpec", "MappingKey", "NodeDef", "PyTree", "PyTreeSpec", "SequenceKey", "TreeSpec",
    "arg_tree_leaves", "enum_object_hook", "is_constant_class", "is_namedtuple", "is_namedtuple_class",
    "is_namedtuple_instance", "is_structseq", "is_structseq_class", "is_structseq_instance", "key_get", "keystr", "map_only",
    "register_constant", "register_dataclass", "register_pytree_node", "tree_all", "tree_all_only", "tree_any",
    "tree_any_only", "tree_flatten", "tree_flatten_with_path", "tree_is_leaf", "tree_iter", "tree_leaves",
    "tree_leaves_with_path", "tree_map", "tree_map_", "tree_map_only", "tree_map_only_", "tree_map_with_path",
    "tree_structure", "tree_unflatten", "treespec_dict", "treespec_dumps", "treespec_leaf", "treespec_loads",
    "treespec_pprint", "treespec_tuple",
]  # fmt: skip
