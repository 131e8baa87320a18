"""Trees of containers beside PyTorch's."""

from __future__ import annotations

import pickle
import time
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import pytest
import torch.utils._pytree as theirs

import flambeau.utils._pytree as ours


class Pair(NamedTuple):
    a: Any
    b: Any


Point = namedtuple("Point", "x y")
TREES = [
    1, None, (1, [2, {"a": 3, "b": (4,)}], OrderedDict(x=1)), Pair(1, [2]), Point(x=(1, 2), y=None), deque([1, 2], maxlen=3),
    defaultdict(list, a=1, b=[2, 3]), [], {}, ((), {"k": ()}), {"b": 1, "a": [2, (3, {"c": 4})]}, "text", [time.gmtime(0)],
]  # fmt: skip
INDICES = range(len(TREES))


@pytest.mark.parametrize("tree", INDICES)
def test_structures(tree: int) -> None:
    given = TREES[tree]
    (leaves, spec), (other, expected) = ours.tree_flatten(given), theirs.tree_flatten(given)
    assert leaves == other and str(spec) == str(expected)
    assert [spec.num_nodes, spec.num_leaves] == [expected.num_nodes, expected.num_leaves]
    assert spec.num_children == expected.num_children == len(spec.children())
    assert spec.is_leaf() == expected.is_leaf() and ours.treespec_pprint(spec) == theirs.treespec_pprint(expected)
    made = ours.tree_unflatten(leaves, spec)
    assert made == given and type(made) is type(given)
    assert pickle.loads(pickle.dumps(spec)) == spec == ours.tree_structure(made) and hash(spec) == hash(ours.tree_structure(made))
    assert ours.tree_map(str, given) == theirs.tree_map(str, given)
    assert ours.tree_map_only(int, lambda n: n + 1, given) == theirs.tree_map_only(int, lambda n: n + 1, given)
    assert ours.tree_map_only(lambda n: n == 2, str, given) == theirs.tree_map_only(lambda n: n == 2, str, given)
    assert ours.tree_leaves(given, is_leaf=lambda t: isinstance(t, dict)) == theirs.tree_leaves(
        given, is_leaf=lambda t: isinstance(t, dict)
    )
    paths, expected_paths = ours.tree_leaves_with_path(given), theirs.tree_leaves_with_path(given)
    assert [(ours.keystr(p), x) for p, x in paths] == [(theirs.keystr(p), x) for p, x in expected_paths]
    assert [ours.key_get(given, path) for path, _ in paths] == leaves
    assert ours.tree_map_with_path(lambda p, x: len(p), given) == theirs.tree_map_with_path(lambda p, x: len(p), given)
    assert ours.tree_any(lambda x: x == 3, given) == theirs.tree_any(lambda x: x == 3, given)
    assert ours.tree_all_only(int, lambda x: x < 3, given) == theirs.tree_all_only(int, lambda x: x < 3, given)


@pytest.mark.parametrize("tree", INDICES)
def test_texts(tree: int) -> None:
    spec, expected = ours.tree_structure(TREES[tree]), theirs.tree_structure(TREES[tree])
    try:
        text = theirs.treespec_dumps(expected)
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            ours.treespec_dumps(spec)
        return
    assert ours.treespec_loads(ours.treespec_dumps(spec)) == spec
    if "defaultdict" not in text:
        assert ours.treespec_dumps(spec) == text


PREFIXES = [
    (0, (1, 2)), ((0, None), (1, [2, 3])), ([0], (1,)), ((0, 1), (1, 2, 3)), ({"a": 0}, {"a": (1, 2)}), ({"a": 0}, {"b": 1}),
    (OrderedDict(a=0), {"a": 1}), (Pair(0, 1), Pair([1, 1], 2)), (Pair(0, 1), Point(1, 2)), (deque([0]), deque([1], maxlen=2)),
]  # fmt: skip


@pytest.mark.parametrize(("prefix", "tree"), PREFIXES)
def test_parts(prefix: Any, tree: Any) -> None:
    results = []
    for library in (theirs, ours):
        spec = library.tree_structure(prefix)
        try:
            results.append(spec.flatten_up_to(tree))
        except ValueError as error:
            results.append(str(error)[:20])
        results.append(library._broadcast_to_and_flatten(prefix, library.tree_structure(tree)))
    assert results[:2] == results[2:]


class Box:
    def __init__(self, content: Any, label: str = "") -> None:
        self.content, self.label = content, label


class Colour(Enum):
    RED = 1


def test_classes_of_containers() -> None:
    for library in (theirs, ours):
        content = library.GetAttrKey("content")

        class Own(Box):
            pass

        library.register_pytree_node(
            Own, lambda box: ([box.content], box.label), lambda parts, label, own=Own: own(*parts, label),
            serialized_type_name="tests.Own", flatten_with_keys_fn=lambda box, key=content: ([(key, box.content)], box.label),
        )  # fmt: skip
        with pytest.raises(ValueError, match="already registered"):
            library.register_pytree_node(Own, lambda b: ([], None), lambda c, _: None)
        spec = library.tree_structure([Own((1, 2), Colour.RED)])
        assert library.treespec_loads(library.treespec_dumps(spec)) == spec
        made = library.tree_map(lambda n: n * 2, Own((1, 2), "k"))
        assert made.content == (2, 4) and made.label == "k"
        assert [library.keystr(path) for path, _ in library.tree_leaves_with_path(Own([7]))] == [".content[0]"]

        @dataclass
        class Record:
            first: Any
            second: Any = None

        library.register_dataclass(Record)
        assert library.tree_map(str, Record(1, [2])) == Record("1", ["2"])
        assert library.tree_leaves(Record(1)) == [1]

        @dataclass(frozen=True)
        class Constant:
            name: str

        library.register_constant(Constant)
        leaves, spec = library.tree_flatten([Constant("a"), 3])
        assert leaves == [3] and library.tree_unflatten([4], spec) == [Constant("a"), 4] and library.is_constant_class(Constant)
        with pytest.raises(TypeError, match="non-default"):
            library.register_constant(Box)


def test_mistakes() -> None:
    spec = ours.tree_structure([1, 2])
    with pytest.raises(ValueError, match=r"`leaves` has length 1 but the spec refers to a pytree that holds 2 items"):
        ours.tree_unflatten([1], spec)
    with pytest.raises(TypeError, match="to be instance of TreeSpec"):
        ours.tree_unflatten([1], [1])
    with pytest.warns(FutureWarning, match="children_specs"):
        assert spec.children_specs == spec.children()
