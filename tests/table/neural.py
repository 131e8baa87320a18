"""The table's lines for layers' functions: convolutions, pooling, normalisation, losses, tables of rows."""

from __future__ import annotations

import numpy as np

from .samples import Row, between, of

_INDEX = np.array([[0, 3, 3], [2, 1, 0]])
_CLASSES = np.array([1, 0, 4, 2])
_OFFSETS = np.array([0, 2, 2])

_EXPRESSIONS: list[tuple[str, tuple[tuple[int, ...], ...], float | str]] = [
    ("conv1d(x, y, z, stride=2, padding=1)", ((2, 3, 9), (4, 3, 3), (4,)), "linear"),
    ("conv2d(x, y, padding=1)", ((2, 3, 6, 7), (4, 3, 3, 3)), "linear"),
    ("conv2d(x, y, z, stride=2, groups=2)", ((2, 4, 7, 6), (6, 2, 3, 2), (6,)), "linear"),
    ("conv2d(x, y, dilation=2)", ((1, 2, 8, 8), (3, 2, 3, 3)), "linear"),
    ("conv2d(x, y)", ((2, 5, 4, 4), (6, 5, 1, 1)), "linear"),
    ("conv3d(x, y)", ((1, 2, 4, 5, 4), (3, 2, 2, 2, 2)), "linear"),
    ("conv_transpose2d(x, y, z, stride=2, padding=1)", ((2, 3, 4, 5), (3, 4, 3, 3), (4,)), "linear"),
    ("unfold(x, (2, 3), padding=1)", ((2, 3, 4, 5),), 1),
    ("fold(x, (4, 5), (2, 2))", ((2, 12, 12),), "linear"),
    ("max_pool1d(x, 3, 2, 1)", ((2, 3, 9),), 1),
    ("max_pool2d(x, 2, ceil_mode=True)", ((2, 3, 7, 6),), 1),
    ("max_pool3d(x, 2)", ((1, 2, 4, 4, 5),), 1),
    ("avg_pool2d(x, 3, 2, 1, count_include_pad=False)", ((2, 3, 7, 6),), "linear"),
    ("adaptive_avg_pool2d(x, (3, 2))", ((2, 3, 7, 6),), "linear"),
    ("adaptive_max_pool2d(x, (3, 2))", ((2, 3, 7, 6),), 1),
    ("lp_pool2d(x.abs() + 0.1, 2, 2)", ((2, 3, 6, 6),), 8),
    ("interpolate(x, scale_factor=2, mode='nearest')", ((1, 2, 3, 4),), 1),
    ("interpolate(x, size=(5, 7), mode='bilinear')", ((1, 2, 3, 4),), 40),
    ("pad(x, (1, 2), mode='reflect')", ((2, 3, 5),), 1),
    ("pad(x, (1, 2, 0, 1), mode='replicate')", ((2, 3, 4, 5),), 1),
    ("pad(x, (2, 1), mode='circular')", ((2, 3, 5),), 1),
    ("pad(x, (1, -1), value=2.5)", ((2, 3, 5),), 1),
    ("pixel_shuffle(x, 2)", ((1, 8, 3, 2),), 1),
    ("linear(x, y, z)", ((4, 6), (5, 6), (5,)), "linear"),
    ("bilinear(x, y, z)", ((4, 3), (4, 2), (5, 3, 2)), "linear"),
    ("layer_norm(x, (5, 7), y, z)", ((3, 5, 7), (5, 7), (5, 7)), "absolute"),
    ("batch_norm(x, None, None, y, z, training=True)", ((4, 3, 5), (3,), (3,)), "absolute"),
    ("group_norm(x, 2, y, z)", ((3, 4, 5), (4,), (4,)), "absolute"),
    ("softmax(x, 1)", ((4, 6),), 8),
    ("log_softmax(x, 0)", ((4, 6),), "absolute"),
    ("gelu(x)", ((4, 6),), "absolute"),
    ("prelu(x, y)", ((2, 3, 4), (3,)), 1),
    ("glu(x, 1)", ((4, 6),), 8),
    ("mse_loss(x, y)", ((4, 6), (4, 6)), "linear"),
    ("smooth_l1_loss(x, y, reduction='none')", ((4, 6), (4, 6)), "linear"),
    ("kl_div(x, y.softmax(1), reduction='batchmean')", ((4, 6), (4, 6)), "linear"),
    ("binary_cross_entropy_with_logits(x, y.sigmoid())", ((4, 6), (4, 6)), "absolute"),
    ("cosine_similarity(x, y)", ((4, 6), (4, 6)), "absolute"),
    ("normalize(x)", ((4, 6),), "absolute"),
    ("scaled_dot_product_attention(x, y, z)", ((2, 3, 4), (2, 5, 4), (2, 5, 4)), "absolute"),
]

NEURAL = [
    *(
        Row(f"torch.nn.functional.{expression}", of(*shapes), "fd", 1, slack)
        for expression, shapes, slack in _EXPRESSIONS
    ),
    Row("torch.nn.functional.cross_entropy(x, i)", of((4, 5), i=_CLASSES), "fd", 1, "absolute"),
    Row(
        "torch.nn.functional.cross_entropy(x, i, torch.arange(1, 6).to(x), label_smoothing=0.1)",
        of((4, 5), i=_CLASSES), "fd", 1, "absolute",
    ),
    Row(
        "torch.nn.functional.nll_loss(x, i, torch.arange(1, 6).to(x), reduction='none')",
        of((4, 5), i=_CLASSES), "fd", 1,
    ),
    Row("torch.nn.functional.multi_margin_loss(x, i)", of((4, 5), i=_CLASSES), "fd", 1, "absolute"),
    Row("torch.nn.functional.embedding(i, x)", of((4, 3), i=_INDEX), "fd", 1),
    Row("torch.nn.functional.embedding(i, x, padding_idx=1)", of((4, 3), i=_INDEX), "fd", 1),
    Row(
        "torch.nn.functional.embedding_bag(i.reshape(-1), x, j, mode='sum')",
        of((4, 3), i=_INDEX, j=_OFFSETS), "fd", 1, "linear",
    ),
    Row("torch.nn.functional.embedding_bag(i, x, mode='max')", of((4, 3), i=_INDEX), "fd", 1),
    Row("torch.nn.functional.one_hot(i, 5)", of((1,), i=_INDEX), "f", 0),
    Row(
        "torch.nn.functional.grid_sample(x, y, align_corners=False)",
        of((1, 2, 4, 5), (1, 3, 3, 2), numbers=between(-0.9, 0.9)), "fd", 1, "absolute",
    ),
    Row(
        "torch.nn.functional.max_unpool2d(*torch.nn.functional.max_pool2d(x, 2, return_indices=True), 2)",
        of((1, 2, 4, 6)), "fd", 1,
    ),
]  # fmt: skip
