"""Networks that give what is in the middle of them: values of their graphs by name, with the rest cut off."""

from __future__ import annotations

import math
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ... import fx, nn

__all__ = ["create_feature_extractor", "get_graph_node_names"]


class LeafModuleAwareTracer(fx.Tracer):
    """Does not trace through modules of the classes ``leaf_modules`` either."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.leaf_modules: Any = kwargs.pop("leaf_modules", {})
        super().__init__(*args, **kwargs)

    def is_leaf_module(self, m: nn.Module, module_qualname: str) -> bool:
        return isinstance(m, tuple(self.leaf_modules)) or super().is_leaf_module(m, module_qualname)


class NodePathTracer(LeafModuleAwareTracer):
    """Names nodes by where they are made: the dotted name of the module, then (if traced through) the operation.

    A second value of one name has ``_1`` behind it, and so on. ``node_to_qualname`` has the names.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.current_module_qualname = ""
        self.node_to_qualname: OrderedDict[fx.Node, str] = OrderedDict()

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        before = self.current_module_qualname
        try:
            self.current_module_qualname = path = self.path_of_module(m)
            if self.is_leaf_module(m, path):
                return self.create_proxy("call_module", path, args, kwargs)
            return forward(*args, **kwargs)
        finally:
            self.current_module_qualname = before

    def create_proxy(
        self, kind: str, target: Any, args: Any, kwargs: Any, name: str | None = None, type_expr: Any = None, *_: Any
    ) -> Any:
        proxy = super().create_proxy(kind, target, args, kwargs, name, type_expr)
        self.node_to_qualname[proxy.node] = self._get_node_qualname(self.current_module_qualname, proxy.node)
        return proxy

    def _get_node_qualname(self, module_qualname: str, node: fx.Node) -> str:
        name = module_qualname
        if node.op != "call_module":
            own = _without_number(str(node))
            name = f"{name}.{own}" if name else own
        known = [_without_number(other) for other in self.node_to_qualname.values()]
        count = known.count(_without_number(name)) if node.op != "call_module" else self._calls(name)
        return f"{name}_{count}" if count else name

    def _calls(self, name: str) -> int:
        """How often a module was called before."""
        return sum(
            re.fullmatch(rf"{re.escape(name)}(_[0-9]+)?", other) is not None for other in self.node_to_qualname.values()
        )


def _without_number(name: str) -> str:
    return re.sub(r"_[0-9]+$", "", name)


def _with_defaults(options: dict[str, Any] | None) -> dict[str, Any]:
    options = dict(options or {})
    modules: tuple[ModuleType, ...] = options.pop("autowrap_modules", ())
    return {"autowrap_modules": (math, *modules), **options}


def _warn_of_differences(train: list[str], evaluation: list[str], context: str) -> None:
    """Warn if a network has other values while it is trained: names of one are not names of the other."""
    if train != evaluation:
        warnings.warn(
            "NOTE: The nodes obtained by tracing the model in eval mode "
            f"{'are a subset of' if set(evaluation) < set(train) else 'are different from'} those obtained in train mode. "
            f"{context}",
            stacklevel=3,
        )


def get_graph_node_names(
    model: nn.Module, tracer_kwargs: dict[str, Any] | None = None, suppress_diff_warning: bool = False,
    concrete_args: dict[str, Any] | None = None,
) -> tuple[list[str], list[str]]:  # fmt: skip
    """The names of a network's values in order: while it is trained, and while it is evaluated."""
    names = []
    training = model.training
    for mode in (True, False):
        tracer = NodePathTracer(**_with_defaults(tracer_kwargs))
        tracer.trace(model.train(mode), concrete_args=concrete_args)
        names.append([*tracer.node_to_qualname.values()])
    model.train(training)
    if not suppress_diff_warning:
        _warn_of_differences(names[0], names[1], "Nodes may have to be chosen for both modes.")
    return names[0], names[1]


