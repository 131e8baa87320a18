"""What functions of ``nn.functional`` refuse: the same type of error as PyTorch's, in the same words."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from oracle import error

import flambeau
import flambeau.nn.functional

ACTIVATIONS = [
    *(f"F.{name}(i(3))" for name in "leaky_relu elu gelu silu mish softplus hardswish softshrink".split()), "F.relu(i(3) > 1)",
    "F.prelu(o(2, 3), o(2))", "F.prelu(o(2, 3), o(3).double())", "F.glu(o(3, 3))", "torch.softmax(o(2, 3), 2)",
    *(f"torch.{name}(i(6).reshape(2, 3), {dim})" for name in ("softmax", "log_softmax") for dim in (0, 1)),
]  # fmt: skip
CONVOLUTIONS = [
    "F.conv2d(o(2, 3, 4, 4), o(5, 2, 3, 3))", "F.conv2d(o(2, 3, 2, 2), o(5, 3, 3, 3))", "F.conv2d(o(3, 4), o(5, 3, 3, 3))",
    "F.conv2d(o(2, 3, 4, 4), o(5, 3, 3))", "F.conv2d(o(2, 3, 4, 4), o(5, 3, 3, 3), o(4))",
    "F.conv2d(o(2, 4, 4, 4), o(5, 2, 3, 3), groups=2)", "F.conv2d(o(2, 4, 4, 4), o(5, 4, 3, 3), stride=0)",
    "F.conv2d(o(2, 4, 4, 4), o(5, 4, 3, 3), padding=-1)", "F.conv2d(o(2, 4, 4, 4), o(5, 4, 3, 3), padding='same', stride=2)",
    "F.conv2d(o(2, 4, 4, 4), o(5, 4, 3, 3), padding='foo')", "F.conv2d(o(2, 4, 4, 4), o(5, 4, 3, 3), stride=(1, 1, 1))",
    "F.conv2d(o(2, 4, 4, 4), o(5, 4, 3, 3), groups=0)", "F.conv2d(o(1, 2, 0, 4), o(5, 2, 3, 3))",
    "F.conv2d(o(2, 3, 4, 4), o(5, 3, 3, 3).double())", "F.conv2d(o(2, 3, 4, 4), o(5, 3, 3, 3), o(5).double())",
    "F.conv1d(o(4), o(5, 2, 3))", "F.conv1d(o(2, 4, 2), o(5, 4, 3))", "F.conv3d(o(2, 4, 2), o(5, 4, 3, 3, 3))",
    "F.conv_transpose2d(o(2, 4, 2, 2), o(5, 4, 3, 3))", "F.conv_transpose2d(o(2, 4, 2, 2), o(4, 4, 3, 3), o(3))",
    "F.conv_transpose2d(o(2, 4, 2, 2), o(4, 4, 3, 3), output_padding=1)",
    "F.conv_transpose2d(o(2, 4, 2, 2), o(4, 4, 3, 3), groups=3)", "F.conv_transpose1d(o(2, 4, 2, 2), o(4, 3, 3))",
]  # fmt: skip
POOLING = [
    "F.max_pool2d(o(2, 3, 4, 4), 5)", "F.max_pool2d(o(2, 3, 4, 4), 2, 0)", "F.max_pool2d(o(2, 3, 4, 4), 2, padding=2)",
    "F.max_pool2d(o(2, 3, 4, 4), 2, padding=-1)", "F.max_pool2d(o(2, 3, 4, 4), 2, dilation=0)", "F.max_pool2d(o(4, 4), 2)",
    "F.max_pool2d(o(2, 3, 4, 4), (2, 2, 2))", "F.max_pool2d(o(2, 3, 4, 4), 2, (2, 2, 2))", "F.max_pool2d(o(2, 0, 4, 4), 2)",
    "F.max_pool1d(o(2, 3, 5), 6)", "F.max_pool1d(o(2, 3, 5), 2, padding=2)", "F.max_pool1d(o(5), 2)",
    "F.max_pool1d(o(2, 3, 4, 4), 2)", "F.max_pool1d(o(2, 3, 5), 2, 0)", "F.avg_pool2d(o(2, 3, 4, 4), 5)",
    "F.avg_pool2d(o(2, 3, 4, 4), 2, 0)", "F.avg_pool2d(o(2, 3, 4, 4), 2, padding=2)",
    "F.avg_pool2d(o(2, 3, 4, 4), 2, divisor_override=0)", "F.avg_pool2d(o(1, 2, 2).int(), 2)", "F.avg_pool1d(o(2, 3, 5), 6)",
    "F.avg_pool1d(o(5), 2)", "F.adaptive_avg_pool2d(o(2, 3, 4, 4), (2, 2, 2))", "F.adaptive_avg_pool2d(o(2, 3, 4, 4), -1)",
    "F.adaptive_avg_pool2d(o(2, 3, 0, 4), 2)", "F.adaptive_avg_pool1d(o(5), 2)", "F.adaptive_max_pool2d(o(4, 4), 2)",
    "F.adaptive_max_pool2d(o(2, 3, 0, 4), 2)", "F.adaptive_max_pool1d(o(2, 3, 4, 4), 2)",
]  # fmt: skip
NORMALISATION = [
    "F.layer_norm(o(2, 5), (4,))", "F.layer_norm(o(2, 5), (5,), o(4))", "F.layer_norm(o(2, 5), (5,), o(5), o(4))",
    "F.layer_norm(o(2, 5), ())", "F.layer_norm(o(2, 5), (3, 2, 5))", "F.layer_norm(o(2, 5), (5,), o(5).double())",
    "F.layer_norm(i(5), (5,))", "F.batch_norm(o(2, 5).double(), None, None, o(5), None, True)",
    "F.group_norm(o(2, 5), 2)", "F.group_norm(o(5), 1)", "F.group_norm(o(2, 5), 1, o(4))",
    "F.batch_norm(o(2, 5), o(4), o(5), training=True)", "F.batch_norm(o(2, 5), o(5), o(4), training=True)",
    "F.batch_norm(o(2, 5), None, None, o(4), training=True)", "F.batch_norm(o(2, 5), None, None, None, o(4), training=True)",
    "F.batch_norm(o(2, 5), None, None)", "F.batch_norm(o(2, 5), o(5), None)", "F.batch_norm(o(1, 3), None, None, training=True)",
]  # fmt: skip
TABLES = [
    *(f"F.embedding(torch.tensor([0, 5, {bad}]), o(6, 3))" for bad in (6, 100, -1)), "F.embedding(o(2), o(6, 3))",
    "F.embedding(o(2).long(), o(6))", "F.one_hot(o(2))", "F.scaled_dot_product_attention(q, q, q.double())",
    "F.scaled_dot_product_attention(q[0, 0, 0], q, q)", "F.scaled_dot_product_attention(q, q, q, o(4, 4).long())",
    "F.scaled_dot_product_attention(q, q, q, o(4, 4).double())", "F.pad(o(2), (1, 1, 1, 1))",
    "F.interpolate(o(1, 2, 3).int(), scale_factor=2, mode='linear')", "F.interpolate(o(1, 1, 2, 2), size=3, scale_factor=2)",
    "F.interpolate(o(1, 1, 2, 2), size=3, align_corners=True)",
    *(f"F.{name}(o(2, 3, 4), 1.5)" for name in ("dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_alpha_dropout")),
]  # fmt: skip
_TARGETS = [((2, 5), "i(2) * {0} + 1"), ((2, 5, 3, 3), "(i(18).reshape(2, 3, 3) // 17) * {0} + 1")]
LOSSES = [
    "F.nll_loss(o(4, 5), i(4).int())",
    *(f"F.nll_loss(o({shape}), {target.format(last - 1)})" for shape, target in _TARGETS for last in (12, 5, -1, -2)),
    *(f"F.nll_loss(o({shape}), o({target}).long())"
      for shape, target in (((2, 5), (3,)), ((2, 5), (1, 2)), ((2, 5), (2, 1)), ((), ()), ((5,), (2,)), ((2, 5, 3, 3), (2, 3, 2)),
                            ((2, 5, 3, 3), (2, 3)), ((2, 5, 3), (2, 2)), ((2, 5, 3), (3, 3)))),
    "F.nll_loss(o(2, 5), o(2).long(), o(3))", "F.mse_loss(o(3, 2), o(3, 2), reduction='median')",
    "F.binary_cross_entropy_with_logits(o(3, 2), o(2))", "F.triplet_margin_loss(o(3, 2), o(3, 2), o(3, 2), margin=0)",
]  # fmt: skip


@pytest.mark.parametrize("expression", [*ACTIVATIONS, *CONVOLUTIONS, *POOLING, *NORMALISATION, *TABLES, *LOSSES])
def test_same_error(expression: str) -> None:
    def run(library: Any) -> Any:
        names = {"torch": library, "F": library.nn.functional, "o": library.ones, "i": library.arange}
        return eval(expression, {**names, "q": library.ones(2, 3, 4, 8)})

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind, words = error(lambda: run(torch))
        assert error(lambda: run(flambeau)) == (kind, words.split("\n")[0])
