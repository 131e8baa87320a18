"""What ``compile`` makes of modules, beside PyTorch: whose attributes, parameters, hooks and states are whose."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

from oracle import agree, error


def network(T: Any) -> Any:
    model = T.nn.Sequential(T.nn.Linear(2, 3), T.nn.BatchNorm1d(3))
    with T.no_grad():
        model[0].weight.fill_(0.5)
        model[0].bias.fill_(1.0)
    return model


def compiled(T: Any, model: Any) -> Any:
    return T.compile(model, backend="eager")


def test_names_and_states() -> None:
    def program(T: Any) -> Any:
        model = network(T)
        around = compiled(T, model)
        assert around._orig_mod is model
        assert isinstance(around, T._dynamo.OptimizedModule) and isinstance(around, T.nn.Module)
        assert not isinstance(around, T.nn.Sequential) and not isinstance(model, T._dynamo.eval_frame.OptimizedModule)
        inner, outer = model.state_dict(), around.state_dict()
        again = {f"_orig_mod.{name}": value * 2 for name, value in inner.items()}
        found = [
            list(outer), [name for name, _ in around.named_parameters()], [name for name, _ in around.named_modules()],
            [name for name, _ in around.named_buffers()], str(around), len(around), type(around).__name__,
            error(model.load_state_dict, outer)[0], error(around.load_state_dict, inner)[0],
            str(around.load_state_dict(again)), model[0].weight, around.get_submodule("_orig_mod.1").num_features,
        ]  # fmt: skip
        return found, [type(x).__name__ for x in around.modules()], around.get_parameter("_orig_mod.0.bias").shape

    agree(program)


def test_attributes() -> None:
    def program(T: Any) -> Any:
        class Model(T.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = T.nn.Linear(2, 2)
                self.seen = 1

            def forward(self, x: Any) -> Any:
                return self.layer(x)

            def generate(self, x: Any) -> Any:
                return self.forward(x) * 2

            @property
            def both(self) -> int:
                return self.seen + 1

        model = Model()
        around = compiled(T, model)
        around.seen = 7
        around.layer = T.nn.Linear(2, 5)
        around.other = T.nn.Parameter(T.zeros(1))
        del around.seen
        found = [model.layer.out_features, list(model._parameters), hasattr(model, "seen"), around.generate.__self__ is model]
        around.seen = 2
        around.eval()
        found += [around.both, model.training, model.layer.training, around.training, around.train().training, model.training]
        around.double()
        around.requires_grad_(False)
        weight = model.layer.weight
        found += [str(weight.dtype)[-7:], weight.requires_grad, "generate" in dir(around), around.layer.bias.shape]
        found += [error(lambda: around.nothing), error(len, compiled(T, T.nn.ReLU()))[0], T.compile(model, disable=True) is model]
        return found

    agree(program)


def test_calls_and_hooks() -> None:
    def program(T: Any) -> Any:
        order: list[str] = []
        model = network(T).eval()
        model.register_forward_hook(lambda *_: order.append("inner"))
        around = compiled(T, model)
        around.register_forward_pre_hook(lambda *_: order.append("before"))
        around.register_forward_hook(lambda *_: order.append("outer"))
        x = T.ones(2, 2)
        outer = T.nn.Sequential(around)
        return around(x), outer(x), list(outer.state_dict()), order, len(model._forward_hooks), len(around._forward_hooks)

    agree(program)


def test_copies_and_files() -> None:
    def program(T: Any) -> Any:
        model = network(T).eval()
        around = compiled(T, model)
        copied = copy.deepcopy(around)
        assert type(copied) is type(around) and copied._orig_mod is not model
        file = io.BytesIO()
        T.save(around.state_dict(), file)
        file.seek(0)
        return copied.state_dict(), copied(T.ones(1, 2)), dict(T.load(file))

    agree(program)
    import flambeau

    around = flambeau.compile(network(flambeau))
    again = pickle.loads(pickle.dumps(around))
    assert list(again.state_dict()) == list(around.state_dict()) and again(flambeau.ones(2, 2)).shape == (2, 3)


def test_in_place() -> None:
    def program(T: Any) -> Any:
        model = network(T).eval()
        assert model._compiled_call_impl is None
        nothing = model.compile(backend="eager")
        assert model._compiled_call_impl is not None and copy.deepcopy(model)._compiled_call_impl is None
        return nothing, type(model).__name__, list(model.state_dict()), model(T.ones(1, 2))

    agree(program)
