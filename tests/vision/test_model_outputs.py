"""A small network of each family: outputs, losses and gradients, and what they do with their parameters.

That networks compute what torchvision's do is checked by hand with the same weights; here, that they run, that their parts are
connected as they should be, and that the values stay what they were.
"""

from __future__ import annotations

from typing import Any

import pytest

import flambeau
from flambeau import nn
from flambeau.vision import models
from flambeau.vision.models import detection, segmentation, video
from flambeau.vision.models.optical_flow import raft


def efficientnet() -> nn.Module:
    from flambeau.vision.models.efficientnet import EfficientNet, FusedMBConvConfig, MBConvConfig

    setting = [FusedMBConvConfig(2, 3, 1, 8, 8, 1), MBConvConfig(2, 3, 2, 8, 16, 2)]
    return EfficientNet(setting, 0.0, num_classes=3, last_channel=16, stochastic_depth_prob=0.0)


def regnet() -> nn.Module:
    from flambeau.vision.models.regnet import BlockParams, RegNet

    return RegNet(BlockParams([1, 1], [8, 16], [8, 8], [1.0, 1.0], [2, 2], 0.25), num_classes=3, stem_width=8)


def convnext() -> nn.Module:
    from flambeau.vision.models.convnext import CNBlockConfig, ConvNeXt

    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=3, layer_scale=1.0)


def mobilenet_v3() -> nn.Module:
    from flambeau.vision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3

    setting = [
        InvertedResidualConfig(8, 3, 16, 8, True, "HS", 1, 1, 1.0),
        InvertedResidualConfig(8, 5, 16, 16, False, "RE", 2, 1, 1.0),
    ]
    return MobileNetV3(setting, 16, num_classes=3, dropout=0.0)


def mvit() -> nn.Module:
    setting = [
        video.mvit.MSBlockConfig(1, 8, 16, [3, 3, 3], [3, 3, 3], [1, 1, 1], [1, 2, 2]),
        video.mvit.MSBlockConfig(2, 16, 16, [3, 3, 3], [3, 3, 3], [1, 2, 2], [1, 1, 1]),
    ]
    return video.MViT((32, 32), 4, setting, True, False, True, True, dropout=0.0, num_classes=3)