class DualGraphModule(fx.GraphModule):
    """A module with one graph while it is trained, and another one while it is evaluated."""

    def __init__(
        self, root: nn.Module, train_graph: fx.Graph, eval_graph: fx.Graph, class_name: str = "GraphModule"
    ) -> None:
        nn.Module.__init__(self)
        self.__class__.__name__ = class_name
        self.train_graph, self.eval_graph = train_graph, eval_graph
        for node in (*train_graph.nodes, *eval_graph.nodes):
            if node.op in ("get_attr", "call_module"):
                fx.graph_module._copy_attr(root, self, str(node.target))
        self.meta: dict[str, Any] = {}
        self._replace_hooks: list[Any] = []
        self._create_node_hooks: list[Any] = []
        self._erase_node_hooks: list[Any] = []
        self._deepcopy_hooks: list[Any] = []
        self.train()
        self.graph = train_graph
        if self.eval_graph._tracer_cls != self.train_graph._tracer_cls:
            raise TypeError(
                f"Train mode and eval mode should use the same tracer class. Instead got {self.eval_graph._tracer_cls} for eval "
                f"vs {self.train_graph._tracer_cls} for train"
            )
        self._tracer_cls = None
        tracer = train_graph._tracer_cls
        if tracer and "<locals>" not in tracer.__qualname__:
            self._tracer_cls = tracer

    def train(self, mode: bool = True) -> Any:
        """Take the graph of a mode."""
        if mode != self.training or "_graph" not in self.__dict__:
            self.graph = self.train_graph if mode else self.eval_graph
        return super().train(mode)

    def _deepcopy_init(self) -> Any:
        def init(made: Any, body: Any, graph: Any) -> None:
            DualGraphModule.__init__(made, body, body.train_graph, body.eval_graph)
            made.train(body.training)

        return init


def _named(nodes: Any) -> dict[str, str]:
    """{name of a value: what it is called in the result}."""
    if isinstance(nodes, dict):
        return {str(name): str(called) for name, called in nodes.items()}
    return {str(name): str(name) for name in nodes}


def _cut(
    model: nn.Module, wanted: dict[str, str], options: dict[str, Any], concrete_args: Any
) -> tuple[fx.Graph, list[str]]:
    """A network's graph up to the values that are wanted, which it returns by name; and the names of all values."""
    tracer = NodePathTracer(**options)
    graph = tracer.trace(model, concrete_args=concrete_args)
    available = [*tracer.node_to_qualname.values()]
    for name in wanted:
        if not any(re.match(rf"^{re.escape(name)}(\.|$)", known) is not None for known in available):
            raise ValueError(
                f"node: '{name}' is not present in model. Hint: use `get_graph_node_names` to make sure the `return_nodes` you "
                "specified are present. It may even be that you need to specify `train_return_nodes` and `eval_return_nodes` "
                "separately."
            )
    found: OrderedDict[str, fx.Node] = OrderedDict()
    left = dict(wanted)
    for node in reversed(graph.nodes):
        path = tracer.node_to_qualname.get(node)
        if path is None:
            continue  # the output, and what is made for arguments
        # A module that is traced through stands for its last value.
        for name in [name for name in left if path == name or path.startswith(f"{name}.")]:
            found[left.pop(name)] = node
    ordered = OrderedDict((called, found[called]) for called in reversed(found))
    graph.output_node().args = (dict(ordered),)
    graph.owning_module = model
    graph.eliminate_dead_code()
    return graph, available


def create_feature_extractor(
    model: nn.Module, return_nodes: Any = None, train_return_nodes: Any = None, eval_return_nodes: Any = None,
    tracer_kwargs: dict[str, Any] | None = None, suppress_diff_warning: bool = False, concrete_args: Any = None,
) -> Any:  # fmt: skip
    """A network that gives a dictionary of values of another one, and computes nothing else; it shares its parameters.

    ``return_nodes`` has their names (:func:`get_graph_node_names`), or {name: what it is called in the result}; the name of
    a module stands for its result. ``ValueError`` for names that there are not, and unless nodes are given either for both
    modes at once or for each of them.
    """
    if all(nodes is None for nodes in (return_nodes, train_return_nodes, eval_return_nodes)):
        raise ValueError(
            "Either `return_nodes` or `train_return_nodes` and `eval_return_nodes` together, should be specified"
        )
    if (train_return_nodes is None) ^ (eval_return_nodes is None):
        raise ValueError(
            "If any of `train_return_nodes` and `eval_return_nodes` are specified, then both should be specified"
        )
    if not (return_nodes is None) ^ (train_return_nodes is None):
        raise ValueError(
            "If `train_return_nodes` and `eval_return_nodes` are specified, then both should be specified, and `return_nodes` "
            "should not be"
        )
    wanted = {
        True: _named(return_nodes if train_return_nodes is None else train_return_nodes),
        False: _named(return_nodes if eval_return_nodes is None else eval_return_nodes),
    }
    training = model.training
    options = _with_defaults(tracer_kwargs)
    made: dict[bool, Any] = {}
    try:
        for mode in (True, False):
            made[mode] = _cut(model.train(mode), wanted[mode], options, concrete_args)
    finally:
        model.train(training)
    if not suppress_diff_warning and return_nodes is not None:
        _warn_of_differences(
            made[True][1], made[False][1],
            "You may need to specify output nodes for train and eval mode separately.",
        )  # fmt: skip
    extractor = DualGraphModule(model, made[True][0], made[False][0], class_name=type(model).__name__)
    return extractor.train(training)
