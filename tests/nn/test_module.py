"""The base class of modules: registration, walking, hooks, state, conversion, printing."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from oracle import agree, as_flambeau, copy_state, error

import flambeau
from flambeau import nn

LIBRARIES = [(torch, torch.nn), (flambeau, nn)]


def network(modules: Any) -> Any:
    class Block(modules.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.first = modules.Linear(3, 4)
            self.norm = modules.BatchNorm1d(4)
            self.rest = modules.Sequential(modules.ReLU(), modules.Linear(4, 2, bias=False))
            self.shared = self.first

        def forward(self, x: Any) -> Any:
            return self.rest(self.norm(self.first(x)))

    return Block()


def test_assignment_registers() -> None:
    def program(library: Any, modules: Any) -> Any:
        m = modules.Module()
        m.weight = modules.Parameter(library.ones(2))
        m.register_buffer("state", library.zeros(1))
        m.register_buffer("hidden", library.zeros(1), persistent=False)
        m.register_buffer("nothing", None)
        m.register_parameter("bias", None)
        m.child = modules.Linear(1, 1)
        m.number = 3
        m.plain = library.ones(1)
        notes: list[Any] = [sorted(m._parameters), sorted(m._buffers), sorted(m._modules), sorted(m.state_dict())]
        m.bias = modules.Parameter(library.ones(1))
        m.state = library.ones(3)
        m.hidden = library.ones(3)
        m.child = None
        notes += [m.bias is m._parameters["bias"], tuple(m.state.shape), sorted(m.state_dict()), m._modules]
        m.number = modules.Parameter(library.ones(1))
        m.state = None
        notes += ["number" in m.__dict__, sorted(m._parameters), sorted(m.state_dict())]
        del m.weight, m.hidden, m.child
        m.buffer = modules.Buffer(library.ones(2), persistent=False)
        notes += [sorted(m._parameters), sorted(m._buffers), sorted(m.state_dict()), m._non_persistent_buffers_set]
        notes.append([name for name in dir(m) if name in ("bias", "buffer", "forward", "number")])
        return notes

    agree(lambda T: program(T, T.nn))


def test_errors_of_registration() -> None:
    def program(library: Any, modules: Any) -> Any:
        class Early(modules.Module):  # type: ignore[misc]
            def __init__(self, what: Any) -> None:
                self.what = what

        m = modules.Linear(2, 2)
        return [
            error(Early, modules.Parameter(library.ones(1))), error(Early, modules.ReLU()),
            error(m.register_buffer, "a.b", None), error(m.register_buffer, "", None),
            error(m.register_buffer, "weight", None), error(m.register_buffer, 3, None),
            error(m.register_buffer, "c", 4), error(m.register_parameter, "in_features", None),
            error(m.register_parameter, "a.b", None), error(m.register_parameter, "", None),
            error(m.register_parameter, "p", 3), error(m.add_module, "a.b", None), error(m.add_module, "", None),
            error(m.add_module, "weight", None), error(m.add_module, "x", 3), error(setattr, m, "weight", 3),
            error(getattr, m, "missing"), error(delattr, m, "missing"), error(m.train, 3),
            error(modules.Module(), 1), error(modules.Module, 3), error(modules.Module, a=3),
            error(m.get_parameter, "in_features"), error(m.get_submodule, "a.b"), error(m.get_buffer, "weight"),
            error(m.load_state_dict, 3), error(m.to, library.int64), error(m.set_submodule, "", modules.ReLU()),
        ]  # fmt: skip

    agree(lambda T: program(T, T.nn))


def test_walking() -> None:
    def program(library: Any, modules: Any) -> Any:
        m = network(modules)
        return [
            [name for name, _ in m.named_parameters()], [name for name, _ in m.named_buffers()],
            [name for name, _ in m.named_parameters(prefix="net", recurse=False)],
            [name for name, _ in m.named_parameters(remove_duplicate=False)],
            [name for name, _ in m.named_modules()], [name for name, _ in m.named_modules(remove_duplicate=False)],
            [name for name, _ in m.named_children()], [type(c).__name__ for c in m.children()],
            len(list(m.modules())), len(list(m.parameters())), len(list(m.buffers())),
            type(m.get_submodule("rest.1")).__name__, m.get_submodule("") is m,
            tuple(m.get_parameter("rest.1.weight").shape), tuple(m.get_buffer("norm.running_mean").shape),
        ]  # fmt: skip

    agree(lambda T: program(T, T.nn))


def test_set_submodule_and_apply() -> None:
    m = network(nn)
    m.set_submodule("rest.0", nn.Tanh())
    assert type(m.rest[0]) is nn.Tanh
    order: list[str] = []
    assert m.apply(lambda module: order.append(type(module).__name__)) is m
    assert order == ["Linear", "BatchNorm1d", "Tanh", "Linear", "Sequential", "Block"]


def test_modes() -> None:
    m = network(nn)
    assert m.eval() is m and not any(module.training for module in m.modules())
    m.train()
    assert all(module.training for module in m.modules())
    m.requires_grad_(False)
    assert not any(p.requires_grad for p in m.parameters())


def test_train_overridden_with_another_signature() -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.BatchNorm1d(2)

        def train(self, mode: bool = True, only: str = "") -> Any:
            super().train(mode)
            self.inner.eval()
            return self

    m = nn.Sequential(Frozen())
    m.train()
    assert m[0].training and not m[0].inner.training


def test_zero_grad() -> None:
    m = nn.Linear(2, 1)
    m(flambeau.ones(1, 2)).sum().backward()
    m.zero_grad(set_to_none=False)
    assert m.weight.grad.tolist() == [[0.0, 0.0]]
    m.zero_grad()
    assert m.weight.grad is None


# --- hooks -----------------------------------------------------------------------------------------------------------


def test_order_of_hooks() -> None:
    def program(library: Any, modules: Any) -> Any:
        notes: list[Any] = []

        class Add(modules.Module):  # type: ignore[misc]
            def forward(self, x: Any, extra: Any = 0) -> Any:
                notes.append("forward")
                return x + extra

        def pre(tag: str) -> Any:
            def hook(module: Any, args: Any) -> Any:
                notes.append(("pre", tag, len(args)))
                return args[0] + 1

            return hook

        def pre_with_kwargs(module: Any, args: Any, kwargs: Any) -> Any:
            notes.append(("pre with kwargs", sorted(kwargs)))
            return args, {**kwargs, "extra": kwargs.get("extra", 0) + 10}

        def post(tag: str) -> Any:
            def hook(module: Any, args: Any, output: Any) -> Any:
                notes.append(("post", tag, float(output)))
                return output * 2

            return hook

        def post_with_kwargs(module: Any, args: Any, kwargs: Any, output: Any) -> None:
            notes.append(("post with kwargs", kwargs["extra"], float(output)))

        m = Add()
        everywhere = modules.modules.module
        handles = [
            m.register_forward_pre_hook(pre("a")), m.register_forward_pre_hook(pre("b"), prepend=True),
            m.register_forward_pre_hook(pre_with_kwargs, with_kwargs=True), m.register_forward_hook(post("a")),
            m.register_forward_hook(post("b"), prepend=True),
            m.register_forward_hook(post_with_kwargs, with_kwargs=True),
            everywhere.register_module_forward_pre_hook(pre("everywhere")),
            everywhere.register_module_forward_hook(post("everywhere")),
        ]  # fmt: skip
        notes.append(float(m(library.tensor(1.0), extra=5)))
        for handle in handles:
            handle.remove()
            handle.remove()
        notes.append(float(m(library.tensor(1.0), extra=5)))
        notes.append([len(m._forward_hooks), len(m._forward_hooks_with_kwargs), len(m._forward_pre_hooks_with_kwargs)])
        with m.register_forward_hook(post("within")):
            m(library.tensor(2.0))
        m(library.tensor(2.0))
        return notes

    agree(lambda T: program(T, T.nn))


def test_hooks_that_are_always_called() -> None:
    def program(library: Any, modules: Any) -> Any:
        notes: list[Any] = []

        class Broken(modules.Module):  # type: ignore[misc]
            def forward(self, x: Any) -> Any:
                raise ValueError("broken")

        m = Broken()
        m.register_forward_hook(lambda *a: notes.append("never"))
        m.register_forward_hook(lambda module, args, output: notes.append(("always", output)), always_call=True)
        m.register_forward_hook(lambda *a: 1 / 0, always_call=True)
        notes.append(error(m, library.ones(1)))
        return notes

    agree(lambda T: program(T, T.nn))


def test_bad_pre_hook() -> None:
    m = nn.Identity()
    m.register_forward_pre_hook(lambda module, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple"):
        m(flambeau.ones(1))


def test_full_backward_hooks() -> None:
    def program(library: Any, modules: Any) -> Any:
        notes: list[Any] = []

        def shape(gradients: Any) -> Any:
            return [None if g is None else [round(v, 4) for v in g.flatten().tolist()] for g in gradients]

        class Two(modules.Module):  # type: ignore[misc]
            def forward(self, x: Any, factor: int, y: Any) -> Any:
                return x * factor, y + 1

        def replace(module: Any, grad_input: Any, grad_output: Any) -> Any:
            notes.append(("hook", shape(grad_input), shape(grad_output)))
            return tuple(None if g is None else g * 10 for g in grad_input)

        m = Two()
        m.register_full_backward_hook(replace)
        m.register_full_backward_hook(lambda mod, gi, go: notes.append(("first", shape(gi))), prepend=True)
        m.register_full_backward_pre_hook(lambda mod, go: tuple(None if g is None else g * 2 for g in go))
        x = library.tensor([1.0, 2.0], requires_grad=True)
        y = library.tensor([3.0])
        a, b = m(x, 3, y)
        (a.sum() + b.sum()).backward()
        notes.append(x.grad.tolist())
        alone = modules.Linear(1, 1)
        alone.register_full_backward_hook(lambda mod, gi, go: notes.append(("no input", shape(gi), shape(go))))
        alone(library.ones(1)).sum().backward()
        m.register_full_backward_hook(lambda mod, gi, go: (1, 2, 3, 4))
        a, b = m(x, 3, y)
        notes.append(error(a.sum().backward)[0])
        return notes

    agree(lambda T: program(T, T.nn))


def test_backward_hooks_of_both_kinds_do_not_mix() -> None:
    def program(library: Any, modules: Any) -> Any:
        m = modules.Linear(1, 1)
        m.register_full_backward_hook(lambda *a: None)
        other = modules.Linear(1, 1)
        other.register_backward_hook(lambda *a: None)
        return [error(m.register_backward_hook, print), error(other.register_full_backward_hook, print)]

    agree(lambda T: program(T, T.nn))


def test_old_backward_hook_sees_the_gradient_of_the_output() -> None:
    seen: list[Any] = []
    m = nn.Tanh()
    m.register_backward_hook(
        lambda module, grad_input, grad_output: seen.append((module is m, grad_output[0].tolist()))
    )
    m(flambeau.zeros(2, requires_grad=True)).sum().backward()
    assert seen == [(True, [1.0, 1.0])]


def test_global_backward_hook() -> None:
    seen: list[str] = []
    hooks = nn.modules.module
    with hooks.register_module_full_backward_hook(lambda module, gi, go: seen.append(type(module).__name__)):
        nn.Sequential(nn.ReLU(), nn.Tanh())(flambeau.ones(2, requires_grad=True)).sum().backward()
    assert seen == ["Tanh", "ReLU", "Sequential"]


def test_global_registration_hooks() -> None:
    seen: list[tuple[str, str]] = []
    hooks = nn.modules.module
    with (
        hooks.register_module_parameter_registration_hook(lambda module, name, value: seen.append(("parameter", name))),
        hooks.register_module_buffer_registration_hook(lambda module, name, value: seen.append(("buffer", name))),
        hooks.register_module_module_registration_hook(lambda module, name, value: seen.append(("module", name))),
    ):
        m = nn.Module()
        m.p = nn.Parameter(flambeau.ones(1))
        m.register_buffer("b", flambeau.ones(1))
        m.child = nn.ReLU()
    assert seen == [("parameter", "p"), ("buffer", "b"), ("module", "child")]


def test_state_dict_hooks() -> None:
    def program(library: Any, modules: Any) -> Any:
        notes: list[Any] = []
        m = modules.Sequential(modules.Linear(1, 1, bias=False))
        m[0].register_state_dict_pre_hook(lambda module, prefix, keep: notes.append(("pre", prefix, keep)))
        m[0].register_state_dict_post_hook(lambda module, state, prefix, meta: state.update({prefix + "extra": 1}))
        m[0]._register_state_dict_hook(lambda module, state, prefix, meta: notes.append(("post", prefix, meta)))
        m[0].register_load_state_dict_pre_hook(
            lambda module, state, prefix, meta, strict, missing, unexpected, errors: state.pop(prefix + "extra")
        )
        m[0]._register_load_state_dict_pre_hook(lambda state, prefix, *rest: notes.append(("load", prefix)))
        m.register_load_state_dict_post_hook(lambda module, keys: notes.append(("loaded", list(keys.missing_keys))))
        state = m.state_dict()
        notes.append(list(state))
        notes.append(str(m.load_state_dict(state)))
        return notes

    agree(lambda T: program(T, T.nn))


# --- state -----------------------------------------------------------------------------------------------------------


def test_state_dict() -> None:
    def program(library: Any, modules: Any) -> Any:
        m = network(modules)
        state = m.state_dict()
        nested: Any = OrderedDict()
        m.state_dict(destination=nested, prefix="net.")
        return [
            list(state), dict(state._metadata), type(state).__name__, list(nested),
            [value.requires_grad for value in state.values()],
            [value.requires_grad for value in m.state_dict(keep_vars=True).values()],
        ]  # fmt: skip

    agree(lambda T: program(T, T.nn))


def test_state_dict_shares_memory_with_the_module() -> None:
    m = nn.Linear(2, 1)
    state = m.state_dict()
    with flambeau.no_grad():
        m.weight.fill_(3.0)
    assert state["weight"].tolist() == [[3.0, 3.0]]


def test_load_state_dict_copies() -> None:
    m, other = network(nn), network(nn)
    result = m.load_state_dict(other.state_dict())
    assert str(result) == "<All keys matched successfully>"
    assert result.missing_keys == [] and result.unexpected_keys == []
    for key, value in m.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), other.state_dict()[key].numpy())
    assert m.first.weight is not other.first.weight


def test_load_state_dict_errors() -> None:
    def program(library: Any, modules: Any) -> Any:
        m = network(modules)
        state = m.state_dict()
        state["unknown.thing"] = library.ones(1)
        state["rest.1.more"] = library.ones(1)
        del state["first.bias"], state["norm.running_mean"]
        notes: list[Any] = [error(m.load_state_dict, state), str(m.load_state_dict(state, strict=False))]
        state["first.weight"] = library.ones(7, 3)
        state["norm.weight"] = "text"
        notes.append(error(m.load_state_dict, state, strict=False))
        scalar = modules.Module()
        scalar.value = modules.Parameter(library.tensor(0.0))
        scalar.load_state_dict({"value": library.tensor([4.0])})
        notes.append(float(scalar.value))
        return notes

    agree(lambda T: program(T, T.nn))


def test_load_state_dict_with_assign() -> None:
    m = nn.Linear(2, 1)
    m.bias.requires_grad_(False)
    weight, bias = flambeau.ones(1, 2, dtype=flambeau.float64), nn.Parameter(flambeau.ones(1))
    m.load_state_dict({"weight": weight, "bias": bias}, assign=True)
    assert m.weight.dtype == flambeau.float64 and m.weight.requires_grad and isinstance(m.weight, nn.Parameter)
    assert m.bias is bias and not m.bias.requires_grad


def test_overridden_loading_and_extra_state() -> None:
    def program(library: Any, modules: Any) -> Any:
        notes: list[Any] = []

        class Own(modules.Module):  # type: ignore[misc]
            _version = 3

            def __init__(self) -> None:
                super().__init__()
                self.weight = modules.Parameter(library.zeros(1))
                self.note = "a"

            def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
                notes.append((prefix, local_metadata.get("version")))
                if prefix + "old" in state_dict:
                    state_dict[prefix + "weight"] = state_dict.pop(prefix + "old")
                super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

            def get_extra_state(self) -> Any:
                return self.note

            def set_extra_state(self, state: Any) -> None:
                self.note = state

        m = modules.Sequential(Own())
        m[0].note = "b"
        state = m.state_dict()
        notes.append(list(state))
        state["0.old"] = state.pop("0.weight") + 5
        fresh = modules.Sequential(Own())
        fresh.load_state_dict(state)
        notes += [fresh[0].note, float(fresh[0].weight)]
        del state["0._extra_state"]
        notes.append(error(modules.Sequential(Own()).load_state_dict, state))
        return notes

    agree(lambda T: program(T, T.nn))


def test_copies_are_independent() -> None:
    m = network(nn)
    m.first.register_forward_hook(lambda *a: None)
    twin = copy.deepcopy(m)
    assert twin.shared is twin.first and len(twin.first._forward_hooks) == 1
    with flambeau.no_grad():
        twin.first.weight.fill_(7.0)
    assert float(m.first.weight.abs().max()) < 7.0
    assert isinstance(twin.first.weight, nn.Parameter) and twin.first.weight.requires_grad


def test_pickling() -> None:
    m = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())
    m.eval()
    twin = pickle.loads(pickle.dumps(m))
    assert repr(twin) == repr(m) and not twin.training
    x = flambeau.ones(2, 2)
    np.testing.assert_array_equal(twin(x).detach().numpy(), m(x).detach().numpy())
    assert isinstance(twin[0].weight, nn.Parameter) and twin[0].weight.requires_grad


def test_pickles_do_not_depend_on_where_types_are_defined() -> None:
    things = flambeau.ones(2), flambeau.float32, flambeau.device("cpu"), flambeau.Size([1]), flambeau.channels_last
    for thing in things:
        assert type(thing).__module__ == "flambeau" and b"flambeau.core" not in pickle.dumps(thing)
    # Where types were defined when older files were written.
    for name in (b"flambeau.tensor\nTensor", b"flambeau.device\ndevice"):
        assert pickle.loads(b"c" + name + b"\n.") in (flambeau.Tensor, flambeau.device)
    handle = pickle.loads(b"cflambeau.autograd.handle\nRemovableHandle\n.")
    assert isinstance(nn.Identity().register_forward_hook(print), handle)
    assert pickle.loads(b"cflambeau.optim.state\nParameterState\n.") is not None


def test_files_export_what_they_define_as_pytorchs_do() -> None:
    for part in ("nn.modules.activation", "nn.modules.loss", "nn.modules.dropout", "optim.sgd", "optim.adamw"):
        ours, theirs = ({}, {})  # type: tuple[dict[str, Any], dict[str, Any]]
        exec(f"from flambeau.{part} import *", ours)
        exec(f"from torch.{part} import *", theirs)
        assert "Module" not in ours and ours.keys() <= theirs.keys(), part


def test_handles_can_be_copied() -> None:
    m = nn.Identity()
    m.handle = m.register_forward_hook(lambda *a: None)
    twin = copy.deepcopy(m)
    twin.handle.remove()
    assert len(twin._forward_hooks) == 0 and len(m._forward_hooks) == 1


# --- conversion ------------------------------------------------------------------------------------------------------


def test_casting() -> None:
    def program(library: Any, modules: Any) -> Any:
        m = network(modules)
        weight = m.first.weight
        m(library.ones(3, 3)).sum().backward()
        notes: list[Any] = []
        for cast in (
            lambda: m.double(), lambda: m.float(), lambda: m.to(library.float64), lambda: m.to("cpu", library.float32),
            lambda: m.to(library.ones(1, dtype=library.float64)), lambda: m.type(library.float32),
            lambda: m.to(dtype=library.float64, device="cpu"), lambda: m.cpu(), lambda: m.half(), lambda: m.bfloat16(),
        ):  # fmt: skip
            assert cast() is m
            notes.append([str(v.dtype).split(".")[1] for v in m.state_dict().values()])
            notes.append(str(m.first.weight.grad.dtype).split(".")[1])
        notes.append(weight is m.first.weight)
        return notes

    agree(lambda T: program(T, T.nn))


def test_to_leaves_parameters_where_they_are() -> None:
    m = nn.Linear(2, 2)
    weight = m.weight
    m.to("cpu").float()
    assert m.weight is weight
    assert m.to(flambeau.device("cpu")) is m


def test_compile_does_nothing() -> None:
    m = nn.Linear(2, 2)
    assert m.compile() is None
    assert m(flambeau.ones(2)).shape == (2,)


# --- printing --------------------------------------------------------------------------------------------------------


def test_repr() -> None:
    def program(library: Any, modules: Any) -> Any:
        class Described(modules.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.part = modules.Linear(1, 2)

            def extra_repr(self) -> str:
                return "first\nsecond"

        return [
            repr(network(modules)), repr(Described()), repr(modules.Module()), repr(modules.Sequential()),
            repr(modules.Sequential(OrderedDict(a=modules.ReLU(), b=Described()))),
            repr(modules.Parameter(library.tensor([1.0, 2.0]))),
        ]  # fmt: skip

    agree(lambda T: program(T, T.nn))


# --- parameters ------------------------------------------------------------------------------------------------------


def test_parameter() -> None:
    data = flambeau.ones(2)
    p = nn.Parameter(data)
    assert isinstance(p, nn.Parameter) and isinstance(p, flambeau.Tensor) and p.requires_grad and p.is_leaf
    assert not isinstance(data, nn.Parameter)
    with flambeau.no_grad():
        q = nn.Parameter(data, requires_grad=False)
        assert nn.Parameter(data).requires_grad
    assert not q.requires_grad
    with flambeau.no_grad():
        data.fill_(5.0)
    assert p.tolist() == [5.0, 5.0]
    assert tuple(nn.Parameter().shape) == (0,)
    assert type(p * 2) is flambeau.Tensor
    twin = copy.deepcopy(p)
    assert type(twin) is nn.Parameter and twin.tolist() == p.tolist()
    p.data = flambeau.zeros(3)
    assert tuple(p.shape) == (3,)
    buffer = nn.Buffer(flambeau.ones(1), persistent=False)
    assert isinstance(buffer, nn.Buffer) and not buffer.persistent


def test_training_matches(epochs: int = 5) -> None:
    torch.manual_seed(0)
    theirs, ours = network(torch.nn), network(nn)
    copy_state(ours, theirs)
    x, y = torch.randn(8, 3), torch.randn(8, 2)
    for model, library, a, b in ((theirs, torch, x, y), (ours, flambeau, as_flambeau(x), as_flambeau(y))):
        for _ in range(epochs):
            model.zero_grad()
            loss = library.nn.functional.mse_loss(model(a), b)
            loss.backward()
            with library.no_grad():
                for p in model.parameters():
                    p -= 0.1 * p.grad
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-4, atol=1e-5)
