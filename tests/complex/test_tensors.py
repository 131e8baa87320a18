"""What a tensor of complex numbers is: memory shared with its parts, dtypes, text, errors, files, gradients, training."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import flambeau


def of(library: Any, *values: complex, **options: Any) -> Any:
    return library.tensor(list(values), **options)


def test_parts_and_pairs_share_memory() -> None:
    for library in (torch, flambeau):
        z = of(library, 1 + 2j, 3 - 1j, -2j)
        z.real[0] = 7
        z.imag.mul_(2)
        library.view_as_real(z)[1, 0] = -3
        z[2] = 1j
        z[:1] += 1
        assert z.tolist() == [8 + 4j, -3 - 2j, 1j]
        w = library.view_as_complex(library.zeros(2, 3, 2))
        w[1, 2] = 5 - 5j
        w.T[0, 0] = 2
        assert library.view_as_real(w).sum().item() == 2 and w.shape == (2, 3) and w.stride() == (3, 1)
        array = np.array([1j, 2.0], np.complex64)
        shared = library.from_numpy(array)
        shared[0] = 4
        assert array[0] == 4 and np.shares_memory(shared.numpy(), array)


def test_a_conjugate_is_a_view() -> None:
    for library in (torch, flambeau):
        z = of(library, 1 + 2j, 3 - 1j)
        c = z.conj()
        assert c.is_conj() and not z.is_conj() and not c.conj().is_conj() and not c.resolve_conj().is_conj()
        c[0] = 5 + 1j
        c.mul_(2)
        assert z.tolist() == [10 - 2j, 6 - 2j] and c.tolist() == [10 + 2j, 6 + 2j]


DTYPES: list[Callable[[Any], Any]] = [
    lambda f: f.ones(2) * 1j, lambda f: f.ones(2, dtype=f.float64) + 1j, lambda f: f.arange(2) * 1j,
    lambda f: f.tensor(True) * 1j, lambda f: f.ones(2, dtype=f.complex64) * f.ones(2, dtype=f.float64),
    lambda f: f.ones(2) * f.tensor(1j, dtype=f.complex128), lambda f: f.ones(2, dtype=f.cfloat) * f.tensor(2.0, dtype=f.float64),
    lambda f: f.tensor([1, 2j]), lambda f: f.zeros(2, dtype=f.cdouble), lambda f: f.ones(2).to(f.complex64),
    lambda f: f.ones(2).cdouble(), lambda f: f.ones(2, dtype=f.cfloat).double(), lambda f: f.ones(2, dtype=f.cfloat).real,
    lambda f: f.full((2,), 1j), lambda f: f.eye(2, dtype=f.cfloat), lambda f: f.zeros_like(f.ones(2, dtype=f.cfloat)),
    lambda f: f.ones(2, dtype=f.cfloat).new_zeros(3), lambda f: f.linspace(0, 1, 3, dtype=f.cfloat),
    lambda f: f.as_tensor(np.array([1j])), lambda f: f.tensor(np.complex64(1j)), lambda f: f.ones(2).type(f.complex64),
    lambda f: f.ones(2, dtype=f.float16) * f.ones(2, dtype=f.complex64), lambda f: f.ones(2, dtype=f.cfloat).type(f.cdouble),
    lambda f: 1j ** f.ones(2), lambda f: 1j - f.ones(2), lambda f: 1j / f.ones(2), lambda f: f.ones(2) / 2j,
    lambda f: f.ones(2) ** 1j, lambda f: f.rand(2, dtype=f.cfloat) * 0, lambda f: f.randn(2, 3, dtype=f.cdouble) * 0,
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(DTYPES)))
def test_dtypes(number: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, result = DTYPES[number](torch), DTYPES[number](flambeau)
    assert str(expected.dtype) == str(result.dtype) and tuple(expected.shape) == tuple(result.shape)
    np.testing.assert_allclose(result.numpy(), expected.numpy(), 1e-6)


def test_dtypes_as_such() -> None:
    names = ["complex32", "complex64", "complex128", "float16", "bfloat16", "float32", "float64", "int64", "bool"]
    for a in names:
        for b in names:
            expected = torch.promote_types(getattr(torch, a), getattr(torch, b))
            assert str(flambeau.promote_types(getattr(flambeau, a), getattr(flambeau, b))) == str(expected), (a, b)
    for name in names:
        one, other = getattr(torch, name), getattr(flambeau, name)
        assert one.is_complex == other.is_complex and str(one.to_real()) == str(other.to_real())
    assert flambeau.finfo(flambeau.complex64).eps == torch.finfo(torch.complex64).eps
    assert flambeau.cfloat is flambeau.complex64 and flambeau.is_complex(flambeau.ones(1) * 1j)


@pytest.mark.parametrize(
    "values",
    [[1 + 2j, -3.5 - 0.25j], [1e-5 + 2j, 3e8j], [1j], [], [complex(float("nan"), float("inf")), 0j], [[1 + 1j, 2], [3j, -4]]],
)
def test_text(values: Any) -> None:
    for d in ("complex64", "complex128"):
        expected, result = [library.tensor(values, dtype=getattr(library, d)) for library in (torch, flambeau)]
        assert repr(result) == repr(expected)
        if len(values):
            assert repr(result[0]) == repr(expected[0])
    assert repr(flambeau.zeros(1000, 2, dtype=flambeau.cfloat)) == repr(torch.zeros(1000, 2, dtype=torch.cfloat))


ERRORS: list[Callable[[Any, Any], Any]] = [
    lambda f, z: z > z, lambda f, z: f.ones(2).add_(z), lambda f, z: z // 2, lambda f, z: float(z[0]), lambda f, z: z.floor(),
    lambda f, z: f.max(z), lambda f, z: f.sort(z), lambda f, z: z.clamp(0, 1), lambda f, z: f.view_as_complex(f.ones(3)),
    lambda f, z: f.ones(2).imag, lambda f, z: f.complex(f.ones(2), f.ones(2, dtype=f.float64)), lambda f, z: z.conj().numpy(),
    lambda f, z: z.requires_grad_().sum().backward(), lambda f, z: f.nn.functional.relu(z), lambda f, z: z[0, 0],
    lambda f, z: z.item(),
    lambda f, z: f.view_as_real(z.conj()), lambda f, z: f.view_as_real(f.ones(2)), lambda f, z: z.view(5), lambda f, z: z.sum(3),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors(number: int) -> None:
    raised = []
    for library in (torch, flambeau):
        with pytest.raises(Exception) as caught:
            ERRORS[number](library, of(library, 1 + 2j, 3j))
        raised.append(caught.value)
    assert isinstance(raised[1], type(raised[0])) or isinstance(raised[0], type(raised[1])), raised


def test_copies_and_files() -> None:
    z = of(flambeau, 1 + 2j, 3 - 1j)
    for other in (copy.deepcopy(z), pickle.loads(pickle.dumps(z)), z.clone()):
        assert other.tolist() == z.tolist() and other.dtype is flambeau.complex64
        other.zero_()
        assert z.tolist() == [1 + 2j, 3 - 1j]
    file = io.BytesIO()
    flambeau.save({"weight": flambeau.nn.Parameter(z), "other": z}, file)
    file.seek(0)
    loaded = flambeau.load(file)
    assert loaded["other"].tolist() == z.tolist() and isinstance(loaded["weight"], flambeau.nn.Parameter)
    file.seek(0)
    theirs = torch.load(file, weights_only=False)
    assert theirs["other"].tolist() == z.tolist()


def test_gradients_at_the_ends() -> None:
    for library in (torch, flambeau):
        z = of(library, 1 + 1j, 2 - 1j, requires_grad=True)
        w = z * z
        w.backward(of(library, 1.0, 1j))
        assert z.grad is not None and z.grad.tolist() == [2 - 2j, -2 + 4j]
        (gradient,) = library.autograd.grad((z * 2j).abs().sum(), z)
        np.testing.assert_allclose(gradient.numpy(), 2 * (z / z.abs()).detach().numpy(), 1e-6)
        seen: list[Any] = []
        z.grad = None
        z.register_hook(lambda g, seen=seen: seen.append(g.tolist()))
        (z.real * 3).sum().backward()
        assert seen == [[3, 3]] and z.grad.tolist() == [3, 3]
        x = library.ones(2, requires_grad=True)
        (x * (1 + 2j)).abs().sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), [5**0.5] * 2, 1e-6)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_training_of_complex_parameters(optimizer: str) -> None:
    generator = np.random.default_rng(0)
    weight, inputs = [
        (generator.standard_normal(s) + 1j * generator.standard_normal(s)).astype(np.complex64) for s in ((4, 3), (6, 4))
    ]
    trained = []
    for library in (torch, flambeau):
        module = library.nn.Module()
        module.weight = library.nn.Parameter(library.tensor(weight))
        options = {"momentum": 0.9} if optimizer == "SGD" else {}
        steps = getattr(library.optim, optimizer)(module.parameters(), lr=0.05, **options)
        for number in range(4):
            steps.zero_grad()
            (library.tensor(inputs) @ module.weight).abs().square().mean().backward()
            library.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            steps.step()
            if number == 1:
                steps.load_state_dict(copy.deepcopy(steps.state_dict()))
        trained.append(module.weight.detach().numpy())
    np.testing.assert_allclose(trained[1], trained[0], 1e-5, 1e-6)


def test_out() -> None:
    for library in (torch, flambeau):
        z, out = of(library, 1 + 1j, 2), library.zeros(2, dtype=library.cfloat)
        assert library.mul(z, 1j, out=out) is out and out.tolist() == [-1 + 1j, 2j]


def test_programs_without_complex_numbers_pay_nothing() -> None:
    import subprocess
    import sys

    code = "import flambeau; flambeau.ones(2).relu(); import sys; from flambeau.ops.calls import ACTIVE, KINDS; "
    code += "assert not ACTIVE and not KINDS and 'flambeau.ops.complex' not in sys.modules; flambeau.complex64"
    subprocess.run([sys.executable, "-c", code + "; assert not ACTIVE and not KINDS"], check=True)


CALLS: dict[str, Any] = {
    "add": lambda x, out: x.add(x.ones(2, dtype=x.complex64), 1, out=out),
    "mul": lambda x, out: x.mul(x.ones(2), 2, out=out),
    "exp": lambda x, out: x.exp(x.zeros(2, dtype=x.complex64), out=out),
    "matmul": lambda x, out: x.matmul(x.ones(2, 2, dtype=x.complex64), x.ones(2, 2, dtype=x.complex64), out=out),
    "complex": lambda x, out: x.complex(x.ones(2), x.ones(2), out=out),
    "polar": lambda x, out: x.polar(x.ones(2), x.zeros(2), out=out),
    "normalize": lambda x, out: x.nn.functional.normalize(x.ones(2, 2, dtype=x.complex64), out=out),
    "eigvals": lambda x, out: x.linalg.eigvals(x.eye(2), out=out),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_results_are_converted_to_what_is_given_as_out(name: str) -> None:
    """To more or less precision, not from complex to real; never with a gradient."""
    for d in ("complex64", "complex128", "float32"):
        told = []
        for library in (torch, flambeau):
            out = library.empty(0, dtype=getattr(library, d))
            try:
                told.append((CALLS[name](library, out) is out, str(out.dtype), out.tolist()))
            except RuntimeError:
                told.append((RuntimeError, out.tolist()))
        assert told[0] == told[1], d
    with pytest.raises(RuntimeError, match="automatic differentiation"):
        CALLS[name](flambeau, flambeau.ones(2, dtype=flambeau.complex64, requires_grad=True))


HOOKED = {
    "a conjugate": (lambda x, leaf: leaf.conj(), lambda x, y: x.view_as_real(y * 2)),
    "a conjugate of what is no leaf": (lambda x, leaf: (leaf * 1j).conj(), lambda x, y: x.view_as_real(y * 2)),
    "a conjugate's conjugate": (lambda x, leaf: leaf.conj().conj(), lambda x, y: x.view_as_real(y * 2)),
    "its pairs": (lambda x, leaf: x.view_as_real(leaf), lambda x, y: y * 2),
    "pairs as numbers": (lambda x, leaf: x.view_as_complex(x.view_as_real(leaf)), lambda x, y: x.view_as_real(y * 2)),
    "a transpose without axes": (lambda x, leaf: leaf[0].transpose(0, 0), lambda x, y: x.view_as_real(y * 2)),
}


@pytest.mark.parametrize("name", HOOKED)
def test_views_have_gradients_of_their_own(name: str) -> None:
    """What a hook sees and gives, and what is kept, is the view's: of its uses alone, and conjugated as it is."""
    make, use = HOOKED[name]
    told = []
    for library in (torch, flambeau):
        leaf = library.tensor([1 + 2j, 3 - 1j], requires_grad=True)
        view = make(library, leaf)
        view.retain_grad()
        seen: list[Any] = []
        view.register_hook(lambda g, seen=seen: seen.append(g.resolve_conj().tolist() if g.is_complex() else g.tolist()))
        view.register_hook(lambda g: g * 3j if g.is_complex() else g * 3)
        (use(library, view).sum() + library.view_as_real(leaf * 5j).sum()).backward()
        kept = view.grad.resolve_conj().tolist() if view.is_complex() else view.grad.tolist()
        told.append((view.is_leaf, view.grad_fn is None, seen, kept, leaf.grad.resolve_conj().tolist()))
    assert told[0] == told[1]