SMALL: dict[str, tuple[Any, tuple[int, ...]]] = {
    "densenet": (lambda: models.DenseNet(4, (2, 2), 8, num_classes=3), (2, 3, 33, 32)),
    "densenet, computed twice": (lambda: models.DenseNet(4, (2, 2), 8, num_classes=3, memory_efficient=True), (2, 3, 33, 32)),
    "efficientnet": (efficientnet, (2, 3, 33, 32)),
    "mnasnet": (lambda: models.MNASNet(0.2, num_classes=3, dropout=0.0), (2, 3, 65, 64)),
    "mobilenet v2": (lambda: models.MobileNetV2(3, 0.25, [[1, 8, 1, 1], [2, 8, 2, 2]], dropout=0.0), (2, 3, 33, 32)),
    "mobilenet v3": (mobilenet_v3, (2, 3, 33, 32)),
    "regnet": (regnet, (2, 3, 33, 32)),
    "shufflenet": (lambda: models.ShuffleNetV2([1, 2, 1], [8, 8, 16, 16, 16], num_classes=3), (2, 3, 65, 64)),
    "squeezenet": (lambda: models.SqueezeNet("1_1", num_classes=3, dropout=0.0), (2, 3, 33, 32)),
    "convnext": (convnext, (2, 3, 33, 32)),
    "swin": (
        lambda: models.SwinTransformer([4, 4], 8, [2, 2], [1, 2], [3, 3], num_classes=3, stochastic_depth_prob=0.0),
        (2, 3, 34, 30),
    ),
    "swin v2": (
        lambda: models.SwinTransformer(
            [4, 4], 8, [2, 1], [1, 2], [4, 4], num_classes=3, stochastic_depth_prob=0.0,
            block=models.swin_transformer.SwinTransformerBlockV2, downsample_layer=models.swin_transformer.PatchMergingV2,
        ),
        (2, 3, 34, 30),
    ),
    "vit": (lambda: models.VisionTransformer(32, 8, 2, 2, 8, 16, num_classes=3, representation_size=8), (2, 3, 32, 32)),
    "maxvit": (lambda: models.MaxVit((64, 64), 8, 4, [8, 16], [1, 1], 4, 0.0, num_classes=3), (2, 3, 64, 64)),
    "r3d": (
        lambda: video.VideoResNet(
            video.resnet.BasicBlock, [video.resnet.Conv2Plus1D] * 4, [1, 1, 1, 1], video.resnet.BasicStem, 3
        ),
        (2, 3, 3, 16, 18),
    ),
    "swin3d": (
        lambda: video.SwinTransformer3d([2, 4, 4], 8, [2, 1], [1, 2], [2, 3, 3], num_classes=3, stochastic_depth_prob=0.0),
        (1, 3, 5, 30, 28),
    ),
    "mvit": (mvit, (1, 3, 4, 32, 32)),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_outputs_and_gradients(name: str) -> None:
    make, shape = SMALL[name]
    flambeau.manual_seed(1)
    network = make()
    pictures = flambeau.randn(shape)
    output = network(pictures)
    assert output.shape == (shape[0], 3)
    (output - flambeau.randn(output.shape)).square().sum().backward()
    # The last layer of some begins as zero; the others must be reached.
    missing = [key for key, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not missing
    network.eval()
    with flambeau.no_grad():
        one, both = network(pictures[:1]), network(pictures)
    assert flambeau.allclose(one, both[:1], atol=1e-5)


def test_auxiliary_classifiers() -> None:
    pictures = flambeau.rand(2, 3, 80, 80)
    network = models.googlenet(num_classes=3, init_weights=False)
    logits, second, first = network(pictures)
    assert logits.shape == second.shape == first.shape == (2, 3)
    assert network.eval()(pictures).shape == (2, 3)
    with pytest.warns(FutureWarning, match="init_weights"), flambeau.device("meta"):
        assert models.inception_v3(aux_logits=False).AuxLogits is None


@pytest.mark.parametrize("name", ["fcn", "lraspp"])
def test_segmentation(name: str) -> None:
    if name == "lraspp":
        backbone = models._utils.IntermediateLayerGetter(mobilenet_v3().features, {"0": "low", "2": "high"})
        network: Any = segmentation.LRASPP(backbone, 8, 16, 5, 8)
    else:
        backbone = models._utils.IntermediateLayerGetter(mobilenet_v3().features, {"1": "aux", "2": "out"})
        heads = segmentation.deeplabv3.DeepLabHead(16, 5, [2]), segmentation.fcn.FCNHead(8, 5)
        network = segmentation.DeepLabV3(backbone, *heads)
    result = network(flambeau.rand(2, 3, 33, 40))
    assert list(result) == (["out"] if name == "lraspp" else ["out", "aux"])
    assert all(values.shape == (2, 5, 33, 40) for values in result.values())
    with pytest.raises(ValueError, match="not present"):
        models._utils.IntermediateLayerGetter(network, {"no_such": "out"})


def test_optical_flow() -> None:
    widths = (8, 8, 8, 8, 16)
    parts = {
        "feature_encoder": raft.FeatureEncoder(layers=widths, norm_layer=nn.InstanceNorm2d),
        "context_encoder": raft.FeatureEncoder(layers=widths, block=raft.BottleneckBlock, norm_layer=None),
        "corr_block": raft.CorrBlock(num_levels=2, radius=1),
        "mask_predictor": raft.MaskPredictor(in_channels=8, hidden_size=8),
    }
    motion = raft.MotionEncoder(in_channels_corr=18, corr_layers=(8,), flow_layers=(8, 8), out_channels=8)
    recurrent = raft.RecurrentBlock(input_size=16, hidden_size=8)
    update = raft.UpdateBlock(
        motion_encoder=motion, recurrent_block=recurrent, flow_head=raft.FlowHead(in_channels=8, hidden_size=8)
    )
    network = raft.RAFT(**parts, update_block=update)
    pictures = flambeau.rand(2, 1, 3, 40, 48)
    flows = network(*pictures, num_flow_updates=2)
    assert len(flows) == 2 and all(flow.shape == (1, 2, 40, 48) for flow in flows)
    sum(flow.abs().mean() for flow in flows).backward()
    assert all(p.grad is not None for p in network.parameters())
    with pytest.raises(ValueError, match="divisible by 8"):
        network(pictures[0, ..., :41], pictures[1, ..., :41])
    with pytest.raises(ValueError, match="too small"):
        network(pictures[0, ..., :16, :16], pictures[1, ..., :16, :16])


# --- detection --------------------------------------------------------------------------------------------------------


class Backbone(nn.Module):
    """Two maps, of a quarter and an eighth of the size."""

    def __init__(self, out_channels: Any = 32) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.first, self.second = nn.Conv2d(3, 32, 3, 4, 1), nn.Conv2d(32, 32, 3, 2, 1)

    def forward(self, x: Any) -> dict[str, Any]:
        x = self.first(x)
        return {"0": x, "1": self.second(x)}


def targets() -> list[dict[str, Any]]:
    boxes = flambeau.tensor([[4.0, 5.0, 30.0, 28.0], [10.0, 8.0, 45.0, 40.0]])
    points = flambeau.cat([boxes[:, None, :2] + 2 + flambeau.arange(2)[:, None], flambeau.ones(2, 2, 1)], dim=2)
    return [
        {
            "boxes": boxes, "labels": flambeau.tensor([1, 2]), "masks": flambeau.ones(2, 48, 56, dtype=flambeau.uint8),
            "keypoints": points,
        },
        {
            "boxes": flambeau.zeros(0, 4), "labels": flambeau.zeros(0, dtype=flambeau.int64),
            "masks": flambeau.zeros(0, 40, 64, dtype=flambeau.uint8), "keypoints": flambeau.zeros(0, 2, 3),
        },
    ]  # fmt: skip


def detector(name: str) -> Any:
    from flambeau.vision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
    from flambeau.vision.ops import MultiScaleRoIAlign

    size: dict[str, Any] = {"min_size": 48, "max_size": 64}
    if name == "ssd":
        anchors = DefaultBoxGenerator([[2], [2, 3]])
        return detection.ssd.SSD(Backbone([32, 32]), anchors, (64, 48), 3, detections_per_img=5)
    if name == "fcos":
        places = AnchorGenerator(((4,), (8,)), ((1.0,),) * 2)
        return detection.FCOS(Backbone(), 3, anchor_generator=places, score_thresh=0.0, detections_per_img=5, **size)
    generator = AnchorGenerator(((8, 16), (16, 32)), ((0.5, 1.0),) * 2)
    if name == "retinanet":
        return detection.RetinaNet(Backbone(), 3, anchor_generator=generator, score_thresh=0.0, detections_per_img=5, **size)
    pool = MultiScaleRoIAlign(["0", "1"], 3, 2)
    options: dict[str, Any] = {
        **size, "rpn_anchor_generator": generator, "box_roi_pool": pool, "box_score_thresh": 0.0, "box_detections_per_img": 5,
        "box_head": detection.faster_rcnn.TwoMLPHead(32 * 9, 16), "box_predictor": detection.faster_rcnn.FastRCNNPredictor(16, 3),
        "rpn_post_nms_top_n_train": 20, "rpn_post_nms_top_n_test": 20,
    }  # fmt: skip
    if name == "mask":
        heads = detection.mask_rcnn.MaskRCNNHeads(32, (8,), 1), detection.mask_rcnn.MaskRCNNPredictor(8, 8, 3)
        return detection.MaskRCNN(Backbone(), mask_roi_pool=pool, mask_head=heads[0], mask_predictor=heads[1], **options)
    if name == "keypoint":
        head = detection.keypoint_rcnn.KeypointRCNNHeads(32, (8,))
        predictor = detection.keypoint_rcnn.KeypointRCNNPredictor(8, 2)
        parts = {"keypoint_roi_pool": pool, "keypoint_head": head, "keypoint_predictor": predictor}
        return detection.KeypointRCNN(Backbone(), **parts, **options)
    return detection.FasterRCNN(Backbone(), **options)


RPN = {"loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg"}
LOSSES = {
    "faster": RPN,
    "mask": {*RPN, "loss_mask"},
    "keypoint": {*RPN, "loss_keypoint"},
    "retinanet": {"classification", "bbox_regression"},
    "fcos": {"classification", "bbox_regression", "bbox_ctrness"},
    "ssd": {"classification", "bbox_regression"},
}


@pytest.mark.parametrize("name", LOSSES)
def test_detection(name: str) -> None:
    flambeau.manual_seed(2)
    network = detector(name)
    pictures = [flambeau.rand(3, 48, 56), flambeau.rand(3, 40, 64)]
    losses = network(pictures, targets())
    assert set(losses) == LOSSES[name]
    sum(losses.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    found = network.eval()(pictures)
    further = {"mask": ["masks"], "keypoint": ["keypoints", "keypoints_scores"]}.get(name, [])
    for picture, result in zip(pictures, found):
        assert set(result) == {"boxes", "labels", "scores", *further}
        boxes, scores = result["boxes"], result["scores"]
        assert boxes.shape == (len(scores), 4) and 0 < len(scores) <= 5 and result["labels"].dtype == flambeau.int64
        height, width = picture.shape[1:]
        assert (boxes >= 0).all() and (boxes[:, 2] <= width + 1e-3).all() and (boxes[:, 3] <= height + 1e-3).all()
        assert (scores[:-1] >= scores[1:]).all()
        if name == "mask":
            assert result["masks"].shape == (len(boxes), 1, height, width)
        if name == "keypoint":
            assert result["keypoints"].shape == (len(boxes), 2, 3)


def test_targets_are_checked() -> None:
    network = detector("faster")
    picture = [flambeau.rand(3, 48, 56)]
    with pytest.raises(AssertionError, match="targets should not be none"):
        network(picture)
    good = targets()[0]
    with pytest.raises(AssertionError, match="shape \\[N, 4\\]"):
        network(picture, [{**good, "boxes": flambeau.ones(4)}])
    with pytest.raises(AssertionError, match="positive height and width. Found invalid box .* target at index 0"):
        network(picture, [{**good, "boxes": flambeau.tensor([[4.0, 5.0, 4.0, 9.0]])}])
    with pytest.raises(TypeError, match="int64"):
        network(picture, [{**good, "labels": good["labels"].int()}])
    with pytest.raises(KeyError, match="labels"):
        network(picture, [{"boxes": good["boxes"]}])
