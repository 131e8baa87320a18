"""Functions of ``flambeau.nn.functional``: results and gradients as PyTorch's."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import as_flambeau, assert_same, compare, constant

import flambeau
import flambeau.nn.functional as F

torch.manual_seed(0)


def floats(*shape: int) -> torch.Tensor:
    return torch.randn(*shape)


EDGES = torch.tensor([-40.0, -6.0, -3.0, -1.0, -0.5, -0.01, 0.0, 0.01, 0.5, 1.0, 3.0, 6.0, 40.0])

ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    ("relu", {}), ("relu6", {}), ("hardtanh", {"min_val": -0.5, "max_val": 2.0}), ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.3}), ("elu", {}), ("elu", {"alpha": 0.7}), ("selu", {}), ("celu", {}),
    ("celu", {"alpha": 1.5}), ("gelu", {}), ("gelu", {"approximate": "tanh"}), ("silu", {}), ("mish", {}),
    ("sigmoid", {}), ("logsigmoid", {}), ("tanh", {}), ("tanhshrink", {}), ("hardsigmoid", {}), ("hardswish", {}),
    ("softplus", {}), ("softplus", {"beta": 2.0, "threshold": 5.0}), ("softsign", {}), ("softshrink", {}),
    ("softshrink", {"lambd": 0.2}), ("hardshrink", {}), ("threshold", {"threshold": 0.1, "value": 20.0}),
    ("rrelu", {}), ("softmax", {"dim": 0}), ("log_softmax", {"dim": 0}), ("softmin", {"dim": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS, ids=lambda value: str(value))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_activation(name: str, options: dict[str, Any], dtype: torch.dtype) -> None:
    exact = dtype == torch.float64
    tolerance = {"rtol": 1e-9, "atol": 1e-9} if exact else {"rtol": 3e-5, "atol": 3e-6}
    if name == "hardsigmoid":
        tolerance = {"rtol": 1e-6, "atol": 1e-7}  # PyTorch's gradient has its sixth in single precision
    compare(getattr(F, name), getattr(TF, name), [EDGES.to(dtype)], **tolerance, **options)
    compare(getattr(F, name), getattr(TF, name), [floats(3, 5).to(dtype)], **tolerance, **options)


def test_activation_of_two_inputs() -> None:
    compare(F.prelu, TF.prelu, [floats(2, 3, 4), floats(3)])
    compare(F.prelu, TF.prelu, [floats(2, 3, 4), floats(1)])
    compare(F.glu, TF.glu, [floats(4, 6)])
    compare(F.glu, TF.glu, [floats(4, 6)], dim=0)
    with pytest.raises(RuntimeError, match="Halving dimension must be even"):
        F.glu(flambeau.ones(3, 3))


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "selu", "celu", "silu", "hardtanh", "relu6", "mish"])
def test_in_place(name: str) -> None:
    values = floats(4, 3)
    ours = as_flambeau(values)
    result = getattr(F, name)(ours, inplace=True)
    assert result is ours
    assert_same(ours, getattr(TF, name)(values), 1e-5)


def test_in_place_within_a_graph() -> None:
    def network(module: Any, x: Any) -> Any:
        return module.relu(x * 2, inplace=True) * 3

    compare(lambda x: network(F, x), lambda x: network(TF, x), [floats(5)])


def test_softmax_without_dimension_warns_and_chooses() -> None:
    for shape, dimension in (((4,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((2, 3, 2, 2), 1)):
        x = floats(*shape)
        with pytest.warns(UserWarning, match="Implicit dimension choice for softmax has been deprecated"):
            result = F.softmax(as_flambeau(x))
        assert_same(result, TF.softmax(x, dimension))
    with pytest.warns(UserWarning, match="Implicit dimension choice for log_softmax"):
        F.log_softmax(flambeau.ones(2, 2))
    assert F.softmax(flambeau.ones(2, 2), dim=1, dtype=flambeau.float64).dtype == flambeau.float64


def test_gumbel_softmax() -> None:
    flambeau.manual_seed(0)
    logits = flambeau.zeros(50, 4, requires_grad=True)
    soft = F.gumbel_softmax(logits)
    assert_same(soft.sum(-1), torch.ones(50), 1e-5)
    hard = F.gumbel_softmax(logits, hard=True)
    assert sorted(set(hard.detach().round().flatten().tolist())) == [0.0, 1.0]
    hard[:, 0].sum().backward()
    assert float(logits.grad.abs().sum()) > 0


@pytest.mark.parametrize("mask", ["none", "causal", "boolean", "additive"])
def test_scaled_dot_product_attention(mask: str) -> None:
    options: dict[str, Any] = {}
    if mask == "causal":
        options["is_causal"] = True
    elif mask == "boolean":
        options["attn_mask"] = torch.tensor([[True, False, True], [False, True, True]])
    elif mask == "additive":
        options["attn_mask"] = floats(2, 3)
    compare(
        F.scaled_dot_product_attention, TF.scaled_dot_product_attention,
        [floats(2, 2, 2, 4), floats(2, 2, 3, 4), floats(2, 2, 3, 5)], 1e-5, 1e-5, **options,
    )  # fmt: skip


# --- linear maps and embeddings --------------------------------------------------------------------------------------


def test_linear_and_bilinear() -> None:
    compare(F.linear, TF.linear, [floats(5, 3), floats(4, 3), floats(4)])
    compare(F.linear, TF.linear, [floats(2, 5, 3), floats(4, 3)])
    compare(F.linear, TF.linear, [floats(3), floats(4, 3), floats(4)])
    compare(F.bilinear, TF.bilinear, [floats(2, 5, 3), floats(2, 5, 4), floats(6, 3, 4), floats(6)], 1e-4, 1e-5)


def test_embedding() -> None:
    places = torch.tensor([[0, 2, 2], [3, 1, 0]])
    compare(F.embedding, TF.embedding, [places, floats(4, 3)])
    compare(F.embedding, TF.embedding, [places, floats(4, 3)], padding_idx=2)
    compare(F.embedding, TF.embedding, [places, floats(4, 3)], padding_idx=-1)
    weight = floats(4, 3) * 3
    ours = as_flambeau(weight)
    expected = TF.embedding(places[0], weight, max_norm=1.0)
    assert_same(F.embedding(as_flambeau(places[0]), ours, max_norm=1.0), expected)
    assert_same(ours, weight)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_embedding_bag(mode: str) -> None:
    weight = floats(6, 3)
    compare(F.embedding_bag, TF.embedding_bag, [torch.tensor([[0, 2], [5, 1]]), weight], mode=mode)
    compare(
        F.embedding_bag, TF.embedding_bag, [torch.tensor([0, 2, 5, 1, 3]), weight],
        offsets=torch.tensor([0, 2, 2, 4]), mode=mode,
    )  # fmt: skip
    compare(
        F.embedding_bag, TF.embedding_bag, [torch.tensor([0, 2, 5, 1, 2]), weight],
        offsets=torch.tensor([0, 3, 5]), mode=mode, include_last_offset=True, padding_idx=2,
    )  # fmt: skip


def test_embedding_bag_with_weights() -> None:
    inputs = [torch.tensor([[0, 2], [5, 1]]), floats(6, 3)]
    compare(F.embedding_bag, TF.embedding_bag, inputs, mode="sum", per_sample_weights=floats(2, 2))


def test_one_hot() -> None:
    classes = torch.tensor([[0, 3], [1, 1]])
    assert_same(F.one_hot(as_flambeau(classes)), TF.one_hot(classes))
    assert_same(F.one_hot(as_flambeau(classes), 6), TF.one_hot(classes, 6))
    with pytest.raises(RuntimeError, match="index tensor of type LongTensor"):
        F.one_hot(flambeau.ones(2))


# --- normalisation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (2, 3, 4, 4)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(shape: tuple[int, ...], training: bool) -> None:
    mean, variance = torch.rand(3), torch.rand(3) + 0.5
    our_mean, our_variance = as_flambeau(mean), as_flambeau(variance)
    inputs = [floats(*shape), floats(3), floats(3)]
    compare(
        lambda x, w, b: F.batch_norm(x, our_mean, our_variance, w, b, training, 0.3),
        lambda x, w, b: TF.batch_norm(x, mean, variance, w, b, training, 0.3), inputs, 1e-4, 1e-5,
    )  # fmt: skip
    assert_same(our_mean, mean)
    assert_same(our_variance, variance)


def test_batch_norm_refuses_one_value() -> None:
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        F.batch_norm(flambeau.ones(1, 3), None, None, training=True)


def test_instance_norm() -> None:
    mean, variance = torch.rand(3), torch.rand(3) + 0.5
    our_mean, our_variance = as_flambeau(mean), as_flambeau(variance)
    compare(
        lambda x, w, b: F.instance_norm(x, our_mean, our_variance, w, b, momentum=0.3),
        lambda x, w, b: TF.instance_norm(x, mean, variance, w, b, momentum=0.3),
        [floats(2, 3, 4, 4), floats(3), floats(3)], 1e-4, 1e-5,
    )  # fmt: skip
    assert_same(our_mean, mean)
    assert_same(our_variance, variance)
    compare(F.instance_norm, TF.instance_norm, [floats(2, 3, 5)], 1e-4, 1e-5)


def test_layer_norm() -> None:
    compare(
        F.layer_norm,
        lambda x, s, w, b: TF.layer_norm(x, s, w, b),
        [floats(4, 6), (6,), floats(6), floats(6)],
        1e-4,
        1e-5,
    )
    compare(F.layer_norm, TF.layer_norm, [floats(2, 3, 4), (3, 4)], 1e-4, 1e-5)


def test_rms_norm() -> None:
    compare(F.rms_norm, TF.rms_norm, [floats(4, 6), (6,), floats(6)], 1e-4, 1e-5)
    compare(F.rms_norm, TF.rms_norm, [floats(2, 3, 4), (3, 4)], 1e-4, 1e-5, eps=1e-3)


def test_group_norm() -> None:
    compare(F.group_norm, TF.group_norm, [floats(2, 6, 4, 4), 3, floats(6), floats(6)], 1e-4, 1e-5)
    compare(F.group_norm, TF.group_norm, [floats(2, 6), 2], 1e-4, 1e-5)
    with pytest.raises(RuntimeError, match="divisible by num_groups"):
        F.group_norm(flambeau.ones(2, 5, 3), 2)


def test_local_response_norm() -> None:
    compare(F.local_response_norm, TF.local_response_norm, [floats(2, 7, 3, 3), 3], 1e-4, 1e-5, alpha=0.5)
    compare(F.local_response_norm, TF.local_response_norm, [floats(2, 7, 3), 4], 1e-4, 1e-5)


def test_normalize() -> None:
    compare(F.normalize, TF.normalize, [floats(4, 5)], 1e-4)
    compare(F.normalize, TF.normalize, [floats(4, 5)], 1e-4, p=1.0, dim=0)


# --- convolution and pooling -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2, "padding": 1}, {"padding": "same"}, {"padding": (1, 2), "dilation": (2, 1)}, {"groups": 2}],
    ids=str,
)
def test_conv2d(options: dict[str, Any]) -> None:
    weight = floats(6, 4 // options.get("groups", 1), 3, 3)
    compare(F.conv2d, TF.conv2d, [floats(2, 4, 7, 8), weight, floats(6)], 1e-4, 1e-4, **options)
    compare(F.conv2d, TF.conv2d, [floats(4, 7, 8), weight], 1e-4, 1e-4, **options)


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 2}, {"dilation": 2, "groups": 2}], ids=str)
def test_conv1d(options: dict[str, Any]) -> None:
    weight = floats(6, 4 // options.get("groups", 1), 3)
    compare(F.conv1d, TF.conv1d, [floats(2, 4, 9), weight, floats(6)], 1e-4, 1e-4, **options)


def test_unfold_and_fold() -> None:
    compare(F.unfold, TF.unfold, [floats(2, 3, 6, 7), (2, 3)], padding=1, stride=2, dilation=(2, 1))
    compare(F.unfold, TF.unfold, [floats(3, 5, 5), 3])
    columns = TF.unfold(floats(2, 3, 6, 7), (2, 3), padding=1, stride=2)
    compare(F.fold, TF.fold, [columns, (6, 7), (2, 3)], padding=1, stride=2)


MAX_POOLS: list[tuple[int, dict[str, Any]]] = [
    (1, {"kernel_size": 2}), (1, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    (2, {"kernel_size": 2}), (2, {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1}),
    (2, {"kernel_size": 3, "stride": 2, "ceil_mode": True}), (2, {"kernel_size": 2, "dilation": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("dimensions", "options"), MAX_POOLS, ids=str)
@pytest.mark.parametrize("return_indices", [False, True])
def test_max_pool(dimensions: int, options: dict[str, Any], return_indices: bool) -> None:
    name = f"max_pool{dimensions}d"
    x = floats(2, 3, *(8, 9)[:dimensions])
    compare(getattr(F, name), getattr(TF, name), [x], return_indices=return_indices, **options)


AVERAGE_POOLS: list[tuple[int, dict[str, Any]]] = [
    (1, {"kernel_size": 2}), (1, {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
    (2, {"kernel_size": 2}), (2, {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1}),
    (2, {"kernel_size": 3, "stride": 2, "ceil_mode": True, "padding": 1, "count_include_pad": False}),
    (2, {"kernel_size": 2, "divisor_override": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("dimensions", "options"), AVERAGE_POOLS, ids=str)
def test_avg_pool(dimensions: int, options: dict[str, Any]) -> None:
    name = f"avg_pool{dimensions}d"
    compare(getattr(F, name), getattr(TF, name), [floats(2, 3, *(8, 9)[:dimensions])], **options)


def test_adaptive_pools() -> None:
    compare(F.adaptive_avg_pool1d, TF.adaptive_avg_pool1d, [floats(2, 3, 7), 3])
    compare(F.adaptive_avg_pool2d, TF.adaptive_avg_pool2d, [floats(2, 3, 7, 5), (3, None)])
    compare(F.adaptive_avg_pool2d, TF.adaptive_avg_pool2d, [floats(2, 3, 7, 5), 1])
    compare(F.adaptive_max_pool1d, TF.adaptive_max_pool1d, [floats(2, 3, 7), 3])
    compare(F.adaptive_max_pool2d, TF.adaptive_max_pool2d, [floats(2, 3, 7, 5), (3, 2)], return_indices=True)


def test_max_unpool() -> None:
    x = floats(2, 3, 6, 6)
    values, places = TF.max_pool2d(x, 2, return_indices=True)
    compare(F.max_unpool2d, TF.max_unpool2d, [values, places, 2])
    values, places = TF.max_pool1d(x[:, :, 0], 2, return_indices=True)
    compare(F.max_unpool1d, TF.max_unpool1d, [values, places, 2])


def test_lp_pool() -> None:
    compare(F.lp_pool1d, TF.lp_pool1d, [torch.rand(2, 3, 8), 3.0, 2], 1e-4)
    compare(F.lp_pool2d, TF.lp_pool2d, [torch.rand(2, 3, 8, 8), 2.0, 2], 1e-4, stride=1)


# --- padding, resizing, rearranging ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_pad(mode: str) -> None:
    compare(F.pad, TF.pad, [floats(2, 3, 4, 5), (1, 2, 3, 0)], mode=mode)
    compare(F.pad, TF.pad, [floats(2, 3, 5), (2, 1)], mode=mode)


def test_pad_with_value_and_cropping() -> None:
    compare(F.pad, TF.pad, [floats(2, 3, 4), (1, -1, 0, 2, 1, 1)], value=3.5)
    compare(F.pad, TF.pad, [torch.arange(4), (2, 2)], value=7)
    with pytest.raises(RuntimeError, match="Padding length"):
        F.pad(flambeau.ones(2), (1, 1, 1, 1))


INTERPOLATIONS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 4, 5), {"scale_factor": 2}), ((2, 3, 4, 5), {"size": (3, 7)}), ((2, 3, 4), {"scale_factor": 1.7}),
    ((2, 3, 4, 5), {"size": (3, 7), "mode": "nearest-exact"}), ((2, 3, 6, 4), {"size": (3, 2), "mode": "area"}),
    ((2, 3, 4, 5), {"scale_factor": 2, "mode": "bilinear"}),
    ((2, 3, 4, 5), {"size": (7, 3), "mode": "bilinear", "align_corners": True}),
    ((2, 3, 4, 5), {"scale_factor": 1.6, "mode": "bilinear", "recompute_scale_factor": True}),
    ((2, 3, 5), {"size": 8, "mode": "linear"}), ((1, 2, 3, 4, 5), {"scale_factor": 2, "mode": "trilinear"}),
    ((2, 3, 5, 6), {"scale_factor": 1.5, "mode": "bicubic"}),
    ((2, 3, 5, 6), {"size": (9, 4), "mode": "bicubic", "align_corners": True}),
    ((2, 3, 9, 10), {"size": (4, 5), "mode": "bilinear", "antialias": True}),
    ((2, 3, 9, 10), {"size": (4, 12), "mode": "bicubic", "antialias": True}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "options"), INTERPOLATIONS, ids=str)
def test_interpolate(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    compare(F.interpolate, TF.interpolate, [floats(*shape)], 1e-4, 1e-5, **options)


def test_interpolate_bytes() -> None:
    """Pictures of bytes, to the bit."""
    picture = np.random.default_rng(0).integers(0, 256, size=(2, 3, 17, 21), dtype=np.uint8)
    for mode, antialias, aligned, size in itertools.product(
        ("bilinear", "bicubic"), (False, True), (False, True), ((9, 14), (25, 31), (17, 40))
    ):
        options: dict[str, Any] = {"size": size, "mode": mode, "antialias": antialias, "align_corners": aligned}
        ours, theirs = F.interpolate(flambeau.tensor(picture), **options), TF.interpolate(torch.tensor(picture), **options)
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), str(options))


def test_interpolate_errors() -> None:
    with pytest.raises(NotImplementedError, match="not implemented for 'Int'"):
        F.interpolate(flambeau.ones(1, 1, 2, 2, dtype=flambeau.int32), scale_factor=2, mode="bilinear")
    with pytest.raises(ValueError, match="only one of size or scale_factor"):
        F.interpolate(flambeau.ones(1, 1, 2, 2), size=3, scale_factor=2)
    with pytest.raises(ValueError, match="align_corners option can only be set"):
        F.interpolate(flambeau.ones(1, 1, 2, 2), size=3, align_corners=True)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_grid_sample(mode: str, padding_mode: str, align_corners: bool) -> None:
    options = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    flat, solid = floats(2, 3, 6, 2) * 1.3, floats(2, 3, 2, 2, 3) * 1.3
    if mode == "nearest":
        flat, solid = constant(flat), constant(solid)
    compare(F.grid_sample, TF.grid_sample, [floats(2, 3, 4, 5), flat], 1e-4, 1e-4, **options)
    if mode != "bicubic":
        inputs = [floats(2, 2, 3, 4, 5), solid]
        compare(F.grid_sample, TF.grid_sample, inputs, 1e-4, 1e-4, **options)


def test_affine_grid() -> None:
    for align in (False, True):
        compare(F.affine_grid, TF.affine_grid, [floats(2, 2, 3), (2, 1, 3, 4)], align_corners=align)
        compare(F.affine_grid, TF.affine_grid, [floats(2, 3, 4), (2, 1, 3, 1, 2)], align_corners=align)
    with pytest.warns(UserWarning, match="align_corners=False since 1.3.0"):
        F.affine_grid(flambeau.ones(1, 2, 3), (1, 1, 2, 2))


def test_rearranging_channels() -> None:
    compare(F.pixel_shuffle, TF.pixel_shuffle, [floats(2, 8, 3, 4), 2])
    compare(F.pixel_unshuffle, TF.pixel_unshuffle, [floats(2, 2, 6, 4), 2])
    compare(F.channel_shuffle, TF.channel_shuffle, [constant(floats(2, 6, 3)), 2])


# --- distances -------------------------------------------------------------------------------------------------------


def test_distances() -> None:
    compare(F.cosine_similarity, TF.cosine_similarity, [floats(4, 5), floats(4, 5)], 1e-4, 1e-5)
    compare(F.cosine_similarity, TF.cosine_similarity, [floats(3, 1, 5), floats(4, 5)], 1e-4, 1e-5, dim=-1)
    compare(F.pairwise_distance, TF.pairwise_distance, [floats(4, 5), floats(4, 5)], 1e-4, 1e-5)
    compare(F.pairwise_distance, TF.pairwise_distance, [floats(4, 5), floats(4, 5)], 1e-4, 1e-5, p=1.0, keepdim=True)
    compare(F.pdist, TF.pdist, [floats(5, 3)], 1e-4, 1e-5)


# --- losses ----------------------------------------------------------------------------------------------------------

REDUCTIONS = ["none", "mean", "sum"]
CLASSES = torch.tensor([0, 2, 1, 4, 2])
SIGNS = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0])


def losses() -> list[tuple[str, list[Any], dict[str, Any]]]:
    target = constant(floats(5, 4))
    probabilities = torch.rand(5, 4)
    soft = constant(torch.softmax(floats(5, 5), 1))
    many = constant((torch.rand(5, 4) > 0.5).float())
    weight = torch.rand(5) + 0.1
    saturated = torch.tensor([0.0, 1.0, 0.5, 1e-9, 1.0])
    return [
        ("mse_loss", [floats(5, 4), target], {}),
        ("mse_loss", [floats(5, 4), target], {"weight": torch.rand(5, 4)}),
        ("l1_loss", [floats(5, 4), target], {}),
        ("l1_loss", [floats(5, 4), target], {"weight": torch.rand(5, 4)}),
        ("smooth_l1_loss", [floats(5, 4), target], {}),
        ("smooth_l1_loss", [floats(5, 4), target], {"beta": 0.3}),
        ("smooth_l1_loss", [floats(5, 4), target], {"beta": 0.0}),
        ("huber_loss", [floats(5, 4), target], {}),
        ("huber_loss", [floats(5, 4), target], {"delta": 0.4}),
        ("poisson_nll_loss", [floats(5, 4), constant(torch.rand(5, 4) * 5)], {"full": True}),
        ("poisson_nll_loss", [torch.rand(5, 4), constant(torch.rand(5, 4) * 5)], {"log_input": False}),
        ("gaussian_nll_loss", [floats(5, 4), floats(5, 4), torch.rand(5, 4)], {"full": True}),
        ("gaussian_nll_loss", [floats(5, 4), floats(5, 4), torch.rand(5)], {}),
        ("nll_loss", [torch.log_softmax(floats(5, 5), 1), CLASSES], {}),
        ("nll_loss", [torch.log_softmax(floats(5, 5), 1), CLASSES], {"weight": weight, "ignore_index": 2}),
        ("nll_loss", [torch.log_softmax(floats(2, 5, 3), 1), torch.randint(5, (2, 3))], {"weight": weight}),
        ("cross_entropy", [floats(5, 5), CLASSES], {}),
        ("cross_entropy", [floats(5), torch.tensor(3)], {}),
        ("cross_entropy", [floats(5, 5), CLASSES], {"weight": weight, "ignore_index": 2}),
        ("cross_entropy", [floats(5, 5), CLASSES], {"label_smoothing": 0.2}),
        ("cross_entropy", [floats(5, 5), CLASSES], {"weight": weight, "ignore_index": 2, "label_smoothing": 0.2}),
        ("cross_entropy", [floats(2, 5, 3, 2), torch.randint(5, (2, 3, 2))], {"label_smoothing": 0.1}),
        ("cross_entropy", [floats(5, 5), soft], {}),
        ("cross_entropy", [floats(5, 5), soft], {"weight": weight, "label_smoothing": 0.3}),
        ("kl_div", [torch.log_softmax(floats(5, 5), 1), soft], {}),
        ("kl_div", [torch.log_softmax(floats(5, 5), 1), constant(soft.log())], {"log_target": True}),
        ("binary_cross_entropy", [probabilities, torch.rand(5, 4)], {}),
        ("binary_cross_entropy", [probabilities, many], {"weight": torch.rand(5, 4)}),
        ("binary_cross_entropy", [saturated, constant(torch.tensor([0.0, 1.0, 1.0, 1.0, 0.0]))], {}),
        ("binary_cross_entropy_with_logits", [floats(5, 4) * 30, torch.rand(5, 4)], {}),
        ("binary_cross_entropy_with_logits", [floats(5, 4), many], {"weight": torch.rand(4), "pos_weight": weight[:4]}),
        ("hinge_embedding_loss", [floats(5), SIGNS], {"margin": 0.8}),
        ("margin_ranking_loss", [floats(5), floats(5), constant(SIGNS)], {"margin": 0.2}),
        ("cosine_embedding_loss", [floats(5, 3), floats(5, 3), constant(SIGNS)], {"margin": 0.1}),
        ("soft_margin_loss", [floats(5), constant(SIGNS)], {}),
        ("multilabel_soft_margin_loss", [floats(5, 4), many], {"weight": weight[:4]}),
        ("multi_margin_loss", [floats(5, 5), CLASSES], {}),
        ("multi_margin_loss", [floats(5, 5), CLASSES], {"p": 2, "margin": 0.5, "weight": weight}),
        ("multilabel_margin_loss", [floats(2, 4), torch.tensor([[3, 0, -1, 1], [2, -1, 0, 0]])], {}),
        ("triplet_margin_loss", [floats(5, 3), floats(5, 3), floats(5, 3)], {}),
        ("triplet_margin_loss", [floats(5, 3), floats(5, 3), floats(5, 3)], {"swap": True, "p": 1.0, "margin": 2.0}),
        ("triplet_margin_with_distance_loss", [floats(5, 3), floats(5, 3), floats(5, 3)], {"swap": True}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "inputs", "options"), losses(), ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_loss(name: str, inputs: list[Any], options: dict[str, Any], reduction: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare(getattr(F, name), getattr(TF, name), inputs, 1e-4, 1e-5, reduction=reduction, **options)


def test_kl_div_batchmean() -> None:
    inputs = [torch.log_softmax(floats(5, 3), 1), constant(torch.softmax(floats(5, 3), 1))]
    compare(F.kl_div, TF.kl_div, inputs, 1e-4, reduction="batchmean")


def test_second_derivative_of_binary_cross_entropy() -> None:
    def penalty(library: Any, function: Any, x: Any, target: Any) -> Any:
        (gradient,) = library.autograd.grad(function(x, target), x, create_graph=True)
        return gradient.square().sum()

    target = constant(torch.rand(6))
    compare(
        lambda x, t: penalty(flambeau, F.binary_cross_entropy, x, t),
        lambda x, t: penalty(torch, TF.binary_cross_entropy, x, t),
        [torch.rand(6) * 0.8 + 0.1, target], 1e-4,
    )  # fmt: skip


def test_old_arguments_of_losses() -> None:
    x, target = as_flambeau(floats(3)), as_flambeau(floats(3))
    with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated, please use reduction='sum'"):
        old = F.mse_loss(x, target, size_average=False)
    assert float(old) == pytest.approx(float(F.mse_loss(x, target, reduction="sum")))
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert F.l1_loss(x, target, reduce=False).shape == (3,)


def test_numbers_of_reductions() -> None:
    assert [F._Reduction.get_enum(name) for name in ("none", "mean", "sum")] == [0, 1, 2]
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        assert F._Reduction.legacy_get_enum(False, None) == 2


def test_loss_errors_and_warnings() -> None:
    x = flambeau.ones(3, 2)
    with pytest.raises(ValueError, match="is not a valid value for reduction"):
        F.mse_loss(x, x, reduction="median")
    with pytest.warns(UserWarning, match=r"Using a target size \(torch.Size\(\[2\]\)\) that is different"):
        F.mse_loss(x, flambeau.ones(2))
    with pytest.raises(ValueError, match=r"Target size \(torch.Size\(\[2\]\)\) must be the same as input size"):
        F.binary_cross_entropy_with_logits(x, flambeau.ones(2))
    with pytest.raises(ValueError, match="margin must be greater than 0"):
        F.triplet_margin_loss(x, x, x, margin=0)


def test_extra_functions() -> None:
    scores = flambeau.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    classes = flambeau.tensor([1, 0, 0])
    assert float(F.accuracy(scores, classes)) == pytest.approx(2 / 3)
    assert float(F.accuracy(scores.argmax(1), classes)) == pytest.approx(2 / 3)
    assert F.cross_entropy_loss is F.cross_entropy and F.triplet_loss is F.triplet_margin_loss
    a, b = flambeau.tensor([[0.0, 0.0], [0.0, 0.0]]), flambeau.tensor([[3.0, 4.0], [0.3, 0.4]])
    loss = F.contrastive_loss(a, b, flambeau.tensor([1, 0]), margin=2.0, reduction="none")
    assert loss.tolist() == pytest.approx([12.5, 0.5 * 1.5**2], rel=1e-4)


# --- dropout ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]
)
def test_dropout_outside_training_is_the_identity(name: str) -> None:
    x = flambeau.ones(2, 3, 4) if name != "dropout3d" else flambeau.ones(2, 3, 4, 4, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert bool((getattr(F, name)(x, 0.7, training=False) == x).all())
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got 1.5"):
        getattr(F, name)(x, 1.5)


def test_dropout() -> None:
    flambeau.manual_seed(3)
    x = flambeau.ones(100, 100, requires_grad=True)
    y = F.dropout(x, 0.25)
    assert sorted(set(y.flatten().tolist())) == [0.0, pytest.approx(1 / 0.75)]
    assert float((y == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    y.sum().backward()
    assert bool((x.grad == y.detach()).all())
    assert float(F.dropout(x, 1.0).abs().sum()) == 0.0
    z = flambeau.ones(1000)
    assert F.dropout(z, 0.5, inplace=True) is z and float(z.min()) == 0.0


def test_dropout_of_channels() -> None:
    flambeau.manual_seed(3)
    y = F.dropout2d(flambeau.ones(20, 30, 2, 2), 0.5)
    sums = set(y.sum((2, 3)).flatten().tolist())
    assert sums == {0.0, 8.0}
    assert F.dropout1d(flambeau.ones(30, 4), 0.5).shape == (30, 4)


def test_alpha_dropout_keeps_the_moments() -> None:
    flambeau.manual_seed(3)
    y = F.alpha_dropout(flambeau.randn(200, 200), 0.3, training=True)
    assert float(y.mean()) == pytest.approx(0.0, abs=0.03)
    assert float(y.std()) == pytest.approx(1.0, abs=0.03)


# --- sequences -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_ctc_loss(reduction: str) -> None:
    targets = torch.tensor([[1, 2, 2, 3], [3, 1, 0, 0], [4, 0, 0, 0]])
    inputs, lengths = torch.tensor([9, 6, 4]), torch.tensor([4, 2, 1])
    scores = floats(9, 3, 5)

    def loss(functional: Any, x: Any, t: Any, i: Any, n: Any) -> Any:
        return functional.ctc_loss(functional.log_softmax(x, -1), t, i, n, reduction=reduction)

    compare(lambda *a: loss(F, *a), lambda *a: loss(TF, *a), [scores, targets, inputs, lengths], 1e-4, 1e-5)
    flat = torch.tensor([1, 2, 2, 3, 3, 1, 4])
    compare(
        lambda x, t: loss(F, x, t, (9, 6, 4), (4, 2, 1)), lambda x, t: loss(TF, x, t, (9, 6, 4), (4, 2, 1)),
        [scores, flat], 1e-4, 1e-5,
    )  # fmt: skip


def test_ctc_loss_of_an_impossible_target() -> None:
    scores = as_flambeau(torch.log_softmax(floats(2, 1, 4), -1))
    target = flambeau.tensor([[1, 1]])
    assert float(F.ctc_loss(scores, target, (2,), (2,))) == float("inf")
    assert float(F.ctc_loss(scores, target, (2,), (2,), zero_infinity=True)) == 0.0
    empty = F.ctc_loss(scores, target, (2,), (0,), reduction="sum")
    assert float(empty) == pytest.approx(-float(scores[:, 0, 0].sum()), rel=1e-5)