def test_hooks_after_a_gradient_see_the_leaf() -> None:
    for library in (torch, flambeau):
        leaf = library.tensor([1 + 2j], requires_grad=True)
        seen: list[Any] = []
        leaf.register_post_accumulate_grad_hook(lambda t, seen=seen: seen.append((t, t.grad.tolist())))
        library.view_as_real(leaf * 2).sum().backward()
        assert seen[0][0] is leaf and seen[0][1] == leaf.grad.tolist()


def complex_functions(T: Any) -> list[Any]:
    """What custom functions of complex numbers give: values, kinds, and gradients, of what is saved, returned and written to."""

    class Scaled(T.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx, x, y):  # type: ignore[no-untyped-def]
            result = x * y
            ctx.save_for_backward(x, y, result)
            return result, x.abs(), x.conj()

        @staticmethod
        def backward(ctx, a, b, c):  # type: ignore[no-untyped-def]
            x, y, result = ctx.saved_tensors
            kinds.append((a.is_complex(), b.is_complex(), c.is_complex(), x is left, result.is_complex()))
            return a * y.conj() + b * x / x.abs() + c.conj(), (a * x.conj() * result).sum_to_size(y.shape)

    class Doubled(T.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            ctx.mark_dirty(x)
            return x.mul_(2j)

        @staticmethod
        @T.autograd.function.once_differentiable
        def backward(ctx, g):  # type: ignore[no-untyped-def]
            return g * -2j

    class Same(T.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            return x

        @staticmethod
        def backward(ctx, g):  # type: ignore[no-untyped-def]
            return g * 3

    kinds: list[Any] = []
    left = T.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    right = T.tensor(2 - 1j, requires_grad=True)
    first, second, third = Scaled.apply(left, right)
    total = T.view_as_real(first).sum() + second.sum() * 2 + T.view_as_real(third * 1j).sum()
    total.backward()
    found = [first, second, third, left.grad, right.grad, kinds, first.is_leaf, third.grad_fn is None]
    changed = left * 1
    result = Doubled.apply(changed)
    found += [result is changed, result, *T.autograd.grad(T.view_as_real(result).sum(), left)]
    leaf = T.tensor([1j], requires_grad=True)
    kept = Same.apply(leaf)
    T.view_as_real(kept * 2).sum().backward()
    found += [kept is leaf, kept.is_leaf, leaf.grad]
    with T.no_grad():
        found += [Same.apply(leaf).requires_grad, Scaled.apply(left, right)[0]]
    return [x.detach().resolve_conj().tolist() if isinstance(x, T.Tensor) else x for x in found]


def test_functions_of_complex_numbers() -> None:
    assert complex_functions(flambeau) == complex_functions(torch)


def test_functions_of_complex_numbers_let_go_of_them() -> None:
    class Kept(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            result = x * 2
            ctx.save_for_backward(x, result)
            return result

        @staticmethod
        def backward(ctx, g):  # type: ignore[no-untyped-def]
            return g

    x = flambeau.tensor([1j], requires_grad=True) * 1
    result = Kept.apply(x)
    seen = weakref.ref(result._pair), weakref.ref(x._pair)
    gc.disable()
    try:
        del result, x
        assert [one() for one in seen] == [None, None]  # without the collector of cycles
    finally:
        gc.enable()


POSITIONAL: dict[str, Any] = {
    "chunk": lambda x, z: z.chunk(2, 1),
    "chunk dim": lambda x, z: z.chunk(2, dim=1),
    "unbind": lambda x, z: z.unbind(1),
    "split": lambda x, z: z.split(1, 1),
    "sizes": lambda x, z: x.split(z, [1, 3], dim=1),
    "parts": lambda x, z: z.tensor_split(2, 1),
    "var_mean": lambda x, z: x.var_mean(z, 0, False),
    "var_mean kept": lambda x, z: x.var_mean(z, dim=0, keepdim=True),
    "l1": lambda x, z: x.nn.functional.l1_loss(z, z * 2, None, None, "sum"),
    "l1 none": lambda x, z: x.nn.functional.l1_loss(z, z * 2, reduction="none"),
    "l1 of old": lambda x, z: x.nn.functional.l1_loss(z, z * 2, size_average=False),
    "l1 layer": lambda x, z: x.nn.L1Loss(reduction="sum")(z, z * 2),
    "pinv": lambda x, z: x.linalg.pinv(z @ z.mH, hermitian=True),
    "pinv of a part": lambda x, z: x.linalg.pinv(z[:, :3] + 1j, hermitian=True),
    "pinv of any": lambda x, z: x.linalg.pinv(z[:, :3] * 1j + x.eye(3), 1e-3),
    "sum": lambda x, z: z.sum(1, True),
    "as_tensor": lambda x, z: x.as_tensor([1j, 2], dtype=x.complex128),
    "as_tensor of its own": lambda x, z: x.as_tensor(z) is z,
    "asarray": lambda x, z: x.asarray(z) is z,
    "asarray copied": lambda x, z: x.asarray(z, copy=True) is z,
    "asarray converted": lambda x, z: x.asarray(z, dtype=x.complex128),
    "asarray of a list": lambda x, z: x.asarray([1j], copy=False),
}


@pytest.mark.parametrize("often", [False, True])
@pytest.mark.parametrize("name", POSITIONAL)
def test_arguments_by_position_and_by_name(name: str, often: bool) -> None:
    """Also once operations have wrappers with parameters of their own, which hand keywords on by position."""
    called = name.split()[0]
    for owner in (flambeau, flambeau.Tensor, flambeau.nn.functional, flambeau.linalg) if often else ():
        function = getattr(owner, {"l1": "l1_loss"}.get(called, called), None)
        if hasattr(function, "__checked__") and function.__checked__.quick and function.__checked__.possible:
            function.__checked__.specialize()
    told = []
    for library in (torch, flambeau):
        z = library.arange(12.0).reshape(3, 4) * (1 + 1j)
        try:
            result = POSITIONAL[name](library, z)
        except Exception as error:
            told.append(type(error))
            continue
        parts = result if isinstance(result, (tuple, list)) else [result]
        told.append([np.array(x) if isinstance(x, bool) else x.resolve_conj().numpy() for x in parts])
    if isinstance(told[0], type):
        assert told[0] is told[1]
        return
    for one, other in zip(*told, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(other, one, 1e-4, 1e-5)


def test_arrays_of_complex_numbers_are_shared() -> None:
    for library in (torch, flambeau):
        array = np.ones(2, np.complex128)
        shared, copied = library.as_tensor(array), library.tensor(array)
        array[0] = 5
        assert (shared.tolist(), copied.tolist()) == ([5, 1], [1, 1])
        x = library.tensor([1j], requires_grad=True)
        assert library.as_tensor(x, dtype=library.complex128).requires_grad


def test_new_ones_of_real_numbers_and_in_any_layout() -> None:
    for library in (torch, flambeau):
        z = library.tensor([[1 + 2j, 3]])
        kinds = [
            library.full_like(z, 2, dtype=library.float64), z.new_full((2,), 1, dtype=library.int64),
            library.rand_like(z, dtype=library.float32), library.zeros(2, dtype=complex),
        ]  # fmt: skip
        assert [str(x.dtype) for x in kinds] == ["torch.float64", "torch.int64", "torch.float32", "torch.complex128"]
        assert library.empty_permuted((2, 3, 4), (2, 0, 1), dtype=library.complex64).stride() == (3, 1, 6)
        assert library.empty_strided((2, 3), (1, 2), dtype=library.complex64).stride() == (1, 2)
        assert z.new_empty_strided((2, 3), (1, 2)).dtype is library.complex64
        assert [library.Tensor.item(x) for x in z[0]] == [1 + 2j, 3 + 0j]
        assert library.nn.functional.silu(z, inplace=True) is z
        with pytest.raises(RuntimeError):
            library.full_like(z, 1j, dtype=library.float64)
        with pytest.raises(NotImplementedError):
            library.softmax(z, 1)
        with pytest.raises(NotImplementedError):
            library.nn.functional.dropout(z, 0.5)


def test_operations_by_full_names_under_a_mode() -> None:
    """A mode that has nothing to say of ``aten::mul.Tensor`` leaves it to the operation, which knows complex numbers."""

    class Passing(flambeau.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            return function(*args, **(kwargs or {}))

    from flambeau._ops import namespace

    x = flambeau.ones(2, dtype=flambeau.complex64) * 2j
    q = flambeau.quantize_per_tensor(flambeau.ones(2), 0.1, 0, flambeau.quint8)
    with Passing():
        assert namespace("aten").mul.Tensor(x, x).tolist() == [-4, -4]
        assert namespace("quantized").relu6(q).q_scale() == 0.1
