"""The table's lines for the functions of ``nn.functional``."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np

from .samples import Row, Samples, layouts, of, one, several

KINKS = np.array([-25.0, -6.0, -3.0, -1.0, -0.5, -0.2, -0.1, 0.0, 0.1, 0.2, 0.5, 1.0, 3.0, 6.0, 25.0])
ELEMENTWISE = several(one(), of((15,), numbers=lambda rng, *shape: KINKS, special="these are at kinks"))


def rows(lines: Iterable[str], samples: Samples, dtypes: str = "fd", derivatives: int = 2, slack: float | str = 4) -> list[Row]:
    """Lines of functions by their calls."""
    return [Row("F." + line, samples, dtypes, derivatives, slack) for line in lines]


ACTIVATIONS = [
    *rows(
        (
            "relu(x)", "leaky_relu(x)", "leaky_relu(x, 0.3)", "hardtanh(x)", "hardtanh(x, -3, 0.5)", "relu6(x)",
            "threshold(x, 0.1, 20)", "hardswish(x)", "hardshrink(x)", "softshrink(x)", "softshrink(x, 0.2)", "elu(x)",
            "elu(x, 0.7)", "celu(x, 1.5)", "selu(x)", "sigmoid(x)", "tanh(x)", "softsign(x)", "silu(x)",
        ),
        ELEMENTWISE, "fdhb",
    ),
    *rows(("gelu(x)", "gelu(x, approximate='tanh')", "mish(x)", "softplus(x)", "softplus(x, 2, 5)", "logsigmoid(x)"),
          ELEMENTWISE, "dh", 2, "absolute"),
    *rows(("gelu(x)", "gelu(x, approximate='tanh')", "mish(x)", "softplus(x)", "softplus(x, 2, 5)", "logsigmoid(x)"),
          one(special="PyTorch's vectors of float32 give NaN for infinity"), "fb", 0, "absolute"),
    *rows(("tanhshrink(x)",), ELEMENTWISE, "fdhb", 1, "absolute"),
    *rows(("rrelu(x)",), of((5, 7)), "fdhb", 1),
    *rows(("hardsigmoid(x)",), ELEMENTWISE, "fdhb", 0),
    *rows(("glu(x)", "glu(x, 0)"), several(of((4, 6)), of((4, 3, 2), layout="transposed")), "fd", 2, 8),
    *rows(("softmax(x, 1)", "softmax(x, 0)", "softmin(x, -1)"), several(of((5, 33)), of((3, 7, 4), layout="transposed")), "fdhb"),
    *rows(("log_softmax(x, 1)", "log_softmax(x, 0)"), several(of((5, 33)), of((3, 7, 4), layout="transposed")), "fdhb", 2,
          "absolute"),
    *rows(("softmax(x, 0)", "log_softmax(x, -1)"), several(of(()), of((0, 3)), of((3, 1)), of((3, 0))), "fd", 1),
    *rows(("softmax(x, 1, dtype=torch.float64)", "log_softmax(x, 1, dtype=torch.float64)"), of((2, 5)), "fl", 1, 8),
    *rows(("normalize(x)", "normalize(x, p=1.0, dim=0)"), of((4, 5)), "fd", 1, 8),
    *(row for shapes in (((4, 3, 5), (3,)), ((4, 3, 5), (1,)), ((6,), (1,)), ((), (1,)))
      for row in rows(["prelu(x, y)"], of(*shapes), "fdhb")),
    *rows(("relu(x)", "relu6(x)"), layouts(), "lis", 0),
    *rows((f"{name}(x * 1, inplace=True)" for name in "relu leaky_relu elu selu celu silu hardtanh relu6 mish".split()),
          one(special="the forms that are not in place have them"), "fd", 1, 8),
]  # fmt: skip

_IMAGE = "PyTorch multiplies infinite weights with the zeros around an image, or not, by dtype and size"
CONVOLUTIONS = [
    row
    for line, x, w in (
        ("conv2d(x, y, z)", (2, 3, 7, 6), (4, 3, 3, 3)), ("conv2d(x, y, z, (2, 1), (1, 2))", (2, 3, 7, 6), (4, 3, 3, 2)),
        ("conv2d(x, y, z, groups=2, dilation=2, padding=2)", (2, 4, 7, 6), (6, 2, 3, 3)),
        ("conv2d(x, y, z, groups=4, padding=1)", (2, 4, 5, 5), (4, 1, 3, 3)), ("conv2d(x, y, z, 2)", (2, 5, 4, 4), (3, 5, 1, 1)),
        ("conv2d(x, y)", (3, 7, 6), (4, 3, 3, 3)), ("conv2d(x, y, z, padding='same')", (2, 3, 7, 6), (4, 3, 4, 3)),
        ("conv2d(x, y, z, padding='same', dilation=(2, 1))", (2, 3, 7, 6), (4, 3, 3, 5)),
        ("conv2d(x, y, padding='valid')", (2, 3, 7, 6), (4, 3, 3, 3)), ("conv2d(x, y, z)", (0, 3, 5, 5), (4, 3, 3, 3)),
        ("conv2d(x.transpose(1, 3), y[:, ::2])", (2, 5, 6, 3), (4, 6, 3, 3)),
        ("conv2d(x[1:], y[2:])", (3, 3, 5, 6), (4, 3, 3, 3)), ("conv2d(x.expand(2, 3, 5, 5), y)", (1, 3, 5, 5), (4, 3, 3, 3)),
        ("conv2d(x.detach(), y)", (2, 3, 5, 5), (4, 3, 3, 3)), ("conv2d(x, y.detach(), z)", (2, 3, 5, 5), (4, 3, 3, 3)),
        ("conv2d(x.detach(), y.detach(), z)", (2, 3, 5, 5), (4, 3, 3, 3)),
        ("conv1d(x, y, z, stride=2, padding=1)", (2, 3, 9), (4, 3, 3)), ("conv1d(x, y, z, dilation=3)", (3, 9), (4, 3, 3)),
        ("conv1d(x, y, groups=2, padding='same')", (2, 4, 9), (6, 2, 4)),
        ("conv3d(x, y, z, (2, 1, 2), 1)", (2, 3, 5, 4, 6), (4, 3, 3, 2, 3)),
        ("conv3d(x, y, groups=2, dilation=(2, 1, 1))", (2, 5, 4, 6), (4, 1, 2, 2, 2)),
        ("conv_transpose2d(x, y, z, 2, 1, 1)", (2, 4, 3, 5), (4, 3, 3, 3)),
        ("conv_transpose2d(x, y, groups=2, dilation=2)", (2, 4, 3, 5), (4, 2, 3, 2)),
        ("conv_transpose2d(x, y, z, dilation=3, output_padding=2, padding=1)", (2, 4, 3, 5), (4, 3, 3, 3)),
        ("conv_transpose2d(x, y, stride=2)", (4, 3, 5), (4, 3, 2, 2)), ("conv_transpose2d(x, y)", (0, 4, 5, 5), (4, 3, 3, 3)),
        ("conv_transpose2d(x.detach(), y.detach(), z)", (2, 4, 5, 5), (4, 3, 3, 3)),
        ("conv_transpose1d(x, y, z, stride=3, output_padding=2, padding=1)", (2, 4, 6), (4, 3, 3)),
        ("conv_transpose3d(x, y, z, 2, (1, 0, 1), 1)", (2, 4, 3, 2, 3), (4, 3, 3, 2, 2)),
        ("conv_transpose3d(x, y, groups=2, dilation=2)", (4, 3, 2, 3), (4, 1, 2, 2, 2)),
    )
    for row in rows(
        [line], of(x, w, (w[1] if "transpose2d" in line or "transpose1d" in line or "transpose3d" in line else w[0],),
                   special=_IMAGE), "fd", 2, "linear")
] + [
    *rows(("conv2d(x, y)",), of((2, 5, 4, 4), (6, 5, 1, 1)), "fd", 1, "linear"),
    *rows(("conv2d(x, y, z)",), of((2, 3, 4, 4), (2, 3, 3, 3), (2,)), "hbl", 0, "linear"),
    *rows(("unfold(x, (2, 3), padding=1, stride=2, dilation=(2, 1))", "unfold(x, 3)"), of((2, 3, 6, 7)), "fdhb"),
    *rows(("fold(x, (4, 5), (2, 2))",), of((2, 12, 12)), "fd", 2, "linear"),
]  # fmt: skip

_POOLED: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("2d(x, 2)", (2, 3, 6, 7)), ("2d(x, (3, 2), (2, 1), 1)", (2, 3, 7, 40)), ("2d(x, 3, 2, ceil_mode=True)", (3, 6, 7)),
    ("1d(x, 3, 2, 1)", (2, 3, 11)), ("1d(x, 4, ceil_mode=True)", (3, 10)), ("2d(x, 2)", (0, 3, 4, 4)),
    ("3d(x, 2)", (2, 3, 4, 5, 6)), ("3d(x, (2, 3, 3), 2, (1, 1, 0), ceil_mode=True)", (3, 5, 6, 7)),
    ("2d(x.transpose(1, 3), 2)", (2, 6, 5, 3)), ("2d(x[1:, :, ::2], 2)", (3, 2, 8, 4)),
)  # fmt: skip
POOLING = [
    *(row for call, shape in _POOLED for row in rows(["max_pool" + call], of(shape), "fdhb", 2, 1)),
    *(row for call, shape in _POOLED
      for row in rows(["max_pool" + call[:-1] + ", return_indices=True)"], of(shape), "fhb", 0, 1)),
    *rows(("max_pool2d(x, 2, stride=1, dilation=(2, 3), return_indices=True)", "max_pool2d(x, 2, 2, return_indices=True)"),
          of((2, 3, 9, 8)), "fdlicu", 1, 1),
    *(row for call, shape in _POOLED for row in rows(["avg_pool" + call], of(shape), "fd" if "3d" in call else "fdhb", 2,
                                                    "linear")),
    *rows(("avg_pool2d(x, 3, 2, 1, True, False)", "avg_pool2d(x, 2, divisor_override=3)",
           "adaptive_avg_pool2d(x, (3, 5))", "adaptive_avg_pool2d(x, (None, 7))", "adaptive_avg_pool2d(x, 1)"),
          several(of((2, 3, 7, 9)), of((3, 7, 4)), of((0, 3, 7, 9))), "fdb", 2, "linear"),
    *rows(("avg_pool3d(x, 3, 2, 1, count_include_pad=False)", "avg_pool3d(x, 2, divisor_override=5)",
           "adaptive_avg_pool3d(x, (2, 3, 4))"), of((2, 5, 6, 7)), "fd", 2, "linear"),
    *rows(("avg_pool1d(x, 4, ceil_mode=True, count_include_pad=False)", "adaptive_avg_pool1d(x, 3)"), of((2, 3, 11)), "fd", 2,
          "linear"),
    *rows(("avg_pool2d(x, 2)",), of((2, 1, 6, 6)), "l", 0),
    *rows(("adaptive_max_pool2d(x, (3, 5))", "adaptive_max_pool2d(x, (None, 7))", "adaptive_max_pool2d(x, 1)",
           "adaptive_max_pool2d(x, (3, 2), return_indices=True)"),
          several(of((2, 3, 7, 9)), of((3, 7, 4)), of((0, 3, 7, 9))), "fdhb", 2, 1),
    *rows(("adaptive_max_pool1d(x, 3, return_indices=True)",), of((2, 3, 7)), "fd", 2, 1),
    *rows(("max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)",), of((1, 2, 4, 6)), "fd", 1, 1),
    *rows(("max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2)",), of((1, 2, 6)), "fd", 1, 1),
    *rows(("lp_pool1d(x.abs() + 0.1, 3.0, 2)",), of((2, 3, 6)), "fd", 1, 8),
    *rows(("lp_pool2d(x.abs() + 0.1, 2, 2)", "lp_pool2d(x.abs() + 0.1, 2.0, 2, stride=1)"), of((2, 3, 6, 6)), "fd", 1, 8),
]  # fmt: skip

_STATISTICS = "PyTorch makes one factor and one term of statistics, weight and bias, which infinite ones spoil"
_STEADY = "torch.linspace(0, 1, {0}).to(x), torch.linspace(0.5, 2, {0}).to(x)"
NORMALISATION = [
    *(row
      for call, shapes in (
          ("layer_norm(x, x.shape[-1:])", ((4, 33),)), ("layer_norm(x, x.shape[-2:], y)", ((2, 3, 16), (3, 16))),
          ("layer_norm(x, (4, 5), y, z, 1e-3)", ((2, 3, 4, 5), (4, 5), (4, 5))), ("layer_norm(x, (7,))", ((7,),)),
          ("layer_norm(x, (1,))", ((2, 1),)), ("layer_norm(x.t(), (4,))", ((4, 3),)),
          ("layer_norm(x, (4,), y, z)", ((0, 4), (4,), (4,))),
          ("group_norm(x, 2, y, z)", ((2, 6, 4, 3), (6,), (6,))), ("group_norm(x, 3)", ((2, 6, 5),)),
          ("group_norm(x, 1, y)", ((3, 4), (4,))),
          ("group_norm(x.transpose(1, 2), 2)", ((2, 5, 4),)),
          ("batch_norm(x, None, None, y, z, True, 0.3, 1e-4)", ((6, 3), (3,), (3,))),
          ("batch_norm(x, None, None, training=True)", ((4, 3, 5),)),
          *((f"batch_norm(x, {_STEADY.format(3)}, y, z, False)", (shape, (3,), (3,))) for shape in ((6, 3), (2, 3, 4, 5))),
          ("batch_norm(x.detach(), None, None, y, training=True)", ((3, 2, 4, 5), (2,))),
          ("batch_norm(x, None, None, y.detach(), training=True)", ((2, 3, 2, 3, 2), (3,))),
          ("instance_norm(x, weight=y, bias=z)", ((2, 3, 5), (3,), (3,))), ("instance_norm(x, eps=1e-4)", ((3, 2, 4, 3),)),
          (f"instance_norm(x, {_STEADY.format(2)}, y, use_input_stats=False)", ((3, 2, 4, 3), (2,))),
          ("rms_norm(x, (16,))", ((4, 3, 16),)), ("rms_norm(x, (3, 4), y, 1e-3)", ((2, 3, 4), (3, 4))),
          ("local_response_norm(x, 3, alpha=0.5)", ((2, 7, 3, 3),)), ("local_response_norm(x, 4)", ((2, 7, 3),)),
      )
      for row in rows([call], of(*shapes, special=_STATISTICS if len(shapes) > 1 else ""), "fd", 2, 1000)),
    *rows(("layer_norm(x, (24,), y, z)", "rms_norm(x, (24,), y)"), of((5, 24), (24,), (24,), special=_STATISTICS), "hb", 0, 4),
    *rows(("layer_norm(x, (24,), y.float(), z.float())",), of((5, 24), (24,), (24,), special=_STATISTICS), "hb", 0, 4),
    *rows(("batch_norm(x, None, None, y.float(), z.float(), True)",), of((4, 3, 5), (3,), (3,), special=_STATISTICS), "b", 0, 4),
    *(Row(f"(lambda m, v: [F.{name}(x, m, v, {flag}=True, momentum=0.3), m, v])({_STEADY.format(3)})",
          of((4, 3, 5), special=_STATISTICS), "fd", 0, 1000)
      for name, flag in (("batch_norm", "training"), ("instance_norm", "use_input_stats"))),
    *rows(("layer_norm(x + 1000, (64,))",), of((4, 64), special=_STATISTICS), "f", 0, 1e4),
    Row("torch.native_layer_norm(x, (5,), None, None, 1e-5)", of((3, 5), special=_STATISTICS), "fd", 0, 1000),
]  # fmt: skip

_PLACES, _CLASSES = np.array([[0, 3, 3], [2, 1, 0]]), np.array([1, 0, 4, 2])
TABLES = [
    *rows(("linear(x, y, z)",), several(of((5, 3), (4, 3), (4,)), of((2, 5, 3), (4, 3), (4,)), of((3,), (4, 3), (4,))), "fdhb", 2,
          "linear"),
    *rows(("bilinear(x, y, z)",), of((4, 3), (4, 2), (5, 3, 2)), "fd", 2, "linear"),
    *rows(
        ("embedding(i, x)", "embedding(i[0, 0], x)", "embedding(i[:0], x)", "embedding(i.to(torch.int32), x, padding_idx=1)",
         "embedding(i, x, padding_idx=-1, scale_grad_by_freq=True)", "embedding(i.t(), x[1:].flip(1))"),
        several(*(of((5, n), i=_PLACES % 4) for n in (1, 3, 33))), "fdhb", 2, 1,
    ),
    *rows(("embedding(i, x * 3, max_norm=1.0)",), of((4, 3), i=_PLACES), "fd", 0, 8),
    *(row for mode in ("sum", "mean", "max") for row in rows(
        (f"embedding_bag(i, x, mode='{mode}')", f"embedding_bag(i.reshape(-1), x, j, mode='{mode}')",
         f"embedding_bag(i.reshape(-1), x, k, mode='{mode}', include_last_offset=True, padding_idx=2)"),
        of((4, 3), i=_PLACES, j=np.array([0, 2, 2]), k=np.array([0, 3, 6]),
           special="PyTorch's largest overlooks NaN unless it comes first" if mode == "max" else ""), "fd", 1, "linear")),
    *rows(("embedding_bag(i, x, mode='sum', per_sample_weights=y)",), of((4, 3), (2, 3), i=_PLACES), "fd", 1, "linear"),
    *rows(("one_hot(i)", "one_hot(i, 5)"), of((1,), i=_PLACES), "f", 0),
]  # fmt: skip

_ZEROS = "PyTorch multiplies what is infinite with weights of zero, or leaves it out, by dtype and size"
_MASK = np.random.default_rng(0).random((5, 6)) > 0.5
ATTENTION = [
    *rows(
        ("scaled_dot_product_attention(x, y, z)", "scaled_dot_product_attention(x, y, z, is_causal=True)",
         "scaled_dot_product_attention(x, y, z, scale=0.3)", "scaled_dot_product_attention(x, y, z, m)",
         "scaled_dot_product_attention(x, y, z, m.to(x) * 2)", "scaled_dot_product_attention(x, y, z, m & (i > 1))",
         "scaled_dot_product_attention(x, y, z, torch.where(m, 0.5, -float('inf')).to(x))",
         "scaled_dot_product_attention(x, y, z, m.expand(2, 3, 5, 6))"),
        of((2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 7), m=_MASK, i=np.arange(5)[:, None],
           special=_ZEROS), "d", 1, "absolute",
    ),
    *rows((f"scaled_dot_product_attention(x, y, z, {mask}, enable_gqa=True)" for mask in ("None", "m", "m.expand(2, 1, 5, 6)")),
          of((2, 4, 5, 3), (2, 2, 6, 3), (2, 2, 6, 7), m=_MASK, special=_ZEROS), "d", 1, "absolute"),
    *rows(("scaled_dot_product_attention(*(t.transpose(1, 2) for t in x.chunk(3, -1)))",),
          of((2, 5, 3, 12), special=_ZEROS), "d", 1, "absolute"),
    *rows(("scaled_dot_product_attention(x, y, z)",), of((2, 5, 4), (2, 5, 4), (2, 5, 4)), "f", 0, 1000),
    *rows(("scaled_dot_product_attention(x, y, z)",), of((2, 5, 4), (2, 5, 4), (2, 5, 4), special=_ZEROS), "b", 0, "absolute"),
]  # fmt: skip

RESIZING = [
    *(row for mode in ("constant", "reflect", "replicate", "circular") for row in (
        *rows([f"pad(x, (1, 2, 2, 0), mode='{mode}')"], of((2, 3, 4, 5)), "fdhb", 2, 1),
        *rows([f"pad(x, (2, 1), mode='{mode}')"], of((2, 3, 5)), "fdhb", 2, 1))),
    *rows(("pad(x, (1, -1, 0, 2, 1, 1), value=3.5)", "pad(x, (2, 2), value=7)"), of((2, 3, 4)), "fdl", 2, 1),
    *(row for call, shape, slack in (
        ("scale_factor=2", (2, 3, 4, 5), 1), ("size=(3, 7)", (2, 3, 4, 5), 1), ("scale_factor=1.7", (2, 3, 4), 1),
        ("size=(3, 7), mode='nearest-exact'", (2, 3, 4, 5), 1), ("size=(3, 2), mode='area'", (2, 3, 6, 4), 8),
        ("scale_factor=2, mode='bilinear'", (2, 3, 4, 5), 40), ("size=8, mode='linear'", (2, 3, 5), 40),
        ("size=(7, 3), mode='bilinear', align_corners=True", (2, 3, 4, 5), 40),
        ("scale_factor=1.6, mode='bilinear', recompute_scale_factor=True", (2, 3, 4, 5), 40),
        ("scale_factor=2, mode='trilinear'", (1, 2, 3, 4, 5), 40), ("scale_factor=1.5, mode='bicubic'", (2, 3, 5, 6), 99),
        ("size=(9, 4), mode='bicubic', align_corners=True", (2, 3, 5, 6), 99),
        ("size=(4, 5), mode='bilinear', antialias=True", (2, 3, 9, 10), 99),
        ("size=(4, 12), mode='bicubic', antialias=True", (2, 3, 9, 10), 99))
      for row in rows([f"interpolate(x, {call})"], of(shape, special="" if slack == 1 else _ZEROS), "fd", 1,
                      "absolute" if slack == 40 else slack)),
    *(row
      for mode, padding, align in product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (False, True))
      for shapes in (((1, 2, 4, 5), (1, 6, 3, 2)), ((1, 2, 3, 4, 5), (1, 2, 2, 3, 3)))[: 1 if mode == "bicubic" else 2]
      for row in rows(
          [f"grid_sample(x, y{'.detach()' * (mode == 'nearest')} * 0.65, '{mode}', '{padding}', {align})"],
          of(*shapes, special=_ZEROS), "fd", 1, "absolute")),
    *(row for align in (False, True) for row in rows(
        [f"affine_grid(x, (2, 1, 3, 4), align_corners={align})"], of((2, 2, 3)), "fd", 1, "linear")),
    *rows(["affine_grid(x, (2, 1, 3, 1, 2), align_corners=False)"], of((2, 3, 4)), "fd", 1, "linear"),
    *rows(("pixel_shuffle(x, 2)", "channel_shuffle(x, 2)"), of((1, 8, 3, 2)), "fdl", 2, 1),
    *rows(("pixel_unshuffle(x, 2)",), of((2, 2, 6, 4)), "fdl", 2, 1),
]  # fmt: skip

_PAIR = of((5, 4), (5, 4))
_SOFT = of((4, 5), (4, 5), i=_CLASSES, t=_PLACES + 1)
_SIGNS = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
_LOGITS = of((4, 5), i=_CLASSES)
_MAPS = several(of((2, 5, 3), i=_PLACES), of((2, 5, 3, 1), i=_PLACES[..., None]))
_WEIGHT = "torch.linspace(0.2, 1.5, 5).to(x)"


def reduced(calls: Iterable[str], samples: Samples, derivatives: int = 2, slack: float | str = "absolute") -> list[Row]:
    """Lines of losses with every reduction."""
    calls = [f"{call[:-1]}, reduction='{reduction}')" for call in calls for reduction in ("none", "mean", "sum")]
    return rows(calls, samples, "fd", derivatives, slack)


LOSSES = [
    *reduced(("mse_loss(x, y)", "l1_loss(x, y)", "smooth_l1_loss(x, y)", "smooth_l1_loss(x, y, beta=0.3)",
              "smooth_l1_loss(x, y, beta=0.0)", "huber_loss(x, y)", "huber_loss(x, y, delta=0.4)",
              "mse_loss(x, y, weight=y.detach().abs())", "l1_loss(x, y, weight=y.detach().abs())"),
             several(_PAIR, of((), ()), of((0,), (0,)), of((2, 3, 4), (2, 3, 4))), 2, "linear"),
    *reduced(("poisson_nll_loss(x, y.detach().abs() * 3, full=True)", "gaussian_nll_loss(x, y, x.detach().abs(), full=True)",
              "gaussian_nll_loss(x, y, x[:, 0].detach().abs())",
              "poisson_nll_loss(x.abs(), y.detach().abs(), log_input=False)"), of((5, 4), (5, 4)), 1, 40),
    *reduced((f"cross_entropy(x, i, {_WEIGHT}, ignore_index=2)", f"nll_loss(x, i, {_WEIGHT}, ignore_index=2)"), _LOGITS, 2, 8),
    *(row for options in ("", f", {_WEIGHT}", ", ignore_index=2", f", {_WEIGHT}, ignore_index=255")
      for row in (*rows((f"nll_loss(x, i{options})",), several(_LOGITS, _MAPS), "fd", 2, 4),
                  *rows((f"cross_entropy(x, i{options})",), several(_LOGITS, _MAPS), "fd", 2, "absolute"),
                  *rows((f"cross_entropy(x, i{options}, label_smoothing=0.2)",), _LOGITS, "fd", 2, "absolute"))),
    *reduced(("nll_loss(x, torch.where(i == 4, -100, i))", "cross_entropy(x, torch.where(i > 0, -100, i))",
              "cross_entropy(x[0], i[0])", "cross_entropy(x[:0], i[:0])", "nll_loss(x.mT[:4], i % 4)"), _LOGITS, 1),
    *reduced(("nll_loss(x, i.to(torch.uint8))",), _LOGITS, 1, 4),
    *reduced((f"cross_entropy(x, y.softmax(1){options})" for options in ("", f", {_WEIGHT}, label_smoothing=0.3")), _SOFT, 1),
    *reduced(("kl_div(x, y.softmax(1))", "kl_div(x, y.log_softmax(1), log_target=True)"), _SOFT, 1, 40),
    *rows(("kl_div(x, y.softmax(1), reduction='batchmean')",), _SOFT, "fd", 1, 40),
    *rows(("cross_entropy(x, i)",), _LOGITS, "b", 0, "absolute"),
    *reduced(("binary_cross_entropy(x.sigmoid().nan_to_num(0.5), y.sigmoid().nan_to_num(0.5))",), _SOFT, 1, 100),
    *reduced((
              "binary_cross_entropy(x.sigmoid(), (y > 0).to(x), y.detach().abs())",
              "binary_cross_entropy_with_logits(x, y.sigmoid())", "binary_cross_entropy_with_logits(x * 30, y.sigmoid())",
              f"binary_cross_entropy_with_logits(x, (y > 0).to(x), {_WEIGHT}, pos_weight={_WEIGHT} + 1)",
              "multilabel_soft_margin_loss(x, (y > 0).to(x), y[0].detach().abs())"), _SOFT, 1),
    *rows(("binary_cross_entropy((x > 0).to(x), (x > 1).to(x))",), _LOGITS, "fd", 0),
    *reduced(("hinge_embedding_loss(x, s.to(x), margin=0.8)", "soft_margin_loss(x, s.to(x))"),
             of((5,), s=_SIGNS), 1),
    *reduced(("margin_ranking_loss(x, y, s.to(x), margin=0.2)",), of((5,), (5,), s=_SIGNS), 1),
    *reduced(("cosine_embedding_loss(x, y, s.to(x), margin=0.1)", "triplet_margin_loss(x, y, z)",
              "triplet_margin_loss(x, y, z, swap=True, p=1.0, margin=2.0)",
              "triplet_margin_with_distance_loss(x, y, z, swap=True)"),
             of((5, 3), (5, 3), (5, 3), s=_SIGNS), 1),
    *reduced(("multi_margin_loss(x, i)", f"multi_margin_loss(x, i, 2, 0.5, {_WEIGHT})"), _LOGITS, 1),
    *reduced(("multilabel_margin_loss(x, torch.tensor([[3, 0, -1, 1], [2, -1, 0, 0]]))",), of((2, 4)), 1),
    *reduced(("ctc_loss(F.log_softmax(x, -1), t, (9, 6, 4), (4, 2, 1))",
              "ctc_loss(F.log_softmax(x, -1), t, torch.tensor([9, 6, 4]), torch.tensor([4, 2, 1]))",
              "ctc_loss(F.log_softmax(x, -1), t.flatten()[n], (9, 6, 4), (4, 2, 1))"),
             of((9, 3, 5), t=np.array([[1, 2, 2, 3], [3, 1, 1, 1], [4, 1, 1, 1]]), n=np.array([0, 1, 2, 3, 4, 5, 8])), 1),
    *rows(("cosine_similarity(x, y)", "pairwise_distance(x, y)", "pairwise_distance(x, y, p=1.0, keepdim=True)",
           "cosine_similarity(x.unsqueeze(1), y, dim=-1)"), _PAIR, "fd", 1, "absolute"),
    *rows(("pdist(x)",), of((5, 3)), "fd", 1, 8),
]  # fmt: skip
