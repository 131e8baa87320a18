"""Writes ``flambeau/ops/recording_paths.py``: recording a primitive of one, two or three operands, unrolled.

Recording is what every operation pays, so reading an operand's node, following the trace, making the result and its history
are written out in line. They are written here once, for any number of operands.

Other threads come in at calls. So a tensor's node and view are read in one go, and so are whether a node is of this trace and at
which place (another thread may close the trace, and have the node enter its own)::

    python -m tools.recording_paths           # writes the file
    python -m tools.recording_paths --check   # fails if the file is not what would be written
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent

TARGET = Path(__file__).parent.parent / "flambeau" / "ops" / "recording_paths.py"

HEAD = '''"""From tensors to recorded nodes, for one, two and three operands: the path that every operation takes, unrolled.

Written by ``tools/recording_paths.py``: change that, and run it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..core.history import CROSSWISE, NOTHING, RESULT, Gradient, sequence
from ..core.tensor import Tensor
from ..graph.bounds import LARGEST, SMALLEST, whole_number
from ..graph.meta import on_meta
from ..graph.primitives import COPY, Primitive
from ..graph.sites import user_site
from ..graph.trace import Node, OnMeta, enter, local, new_step, number_kind, overflow
from .dispatch import NUMBERS, beside, in_memory_order, not_a_tensor, operand

_new = object.__new__
'''

ONE = '''
def unary(primitive: Primitive, x: Tensor, gradient: type[Gradient] | None = None, attributes: Any = None) -> Tensor:
    """Record a primitive of one tensor; ``gradient`` is attached when the tensor is tracked."""
    trace = local.trace
    try:
        storage = x._storage
    except AttributeError:
        raise not_a_tensor(sys._getframe(1).f_code.co_name, input=x) from None
    node_x: Any = x._node if storage is None else x._read()
    view_x = x._view
    if node_x.trace is not trace:
        node_x = enter(trace, node_x)
    place_x: Any = node_x.place
    seen_x = view_x if view_x is None else view_x.moved
    tracked_x = x._tracked
'''

SEVERAL = '''
def {name}(
    primitive: Primitive, {parameters}, gradient: type[Gradient] | None = None, attributes: Any = None,
    context: Any = None,
) -> Tensor:  # fmt: skip
    """Record a primitive of {count} operands, each a tensor or a Python number (at least one a tensor)."""
    trace = local.trace
