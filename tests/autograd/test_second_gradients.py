"""Gradients of gradients at kinks, far out, and where they are zero everywhere: zeros and not nothing, as in PyTorch."""

from __future__ import annotations

from typing import Any

from oracle import agree, evaluated

FUNCTIONS = [
    "F.relu(x)", "F.leaky_relu(x)", "F.hardtanh(x)", "F.relu6(x)", "F.softshrink(x)", "F.hardshrink(x)", "F.rrelu(x)",
    "F.elu(x)", "F.celu(x)", "F.selu(x)", "x.abs()", "x.sum()", "F.elu(x, 2.0)", "F.threshold(x, 0.5, 1.0)",
    "F.prelu(x, x.detach()[3:4])", "F.smooth_l1_loss(x, x.detach() * 0)", "F.huber_loss(x, x.detach() * 0)",
    "F.max_pool2d(x.view(1, 1, 2, 3), 2)", "F.avg_pool2d(x.view(1, 1, 2, 3), 2)", "F.adaptive_avg_pool1d(x.view(1, 1, 6), 4)",
    "F.adaptive_max_pool1d(x.view(1, 1, 6), 4)", 'F.pad(x.view(1, 1, 6), (1, 2), mode="reflect")',
    'F.pad(x.view(1, 1, 6), (1, 2), mode="replicate")', 'F.pad(x.view(1, 1, 6), (1, 2), mode="circular")',
    "F.nll_loss(x.view(1, 6), x.detach()[:1].abs().sign().long())",
]  # fmt: skip


def second(T: Any, expression: str, values: list[float]) -> list[Any]:
    """The gradient, whether it has a history, and the gradient of a weighted sum of it."""
    x = T.tensor(values, requires_grad=True)
    (first,) = T.autograd.grad(evaluated(T, expression, x=x).sum(), x, create_graph=True)
    if not first.requires_grad:
        return [first, False]
    weights = T.arange(1.0, len(values) + 1)
    found = T.autograd.grad((first * weights).sum(), x, allow_unused=True)[0]
    return [first.detach(), True, None if found is None else found + 0]


def test_second_gradients() -> None:
    def program(T: Any) -> Any:
        return [
            [expression, second(T, expression, values)]
            for expression in FUNCTIONS
            for values in ([-1.0, 0.0, 1.0, 0.5, 6.0, -0.5], [-1000.0, -100.0, -3.0, 3.0, 100.0, 1000.0])
        ]

    agree(program)


def test_the_second_gradient_of_copysign_is_zero() -> None:
    def program(T: Any) -> Any:
        return second(T, "T.copysign(x, -x.detach())", [-2.0, -0.5, 0.25, 3.0])

    agree(program)


def test_parameters_behind_kinks_get_zeros() -> None:
    """As in the penalty on a critic's gradient: the first layer's bias only decides which units are active."""

    def program(T: Any) -> Any:
        weight, bias = T.ones(3, 2).requires_grad_(), T.tensor([0.5, -9.0, 1.0], requires_grad=True)
        x = T.tensor([[1.0, 2.0], [-3.0, 4.0]], requires_grad=True)
        hidden = T.nn.functional.linear(x, weight, bias).relu()
        (slope,) = T.autograd.grad(hidden.sum(), x, create_graph=True)
        slope.square().sum().backward()
        return weight.grad, bias.grad, x.grad

    agree(program)
