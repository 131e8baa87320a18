"""The further forms of calls: every parameter name of every PyTorch overload, numbers first, NumPy's names, Python's types."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

NOT_OURS = {"names", "out_dtype"}
"""Parameters for dimensions with names and for other devices' products."""

FIRST = {"self", "input"}
"""What overloads call the first operand, which is given by position."""

ELSEWHERE = {
    # The stubs do not name what is accepted: the words are Python's keywords, or other than documented.
    ("add", "out"), ("sub", "out"), ("mul", "out"), ("floor_divide", "out"),  # of the methods
    ("random_", "from_"), ("uniform_", "from_"), ("requires_grad_", "mode"), ("true_divide", "out"),
    ("result_type", "tensor"), ("result_type", "other"), ("result_type", "scalar"), ("result_type", "scalar1"),
    ("result_type", "scalar2"), ("new", "other"), ("new", "storage"),
}  # fmt: skip


def overloads(stub: str, kind: str | None) -> Iterator[tuple[str, set[str]]]:
    """The name and the parameters of each function (or of each method of a class) in one of PyTorch's stubs."""
    body = ast.parse((Path(torch.__file__).parent / "_C" / stub).read_text()).body
    if kind is not None:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == kind).body
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__"):
            given = node.args.args[kind is not None :] + node.args.kwonlyargs
            yield node.name, {parameter.arg for parameter in given}


def accepted(function: Any) -> set[str] | None:
    """The names by which a function takes arguments; None if any."""
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    named = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    checked = getattr(function, "__checked__", None)
    return named if checked is None else named | checked.forms.keywords


@pytest.mark.parametrize(
    ("stub", "kind", "owner"),
    [("_VariableFunctions.pyi", None, flambeau), ("__init__.pyi", "TensorBase", flambeau.Tensor)],
)
def test_every_name_of_every_overload(stub: str, kind: str | None, owner: Any) -> None:
    missing = []
    seen = 0
    for name, wanted in overloads(stub, kind):
        function = getattr(owner, name, None)
        if not inspect.isroutine(function) or not hasattr(torch if kind is None else torch.Tensor, name):
            continue
        names = accepted(function)
        if names is not None:
            seen += 1
            lacking = wanted - names - NOT_OURS - FIRST - {parameter for n, parameter in ELSEWHERE if n == name}
            missing += [f"{name}({parameter}=)" for parameter in sorted(lacking)]
    assert seen > 300
    assert not missing


OPTIONS = {"names", "out_dtype", "layout", "device", "pin_memory", "dtype", "requires_grad", "generator", "memory_format"}
"""What many functions take besides what they are about."""

TOGETHER = {"dsplit", "hsplit", "vsplit", "tensor_split", "result_type"}
"""What has one parameter for what overloads of PyTorch's have under several names."""


def test_every_name_has_the_parameters_of_an_overload() -> None:
    """What ``inspect`` shows of each function, under each of its names, is what one of PyTorch's schemas has."""
    schemas: dict[str, list[set[str]]] = {}
    for schema in torch._C._jit_get_all_schemas():
        if not any(argument.is_out for argument in schema.arguments):
            names = {argument.name for argument in schema.arguments} - OPTIONS - FIRST
            schemas.setdefault(schema.name.removeprefix("aten::"), []).append(names)
    wrong, seen = [], 0
    for name, function in vars(flambeau).items():
        if hasattr(function, "__checked__") and name in schemas and inspect.isbuiltin(getattr(torch, name, None)):
            seen += 1
            shown = set(inspect.signature(function).parameters)
            if not any(wanted <= shown for wanted in schemas[name]) and name not in TOGETHER:
                wrong.append(f"{name}: {sorted(shown)} instead of one of {schemas[name]}")
    assert seen > 400
    assert not wrong, "\n".join(wrong)


