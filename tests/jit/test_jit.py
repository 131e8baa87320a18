"""TorchScript's names: scripted and traced modules beside PyTorch's, freezing, and the decorators."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from oracle import agree, error

import flambeau


def network(T: Any) -> Any:
    class Net(T.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first = T.nn.Linear(3, 4)
            self.rest = T.nn.Sequential(T.nn.BatchNorm1d(4), T.nn.ReLU())
            self.register_buffer("scale", T.full((1,), 2.0))

        def forward(self, x):  # type: ignore[no-untyped-def]
            return self.rest(self.first(x)) * self.scale

    net = Net()
    with T.no_grad():
        for number, parameter in enumerate(net.parameters()):
            parameter.copy_(T.arange(parameter.numel()).reshape(parameter.shape) / 5.0 - number)
    return net


def inputs(T: Any) -> Any:
    return T.arange(6.0).reshape(2, 3) / 3


@pytest.mark.parametrize("how", ["script", "trace"])
def test_a_scripted_module_is_a_module_with_the_same_parameters(how: str) -> None:
    def program(T: Any) -> Any:
        net = network(T).eval()
        made = T.jit.script(net) if how == "script" else T.jit.trace(net, inputs(T))
        notes = [
            made(inputs(T)),
            list(made.state_dict()),
            isinstance(made, T.jit.ScriptModule),
            isinstance(made, T.nn.Module),
        ]
        notes += [[name for name, _ in made.named_modules()], [name for name, _ in made.named_parameters()], repr(made)]
        notes += [made.original_name, made.first.original_name, made.training]
        made(inputs(T)).sum().backward()
        with T.no_grad():
            net.first.weight.zero_()  # it is the same tensor
        notes += [net.first.weight.grad, made(inputs(T)), [type(m).__name__ for m in made.modules()][:1]]
        made.train()
        notes += [net.training, made.rest.training, isinstance(copy.deepcopy(made), T.jit.ScriptModule)]
        return notes

    agree(program)


def test_functions_and_classes() -> None:
    def program(T: Any) -> Any:
        def f(x, factor: float = 2.0):  # type: ignore[no-untyped-def]
            return T.relu(x) * factor

        scripted, traced = T.jit.script(f), T.jit.trace(f, (T.ones(2),))
        value = T.tensor([-1.0, 3.0])
        kinds = [isinstance(scripted, T.jit.ScriptFunction), isinstance(traced, T.jit.ScriptFunction)]
        again = T.jit.script(scripted) is scripted
        return [scripted(value), scripted(value, 3.0), traced(value), kinds, again, scripted.name]

    agree(program)


def test_decorators_give_back_their_function() -> None:
    def program(T: Any) -> Any:
        def f(x: Any) -> Any:
            return x

        jit = T.jit
        given = [jit.ignore(f), jit.ignore(drop=True)(f), jit.unused(f), jit.export(f)]
        notes = [g is f for g in given] + [
            f._torchscript_modifier,
            jit.annotate(int, 3),
            jit.is_scripting(),
            jit.is_tracing(),
        ]  # type: ignore[attr-defined]
        notes += [jit.script_if_tracing(f)(4), jit.wait(jit.fork(f, 5)), error(jit.ignore, 3)]
        return notes

    agree(program)


def test_tracing_is_known_while_it_happens() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(flambeau.jit.is_tracing())
        return x

    flambeau.jit.trace(f, flambeau.ones(1))(flambeau.ones(1))
    assert seen == [True, False]


def test_types_with_parameters() -> None:
    def program(T: Any) -> Any:
        from typing import Dict, List, Optional, Tuple, Union  # noqa: UP035

        types = [List[int], Dict[str, int], Optional[int], Tuple[int, str], Union[int, str], int, List[T.Tensor]]  # noqa: UP006, UP007, UP045
        values = [[1, 2], ["a"], {"a": 1}, {"a": "b"}, None, 3, "a", (1, "a"), (1, 2), [T.ones(1)]]
        return [[T.jit.isinstance(value, kind) for kind in types] for value in values]

    agree(program)


def test_types_are_found_where_programs_import_them() -> None:
    import typing

    from flambeau import _jit_internal
    from flambeau.jit import annotations

    for place in (annotations, _jit_internal):
        names = [getattr(place, name) for name in ("List", "Dict", "Tuple", "Optional", "Union", "Any")]
        assert names == [getattr(typing, name) for name in ("List", "Dict", "Tuple", "Optional", "Union", "Any")]


def test_freezing() -> None:
    def program(T: Any) -> Any:
        scripted = T.jit.script(network(T).eval())
        frozen = T.jit.freeze(scripted)
        notes = [
            frozen(inputs(T)),
            len(list(frozen.parameters())),
            list(frozen.state_dict()),
            len(list(scripted.parameters())),
        ]
        notes += [error(T.jit.freeze, network(T)), error(T.jit.freeze, T.jit.script(network(T)))]
        return notes

    agree(program)


def test_errors() -> None:
    def program(T: Any) -> Any:
        net = network(T).eval()
        cases = [
            (T.jit.script, type(net)), (T.jit.trace, net.rest, None), (T.jit.trace_module, net.forward, {}),
            (T.jit.interface, 3),
        ]  # fmt: skip
        return [error(*case)[0] for case in cases]

    agree(program)


def test_results_that_cannot_be_traced() -> None:
    def program(T: Any) -> Any:
        x = T.ones(2)
        functions = [lambda x: {"a": x}, lambda x: "text", lambda x: (x, {"a": x}), lambda x: None, lambda x: (x, 1)]
        return [error(T.jit.trace, f, x)[1][:20] for f in functions] + [T.jit.trace(lambda x: [x, x], x)(x)]

    agree(program)
    traced = flambeau.jit.trace(lambda x: {"a": x}, flambeau.ones(2), strict=False)
    assert traced(flambeau.zeros(1))["a"].item() == 0


def test_what_has_no_meaning_here_says_so_when_it_is_used() -> None:
    scripted = flambeau.jit.script(network(flambeau))
    with pytest.raises(NotImplementedError, match="no TorchScript graph"):
        _ = scripted.graph
    with pytest.raises(NotImplementedError, match="text of TorchScript"):
        flambeau.jit.CompilationUnit("def f(x): return x")
    assert "def forward(self" in scripted.code


class Own(flambeau.jit.ScriptModule):
    def __init__(self) -> None:
        super().__init__()
        self.number = flambeau.jit.Attribute(3, int)
        self.weight = flambeau.nn.Parameter(flambeau.ones(2))

    @flambeau.jit.script_method
    def forward(self, x: Any) -> Any:
        return x * self.weight + self.number


def test_a_program_s_own_script_module() -> None:
    own = Own()
    assert own(flambeau.ones(2)).tolist() == [4, 4]
    assert flambeau.jit.script(own) is own
    assert pickle.loads(pickle.dumps(own))(flambeau.ones(2)).tolist() == [4, 4]
    assert torch.jit.is_scripting() == flambeau.jit.is_scripting()