'''

#: An operand that is a tensor, most often.
TENSOR_FIRST = """
if isinstance({x}, Tensor):
    node_{x}: Any = {x}._node if {x}._storage is None else {x}._read()
    view_{x} = {x}._view
    if node_{x}.trace is not trace:
        node_{x} = enter(trace, node_{x})
    place_{x}: Any = node_{x}.place
    seen_{x} = view_{x} if view_{x} is None else view_{x}.moved
    tracked_{x} = {x}._tracked
else:
    node_{x} = {x} = operand({x})
    if type({x}) is int and not SMALLEST <= {x} <= LARGEST:
        return {again}
    view_{x} = seen_{x} = None
    place_{x} = number_kind({x})
    tracked_{x} = False
"""

#: One that may well be a number.
NUMBER_FIRST = """
kind = type({x})
if kind is float:
    node_{x}: Any = {x}
    view_{x} = seen_{x} = None
    place_{x}: Any = "f"
    tracked_{x} = False
elif kind is int:
    if not SMALLEST <= {x} <= LARGEST:
        return {again}
    node_{x} = {x}
    view_{x} = seen_{x} = None
    place_{x} = "i"
    tracked_{x} = False
elif isinstance({x}, Tensor):
    node_{x} = {x}._node if {x}._storage is None else {x}._read()
    view_{x} = {x}._view
    if node_{x}.trace is not trace:
        node_{x} = enter(trace, node_{x})
    place_{x} = node_{x}.place
    seen_{x} = view_{x} if view_{x} is None else view_{x}.moved
    tracked_{x} = {x}._tracked
else:
    node_{x} = {x} = operand({x})
    view_{x} = seen_{x} = None
    place_{x} = number_kind({x})
    tracked_{x} = False
"""

ORDER = """
if {strided} and primitive.kind == "map"{but}:
    ordered = in_memory_order(primitive, {operands}, gradient, attributes{context})
    if ordered is not None:
        return ordered
"""

STEP = """
key = (primitive, attributes, {keys})
step = trace.cursor.next.get(key)
if step is None:
    spelled = {pairs}
    step = new_step(trace, key, primitive, attributes, spelled, {nodes})
"""

LATE = """
if primitive.late:
    trace.sites[step.depth - 1] = user_site()
given: tuple[Any, ...] = ()
"""

GIVEN = """
if seen_{x} is not view_{x}:
    given += (view_{x}.offset,)  # type: ignore[union-attr]
elif type(place_{x}) is str:
    given += (node_{x},)
"""

RESULT = """
value = _new(Node)
value.shape = step.shape
value.dtype = step.dtype
value.trace = trace
value.place = step.depth - 1
value.buffer = None
{numbers}
trace.nodes += (value,)
trace.cursor = step
if step.mark >= trace.limit:
    value = overflow(trace, value, step)
result = _new(Tensor)
result._node = value
result._storage = None
result._view = None
result._autograd = None
"""

HISTORY = """
if {tracked} and gradient is not None and local.grad:
    history = _new(gradient)
    history.edges = {edges}
    saves = gradient.saves
    if saves == NOTHING:
        history.saved = ()
{saved}
    history.shape = value.shape
    history.dtype = value.dtype
    history.sequence = sequence()
    history.attached = None
    history.context = {kept}
    result._tracked = True
    result._gradient = history
    if local.watched:
        history.observe()
else:
    result._tracked = False
    result._gradient = None
return result
"""


def function(name: str, operands: str) -> str:
    """The text of one of them."""
    alone = len(operands) == 1

    def each(text: str, between: str = ", ") -> str:
        return between.join(text.format(x=x) for x in operands)

    def tuple_of(text: str) -> str:
        return f"({each(text)}{',' if alone else ''})"

    strided = "view_{x} is not None and not view_{x}.contiguous"
    pairs = tuple_of("(node_{x}, view_{x})")
    edge = "({x}._gradient or {x}) if tracked_{x} else None"
    parts = []
    if alone:
        text = ONE
        numbers = "if seen_x is not view_x:\n    trace.numbers += (view_x.offset,)  # type: ignore[union-attr]"
        saved = f"elif saves == RESULT:\n    history.saved = ((value, None),)\nelse:\n    history.saved = {pairs}"
    else:
        text = SEVERAL.format(name=name, parameters=each("{x}: Any"), count={2: "two", 3: "three"}[len(operands)])
        for x in operands:
            others = "".join(f"{o}, " for o in operands if o != x).removesuffix(" " if len(operands) == 2 else ", ")
            whole = ", ".join(f"_whole({x}, ({others}))" if o == x else o for o in operands)
            again = f"{name}(primitive, {whole}, gradient, attributes, context)"
            parts.append((TENSOR_FIRST if x == operands[0] else NUMBER_FIRST).format(x=x, again=again))
        numbers = "trace.numbers += given"
        nodes = each("(node_{x}, view_{x})")
        saved = f"elif saves == RESULT:\n    history.saved = ({nodes}, (value, None))\nelse:\n    history.saved = {pairs}"
        if len(operands) == 2:
            crosswise = "(node_a if tracked_b else None, view_a), (node_b if tracked_a else None, view_b)"
            saved = f"elif saves == CROSSWISE:\n    history.saved = ({crosswise})\n{saved}"
    parts += [
        ORDER.format(
            strided=strided.format(x="x") if alone else "(\n    " + each(strided, "\n    or ") + "\n)",
            but=" and primitive is not COPY" if alone else "",
            operands=tuple_of("{x}"),
            context="" if alone else ", context",
        ),
        STEP.format(keys=each("place_{x}, seen_{x}"), pairs=tuple_of("(place_{x}, seen_{x})"), nodes=tuple_of("node_{x}")),
    ]
    if not alone:
        parts += [LATE, *(GIVEN.format(x=x) for x in operands)]
    tracked = each("tracked_{x}", " or ")
    parts.append(
        RESULT.format(numbers=numbers)
        + HISTORY.format(
            tracked=tracked if alone else f"({tracked})",
            edges="(x._gradient or x,)" if alone else f"(\n        {each(edge, ',' + chr(10) + 8 * ' ')},\n    )",
            saved=indent(saved, "    "),
            kept="attributes" if alone else "attributes if context is None else context",
        )
    )
    whole_text = text + indent("".join(part.lstrip("\n") for part in parts), "    ")
    quotes = '"""\n'
    head, _, body = whole_text.rpartition(quotes)
    context = "" if alone else ", context"
    again = f"on_meta({name}, primitive, {each('{x}')}, gradient, attributes{context})"
    return f"{head}{quotes}    try:\n{indent(body, '    ')}    except OnMeta:\n        return {again}\n"


OPERATOR = '''
def not_its_own(name: str, value: Any) -> TypeError:
    """The error where an operator's function was called itself, with something else in the tensor's place."""
    kind = type(value).__name__
    return TypeError(f"descriptor '{{name}}' for 'torch._C.TensorBase' objects doesn't apply to a '{{kind}}' object")