CALLS = """
    lib.zeros(size=(2, 3))
    lib.ones(size=[2])
    lib.empty(size=(0, 2))
    lib.full(size=(2,), fill_value=3)
    lib.zeros(size=(2,), dtype=lib.int32, requires_grad=False)
    lib.rand(size=(0, 2))
    lib.randint(high=1, size=(2,))
    lib.randint(0, high=1, size=(2,))
    lib.randint(low=0, high=1, size=(2,))
    lib.randint(0, 1, (2,))
    lib.randint(1, (2,))
    lib.randint(1, size=(2,))
    lib.randint(5)
    lib.randint_like(a, high=1)
    lib.randint_like(a, low=0, high=1)
    lib.randint_like(a, 0, 1)
    lib.randint_like(a, 1, dtype=lib.int8)
    lib.permute(a, dims=(1, 0))
    lib.permute(a, (1, 0))
    a.permute(dims=(1, 0))
    a.permute(1, 0)
    a.permute(1, 0, dims=(1, 0))
    lib.reshape(a, shape=(3, 2))
    a.reshape(shape=(3, 2))
    a.reshape(shape=(3, -1))
    a.view(size=(6,))
    a.expand(size=(4, 2, 3))
    a.expand(4, 2, 3)
    a.repeat(repeats=(2, 1))
    a.tile(dims=(2,))
    lib.tile(a, dims=(2, 2))
    lib.flip(a, dims=(0,))
    a.flip(dims=[1])
    a.flip(0, 1)
    a.new_zeros(size=(2,))
    a.new_ones(size=(2,), dtype=lib.int64)
    a.new_full(size=(2,), fill_value=7)
    a.clone().resize_(size=(3, 2))
    a.sum_to_size(size=(1, 3))
    lib.broadcast_to(a, size=(2, 2, 3))
    a.sum(axis=1)
    a.sum(axis=(0, 1), keepdims=True)
    lib.mean(a, axis=1, keepdims=True)
    lib.max(a, axis=1)
    a.argmax(axis=0, keepdims=True)
    lib.softmax(a, axis=1)
    lib.cat([a, a], axis=1)
    lib.stack([a, a], axis=2)
    lib.cumsum(a, axis=0)
    a.unsqueeze(axis=0)
    a.std(axis=1, keepdims=True)
    lib.var(a, axis=0)
    lib.any(a > 2, axis=1)
    lib.norm(a, dim=1, keepdim=True)
    lib.sum(a, dim=1, axis=1)
    lib.sum(a, nothing=1)
    lib.add(a, 2, b)
    a.add(2, b)
    a.clone().add_(2, b)
    lib.sub(a, 2, b)
    a.clone().sub_(2, b)
    lib.add(a, alpha=2, other=b)
    lib.add(a, b, 2)
    lib.addcmul(a, 2, a, b)
    a.clone().addcmul_(2, a, b)
    lib.addcdiv(a, 0.5, a, b)
    a.clone().addcdiv_(-0.5, a, b)
    a.clone().addcdiv_(a, b, value=-0.5)
    lib.addmm(2, m, a, c)
    lib.addmm(2, m, 3, a, c)
    m.addmm(2, a, c)
    m.addmm(2, 3, a, c)
    m.clone().addmm_(2, 3, a, c)
    lib.addmm(m, a, c, beta=2, alpha=3)
    lib.addmv(2, m[0], 3, a, b[0])
    m[0].addmv(2, a, b[0])
    m[0].clone().addmv_(2, 3, a, b[0])
    lib.addr(2, a, 3, m[0], b[0])
    a.clone().addr_(2, m[0], b[0])
    lib.addbmm(2, m, 3, a[None], c[None])
    m.clone().addbmm_(2, 3, a[None], c[None])
    lib.baddbmm(2, m[None], 3, a[None], c[None])
    m[None].clone().baddbmm_(2, a[None], c[None])
    lib.add(a, 2, b, out=lib.empty(0))
    lib.zeros(2, dtype=float)
    lib.ones(2, dtype=int)
    lib.full((2,), 1, dtype=bool)
    lib.arange(3, dtype=float)
    lib.eye(2, dtype=int)
    lib.linspace(0, 1, 3, dtype=float)
    lib.zeros_like(a, dtype=int)
    a.new_zeros(2, dtype=int)
    lib.tensor([1, 2], dtype=float)
    lib.as_tensor([1, 2], dtype=bool)
    lib.rand(0, dtype=float)
    a.to(int)
    a.to(dtype=int)
    a.to("cpu", float)
    a.view(int)
    a.sum(dtype=int)
    a.cumsum(0, dtype=float)
    lib.softmax(a, 1, dtype=float)
    lib.nn.functional.softmax(a, 1, dtype=float)
    lib.prod(a, 1, dtype=float)
    lib.nn.Linear(1, 0, bias=False, dtype=float).weight
    lib.zeros(2, dtype="float")
    lib.zeros(2, dtype=np.float32)
    a.to(str)
    a.type(dtype="torch.DoubleTensor")
    a.type(dtype=lib.LongTensor)
    a.type(float)
    a.type(dtype=lib.float64)
    lib.zeros(2, dtype=[])
    lib.tensor_split(a, sections=2)[0]
    lib.tensor_split(a, indices=(1,))[0]
    lib.hsplit(a, indices=[1])[0]
    lib.vsplit(a, sections=2)[0]
    a.split_with_sizes(split_sizes=[1, 1])[0]
    lib.swapaxes(a, axis0=0, axis1=1)
    lib.det(input=c[:2])
    lib.inverse(input=c[:2])
    lib.cholesky_solve(input=c[:2], input2=lib.eye(2))
    lib.vdot(a[0], other=b[0])
    lib.max(a, other=b)
    a.max(other=b)
    lib.isin(element=2.0, test_elements=a)
    a.clone().copy_(other=b)
    lib.relu_(input=a.clone())
    lib.exp_(input=a.clone())
    lib.scalar_tensor(s=2)
    lib.can_cast(from_=lib.int32, to=lib.float32)
    lib.promote_types(type1=lib.int32, type2=lib.int8)
    lib.full_like(a, 2, pin_memory=False)
    lib.eye(2, layout=lib.strided, pin_memory=False)
    lib.nn.functional.gelu(a, approximate="no such")
    lib.nn.functional.gelu(a, "tanh")
    lib.nn.functional.scaled_dot_product_attention(a, a, a, None, 0.0, False, 0.5)
"""


