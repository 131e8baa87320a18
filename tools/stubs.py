"""Writes what type checkers and editors know of operations: stubs with the signature of every one.

Operations are exported from their registry when the package is imported, which no checker sees. The stubs say the same::

    python -m tools.stubs           # writes the files
    python -m tools.stubs --check   # fails if a file is not what would be written
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flambeau
import flambeau.nn.functional

PACKAGE = Path(flambeau.__file__).parent
METHODS, FUNCTIONS = PACKAGE / "core" / "methods.pyi", PACKAGE / "functions.pyi"
FUNCTIONAL = PACKAGE / "nn" / "functional" / "functions.pyi"

HEAD = '''"""{what}

Written by ``tools/stubs.py``: change that, and run it.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from {core}.tensor import Tensor
from {graph}.dtypes import dtype as DType
from {graph}.shapes import Size
'''

TYPES = """
# Tensors have methods of these names.
_bool: TypeAlias = bool
_float: TypeAlias = float
_int: TypeAlias = int

Scalar: TypeAlias = _float | Tensor
Sizes: TypeAlias = _int | Sequence[_int]
Dims: TypeAlias = _int | Sequence[_int] | None
Tensors: TypeAlias = Sequence[Tensor]
"""

OTHERWISE = {"dtype_type": "DType", "dtypes.dtype": "DType", "Generator": "Any", "Reduction": "str", "Flag": "bool | None"}
"""What annotations are that mean something in their own file alone."""

KNOWN = {"Any", "Callable", "DType", "Dims", "Scalar", "Sequence", "Size", "Sizes", "Tensor", "Tensors"}
KNOWN |= {"None", "bool", "float", "int", "str", "tuple"}


def head(what: str, core: str, graph: str) -> str:
    """How a stub begins; ``core`` and ``graph`` are where these packages are from there."""
    return HEAD.format(what=what, core=core, graph=graph) + TYPES


def annotation(text: Any) -> str:
    """The type that a parameter (or a result) has for a checker; what is no name here is anything."""
    if text is inspect.Parameter.empty:
        return "Any"
    parts = dict.fromkeys(OTHERWISE.get(part, part) for part in str(text).split(" | "))
    made = " | ".join(parts)
    if not KNOWN.issuperset(re.findall(r"\w+", made)):
        return "Any"
    return re.sub(r"\b(bool|float|int)\b", r"_\1", made)


def default(value: Any) -> str:
    return repr(value) if value is None or type(value) in (bool, int, float, str) and value == value else "..."


def parameters(function: Any, method: bool) -> list[str]:
    """The parameters of an operation."""
    texts, starred = [], False
    for place, p in enumerate(inspect.signature(function).parameters.values()):
        if method and place == 0:
            texts.append("self")
            continue
        if p.kind is p.KEYWORD_ONLY and not starred:
            texts.append("*")
        starred = starred or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        kind = "*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else ""
        given = "" if p.default is p.empty else f" = {default(p.default)}"
        texts.append(f"{kind}{p.name}: {annotation(p.annotation)}{given}")
    return texts


def declared(name: str, function: Any, method: bool) -> str:
    indent = "    " if method else ""
    returns = annotation(inspect.signature(function).return_annotation)
    return f"{indent}def {name}({', '.join(parameters(function, method))}) -> {returns}: ...\n"


def operations(names: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The operations among what has names, as they are exported."""
    return [(name, f) for name, f in sorted(names.items()) if hasattr(f, "__checked__") and not name.startswith("_")]


def written() -> dict[Path, str]:
    """The stubs: {file: its text}."""
    methods = "".join(declared(name, f, True) for name, f in operations(vars(flambeau.Tensor)))
    exported = {name: getattr(flambeau, name, None) for name in dir(flambeau)}  # those looked up when first used, too
    functions = "".join(declared(name, f, False) for name, f in operations(exported))
    functional = "".join(declared(name, f, False) for name, f in operations(vars(flambeau.nn.functional)))
    return {
        METHODS: head("The methods of tensors that are operations.", "", "..graph") + "\nclass Methods:\n" + methods,
        FUNCTIONS: head("The functions that are operations.", ".core", ".graph") + "\n" + functions,
        FUNCTIONAL: head("The functions of layers.", "...core", "...graph") + "\n" + functional,
    }


def main() -> None:
    for path, text in written().items():
        if "--check" not in sys.argv:
            path.write_text(text)
        elif path.read_text() != text:
            sys.exit(f"{path} is not what python -m tools.stubs writes")


if __name__ == "__main__":
    main()
