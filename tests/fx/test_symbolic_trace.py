"""Graphs of the same programs beside PyTorch's: names, targets, arguments, and the text of their code."""

from __future__ import annotations

import gc
import math
import operator
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.fx
from oracle import agree, as_flambeau, assert_same, error, floats

import flambeau


def texts(T: Any, module: Any) -> list[str]:
    """All that a traced module is shown as, in PyTorch's names."""
    module.graph.lint()
    shown = [module.code, str(module.graph), str(module), module.print_readable(False)]
    return [text.replace("flambeau", "torch") for text in shown]


def network(T: Any) -> Any:
    class Block(T.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = T.nn.Conv2d(3, 4, 3, padding=1), T.nn.BatchNorm2d(4)
            self.scale = T.nn.Parameter(T.ones(4, 1, 1))
            self.register_buffer("shift", T.zeros(4, 1, 1))

        def forward(self, x, y=None, *, k: int = 3):  # type: ignore[no-untyped-def]
            F = T.nn.functional
            x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2) * self.scale + self.shift
            a, b = (self.shift - x).chunk(2, 1)
            x = F.dropout(T.cat([a, b, x], dim=1), 0.3, self.training)
            x = x[:, 0, ..., None].mean(dim=(-1, -2), keepdim=True)
            x = F.softmax(x.view(x.shape[0], -1).softmax(-1), dim=1)
            x = T.einsum("ij->ji", F.gelu(x) + T.sigmoid(x) + T.tanh(x))
            x = -(F.linear(x, T.ones(2, 2)) ** 2) / 3 // 2 % 2
            x = F.adaptive_avg_pool2d(F.interpolate(x[None, None], scale_factor=2), 1)
            x = F.pad(F.leaky_relu(F.layer_norm(x, (1, 1)), inplace=True), (1, 1))
            x = F.normalize(F.hardswish(F.silu(x)))
            x = F.avg_pool2d(F.adaptive_max_pool2d(x, 1), 1)
            x = T.split(T.where(x > 0, x, T.zeros_like(x)), 1, 1)[0]
            x = T.clamp(x, min=0).to(T.float32).type(T.float64)
            x = T.flatten(x, 1).matmul(x.t()) @ T.add(x, x, alpha=2)
            x = (
                F.cross_entropy(x, y)
                + F.embedding(y, x)
                + F.batch_norm(x, self.norm.running_mean, self.norm.running_var)
            )
            x = T.meshgrid(F.scaled_dot_product_attention(x, x, x), indexing="ij")
            return {"x": x, "k": (k, slice(None)), "l": [x, (1,)]}

    class Net(T.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.block = Block()
            self.rest = T.nn.Sequential(T.nn.Linear(2, 2), T.nn.ReLU(), Block())

        def forward(self, x: T.Tensor, *more):  # type: ignore[no-untyped-def,name-defined]
            return self.block(self.rest(x), more[0])

    return Net()


def test_a_network_is_shown_as_pytorch_shows_it() -> None:
    agree(lambda T: texts(T, T.fx.symbolic_trace(network(T))))


def test_layers_are_shown_with_the_types_that_pytorch_gives_them() -> None:
    def program(T: Any) -> Any:
        n = T.nn
        layers = [
            n.Linear(2, 2), n.Sequential(n.ReLU()), n.LayerNorm(2), n.CrossEntropyLoss(), n.Embedding(2, 2), n.GELU(),
            n.Identity(), n.Dropout(), n.Softmax(1), n.MSELoss(), n.MaxPool2d(2),
        ]  # fmt: skip
        traced = [T.fx.symbolic_trace(layer) for layer in layers]
        return [str(each.graph).replace("flambeau", "torch").splitlines()[1] for each in traced], traced[0].code

    agree(program)


def branches(x: Any, flag: Any = False, times: int = 2, *, last: Any = None) -> Any:
    return (x if flag is None else x + 1) * times


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "operators": lambda T: lambda x, y: (x + y - 1) * 2 / y // 3 % 4 ** x @ y,
    "reflected": lambda T: lambda x: 1 + (2 - x) * 3 / (1 // (x**2)) - 2**x,
    "comparisons": lambda T: lambda x, y: (x < y) & (x >= 2) | (x == y) ^ (x != 1) & ~(x > y),
    "tensors": lambda T: (lambda t: lambda x: t + x - t * x / (t % x) + (t // x) ** (t - x) + t[x])(T.ones(3)),
    "items": lambda T: lambda x: x[0] + x[1:, None] + x[..., ::2] + x[x > 0],
    "attributes": lambda T: lambda x: x.T.real + x.shape[0] * x.size(1) + x.ndim,
    "unary": lambda T: lambda x: abs(-x) + +x,
    "unpacking": lambda T: lambda x: (lambda a, b: a + b)(*[part for part in (x[0], x[1])]),
    "defaults": lambda T: branches,
    "keywords": lambda T: lambda x: T.sum(input=x, dim=1, keepdim=True) + x.sum(dim=0),
    "mathematics": lambda T: lambda x: math.sqrt(2) * x + math.pi,
    "methods of the class": lambda T: lambda x: x.add(1).mul_(2).unsqueeze(-1).repeat(1, 2),
    "dtypes": lambda T: lambda x: x.to(T.float64).to(device=T.device("cpu"), dtype=T.int64),
    "names of builtins": lambda T: lambda x: x.sum() + x.max() + x.all() + x.pow(2),
    "operands in lists": lambda T: lambda x, y: T.einsum("ij,jk->ik", [x, y]) + T.einsum("ij,jk->ik", (x, y)) + T.einsum("ii", x),
    "grids": lambda T: lambda x, y: [T.meshgrid(x, y), T.meshgrid(x, y, indexing="xy")],
    "inverse transforms": lambda T: lambda x: T.istft(x, 16) + T.stft(x, 16, return_complex=True),
    "nothing": lambda T: lambda x: None,
    "constants": lambda T: lambda x: (1, "a", [x, {"k": x}], float("inf"), slice(x, None)),
    "variadic": lambda T: lambda *values, **named: values[0] + named["a"],
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_shown_as_pytorch_shows_it(name: str) -> None:
    agree(lambda T: texts(T, T.fx.symbolic_trace(FUNCTIONS[name](T))))


def test_results_are_those_of_the_module() -> None:
    def program(T: Any, x: Any) -> Any:
        class Net(T.nn.Module):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.first, self.norm = T.nn.Linear(4, 5), T.nn.LayerNorm(5)
                self.scale = T.nn.Parameter(T.full((5,), 2.0))

            def forward(self, x):  # type: ignore[no-untyped-def]
                y = T.nn.functional.silu(self.norm(self.first(x))) * self.scale
                return y.softmax(-1), {"sum": y.sum(1), "parts": y.split(2, dim=1)}

        net = Net()
        with T.no_grad():
            for parameter in net.parameters():
                parameter.copy_((T.arange(parameter.numel()) % 7 - 3).reshape(parameter.shape) / 4)
        traced = T.fx.symbolic_trace(net)
        result = traced(x)
        result[0][:, 0].sum().backward()
        return [result, list(traced.state_dict()), traced.scale.grad, traced.first is net.first]

    x = floats(3, 4)
    assert_same(program(flambeau, as_flambeau(x)), program(torch, x), 1e-5)


def test_what_depends_on_values_is_refused_in_pytorch_s_words() -> None:
    def program(T: Any) -> Any:
        def branch(x: Any) -> Any:
            return x if x.sum() > 0 else -x

        def loop(x: Any) -> Any:
            return [part for part in x]

        def keys(x: Any) -> Any:
            return T.add(x, {x: 1})

        def spread(x: Any) -> Any:
            return T.add(*x)

        def unknown(x: Any) -> Any:
            return x.add(object())

        trace = T.fx.symbolic_trace
        cases = [error(trace, f) for f in (branch, loop, spread)]
        return [cases, error(trace, unknown)[0], error(trace, keys)[0]]

    agree(program)


def test_tracers_say_what_is_a_leaf() -> None:
    def program(T: Any) -> Any:
        class Mine(T.fx.Tracer):  # type: ignore[misc,name-defined]
            def is_leaf_module(self, m: Any, name: str) -> bool:
                return name == "block" or super().is_leaf_module(m, name)

            def create_arg(self, a: Any) -> Any:
                return "complex" if isinstance(a, complex) else super().create_arg(a)

        tracer = Mine(autowrap_functions=(branches,))
        net = network(T)
        graph = tracer.trace(net)
        module = T.fx.GraphModule(net, graph, "Mine")
        notes = [str(module.graph).replace("flambeau", "torch"), tracer.num_calls, graph._tracer_cls is Mine]
        notes += [{name: scope[0] for name, scope in tracer.node_name_to_scope.items()}]
        stacks = [[*node.meta.get("nn_module_stack", {})] for node in graph.nodes]
        return [*notes, stacks, type(module).__name__, T.fx.Tracer(param_shapes_constant=True).param_shapes_constant]

    agree(program)


def test_shapes_of_parameters_may_be_constants() -> None:
    def program(T: Any) -> Any:
        class Net(T.nn.Module):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.weight = T.nn.Parameter(T.ones(2, 3))

            def forward(self, x):  # type: ignore[no-untyped-def]
                return x * self.weight if self.weight.shape[0] == 2 else x

        net = Net()
        graph = T.fx.Tracer(param_shapes_constant=True).trace(net)
        return [str(graph), error(T.fx.symbolic_trace, net)]

    agree(program)


@flambeau.fx.wrap  # type: ignore[untyped-decorator]
def ours(x: Any) -> Any:
    return x if x.sum() > 0 else -x


@torch.fx.wrap
def theirs(x: Any) -> Any:
    return x if x.sum() > 0 else -x


flambeau.fx.wrap("len")
torch.fx.wrap("len")


def test_wrapped_functions_are_not_traced_through() -> None:
    def program(T: Any) -> Any:
        wrapped: Any = {torch: lambda x: theirs(x) + len(x), flambeau: lambda x: ours(x) + len(x)}[T]
        traced = T.fx.symbolic_trace(wrapped)
        shown = traced.code.replace("flambeau", "torch").replace("ours", "theirs").replace("tests_fx_", "")
        values = [traced(T.tensor([1.0, 2.0])), traced(T.tensor([-1.0, -2.0]))]
        again = T.fx.symbolic_trace(traced)
        return [shown, values, [n.name for n in again.graph.nodes] == [n.name for n in traced.graph.nodes]]

    agree(program)
    with pytest.raises(NotImplementedError, match="top level of a module"):
        flambeau.fx.wrap("len")


def test_nothing_stays_patched() -> None:
    from flambeau.ops.calls import ACTIVE

    before = flambeau.nn.Module.__call__, flambeau.nn.Module.__getattr__, flambeau.Tensor.__getitem__, operator.add
    flambeau.fx.symbolic_trace(network(flambeau))
    with pytest.raises(ValueError, match="control flow"):
        flambeau.fx.symbolic_trace(lambda x: 1 if x else 0)
    after = flambeau.nn.Module.__call__, flambeau.nn.Module.__getattr__, flambeau.Tensor.__getitem__, operator.add
    assert before == after
    gc.collect()
    assert not [mode for mode in ACTIVE if "fx" in mode.__module__]


def test_assertions_are_kept() -> None:
    def program(T: Any) -> Any:
        def f(x: Any) -> Any:
            T._assert(x.ndim == 2, "two axes")
            return x + 1

        traced = T.fx.symbolic_trace(f)
        kept = not traced.graph.eliminate_dead_code()
        return [kept, *texts(T, traced), traced(T.ones(1, 1)), error(traced, T.ones(1))]

    agree(program)


def test_inputs_that_are_given() -> None:
    """Values for which a program may depend on them, and containers, of which the graph has what they hold."""

    def program(T: Any) -> Any:
        def branch(x: Any, flag: Any, times: Any = 2) -> Any:
            return x * times if flag else x

        def held(table: Any, pair: Any, y: Any = 3) -> Any:
            return {"sum": table["a"] + table["b"] + pair[0], "rest": [pair[1] * y]}

        PH = T.fx._symbolic_trace.PH
        first = T.fx.symbolic_trace(branch, {"flag": True})
        none = T.fx.symbolic_trace(branch, {"flag": None})
        second = T.fx.symbolic_trace(held, {"table": {"a": PH, "b": PH}, "pair": (PH, 5)})
        ones = [T.full((2,), number) for number in (1.0, 2.0, 3.0)]
        result = second({"a": ones[0], "b": ones[1]}, (ones[2], 5), 3)
        interpreted = T.fx.Interpreter(second).run({"a": ones[0], "b": ones[1]}, (ones[2], 5), 3)
        cases = [
            error(first, ones[0], False),
            error(none, ones[0], False),
            error(second, {"a": ones[0]}, (ones[1], 5), 3)[0],
        ]
        kinds = [first(ones[0], True), none(ones[0], None), result, interpreted["sum"], cases]
        return [*texts(T, first)[:2], *texts(T, none)[:2], *texts(T, second)[:2], *kinds]

    agree(program)


UNDER_ITS_OWN_NAME = """
import pickle
import os
import torch
from torch import nn, fx
from torch.fx import symbolic_trace, Tracer, Proxy
from torch.fx.graph_module import GraphModule
from torch.fx.passes.shape_prop import ShapeProp

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
    def forward(self, x):
        return torch.functional.split(torch.nn.functional.gelu(self.layer(x)), 1, dim=1)[0]

if __name__ == "__main__":
    net = Net()
    traced = symbolic_trace(net)
    assert "torch._C._nn.gelu(layer)" in traced.code and "torch.functional.split(gelu, 1, dim = 1)" in traced.code
    assert [type(m).__module__ for m in traced.children()] == ["torch.nn.modules.linear"]
    assert (Tracer.__module__, Proxy.__module__) == ("torch.fx._symbolic_trace", "torch.fx.proxy")
    again = pickle.loads(pickle.dumps(traced))
    x = torch.ones(3, 2)
    assert torch.equal(again(x), net(x)) and torch.equal(torch.jit.script(traced)(x), net(x))
    ShapeProp(traced).propagate(x)
    assert next(iter(traced.graph.nodes)).meta["tensor_meta"].shape == (3, 2)
    print("done")

# Proxies that outlive the package's modules are let go without a word.
graph = torch.fx.Graph()
os.kept = torch.fx.Proxy(graph.placeholder("a"), torch.fx.proxy.GraphAppendingTracer(graph))
"""


def test_programs_that_import_torch(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(UNDER_ITS_OWN_NAME)
    command = [sys.executable, "-m", "flambeau", "run", str(tmp_path / "program.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "done\n" and not done.stderr, done.stderr
