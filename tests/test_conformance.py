"""What PyTorch's databases give here: a part of ``python -m conformance`` that takes seconds."""

from __future__ import annotations

import warnings

import pytest
import torch
from oracle import agree, error

import flambeau
import flambeau.nn
from conformance import modules, operations, optimisers
from conformance.tally import Tally

LAYERS = ["nn.AdaptiveMaxPool3d", "nn.FractionalMaxPool2d", "nn.FractionalMaxPool3d", "nn.LPPool3d"]
OPERATIONS = [
    "add", "sub", "expand_copy", "split_with_sizes_copy", "unfold_copy", "view_copy", "nn.functional.max_unpool3d", "linalg.svd",
    "linalg.householder_product", "ormqr", "geqrf", "linalg.tensorinv", "linalg.tensorsolve", "linalg.ldl_factor",
    "linalg.ldl_solve", "linalg.lu_factor_ex", "masked.sum", "masked.prod", "masked.amax", "masked.argmin", "masked.mean",
    "masked.median", "masked.var", "masked.softmin", "masked.normalize", "masked.logaddexp", "masked.cumprod",
]  # fmt: skip


def assert_whole(tally: Tally) -> None:
    unlike = {key: text for key, text in tally.first.items() if key[1] != "strides"}
    assert sum(tally.total.values()) and not unlike


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    assert_whole(modules.check(name, ["float64"]))


@pytest.mark.parametrize("name", ["Adafactor", "Muon", "LBFGS"])
def test_optimisers(name: str) -> None:
    assert_whole(optimisers.check(name, ["float32"]))


PROMISED = {"nn.functional.max_unpool3d": [form for form in operations.FORMS if form != "forward mode"]}
"""Forms in which an operation is compared, if not all: what is put twice into one place has no tangent that PyTorch promises."""


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name: str) -> None:
    for info in operations.op_db:
        if info.name == name:
            assert_whole(operations.check(info, ["float64", "int64"], PROMISED.get(name, operations.FORMS), limit=4))


def test_a_wrong_operation_is_found() -> None:
    """A comparison that finds nothing wrong is worth nothing: a sum in the place of a difference differs."""
    (info,) = [info for info in operations.op_db if info.name == "sub"]
    tally = Tally("sub")
    checks = operations.Checks(info, tally, torch.float64, operations.FORMS)
    checks.function = flambeau.add
    for sample in checks.samples(3):
        checks.check(sample)
    assert tally.equal["float64", "values"] < tally.total["float64", "values"]
    assert tally.equal["float64", "gradients"] < tally.total["float64", "gradients"]
    assert tally.equal["float64", "forward mode"] < tally.total["float64", "forward mode"]


def _classes(T: object) -> object:
    made = T.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], 2.0, True).double()  # type: ignore[attr-defined]
    with T.no_grad():  # type: ignore[attr-defined]
        for place, parameter in enumerate(made.parameters()):
            numbers = T.linspace(-2, 2, parameter.numel()).reshape(parameter.shape).double()  # type: ignore[attr-defined]
            parameter.copy_((numbers * (place + 1)).sin())
    return made


def test_adaptive_softmax() -> None:
    def program(T):  # type: ignore[no-untyped-def]
        layer = _classes(T)
        x = T.linspace(-3, 3, 48).double().reshape(6, 8).cos().requires_grad_()
        output, loss = layer(x, T.tensor([0, 4, 5, 9, 12, 19]))
        loss.backward()
        gradients = [x.grad, *[p.grad for p in layer.parameters()]]
        single = layer(x[0], T.tensor(7))
        return output.detach(), loss.detach(), gradients, layer.log_prob(x).detach(), layer.predict(x), [
            each.detach() for each in single
        ], sorted(layer.state_dict())

    agree(program, 1e-9)
    for wrong in (
        lambda T: T.nn.AdaptiveLogSoftmaxWithLoss(8, 20, []),
        lambda T: T.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 5]),
        lambda T: T.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [20]),
        lambda T: _classes(T)(T.ones(2, 8).double(), T.tensor([0, 20])),
        lambda T: _classes(T)(T.ones(2, 8).double(), T.tensor([0])),
        lambda T: _classes(T)(T.ones(2, 8).double(), T.tensor(0)),
        lambda T: _classes(T)(T.ones(8).double(), T.tensor([[0]])),
    ):
        assert error(wrong, flambeau) == error(wrong, torch)


def test_linear_cross_entropy() -> None:
    def program(T):  # type: ignore[no-untyped-def]
        x = T.linspace(-3, 3, 15).double().reshape(3, 5).cos().requires_grad_()
        weight = T.linspace(-1, 2, 20).double().reshape(4, 5).sin().requires_grad_()
        loss = T.nn.functional.linear_cross_entropy(
            x, weight, T.tensor([0, 3, 1]), options=T.nn.LinearCrossEntropyOptions(batch_chunk_size=2)
        )
        loss.backward()
        layer = T.nn.LinearCrossEntropyLoss(5, 4, out_features=(2,), bias=True, reduction="sum")
        return loss.detach(), x.grad, weight.grad, repr(layer), {k: tuple(v.shape) for k, v in layer.state_dict().items()}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(program, 1e-9)
    for wrong in (
        lambda T: T.nn.LinearCrossEntropyOptions(acc_policy="fast"),
        lambda T: T.nn.LinearCrossEntropyOptions(chunking_method="rows:3"),
        lambda T: T.nn.functional.linear_cross_entropy(T.ones(2, 3), T.ones(4, 5), T.tensor([0, 1])),
    ):
        assert error(wrong, flambeau)[0] == error(wrong, torch)[0]