def recorded_operator(primitive: Primitive, gradient: type[Gradient]) -> Callable[[Tensor, Any], Any]:
    """An operator that records one primitive; two tensors without views and without history take the shortest way."""

    def operator(a: Tensor, b: Any) -> Any:
        kind = type(b)
        if kind is Tensor:
            try:
                if a._storage is not None or b._storage is not None or a._tracked or b._tracked:
                    return binary(primitive, a, b, gradient)
                node_a, node_b = a._node, b._node
            except AttributeError:
                if isinstance(a, Tensor):
                    raise
                raise not_its_own(operator.__name__, a) from None
        elif kind is float or kind is int or isinstance(b, Tensor):
            try:
                a._tracked  # a number has none  # noqa: B018
                return binary(primitive, a, b, gradient)
            except AttributeError:  # a kind of tensor that is no value of its own
                if not isinstance(a, Tensor):
                    raise not_its_own(operator.__name__, a) from None
                if (result := beside(primitive.name, a, b)) is NotImplemented:
                    raise
                return result
        elif isinstance(b, NUMBERS):
            return binary(primitive, a, operand(b), gradient)
        else:
            return beside(primitive.name, a, b)
        try:
            trace = local.trace
{read}            key = (primitive, place_a, place_b)
            step = trace.cursor.next.get(key)
            if step is None:
                step = new_step(trace, key, primitive, None, ((place_a, None), (place_b, None)), (node_a, node_b))
{result}            result._tracked = False
            result._gradient = None
            return result
        except OnMeta:
            return on_meta(binary, primitive, a, b, gradient)

    return operator
'''

READ = """
if node_{x}.trace is not trace:
    node_{x} = enter(trace, node_{x})
place_{x} = node_{x}.place
"""


def operator() -> str:
    """The text of the maker of operators."""
    read = "".join(READ.format(x=x).lstrip("\n") for x in "ab")
    result = RESULT.format(numbers="").lstrip("\n").replace("\n\n", "\n")
    return OPERATOR.format(read=indent(read, 12 * " "), result=indent(result, 12 * " "))


WHOLE = '''
def _whole(number: int, others: tuple[Any, ...]) -> float:
    """A whole number beyond 64 bits, as the first tensor beside it would have it."""
    return whole_number(number, next((other.dtype for other in others if isinstance(other, Tensor)), None))
'''


def written() -> dict[Path, str]:
    """The file, and its text."""
    functions = [function("unary", "x"), function("binary", "ab"), function("ternary", "abc")]
    return {TARGET: HEAD + "\n" + "\n\n".join([*functions, operator(), WHOLE]).replace("\n\n\n\n", "\n\n\n")}


def main() -> None:
    text = written()[TARGET]
    if "--check" in sys.argv:
        if TARGET.read_text() != text:
            sys.exit(f"{TARGET} is not what tools/recording_paths.py writes")
    else:
        TARGET.write_text(text)


if __name__ == "__main__":
    main()
