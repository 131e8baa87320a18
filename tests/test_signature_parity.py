"""Parameters as PyTorch's: names, order, kinds and defaults of every public callable that both libraries have.

What PyTorch writes in Python is inspected; what is built in has its overloads in the stubs that come with PyTorch. Each
overload must be accepted here, and nothing that none has. Every difference that is meant stands in :data:`MEANT`, with why.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import flambeau

Parameter = inspect.Parameter
Overload = list[Parameter]
EMPTY, POSITIONAL = Parameter.empty, (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
STUBS = Path(torch.__file__).parent / "_C"
SPACES = ["", "Tensor", "nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler"]

#: Why signatures differ: {reason: the differences, as patterns}.
MEANT: dict[str, str] = {
    "the stubs call a number in a tensor's place, or the tensor, self": """
        float_power|remainder|bitwise_*|xlogy|numel: no keyword self
        float_power|remainder|bitwise_*|xlogy: position 0: input instead of self
    """,
    "the stub lags behind what PyTorch's parser takes, or refuses": """
        Tensor.add|sub|mul|floor_divide|true_divide: no keyword out
        Tensor.bfloat16|bool|byte|char|double|float|half|int|long|short: has memory_format
        nn.functional.avg_pool?d|gelu|linear|logsigmoid|softplus|softshrink: has out
        nn.functional.gelu: position 1: none for approximate
        nn.functional.scaled_dot_product_attention: position ?: none for *
        tensor|Tensor.new_tensor: position ?: none for *
        linspace|logspace: steps required instead of =None
        full: no keyword names
        Tensor.requires_grad_: *mode
        Tensor.requires_grad_: has requires_grad
        numel: has input
        numel: position 0: input instead of self
        asarray: default requires_grad=False instead of None
        sparse_coo_tensor: indices=None instead of required
        sparse_coo_tensor: values=None instead of required
    """,
    "None stands for the default, which depends on what else is given": """
        trapezoid|trapz|cumulative_trapezoid: default dx=None instead of 1
        gradient: default spacing=1 instead of None
        std|var|std_mean|var_mean|Tensor.std|Tensor.var: default unbiased=None instead of True
        clone|Tensor.clone: default memory_format=torch.preserve_format instead of None
        Tensor.is_contiguous: default memory_format=None instead of 'torch.contiguous_format'
    """,
    "NumPy's name of a parameter, which PyTorch's parser takes everywhere": """
        std|var|Tensor.std|Tensor.var: has axis
    """,
    "one parameter takes what overloads have by position under several names": """
        std|var|std_mean|var_mean: position 1: dim instead of unbiased
        Tensor.std|var: position 0: dim instead of unbiased
        arange: position 0: start instead of end
        arange: end=None instead of required
        scatter: position 3: src instead of value
        Tensor.scatter*: position 2: src instead of value
        lstm|gru|rnn_tanh|rnn_relu: position *
        repeat_interleave: position 0: input instead of repeats
        repeat_interleave|Tensor.repeat_interleave: repeats=None instead of required
        nuclear_norm: position 1: dim instead of keepdim
        subtract|rsub: position 2: none for alpha
        randint|randint_like: *
        result_type: *scalar*
        result_type: position 1: other instead of tensor
        set_autocast_enabled: *
        set_autocast_cpu_enabled: *
        Tensor.set_: source=None instead of required
        Tensor.to|new: *
        Tensor.type: has \\*\\**
    """,
    "from is no name in Python": """
        Tensor.random_|uniform_: *
    """,
    "overloads of CUDA's products": """
        mm|bmm|addmm|baddbmm: *out_dtype
    """,
    "torch has natives behind the losses and pools of nn.functional, which are the same functions here": """
        binary_cross_entropy_with_logits|cosine_embedding_loss|hinge_embedding_loss|margin_ranking_loss|poisson_nll_loss: *
        triplet_margin_loss|ctc_loss: *
        max_pool?d|max_pool1d_with_indices|adaptive_max_pool1d: has return_indices
        batch_norm|instance_norm: cudnn_enabled=True instead of required
    """,
    "the same function as that of torch.linalg, which takes it": """
        det: has out
    """,
    "of private use": """
        save: *_disable_byteorder_record
        *Storage: *
    """,
    "what is made of views of symbolic sizes needs it alone": """
        Tensor.broadcast_to: has implicit
        Tensor.dim_order: no keyword ambiguity_check
    """,
    "the norm of old has the parameters of torch.norm": """
        Tensor.norm: position 3: out instead of dtype
        Tensor.norm: has out
    """,
}
NO_CONSTRUCTORS = {"dtype", "layout", "memory_format"}
"""Classes whose instances PyTorch alone makes."""


@cache
def stub(name: str, of: str | None = None) -> dict[str, list[Overload]]:
    """The overloads of the functions of a stub, or of a class in it."""
    body = ast.parse((STUBS / name).read_text()).body
    if of is not None:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == of).body
    found: dict[str, list[Overload]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(overload(node)[of is not None :])
    return found


def overload(node: ast.FunctionDef) -> Overload:
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults = [*[None] * (len(positional) - len(given.defaults)), *given.defaults]
    made = [Parameter(a.arg, Parameter.POSITIONAL_OR_KEYWORD, default=value(d)) for a, d in zip(positional, defaults)]
    made += [Parameter(given.vararg.arg, Parameter.VAR_POSITIONAL)] if given.vararg else []
    return made + [
        Parameter(a.arg, Parameter.KEYWORD_ONLY, default=value(d)) for a, d in zip(given.kwonlyargs, given.kw_defaults)
    ]


def value(node: ast.expr | None) -> Any:
    """A default: itself, or its text."""
    if node is None:
        return EMPTY
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


def inspected(function: Any, method: bool) -> Overload:
    """The parameters of a function or of a class's constructor, without those that Python binds.

    ``ValueError`` for a class that is built in.
    """
    if inspect.isclass(function):
        made = [each for each in (function.__new__, function.__init__) if inspect.isfunction(each)]
        if not made:
            raise ValueError(function)
        return list(inspect.signature(made[0]).parameters.values())[1:]
    return list(inspect.signature(function).parameters.values())[method:]


def theirs(space: str, name: str, function: Any) -> list[Overload]:
    built_in = inspect.isbuiltin(function) or type(function).__name__ in ("method_descriptor", "wrapper_descriptor")
    if not built_in:
        try:
            return [inspected(function, method_of(torch, space, name))]
        except (ValueError, TypeError):
            return []
    if space == "Tensor":
        return stub("__init__.pyi", "TensorBase").get(name, [])
    native = stub("_nn.pyi").get(function.__name__, [])
    return stub("_VariableFunctions.pyi").get(name) or native or stub("__init__.pyi").get(name, [])


def method_of(library: Any, space: str, name: str) -> bool:
    return space == "Tensor" and not isinstance(inspect.getattr_static(library.Tensor, name), (staticmethod, classmethod))


def same(ours: Any, other: Any) -> bool:
    """Whether defaults are equal. No stride, and no axes, are said with None or an empty sequence."""
    if ours in (None, ()) and other in (None, ()):
        return True
    if isinstance(ours, bool) == isinstance(other, bool) and isinstance(ours, (int, float)) and ours == other:
        return True
    texts = [re.sub(r" at 0x\w+", "", str(each)).replace("flambeau", "torch") for each in (ours, other)]
    return texts[0] == texts[1]


def differences(function: Any, ours: Overload, overloads: list[Overload]) -> Iterator[str]:
    """Where the parameters here are not those that PyTorch's overloads have."""
    forms = getattr(getattr(function, "__checked__", None), "forms", None)
    other_names = dict(forms.names) if forms else {}
    further = {*other_names, *(forms.inert if forms else ()), *([forms.sequence] if forms else ())}
    further |= {"out"} if forms and forms.takes_out else set()
    named = {p.name: p for p in ours if p.kind not in VARIADIC}
    positional = [p for p in ours if p.kind in POSITIONAL]
    variable = {p.kind: p.name for p in ours if p.kind in VARIADIC}
    for overload in overloads:
        if forms and forms.scales and overload[0].name != "input":  # the form of old, numbers first
            overload = [p.replace(kind=Parameter.KEYWORD_ONLY) if p.name in forms.scales else p for p in overload]
            overload = [p.replace(name="input") if p.name == "self" else p for p in overload]
        places = [p for p in overload if p.kind in POSITIONAL]
        for place, p in enumerate(places):
            if place >= len(positional):
                if Parameter.VAR_POSITIONAL not in variable:
                    yield f"position {place}: none for {p.name}"
            elif positional[place].name not in (p.name, other_names.get(p.name)):
                yield f"position {place}: {positional[place].name} instead of {p.name}"
        for p in overload:
            if p.kind in VARIADIC:
                if p.kind not in variable and not (forms and forms.one_by_one):
                    yield f"no {'*' * VARIADIC.index(p.kind)}*{p.name}"
                elif variable.get(p.kind, p.name) != p.name:
                    yield f"*{variable[p.kind]} instead of *{p.name}"
                continue
            if p.name not in named and p.name not in further and Parameter.VAR_KEYWORD not in variable:
                yield f"no keyword {p.name}"
            mine = named.get(p.name) or named.get(other_names.get(p.name, ""))
            known = [q.default for each in overloads for q in each if q.name == p.name and q.default not in (EMPTY, ...)]
            if mine is not None and p.default not in (EMPTY, ...):
                if mine.default is EMPTY:
                    yield f"{p.name} required instead of ={p.default!r}"
                elif not any(same(mine.default, default) for default in known):
                    yield f"default {p.name}={mine.default!r} instead of {p.default!r}"
    for p in named.values():
        like = [q for each in overloads for q in each if q.name == p.name]
        if not like:
            if p.name not in other_names.values() and not any(q.kind is Parameter.VAR_KEYWORD for o in overloads for q in o):
                yield f"has {p.name}"
        elif p.kind in POSITIONAL and all(q.kind is Parameter.KEYWORD_ONLY for q in like):
            yield f"{p.name} may be positional"
        elif p.default is not EMPTY and len(like) == len(overloads) and all(q.default is EMPTY for q in like):
            yield f"{p.name}={p.default!r} instead of required"
    for kind, name in variable.items():
        sequence = kind is Parameter.VAR_POSITIONAL and forms and forms.sequence
        if not sequence and not any(q.kind is kind for each in overloads for q in each):
            yield f"has {'*' * VARIADIC.index(kind)}*{name}"