def exported() -> Iterator[Any]:
    """Every operation behind its checks, once."""
    owners = (flambeau, flambeau.Tensor, flambeau.nn.functional, flambeau.linalg, flambeau.special)
    seen = set()
    for owner in owners:
        for value in vars(owner).values():
            if hasattr(value, "__checked__") and value not in seen:
                seen.add(value)
                yield value


@pytest.fixture(scope="module", params=["general", "own signatures"])
def wrappers(request: pytest.FixtureRequest) -> Iterator[int]:
    """Operations behind the wrapper that each has at first, and behind the one that it has when it was called often."""
    before = [(call, call.__code__, call.__defaults__, call.__kwdefaults__) for call in exported()]
    given = 0
    if request.param == "own signatures":
        for call, *_ in before:
            if call.__checked__.possible and call.__checked__.quick:
                call.__checked__.specialize()
                given += 1
    yield given
    for call, code, defaults, keywords in before:
        call.__defaults__, call.__kwdefaults__ = defaults, keywords
        call.__code__ = code


def test_own_signatures(wrappers: int) -> None:
    """A wrapper that has the operation's parameters says so, and errors name the operation."""
    if not wrappers:
        return
    assert wrappers > 150
    for call in exported():
        if call.__code__.co_name != "call":
            plain = inspect.signature(call).parameters
            own = dict(inspect.signature(call, follow_wrapped=False).parameters)
            for further in ("_rest", "_further"):
                own.pop(further, None)
            assert list(own) == list(plain)
            for name, parameter in own.items():
                assert parameter.kind is plain[name].kind
                assert parameter.default in (plain[name].default, ...)
    a = flambeau.ones(2)
    for call, message in (
        (lambda: a.unsqueeze(), "unsqueeze"),
        (lambda: flambeau.unsqueeze(a, 0, 1, 2), "unsqueeze"),
        (lambda: flambeau.index_select(a, axis=0), "index_select"),
        (lambda: flambeau.add(a, nothing=1), "add"),
        (lambda: flambeau.sum(a, 0, "yes"), "keepdim"),
        (lambda: flambeau.add(a, "b"), "str"),
    ):
        with pytest.raises(TypeError, match=message):
            call()


@pytest.mark.parametrize("expression", [line.strip() for line in CALLS.strip().splitlines()])
def test_as_pytorch(expression: str, wrappers: int) -> None:
    said: list[Any] = []
    for lib in (torch, flambeau):
        scope = {
            "lib": lib,
            "np": np,
            "a": lib.tensor([[1.0, 5, 2], [7, 3, 4]]),
            "b": lib.tensor([[2.0, 4, 8], [1, 2, 4]]),
        }
        scope["c"], scope["m"] = lib.tensor([[2.0, 1], [1, 3], [0, 1]]), lib.tensor([[1.0, 2], [3, 5]])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                made = eval(expression, scope)
            except Exception as error:
                said.append(type(error))
                continue
        parts = made if isinstance(made, tuple) else (made,)
        said.append([(str(p.dtype), tuple(p.shape), p.tolist()) if hasattr(p, "dtype") else repr(p) for p in parts])
    if not isinstance(said[0], list) or not isinstance(said[1], list) or not isinstance(said[0][0], tuple):
        assert said[0] == said[1]
        return
    for theirs, ours in zip(*said, strict=True):
        assert ours[:2] == theirs[:2]
        assert np.allclose(ours[2], theirs[2], rtol=1e-5)


def test_old_overloads_are_deprecated() -> None:
    a = flambeau.ones(2)
    with pytest.warns(UserWarning, match="deprecated"):
        a.add_(2, a)
    assert a.tolist() == [3, 3]


def test_functions_are_found_where_they_say_they_are() -> None:
    """Functions of all forms can be pickled, and tell what they take."""
    import pickle

    for function in (flambeau.argmax, flambeau.sum, flambeau.linalg.qr, flambeau.special.i1):
        assert pickle.loads(pickle.dumps(function)) is function
    assert list(inspect.signature(flambeau.argmax).parameters) == ["input", "dim", "keepdim", "out"]
    assert list(inspect.signature(flambeau.swapaxes).parameters) == ["input", "axis0", "axis1"]
    assert list(inspect.signature(flambeau.Tensor.argmax).parameters) == ["input", "dim", "keepdim"]
