"""How a function becomes an operation: a name of the package, a method of tensors, and its in-place form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ..core.tensor import Tensor
from ..graph.trace import local
from .assignment import assign, check_apart, check_writable, overwrite, overwritten_by

# Types of parameters, under names that say what PyTorch's parser takes for them (see ``ops.signatures``).
Scalar = float
Tensors = Any
Sizes = Any
Dims = Any

NAMESPACE: dict[str, Any] = {}
"""Functions that the package exports (``flambeau.add``), by name."""

MODULES: dict[str, dict[str, Any]] = {"fft": {}, "functional": {}, "linalg": {}, "special": {}}
"""Functions that modules of the package export (``flambeau.linalg.det``), by name."""

_F = TypeVar("_F", bound=Callable[..., Any])


def titled(function: _F, name: str, meaning: str) -> _F:
    """A function that was made inside another one, under a name and with a docstring of its own."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = meaning
    return function


class Declaration(NamedTuple):
    """What is said of an operation where it is declared, besides its parameters."""

    #: Whether its result can be put into a tensor given as ``out=`` (its results, into several): True, or words that say more.
    #: "exact": the tensor must have the result's dtype (else one of several results must, but a single one is converted).
    #: "real": it must not be of complex numbers.
    #: "apart": it must lie apart from what is read. "resized": no warning is due where it had another size.
    out: bool | str = False
    #: The parameters that an overload of old takes by position, before the tensors that they scale.
    scales: tuple[str, ...] = ()
    #: Under which names the package exports it.
    names: tuple[str, ...] = ()
    #: {exported name: what the parameters are called there}, where that differs or where an overload calls them otherwise.
    parameters: dict[str, list[list[str]]] = {}
    #: Whether it has an in-place form, which in ``nn.functional`` is a parameter, too.
    inplace: bool = False


PLAIN = Declaration()
DECLARED: dict[Callable[..., Any], Declaration] = {}
"""What was said of operations."""


def operation(
    *names: str, method: bool = True, function: bool = True, inplace: bool | str = False, out: bool | str = False,
    scales: tuple[str, ...] = (), only: str | None = None,
) -> Callable[[_F], _F]:  # fmt: skip
    """Decorator: export a function under its own name (and ``names``) as function, method and ``name_`` in place.

    ``"special.expit"`` is a name in another module. ``"swapaxes(input, axis0, axis1)"`` is one under which parameters have
    other names; so are overloads written (``"max(input, other)"`` for ``max`` itself). ``only`` is the name of what is exported
    under no other. With ``inplace="parameter"`` there is no ``name_``, only the parameter in ``nn.functional``; with "part"
    ``name_`` writes to some elements, and other threads may write to the others. For the rest see :class:`Declaration`.
    """

    def register(implementation: _F) -> _F:
        parameters: dict[str, list[list[str]]] = {}
        exported = {} if only else {implementation.__name__: None}
        for text in (only,) if only else names:
            name, _, listed = text.partition("(")
            exported[name] = None
            if listed:
                called = listed.removesuffix(")").split(", ")
                for form in (name, name + "_") if inplace else (name,):
                    parameters.setdefault(form, []).append(called)
        DECLARED[implementation] = Declaration(out, scales, tuple(exported), parameters, bool(inplace))
        for name in exported:
            module, _, inner = name.rpartition(".")
            if module:
                MODULES[module][inner] = implementation
                if module == "functional" and inplace is True:
                    MODULES[module][inner + "_"] = NAMESPACE.get(inner + "_") or _in_place_form(implementation, inner + "_")
                continue
            changing = _in_place_form(implementation, name + "_", inplace == "part") if inplace else None
            if changing is not None and (parameters or scales):
                DECLARED[changing] = Declaration(scales=scales, parameters=parameters)
            if function:
                NAMESPACE[name] = implementation
                if changing is not None:
                    NAMESPACE[name + "_"] = changing
            if method:
                setattr(Tensor, name, implementation)
                if changing is not None:
                    setattr(Tensor, name + "_", changing)
        return implementation

    return register


def _in_place_form(implementation: Callable[..., Tensor], name: str, part: bool = False) -> Callable[..., Tensor]:
    def changing(input: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        if input._view is not None and not input._view.contiguous:
            # Before anything is computed from what may be a huge expansion; leaves first, as in PyTorch.
            if input._tracked and local.grad:
                check_writable(input)
            check_apart(input)
        now, read = input._as_now() if part else (input, None)
        result = implementation(now, *arguments, **keywords)
        if input._tracked and not result._tracked:  # comparisons, for one
            return overwrite(input, result, overwritten_by(name))
        return assign(input, result, read)

    changing.__wrapped__ = implementation  # type: ignore[attr-defined]
    changing.__annotations__ = implementation.__annotations__  # which is where they are evaluated
    return titled(changing, name, f"In-place version of ``{name[:-1]}``.")