def compared(space: str) -> Iterator[str]:
    """All differences in one module or class, as ``name: difference``."""
    libraries = []
    for library in (torch, flambeau):
        path = f"{library.__name__}.{space}".rstrip(".")
        libraries.append(library.Tensor if space == "Tensor" else importlib.import_module(path))
    prefix = f"{space}." if space else ""
    for name in sorted(dir(libraries[0])):
        if name.startswith("_") or name in NO_CONSTRUCTORS or not hasattr(libraries[1], name):
            continue
        function, ours = (getattr(library, name) for library in libraries)
        if not callable(function) or str(getattr(function, "__module__", "")).startswith("typing"):
            continue
        overloads = theirs(space, name, function)
        dispatched = [bool(each) and all(p.kind in VARIADIC for p in each) for each in overloads]  # it shows no parameters
        if overloads and not all(dispatched):
            for difference in differences(ours, inspected(ours, method_of(flambeau, space, name)), overloads):
                yield f"{prefix}{name}: {difference}"


def patterns() -> Iterator[tuple[str, str]]:
    """The patterns of :data:`MEANT` (names apart, differences) with their reasons."""
    for reason, lines in MEANT.items():
        for line in lines.split("\n"):
            names, _, difference = line.strip().partition(": ")
            space = "Tensor." if names.startswith("Tensor.") else "nn.functional." if names.startswith("nn.f") else ""
            for name in names.removeprefix(space).split("|") if names else ():
                yield f"{space}{name}: {difference}", reason


@pytest.mark.parametrize("space", SPACES)
def test_signatures(space: str) -> None:
    meant = [pattern for pattern, _ in patterns()]
    unlike = [each for each in compared(space) if not any(matches(each, pattern) for pattern in meant)]
    assert not unlike, "\n".join(dict.fromkeys(unlike))


def test_no_reason_is_left_over() -> None:
    found = [each for space in SPACES for each in compared(space)]
    idle = [pattern for pattern, _ in patterns() if not any(matches(each, pattern) for each in found)]
    assert not idle


def matches(difference: str, pattern: str) -> bool:
    """Whether a difference is of a pattern, in which ``\\*`` is a star and ``*`` is anything."""
    return fnmatchcase(difference, pattern.replace("\\*", "[*]"))
