"""Modes beneath autograd: they are told forwards and backwards what PyTorch tells, and what they give is what counts."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import dispatch_programs
import pytest
import torch
import torch.utils._python_dispatch
import torch.utils.checkpoint

import flambeau
from flambeau._ops import namespace

#: What only lays gradients out, and which is a buffer of a kernel's.
APART = {"new_empty_strided.default", "copy_.default", "empty.memory_format"}


def aten(library: ModuleType) -> Any:
    return torch.ops.aten if library is torch else namespace("aten")


def dispatch(library: ModuleType) -> Any:
    return import_module(f"{library.__name__}.utils._python_dispatch")


def mode(library: ModuleType, answer: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]) -> Any:
    """A mode that gives what ``answer(func, args, kwargs)`` does."""

    class Mode(dispatch(library).TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
            return answer(func, args, kwargs or {})

    return Mode()


def logging(library: ModuleType, log: list[str], tag: str = "") -> Any:
    """A mode that writes down what it is told of."""

    def answer(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = str(func).removeprefix("aten.")
        if func.namespace == "aten" and name not in APART:
            log.append(tag + name)
        return func(*args, **kwargs)

    return mode(library, answer)


def values(library: ModuleType, *shape: int) -> Any:
    count = 1
    for size in shape:
        count *= size
    return (library.arange(count, dtype=library.float32) * 0.37).sin().reshape(shape)


def numbers(value: Any) -> Any:
    return value.detach().double().tolist() if hasattr(value, "detach") else value


def run(library: ModuleType, shapes: tuple[tuple[int, ...], ...], text: str, track: bool) -> tuple[list[str], list[str], Any]:
    """What a program and its backward tell, and their numbers."""
    inputs = [values(library, *shape).requires_grad_(track) for shape in shapes]
    space = {"torch": library, "F": library.nn.functional, **dict(zip("abc", inputs))}
    library.manual_seed(0)
    log: list[str] = []
    with logging(library, log):
        result = eval(text, space)
        forwards = len(log)
        if track and result.requires_grad:
            result.sum().backward()
    random = "rand" in text
    gradients = [numbers(x.grad) for x in inputs]
    return log[:forwards], log[forwards:], None if random else [numbers(result), gradients]


@pytest.mark.parametrize("group", ["ELEMENTWISE", "PRODUCTS", "REDUCTIONS", "VIEWS", "LAYERS", "FURTHER", "WITHOUT_GRADIENT"])
def test_what_modes_are_told_of_is_what_pytorch_tells(group):
    for name, (shapes, text) in getattr(dispatch_programs, group).items():
        track = group != "WITHOUT_GRADIENT"
        forwards, backwards, found = run(flambeau, shapes, text, track)
        expected_forwards, expected_backwards, expected = run(torch, shapes, text, track)
        in_any_order = name == "smoothed"  # its two sums, either of which may be first
        assert (sorted if in_any_order else list)(forwards) == (sorted if in_any_order else list)(expected_forwards), name
        # Leaves are reached last here, and at once there.
        assert Counter(_but_copies(backwards)) == Counter(_but_copies(expected_backwards)), name
        plain = [what for what in backwards if what != "detach.default"]
        assert plain == [what for what in expected_backwards if what != "detach.default"], name
        said = f"the numbers of {name}"
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5, equal_nan=True, msg=said)


def test_numbers_are_those_of_pytorch_where_not_all_is_told():
    for name, (shapes, text) in dispatch_programs.UNTOLD.items():
        found, expected = (run(library, shapes, text, True)[2] for library in (flambeau, torch))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5, msg=f"the numbers of {name}")


def _but_copies(told: list[str]) -> list[str]:
    """Whether a gradient is cut off at its leaf, or copied, depends on how it lies."""
    return [what for what in told if what != "detach.default"]


# --- arguments ----------------------------------------------------------------------------------------------------------


def spelled(value: Any) -> str:
    if hasattr(value, "shape"):
        return f"T{list(value.shape)}"
    return f"[{', '.join(map(spelled, value))}]" if isinstance(value, (list, tuple)) else str(value)


def arguments(library: ModuleType) -> list[str]:
    """The calls of a small network, with their arguments."""
    nn, told = library.nn.functional, []

    def answer(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = str(func).removeprefix("aten.")
        if name not in APART | {"detach.default"}:
            told.append(f"{name}({', '.join(map(spelled, args))}; {', '.join(kwargs)})")
        return func(*args, **kwargs)

    x, w, b = (values(library, *shape).requires_grad_() for shape in ((2, 3, 5, 5), (4, 3, 3, 3), (4,)))
    last, target = values(library, 2, 3).requires_grad_(), library.tensor([0, 1])
    with mode(library, answer):
        y = nn.max_pool2d(nn.leaky_relu(nn.conv2d(x, w, b, stride=2, padding=1)), 2)
        y = nn.linear(nn.layer_norm(y, (1, 1)).flatten(1)[:, 1:], last)
        nn.cross_entropy(y, target).backward()
        z = values(library, 2, 4)
        z.sum(1, keepdim=True), z.transpose(0, 1), library.cat([z, z], 1), z.softmax(-1), z.max(1), z.to(library.float64)
        z.add(z, alpha=2), z.var(1), z.std(), z.split(1), z.expand(3, 2, 4), z.masked_fill(z > 0, 1.0), z.topk(2), z.clamp(min=0)
        library.zeros(2, 3, dtype=library.float64), library.arange(1, 5), library.full((2,), 1.5), library.rand(2)
    return told


def test_arguments_are_those_of_pytorch():
    assert arguments(flambeau) == arguments(torch)


# --- programs -----------------------------------------------------------------------------------------------------------


def network(library: ModuleType, kind: str) -> tuple[Any, Any]:
    nn = library.nn
    if kind == "mlp":
        made = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), values(library, 5, 4)
    elif kind == "convolutional":
        layers = [nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)]
        layers += [nn.Conv2d(4, 4, 3, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)]
        made = nn.Sequential(*layers), values(library, 5, 2, 8, 8)
    else:
        made = nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0), nn.Linear(8, 3)), values(library, 5, 8)
    for number, parameter in enumerate(made[0].parameters()):
        parameter.data.copy_((values(library, *parameter.shape) + 0.1 * number) * 0.3)
    return made


def trained(library: ModuleType, kind: str, entered: Any, optimizer: str = "SGD", **options: Any) -> list[Any]:
    """The loss and the parameters after two steps."""
    net, given = network(library, kind)
    steps = getattr(library.optim, optimizer)(net.parameters(), lr=0.1, **options)
    with entered:
        for _ in range(2):
            loss = library.nn.functional.cross_entropy(net(given), library.tensor([0, 1, 2, 0, 1]))
            steps.zero_grad()
            loss.backward()
            steps.step()
    return [numbers(loss), *[numbers(parameter) for parameter in net.parameters()]]


@pytest.mark.parametrize("kind, optimizer, options", [
    ("mlp", "SGD", {}), ("mlp", "SGD", {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True}), ("mlp", "AdamW", {}),
    ("convolutional", "Adam", {"amsgrad": True}), ("attention", "SGD", {}), ("mlp", "RMSprop", {}),
])  # fmt: skip
def test_training_is_told_of_and_gives_what_it_gives_without(kind, optimizer, options):
    ours, theirs = [], []
    found = trained(flambeau, kind, logging(flambeau, ours), optimizer, **options)
    torch.testing.assert_close(found, trained(torch, kind, logging(torch, theirs), optimizer, **options), rtol=2e-4, atol=1e-5)
    torch.testing.assert_close(found, trained(flambeau, kind, dispatch(flambeau)._disable_current_modes(), optimizer, **options),
                               rtol=2e-4, atol=1e-5)  # fmt: skip
    if kind == "mlp" and optimizer == "SGD":
        assert Counter(ours) == Counter(theirs)
    products = {"mm.default", "addmm.default", "convolution.default", "convolution_backward.default", "_softmax.default",
                "_scaled_dot_product_flash_attention_for_cpu_backward.default", "threshold_backward.default"}  # fmt: skip
    assert Counter(name for name in ours if name in products) == Counter(name for name in theirs if name in products)


RECURRENT = {
    "GRU": (dict(input_size=3, hidden_size=4, num_layers=2, bidirectional=True, batch_first=True), (2, 3, 3)),
    "RNN": (dict(input_size=3, hidden_size=4, nonlinearity="relu", bias=False), (3, 2, 3)),
    "GRUCell": (dict(input_size=3, hidden_size=4), (2, 3)), "LSTMCell": (dict(input_size=3, hidden_size=4), (2, 3)),
    "RNNCell": (dict(input_size=3, hidden_size=4), (2, 3)), "LSTM": (dict(input_size=3, hidden_size=4), (3, 2, 3)),
}  # fmt: skip


def recurrent(library: ModuleType, name: str) -> tuple[list[Any], list[str]]:
    options, shape = RECURRENT[name]
    layer = getattr(library.nn, name)(**options)
    for parameter in layer.parameters():
        parameter.data.copy_(values(library, *parameter.shape))
    told: list[str] = []
    with logging(library, told):
        result = layer(values(library, *shape))
        output = result[0] if isinstance(result, tuple) else result
        (output * output).sum().backward()
    return [numbers(output), *[numbers(parameter.grad) for parameter in layer.parameters()]], told


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers(name):
    (found, told), (expected, expected_told) = recurrent(flambeau, name), recurrent(torch, name)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    if name != "LSTM":  # which PyTorch gives to a library of the processor's
        # PyTorch turns the result of a layer whose batch comes first in place.
        turned = ["transpose.int" if each == "transpose_.default" else each for each in expected_told]
        assert Counter(_but_copies(told)) == Counter(_but_copies(turned))


def doubling(library: ModuleType) -> Any:
    """A mode under which products are twice what they are."""
    names = aten(library)
    products = names.mm.default, names.addmm.default, names.convolution.default, names.bmm.default

    def answer(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = func(*args, **kwargs)
        return result * 2 if func in products else result

    return mode(library, answer)


@pytest.mark.parametrize("kind", ["mlp", "convolutional", "attention"])
def test_what_modes_give_is_what_programs_get_gradients_included(kind):
    found, expected = (trained(library, kind, doubling(library)) for library in (flambeau, torch))
    torch.testing.assert_close(found, expected, rtol=5e-4, atol=1e-4)
    assert abs(found[0] - trained(flambeau, kind, logging(flambeau, []))[0]) > 1e-3


def rewritten(library: ModuleType) -> list[Any]:
    names = aten(library)

    def answer(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func is names.relu.default:
            return library.sigmoid(args[0])
        if func is names.sin.default:
            return args[0]  # the argument itself, which has a history of its own
        result = func(*args, **kwargs)
        return result * 10 if func is names.threshold_backward.default else result

    x = values(library, 4).requires_grad_()
    with mode(library, answer):
        y = library.nn.functional.relu(x * 2) + (x * 3).sin()
        y.sum().backward()
    return [numbers(y), numbers(x.grad), y.requires_grad]


def changed(library: ModuleType) -> list[Any]:
    """Writing in place, through views too."""
    x = values(library, 2, 3).requires_grad_()
    with logging(library, []):
        y = x.clone()
        y[0] += 1
        y[:, 1] *= 2
        y.t()[0].zero_()
        y[1, library.tensor([2])] = x[0, 1:2] * 3
        (library.nn.functional.relu(y, inplace=True) * y).sum().backward()
    return [numbers(y), numbers(x.grad)]


def custom(library: ModuleType) -> list[Any]:
    class Square(library.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.exp()

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * ctx.saved_tensors[0].exp() * 2

    x, told = values(library, 3).requires_grad_(), []
    with logging(library, told):
        Square.apply(x * 3).sum().backward()
    return [numbers(x.grad), [name for name in told if name != "detach.default"]]


def checkpointed(library: ModuleType) -> list[Any]:
    x, told = values(library, 2, 2).requires_grad_(), []
    with logging(library, told):
        library.utils.checkpoint.checkpoint(lambda a: (a @ a).tanh(), x, use_reentrant=False).sum().backward()
    return [numbers(x.grad), [name for name in told if name != "detach.default"]]


def twice(library: ModuleType) -> list[Any]:
    """Gradients of gradients."""
    net, _ = network(library, "mlp")
    x = values(library, 5, 4).requires_grad_()
    with logging(library, []):
        (grad,) = library.autograd.grad(net(x).tanh().sum(), x, create_graph=True)
        (grad.norm() ** 2).backward()
    return [numbers(grad), *[numbers(p.grad) for p in net.parameters() if p.grad is not None]]


def half_told(library: ModuleType) -> list[Any]:
    """A mode that is entered for one half."""
    found = []
    for forwards in (True, False):
        x = values(library, 3, 3).requires_grad_()
        work = lambda x=x: ((x @ x).relu() * x.softmax(0)).sum()  # noqa: E731
        if forwards:
            with logging(library, []):
                y = work()
            y.backward()
        else:
            y = work()
            with logging(library, []):
                y.backward()
        found.append(numbers(x.grad))
    return found


def defined(library: ModuleType) -> list[Any]:
    """An operation of the program's own, with its gradient."""
    runs: list[str] = []

    @library.library.custom_op("flambeau_tests_modes::cube", mutates_args=(), schema="(Tensor x) -> Tensor")
    def cube(x: Any) -> Any:
        runs.append("run")
        return x * x * x

    def keep(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    cube.register_autograd(lambda ctx, grad: grad * ctx.saved_tensors[0] ** 2 * 3, setup_context=keep)
    x, names = values(library, 3).requires_grad_(), []

    def answer(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func.namespace != "aten":
            names.append(str(func))
        return func(*args, **kwargs)

    with mode(library, answer):
        y = cube(x)
        y.sum().backward()
    return [numbers(y), numbers(x.grad), names, runs]


def not_told(library: ModuleType) -> list[Any]:
    """What other threads do, what is shown, and what is done where nobody is to be told."""
    told: list[str] = []
    with logging(library, told):
        thread = threading.Thread(target=lambda: library.ones(2).mul(3).sum().item())
        thread.start()
        thread.join()
        shown = str(library.ones(2) * 2)
        with import_module(f"{library.__name__}.utils._mode_utils").no_dispatch():
            library.ones(2) - 1
    return [told, shown]


def stacked(library: ModuleType) -> list[Any]:
    told: list[str] = []
    d = dispatch(library)
    with logging(library, told, "outer: "), logging(library, told, "inner: ") as inner:
        y = values(library, 2).requires_grad_() + 1
        seen = [len(d._get_current_dispatch_mode_stack()), d._get_current_dispatch_mode() is inner, d.is_in_torch_dispatch_mode()]
        with d._disable_current_modes():
            library.ones(2) * 2
        y = y * 2
    return [numbers(y), told, seen, d._get_current_dispatch_mode()]


def other_operations(library: ModuleType) -> list[Any]:
    """A mode calls functions of the package, which the mode outside it is told of."""
    told: list[str] = []
    names = aten(library)

    def answer(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return library.nn.functional.linear(*args) if func is names.mm.default else func(*args, **kwargs)

    a = values(library, 3, 3).requires_grad_()
    with logging(library, told), mode(library, answer):
        y = a.detach() @ a
        y.sum().backward()
    return [numbers(y), numbers(a.grad), [name for name in told if name != "detach.default"]]


def beside_functions(library: ModuleType) -> list[Any]:
    """Modes above and beneath autograd, in either order."""
    told: list[str] = []

    class Above(import_module(f"{library.__name__}.overrides").TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
            told.append(func.__name__)
            return func(*args, **(kwargs or {}))

    x = library.ones(2)
    with Above(), logging(library, told):
        x + 1, x[0], x.exp()
    with logging(library, told), Above():
        x + 1, x[0], x.exp()
    x + 1
    return told


@pytest.mark.parametrize("program", [
    rewritten, changed, custom, defined, checkpointed, twice, half_told, not_told, stacked, other_operations, beside_functions,
])  # fmt: skip
def test_programs_under_modes(program):
    found, expected = program(flambeau), program(torch)
    assert [_words(part) for part in found] == [_words(part) for part in expected]
    plain = [[part for part in each if not _words(part)] for each in (found, expected)]
    torch.testing.assert_close(*plain, rtol=1e-4, atol=1e-5)


def _words(part: Any) -> Any:
    """What is no number."""
    return part if isinstance(part, (str, bool)) or part is None or isinstance(part, list) and part and _words(part[0]) else ""


# --- errors, and what is left behind ------------------------------------------------------------------------------------


def failing(library: ModuleType, answer: Any) -> None:
    with mode(library, answer):
        library.nn.functional.linear(library.ones(2, 3), library.ones(2, 3))


def test_errors_are_those_of_the_mode_and_it_is_left():
    def refuse(func: Any, args: Any, kwargs: Any) -> Any:
        raise ValueError("not today")

    for library in (flambeau, torch):
        with pytest.raises(ValueError, match="not today"):
            failing(library, refuse)
        with pytest.raises(TypeError, match="Multiple dispatch failed for 'torch._ops.aten.ones.default'"):
            failing(library, lambda *_: NotImplemented)
        assert not dispatch(library).is_in_torch_dispatch_mode()
        leaf = library.ones(2, requires_grad=True)
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"), logging(library, []):
            leaf.add_(1)


def test_nothing_is_left_behind():
    from flambeau.autograd.observed import OBSERVERS
    from flambeau.ops.calls import ACTIVE

    before = {name: vars(flambeau.Tensor).get(name) for name in ("__add__", "__getitem__", "T", "item", "__bool__")}
    active, observers = ACTIVE.copy(), OBSERVERS.copy()  # a class of another test may still be there
    with logging(flambeau, []):
        assert flambeau.ones(2)[0].item() == 1
        assert vars(flambeau.Tensor)["__add__"] is not before["__add__"]
    assert before == {name: vars(flambeau.Tensor).get(name) for name in before}
    assert active == ACTIVE and observers == OBSERVERS


def test_randomness_is_the_same_where_gradients_use_it():
    x = flambeau.ones(1000, requires_grad=True)
    with logging(flambeau, []):
        y = flambeau.nn.functional.dropout(x, 0.5)
        z = flambeau.nn.functional.rrelu(-x, training=True)
        y.sum().backward()
        assert bool(((x.grad == 0) == (y == 0)).all()) and 400 < int((y == 0).sum()) < 600
        x.grad = None
        z.sum().backward()
    assert flambeau.allclose(x.grad, z.detach())
