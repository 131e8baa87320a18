"""Graphs that are built and changed, modules made of them, interpreters, and patterns that are replaced, beside PyTorch."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import torch
import torch.fx
import torch.fx.experimental.optimization
import torch.fx.passes.shape_prop
import torch.fx.subgraph_rewriter
from oracle import agree, error

import flambeau
import flambeau.fx.experimental.optimization
import flambeau.fx.passes.shape_prop
import flambeau.fx.subgraph_rewriter


def shown(value: Any) -> str:
    return str(value).replace("flambeau", "torch")


class Net(flambeau.nn.Module):
    """What can be pickled by its name."""

    def __init__(self, T: Any = flambeau) -> None:
        super().__init__()
        self.first, self.rest = (
            flambeau.nn.Linear(3, 4),
            flambeau.nn.Sequential(flambeau.nn.ReLU(), flambeau.nn.Linear(4, 2)),
        )
        self.register_buffer("scale", flambeau.full((2,), 3.0))

    def forward(self, x: flambeau.Tensor) -> flambeau.Tensor:
        return flambeau.nn.functional.relu(self.rest(self.first(x))) * self.scale + flambeau.ones(2)


def built(T: Any) -> Any:
    """A graph made by hand, of all kinds of nodes."""
    graph = T.fx.Graph()
    x = graph.placeholder("x")
    y = graph.placeholder("y", type_expr=int, default_value=3)
    weight = graph.get_attr("weight")
    layer = graph.call_module("layer", (x,))
    total = graph.call_function(T.add, (layer, weight), {"alpha": y})
    power = graph.call_method("pow", (total, 2))
    graph.output((power, [x, {"k": weight}]))
    root = T.nn.Module()
    root.weight, root.layer = T.nn.Parameter(T.ones(2)), T.nn.Identity()
    return T.fx.GraphModule(root, graph, "Built")


def test_a_graph_made_by_hand() -> None:
    def program(T: Any) -> Any:
        module = built(T)
        module.graph.lint()
        nodes = [*module.graph.nodes]
        notes = [
            shown(module),
            shown(module.graph),
            module(T.ones(2))[0],
            module(T.ones(2), 2)[0],
            len(module.graph.nodes),
        ]
        notes += [[(n.op, n.name, [u.name for u in n.users], [i.name for i in n.all_input_nodes]) for n in nodes]]
        notes += [
            [n.format_node().replace("flambeau", "torch") for n in nodes],
            [n.name for n in reversed(module.graph.nodes)],
        ]
        notes += [nodes[0] < nodes[1], nodes[3] >= nodes[1], nodes[2] > nodes[2], [n.is_impure() for n in nodes]]
        notes += [
            [n.name for n in module.graph.find_nodes(op="call_method", target="pow")],
            module.graph.output_node().name,
        ]
        return notes

    agree(program)


def test_changes() -> None:
    def program(T: Any) -> Any:
        module = built(T)
        graph = module.graph
        x, y, weight, layer, total, power, output = graph.nodes
        with graph.inserting_after(layer):
            new = graph.call_function(T.relu, (layer,))
            total.replace_input_with(layer, new)
        with graph.inserting_before(power):
            twice = graph.call_function(T.mul, (total, total))
        total.replace_all_uses_with(twice, lambda user: user is not twice)
        notes: list[Any] = [shown(graph), [user.name for user in total.users]]
        twice.args = (total, 3)
        twice.update_arg(1, 4)
        twice.update_kwarg("out", None)
        power.insert_arg(1, weight)
        notes += [shown(twice.format_node()), shown(power.format_node()), [user.name for user in weight.users]]
        power.args = (twice, 2)
        dead = graph.call_function(T.neg, (x,))
        graph.erase_node(graph.create_node("call_method", "abs", (x,)))
        notes += [error(graph.erase_node, x), error(twice.args.__setitem__ if 0 else output.args[0][1].append, 3)[0]]
        output.prepend(dead)
        notes += [shown(graph), graph.eliminate_dead_code(), shown(graph), graph.eliminate_dead_code()]
        module.recompile()
        new._rename("other")
        notes += [module.code.replace("flambeau", "torch"), new.name, module(T.full((2,), -1.0))[0]]
        proxy = T.fx.Proxy(power)
        with graph.inserting_before(output):
            output.args = ((proxy.sum() + T.sigmoid(proxy)).node,)
        module.recompile()
        return [*notes, shown(module.code), module(T.ones(2))]

    agree(program)


def test_copies_of_graphs() -> None:
    def program(T: Any) -> Any:
        module = built(T)
        other, values = T.fx.Graph(), {}
        result = other.graph_copy(module.graph, values)
        other.output(result)
        again = T.fx.Graph()
        env: dict[Any, Any] = {}
        for node in module.graph.nodes:
            env[node] = again.node_copy(node, lambda n: env[n])
        deep = copy.deepcopy(module)
        with T.no_grad():
            deep.weight += 1
        notes = [
            shown(other),
            shown(again),
            len(values),
            shown(deep.graph),
            module.weight,
            deep.weight,
            deep(T.ones(2))[0],
        ]
        return [*notes, type(deep).__name__, type(copy.copy(module)).__name__]

    agree(program)


def test_lint_and_errors() -> None:
    def program(T: Any) -> Any:
        module = built(T)
        graph = module.graph
        x, *_, power, output = graph.nodes
        other = T.fx.Graph().placeholder("other")
        cases = [
            error(graph.create_node, "call_function", "name")[0],
            error(graph.create_node, "call_method", T.add)[0],
        ]
        cases += [error(graph.create_node, "unknown", "x")[0], error(T.fx.GraphModule, 3, graph)]
        cases += [error(T.fx.GraphModule, {}, graph), error(T.fx.map_arg, (1,), 3)[0]]
        node = graph.create_node("call_module", "missing")
        cases.append(error(graph.lint))
        graph.erase_node(node)
        power.args = (other, 2)
        cases.append(error(graph.lint)[1].split("!")[0])
        power.args = (x, 2)
        output.append(power)
        cases.append(error(graph.lint)[1].split("!")[0])
        return cases

    agree(program)


def test_submodules() -> None:
    def program(T: Any) -> Any:
        module = built(T)
        notes = [module.add_submodule("a.b.c", T.nn.ReLU()), module.add_submodule("weight.x", T.nn.ReLU())]
        notes += [
            [name for name, _ in module.named_modules()],
            module.delete_submodule("a.b"),
            module.delete_submodule("z"),
        ]
        module.delete_all_unused_submodules()
        return [*notes, [name for name, _ in module.named_modules()]]

    agree(program)


def test_interpreters_and_transformers() -> None:
    def program(T: Any) -> Any:
        class Swapped(T.fx.Interpreter):  # type: ignore[misc,name-defined]
            def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
                return super().call_function(T.sub if target is T.add else target, args, kwargs)

        class Transformed(T.fx.Transformer):  # type: ignore[misc,name-defined]
            def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
                return T.sigmoid(*args) if target is T.neg else super().call_function(target, args, kwargs)

            def call_method(self, target: Any, args: Any, kwargs: Any) -> Any:
                return args[0].relu() if target == "pow" else super().call_method(target, args, kwargs)

        module, x = built(T), T.tensor([1.0, -2.0])
        plain = T.fx.Interpreter(module, garbage_collect_values=False)
        notes = [
            plain.run(x)[0],
            {n.name: v for n, v in plain.env.items() if isinstance(v, T.Tensor)},
            Swapped(module).run(x, 2)[0],
        ]
        negated = T.fx.symbolic_trace(lambda x: T.neg(x).pow(2) + 1)
        made = Transformed(negated).transform()
        notes += [shown(made.code), made(x), error(T.fx.Interpreter(module).run)[1].split("While")[0]]
        T.fx.passes.shape_prop.ShapeProp(module).propagate(x)
        notes += [
            [(n.name, n.meta["tensor_meta"]) for n in module.graph.nodes if n.name in ("x", "add", "pow_1")][0][1].shape
        ]
        return [*notes, shown(module.print_readable(False))]

    agree(program)


def test_patterns() -> None:
    def program(T: Any) -> Any:
        class Net(T.nn.Module):  # type: ignore[misc,name-defined]
            def forward(self, x, w1, w2):  # type: ignore[no-untyped-def]
                a, b = T.cat([w1, w2]).sum(), T.cat([w1, w2]).sum()
                return x + T.max(a) + T.max(b) * T.relu(T.relu(T.relu(x)))

        def several(x: Any, y: Any) -> Any:
            return T.relu(x), T.sum(T.relu(x) * y)

        replace = T.fx.replace_pattern
        values = [T.arange(3.0), T.ones(2), T.full((2,), 2.0)]
        notes: list[Any] = []
        for pattern, replacement in (
            (lambda w1, w2: T.cat([w1, w2]), lambda w1, w2: T.stack([w1, w2])),
            (lambda x: T.relu(x), lambda x: T.abs(T.relu(x) + 1)),
            (lambda x: T.relu(T.relu(x)), lambda x: x.neg()),
            (lambda x: T.neg(x), lambda x: x),
            (lambda x, y: x * y, lambda x, y: x.sub(y)),
            (lambda x, y: T.add(x.sum(), y), lambda x, y: x),
        ):
            module = T.fx.symbolic_trace(Net())
            matches = replace(module, pattern, replacement)
            module.graph.lint()
            notes += [len(matches), [match.anchor.name for match in matches], shown(module.code), module(*values)]
        return notes

    agree(program)


def test_patterns_with_filters_and_modules() -> None:
    def program(T: Any) -> Any:
        class Layer(T.nn.Module):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.inner = T.nn.Hardtanh()

            def forward(self, x):  # type: ignore[no-untyped-def]
                return self.inner(x)

        module = T.fx.symbolic_trace(lambda x, y: T.add(x, 1) + T.add(y, 2))
        find = T.fx.subgraph_rewriter.replace_pattern_with_filters

        def second(match: Any, graph: Any, pattern: Any) -> bool:
            return [*match.nodes_map.values()][-1].name == "y" or any(
                n.name == "add_1" for n in match.nodes_map.values()
            )

        pattern = T.fx.symbolic_trace(lambda x: T.add(x, 3))
        found = find(module, pattern, T.fx.symbolic_trace(Layer()), [second], ignore_literals=True)
        notes = [len(found), [node.name for node in found[0].replacements], shown(module.code)]
        return [*notes, [name for name, _ in module.named_modules()], module(T.ones(1), T.full((1,), 5.0))]

    agree(program)


def test_code_may_be_changed() -> None:
    def program(T: Any) -> Any:
        module = T.fx.symbolic_trace(lambda x: x + 1)
        with module.graph.on_generate_code(lambda before: lambda body: ["seen = 1\n", *body]):
            module.recompile()
            inside = module.code
        module.recompile()
        return [inside, module.code, module.graph.python_code("root").src, [*module.graph.python_code("self").globals]]

    agree(lambda T: program(T)[:3])


def test_batch_norms_are_put_into_convolutions() -> None:
    def program(T: Any) -> Any:
        class Net(T.nn.Module):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.first = T.nn.Sequential(T.nn.Conv2d(1, 2, 3), T.nn.BatchNorm2d(2), T.nn.ReLU(), T.nn.Dropout())
                self.second, self.norm = T.nn.Conv2d(2, 2, 1), T.nn.BatchNorm2d(2)

            def forward(self, x):  # type: ignore[no-untyped-def]
                x = self.second(self.first(x))
                return self.norm(x) + x

        net = Net().eval()
        with T.no_grad():
            for number, tensor in enumerate([*net.parameters(), net.first[1].running_var, net.norm.running_mean]):
                tensor.copy_(T.arange(tensor.numel()).reshape(tensor.shape) / 7 + number / 3 + 0.5)
        x = T.arange(25.0).reshape(1, 1, 5, 5)
        fused, plain = T.fx.experimental.optimization.fuse(net), T.fx.experimental.optimization.remove_dropout(net)
        notes = [shown(fused.code), fused(x), net(x), [name for name, _ in fused.named_parameters()]]
        return [*notes, shown(plain.code), plain(x)]

    agree(program, 1e-5)


def test_pickles_and_saved_files() -> None:
    module = flambeau.fx.symbolic_trace(Net())
    x = flambeau.arange(6.0).reshape(2, 3)
    file = io.BytesIO()
    flambeau.save(module, file)
    file.seek(0)
    for loaded in (pickle.loads(pickle.dumps(module)), flambeau.load(file, weights_only=False)):
        assert loaded.code == module.code
        assert str(loaded.graph) == str(module.graph) and [*loaded.state_dict()] == [*module.state_dict()]
        assert flambeau.equal(loaded(x), module(x))


def test_a_module_as_a_folder(tmp_path: Any, monkeypatch: Any) -> None:
    module = flambeau.fx.symbolic_trace(Net())
    module.to_folder(tmp_path / "written", "Written")
    text = (tmp_path / "written" / "module.py").read_text()
    assert "class Written(torch.nn.Module):" in text and "Linear(in_features=3, out_features=4, bias=True)" in text
    assert sorted(flambeau.load(tmp_path / "written" / "state_dict.pt")) == sorted(module.state_dict())


def test_errors_show_the_line_of_the_code(capsys: Any) -> None:
    module = flambeau.fx.symbolic_trace(lambda x, y: flambeau.add(x.sum(), y.nonsense))
    try:
        module(flambeau.ones(1), flambeau.ones(1))
    except AttributeError:
        shown = capsys.readouterr().err
        assert "generated forward function" in shown and "getattr" in shown or "nonsense" in shown
    assert torch.fx.Graph.__name__ == flambeau.fx.Graph.__name__
