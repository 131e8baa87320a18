"""Boxes, regions and blocks, against definitions in plain Python, and numbers that torchvision gave."""

from __future__ import annotations

import math

import numpy as np
import pytest
from vision import naive_boxes as naive

import flambeau
from flambeau import nn
from flambeau.vision import ops
from flambeau.vision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

random = np.random.default_rng(5)


def boxes_of(count, size=40.0, sides=25.0):
    corner = random.random((count, 2)) * size
    return np.concatenate([corner, corner + random.random((count, 2)) * sides + 1], 1).astype(np.float32)


def close(given, expected, tolerance=1e-5):
    np.testing.assert_allclose(given.detach().numpy(), expected, rtol=tolerance, atol=tolerance)


def tensor(array, **options):
    return flambeau.tensor(np.asarray(array), **options)


# --- boxes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 60, 1100])
def test_boxes_that_stay(count):
    boxes, scores = boxes_of(count, 60), random.random(count).astype(np.float32)
    scores[count // 2 :: 3] = 0.5  # of equal ones the first
    kinds = random.integers(0, 3, count)
    expected = naive.kept(boxes, scores, 0.3)
    kept = ops.nms(tensor(boxes), tensor(scores), 0.3)
    assert kept.dtype == flambeau.int64 and kept.tolist() == expected
    expected = naive.kept(boxes, scores, 0.3, kinds)
    assert ops.batched_nms(tensor(boxes), tensor(scores), tensor(kinds), 0.3).tolist() == expected


def test_the_threshold_is_not_rounded_to_the_dtype_of_boxes():
    # Three of ten is 0.3 rounded up in float32, which is more than 0.3 in float64.
    boxes, scores = flambeau.tensor([[0.0, 0, 10, 1], [0, 0, 3, 1]]), flambeau.tensor([1.0, 0.5])
    assert ops.nms(boxes, scores, 0.3).tolist() == [0]
    assert ops.nms(boxes.double(), scores.double(), 0.3).tolist() == [0, 1]


def test_wrong_boxes_are_refused():
    boxes, scores = flambeau.zeros(3, 4), flambeau.zeros(3)
    for b, s, words in [
        (boxes[None], scores, "boxes should be a 2d tensor, got 3D"),
        (boxes[:, :3], scores, "boxes should have 4 elements in dimension 1, got 3"),
        (boxes, scores[None], "scores should be a 1d tensor, got 2D"),
        (boxes, scores[:2], "same number of elements in dimension 0, got 3 and 2"),
        (boxes, scores.double(), "dets should have the same type as scores"),
        (boxes.long(), scores.long(), "floating point"),
    ]:
        with pytest.raises(RuntimeError, match=words):
            ops.nms(b, s, 0.5)
    with pytest.raises(ValueError, match="given in_fmt xyxy and out_fmt xyxz"):
        ops.box_convert(boxes, "xyxy", "xyxz")
    with pytest.raises(NotImplementedError, match="in_fmt xyxy and out_fmt xywhr"):
        ops.box_convert(boxes, "xyxy", "xywhr")
    with pytest.raises(ValueError, match="area for given format xywhr"):
        ops.box_area(boxes, "xywhr")
    with pytest.raises(ValueError, match="Unsupported format 'x'"):
        ops.box_iou(boxes, boxes, "x")


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_overlaps(dtype):
    a, b = boxes_of(5).astype(dtype), boxes_of(7).astype(dtype)
    expected = [[naive.overlap(p, q) for q in b.astype(float)] for p in a.astype(float)]
    close(ops.box_iou(tensor(a), tensor(b)), expected)
    close(ops.box_iou(tensor(a)[None], tensor(b)[None]), [expected])
    for form in ("xywh", "cxcywh"):
        other = [ops.box_convert(tensor(x).float(), "xyxy", form) for x in (a, b)]
        close(ops.box_iou(*other, form), expected)
        close(ops.box_area(other[0], form), ops.box_area(tensor(a)).numpy())


def test_penalised_overlaps():
    """Numbers of torchvision's."""
    a = flambeau.tensor([[0.0, 0, 10, 20], [5, 5, 12, 9]])
    b = flambeau.tensor([[2.0, 3, 14, 12], [30, 30, 31, 33], [0, 0, 10, 20]])
    close(ops.generalized_box_iou(a, b), [[0.1479, -0.8016, 1.0], [0.2593, -0.9574, -0.0372]], 1e-4)
    close(ops.distance_box_iou(a, b), [[0.2795, -0.5427, 1.0], [0.2570, -0.7426, 0.0571]], 1e-4)
    close(ops.complete_box_iou(a, b), [[0.2698, -0.5427, 1.0], [0.2570, -0.7810, 0.0383]], 1e-4)


@pytest.mark.parametrize("name", ["generalized", "distance", "complete"])
def test_losses_of_pairs(name):
    loss, table = getattr(ops, f"{name}_box_iou_loss"), getattr(ops, f"{name}_box_iou")
    a, b = (tensor(boxes_of(6), dtype=flambeau.float64, requires_grad=True) for _ in range(2))
    close(loss(a, b), 1 - table(a, b).diagonal().detach().numpy())
    close(loss(a, b, "sum"), loss(a, b).sum().item())
    close(loss(a, b, "mean"), loss(a, b).mean().item())
    if name != "complete":  # a part of which is a constant to its gradient
        assert flambeau.autograd.gradcheck(loss, (a, b), fast_mode=True)
    assert loss(a[:0], b[:0], "mean").item() == 0
    with pytest.raises(ValueError, match="Invalid Value for arg 'reduction': 'none of them"):
        loss(a, b, "none of them")


def test_forms_of_boxes():
    boxes = tensor(boxes_of(4)).double()
    for form in ("xywh", "cxcywh"):
        close(ops.box_convert(ops.box_convert(boxes, "xyxy", form), form, "xyxy"), boxes.numpy())
    turned = flambeau.cat([boxes, flambeau.tensor([[0.0], [30], [-45], [90]])], 1)
    for way in (("cxcywhr", "xywhr"), ("cxcywhr", "xyxyxyxy"), ("xywhr", "xyxyxyxy")):
        close(ops.box_convert(ops.box_convert(turned, *way), *way[::-1]), turned.numpy(), 1e-4)
    upright = ops.box_convert(turned[:1], "cxcywhr", "xyxyxyxy")[0]
    corners = ops.box_convert(boxes[:1], "cxcywh", "xyxy")[0]
    close(upright[[0, 1, 4, 5]], corners.numpy())
    assert ops.box_convert(turned.int(), "xywhr", "xyxyxyxy").dtype == flambeau.int32


def test_turned_boxes_overlap():
    square = flambeau.tensor([[0.0, 0, 2, 2, 0]])
    other = flambeau.tensor([[0.0, 0, 2, 2, 45], [1, 0, 2, 2, 0], [5, 5, 1, 1, 20], [0, 0, 2, 2, 180], [0, 0, 0, 0, 0]])
    octagon = 8 * (math.sqrt(2) - 1)
    close(ops.box_iou(square, other, "cxcywhr"), [[octagon / (8 - octagon), 1 / 3, 0, 1, 0]])
    a, b = tensor(boxes_of(3)), tensor(boxes_of(4))
    turned = [flambeau.cat([ops.box_convert(x, "xyxy", "cxcywh"), flambeau.zeros(len(x), 1)], 1) for x in (a, b)]
    close(ops.box_iou(*turned, "cxcywhr"), ops.box_iou(a, b).numpy(), 1e-4)
    corners = [ops.box_convert(x, "cxcywhr", "xyxyxyxy") for x in turned]
    close(ops.box_iou(*corners, "xyxyxyxy"), ops.box_iou(a, b).numpy(), 1e-4)


def test_small_and_clipped_boxes_and_boxes_of_masks():
    boxes = flambeau.tensor([[-5.0, 2, 50, 60], [3, 3, 4, 9]])
    assert ops.clip_boxes_to_image(boxes, (30, 40)).tolist() == [[0, 2, 40, 30], [3, 3, 4, 9]]
    assert ops.remove_small_boxes(boxes, 2).tolist() == [0]
    masks = flambeau.zeros(3, 5, 6, dtype=flambeau.bool)
    masks[0, 1:4, 2:5] = masks[2, 4, 5] = True
    assert ops.masks_to_boxes(masks).tolist() == [[2, 1, 4, 3], [0, 0, 0, 0], [5, 4, 5, 4]]
    assert ops.masks_to_boxes(masks[:0]).shape == (0, 4)


# --- regions ---------------------------------------------------------------------------------------------------------

REGIONS = np.array(
    [[0, 3, 4, 60, 50], [1, -20, -8, 30, 30], [0, 10, 10, 10.5, 10.5], [1, 90, 70, 130, 140], [0, 0, 0, 95, 95],
     [1, 40, 20, 20, 10]], np.float32,
)  # fmt: skip


def _tries(function, reference, channels=12, **shared):
    maps = random.standard_normal((2, channels, 12, 13)).astype(np.float32)
    x = tensor(maps, requires_grad=True)
    made = function(x, tensor(REGIONS))
    expected = reference(maps.astype(float))
    assert made.is_contiguous()
    close(made, expected, 1e-4)
    # The operations are linear between ties, so the gradient in a direction is what the result changes by.
    weight = random.standard_normal(expected.shape)
    (made * tensor(weight)).sum().backward()
    step = random.standard_normal(maps.shape) * 1e-4
    change = (reference(maps + step) - reference(maps - step)) / 2
    np.testing.assert_allclose((x.grad.numpy() * step).sum(), (weight * change).sum(), rtol=2e-3, atol=1e-6)
    assert function(x, tensor(REGIONS)[:0]).shape == (0, *expected.shape[1:])
    of_pictures = [tensor(REGIONS[REGIONS[:, 0] == number, 1:]) for number in (0, 1)]
    close(function(x, of_pictures), expected[np.argsort(REGIONS[:, 0], kind="stable")], 1e-4)
    half = function(x.detach().half(), tensor(REGIONS).half())
    assert half.dtype == flambeau.float16
    with pytest.raises(RuntimeError, match="same"):
        function(x.double(), tensor(REGIONS))
    with pytest.raises(AssertionError, match=r"Tensor\[K, 5\]"):
        function(x, tensor(REGIONS[:, 1:]))


@pytest.mark.parametrize("ratio", [2, 1, -1])
@pytest.mark.parametrize("aligned", [False, True])
def test_samples_of_regions(ratio, aligned):
    layer = ops.RoIAlign((3, 2), 1 / 8, ratio, aligned)
    _tries(layer, lambda maps: naive.aligned(maps, REGIONS, (3, 2), 1 / 8, ratio, aligned), 3)
    layer = ops.PSRoIAlign((3, 2), 1 / 8, ratio)
    _tries(layer, lambda maps: naive.aligned(maps, REGIONS, (3, 2), 1 / 8, ratio, True, False, True))


def test_pixels_of_regions():
    _tries(ops.RoIPool((3, 2), 1 / 8), lambda maps: naive.pooled(maps, REGIONS, (3, 2), 1 / 8, np.max), 3)
    _tries(ops.PSRoIPool((3, 2), 1 / 8), lambda maps: naive.pooled(maps, REGIONS, (3, 2), 1 / 8, np.mean, True))
    with pytest.raises(RuntimeError, match="multiple of pooling height"):
        ops.ps_roi_pool(flambeau.zeros(2, 7, 4, 4), tensor(REGIONS), 2)


def test_regions_of_a_pyramid():
    """Each region is read from the map that suits its size."""
    maps = {"a": flambeau.randn(2, 3, 32, 32), "unused": flambeau.randn(2, 3, 9, 9), "b": flambeau.randn(2, 3, 16, 16)}
    boxes = [flambeau.tensor([[0.0, 0, 20, 20], [3, 3, 250, 250]]), flambeau.tensor([[9.0, 9, 100, 110]])]
    layer = ops.MultiScaleRoIAlign(["a", "b"], 3, 2, canonical_scale=128)
    made = layer(maps, boxes, [(256, 256), (240, 256)])
    assert layer.scales == [1 / 8, 1 / 16]
    whole = [ops.roi_align(maps[name], boxes, 3, scale, 2) for name, scale in zip("ab", layer.scales)]
    close(made, flambeau.stack([whole[0][0], whole[1][1], whole[0][2]]).numpy())
    assert repr(layer) == "MultiScaleRoIAlign(featmap_names=['a', 'b'], output_size=(3, 3), sampling_ratio=2)"


@pytest.mark.parametrize("case", ["plain", "grouped, masked"])
def test_deformed_convolutions(case):
    if case == "plain":
        input, weight, stride, padding, dilation, size, groups = (2, 2, 5, 6), (3, 2, 3, 2), 1, 0, 1, (3, 5), 1
    else:
        input, weight, stride, padding, dilation, size, groups = (
            (2, 4, 7, 6),
            (4, 2, 3, 3),
            (2, 1),
            (1, 2),
            2,
            (3, 6),
            2,
        )
    taps = weight[2] * weight[3]
    shapes = [input, (2, 2 * groups * taps, *size), weight, (weight[0],), (2, groups * taps, *size)]
    given = [random.standard_normal(shape) * 1.3 for shape in shapes]
    tensors = [tensor(array, requires_grad=True) for array in given]
    if case == "plain":
        given[3] = given[4] = tensors[3] = tensors[4] = None

    def function(x, offset, weight, bias, mask):
        return ops.deform_conv2d(x, offset, weight, bias, stride, padding, dilation, mask)

    pair = [value if isinstance(value, tuple) else (value, value) for value in (stride, padding, dilation)]
    made = function(*tensors)
    close(made, naive.deformed(*given[:4], *pair, given[4]))
    assert flambeau.autograd.gradcheck(function, tensors, fast_mode=True)
    with pytest.raises(RuntimeError, match="not valid"):
        ops.deform_conv2d(tensors[0], tensors[1][:, :3], tensors[2])
    with pytest.raises(RuntimeError, match="offset output dims"):
        ops.deform_conv2d(
            tensors[0], tensors[1][:, :, 1:], tensors[2], stride=stride, padding=padding, dilation=dilation
        )


# --- blocks ----------------------------------------------------------------------------------------------------------


def test_blocks_show_themselves_and_name_their_parameters():
    block = ops.Conv2dNormActivation(3, 8, (3, 5), dilation=(1, 2), norm_layer=None, activation_layer=nn.SiLU)
    assert block[0].padding == (1, 4) and block[0].bias is not None and block[1].inplace and block.out_channels == 8
    assert ops.Conv3dNormActivation(3, 8)(flambeau.zeros(1, 3, 4, 4, 4)).shape == (1, 8, 4, 4, 4)
    assert [type(part).__name__ for part in ops.MLP(4, [5, 6], nn.LayerNorm, inplace=True)] == [
        "Linear", "LayerNorm", "ReLU", "Dropout", "Linear", "Dropout",
    ]  # fmt: skip
    assert repr(ops.Permute([0, 2, 1])) == "Permute()" and ops.Permute([1, 0])(flambeau.zeros(2, 3)).shape == (3, 2)
    assert repr(ops.FrozenBatchNorm2d(4)) == "FrozenBatchNorm2d(4, eps=1e-05)"
    assert repr(ops.DropBlock3d(0.3, 3)) == "DropBlock3d(p=0.3, block_size=3, inplace=False)"
    assert repr(ops.DeformConv2d(4, 4, 3, 2, 1, 2, 2, False)) == (
        "DeformConv2d(4, 4, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), dilation=(2, 2), groups=2, bias=False)"
    )
    squeeze = ops.SqueezeExcitation(8, 2)
    x = flambeau.randn(2, 8, 3, 3)
    means = x.mean((2, 3), keepdim=True)
    close(squeeze(x), (flambeau.sigmoid(squeeze.fc2(flambeau.relu(squeeze.fc1(means)))) * x).detach().numpy())
    with pytest.warns(UserWarning, match="Don't use ConvNormActivation directly"):
        ops.misc.ConvNormActivation(3, 4)


def test_a_frozen_normalisation_is_one_in_evaluation():
    plain, frozen = nn.BatchNorm2d(4).eval(), ops.FrozenBatchNorm2d(4)
    for value in (plain.weight, plain.bias, plain.running_mean, plain.running_var):
        value.data.uniform_(0.5, 2)
    frozen.load_state_dict(plain.state_dict())
    x = flambeau.randn(2, 4, 3, 3)
    close(frozen(x), plain(x).detach().numpy())
    assert not list(frozen.parameters())


def test_parts_left_out_at_random():
    x = flambeau.ones(400, 3, 2, requires_grad=True)
    rows = ops.stochastic_depth(x, 0.25, "row")
    kept = rows[:, 0, 0].detach() != 0
    assert 0.65 < kept.float().mean().item() < 0.85
    close(rows, np.where(kept.numpy()[:, None, None], np.full((400, 3, 2), 4 / 3), 0))
    assert ops.stochastic_depth(x, 1.0, "batch").abs().sum().item() == 0
    assert ops.stochastic_depth(x, 0.5, "batch").unique().numel() == 1
    assert ops.StochasticDepth(0.5, "row").eval()(x) is x
    with pytest.raises(ValueError, match="mode has to be either"):
        ops.stochastic_depth(x, 0.5, "column")
    with pytest.raises(ValueError, match="between 0 and 1, but got 2"):
        ops.stochastic_depth(x, 2, "row")
    for drop, shape in ((ops.drop_block2d, (4, 8, 20, 20)), (ops.drop_block3d, (2, 4, 10, 10, 10))):
        x = flambeau.ones(shape)
        made = drop(x, 0.2, 3)
        values = made.unique()
        assert 0.1 < (made == 0).float().mean().item() < 0.3 and len(values) == 2
        close(made.mean(), 1.0, 1e-4)
        assert drop(x, 0.2, 3, inplace=True) is x and drop(x, 0.2, 3, training=False) is x
        with pytest.raises(ValueError, match="block size should be odd. Got 4"):
            drop(x, 0.2, 4)
        with pytest.raises(ValueError, match="dimensional"):
            drop(x[0], 0.2, 3)


def test_pyramids():
    maps = {"a": flambeau.randn(1, 3, 16, 16), "b": flambeau.randn(1, 4, 8, 8), "c": flambeau.randn(1, 5, 4, 4)}
    pyramid = ops.FeaturePyramidNetwork([3, 4, 5], 6, LastLevelMaxPool())
    made = pyramid(maps)
    assert {name: tuple(value.shape[1:]) for name, value in made.items()} == {
        "a": (6, 16, 16), "b": (6, 8, 8), "c": (6, 4, 4), "pool": (6, 2, 2),
    }  # fmt: skip
    inner = pyramid.inner_blocks[1](maps["b"]) + nn.functional.interpolate(pyramid.inner_blocks[2](maps["c"]), (8, 8))
    close(made["b"], pyramid.layer_blocks[1](inner).detach().numpy())
    assert list(ops.FeaturePyramidNetwork([5], 6, LastLevelP6P7(6, 6))({"c": maps["c"]})) == ["c", "p6", "p7"]
    # Files of old name convolutions by the block alone.
    pyramid.load_state_dict({name.replace(".0.weight", ".weight"): v for name, v in pyramid.state_dict().items()})
    with pytest.raises(TypeError, match="extra_blocks should be of type ExtraFPNBlock"):
        ops.FeaturePyramidNetwork([3], 6, nn.ReLU())
    with pytest.raises(ValueError, match="in_channels=0"):
        ops.FeaturePyramidNetwork([0], 6)


def test_focal_loss():
    logits, targets = random.standard_normal((3, 4)), (random.random((3, 4)) > 0.5).astype(float)
    right = np.where(targets == 1, 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(logits)))
    loss = -((1 - right) ** 2) * np.log(right)
    x, t = tensor(logits, requires_grad=True), tensor(targets)
    close(ops.sigmoid_focal_loss(x, t, -1), loss)
    close(ops.sigmoid_focal_loss(x, t, 0.25, reduction="mean"), (np.where(targets == 1, 0.25, 0.75) * loss).mean())
    assert flambeau.autograd.gradcheck(ops.sigmoid_focal_loss, (x, t), fast_mode=True)
    with pytest.raises(ValueError, match="Invalid alpha value: 2"):
        ops.sigmoid_focal_loss(x, t, 2)
