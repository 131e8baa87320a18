"""Models: names and shapes of what they consist of, weights, and how programs ask for both."""

from __future__ import annotations

import hashlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

import flambeau
from flambeau.hub import downloads
from flambeau.vision import models
from flambeau.vision.models import _api, detection, segmentation, video

STRUCTURES = json.loads(Path(__file__).with_name("models.json").read_text(encoding="utf-8"))
"""{model: number of parameters, digest of names and shapes}, as torchvision has them (tools/published_models.py)."""


def made(name: str, **options: Any) -> Any:
    """A model without weights."""
    takes = inspect.signature(models.get_model_builder(name)).parameters
    without = {key: None for key in ("weights", "weights_backbone") if key in takes}
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    return models.get_model(name, **without, **options)


def test_all_models_are_there() -> None:
    assert set(models.list_models()) == STRUCTURES.keys()


@pytest.mark.parametrize("initial", sorted({name[:3] for name in STRUCTURES}))
def test_names_and_shapes_of_parameters_and_buffers(initial: str) -> None:
    for name in (name for name in STRUCTURES if name.startswith(initial)):
        with flambeau.device("meta"):
            network = made(name)
        entries = [(key, list(value.shape)) for key, value in network.state_dict().items()]
        digest = hashlib.sha256(json.dumps(entries).encode()).hexdigest()[:16]
        assert [sum(p.numel() for p in network.parameters()), digest] == STRUCTURES[name], name


def test_resnet_names_and_output() -> None:
    net = models.resnet18(num_classes=5).eval()
    names = list(net.state_dict())
    assert names[:3] == ["conv1.weight", "bn1.weight", "bn1.bias"] and names[-2:] == ["fc.weight", "fc.bias"]
    assert "layer2.0.downsample.0.weight" in names and "layer4.1.bn2.num_batches_tracked" in names and len(names) == 122
    with flambeau.no_grad():
        assert net(flambeau.zeros(1, 3, 33, 33)).shape == (1, 5)


def test_gradients_reach_every_parameter() -> None:
    net = models.resnet18(num_classes=2)
    loss = flambeau.nn.functional.cross_entropy(net(flambeau.rand(2, 3, 32, 32)), flambeau.tensor([0, 1]))
    loss.backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in net.parameters())


# --- weights ----------------------------------------------------------------------------------------------------------


def test_weights_from_a_local_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_directory", str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    net = models.resnet18()
    for name in ("f37072fd", "11ad3fa6"):
        flambeau.save(net.state_dict(), tmp_path / "checkpoints" / f"resnet18-{name}.pth")
    with pytest.warns(UserWarning, match="'pretrained' is deprecated"):
        loaded = models.resnet18(pretrained=True)
    assert flambeau.equal(loaded.fc.weight, net.fc.weight)
    with pytest.warns(UserWarning, match="positional"):
        assert flambeau.equal(models.resnet18(True).fc.weight, net.fc.weight)
    for weights in ("DEFAULT", "IMAGENET1K_V1", "ResNet18_Weights.DEFAULT", models.ResNet18_Weights.DEFAULT):
        assert flambeau.equal(models.resnet18(weights=weights).conv1.weight, net.conv1.weight)
    with pytest.raises(ValueError, match="num_classes"):
        models.resnet18(weights="DEFAULT", num_classes=3)
    with pytest.raises(KeyError):
        models.resnet18(weights="NO_SUCH")
    with pytest.raises(TypeError, match="expected ResNet18_Weights"):
        models.resnet18(weights=models.ResNet50_Weights.DEFAULT)
    with pytest.raises(ValueError, match="No weights available for model regnet_y_128gf"), pytest.warns(UserWarning):
        models.regnet_y_128gf(pretrained=True)


def test_weights_of_other_names_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_directory", str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    net = models.densenet121()
    old = {key.replace("norm1", "norm.1").replace("conv2", "conv.2"): value for key, value in net.state_dict().items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    flambeau.save(old, tmp_path / "checkpoints" / "densenet121-a639ec97.pth")
    loaded = models.densenet121(weights="DEFAULT").state_dict()
    assert all(flambeau.equal(value, loaded[key]) for key, value in net.state_dict().items())


def test_without_network_the_place_for_the_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_directory", str(tmp_path))

    class Local(models.WeightsEnum):
        IMAGENET1K_V1 = models.Weights("http://127.0.0.1:9/net-0123.pth", transforms=repr, meta={})

    with pytest.raises(RuntimeError) as error:
        Local.IMAGENET1K_V1.get_state_dict()
    assert "http://127.0.0.1:9/net-0123.pth failed" in str(error.value)
    assert str(tmp_path / "checkpoints" / "net-0123.pth") in str(error.value)


def test_what_is_known_of_weights() -> None:
    weights = models.ResNet50_Weights.IMAGENET1K_V2
    assert weights is models.ResNet50_Weights.DEFAULT is models.get_weight("ResNet50_Weights.IMAGENET1K_V2")
    assert repr(weights) == "ResNet50_Weights.IMAGENET1K_V2" and weights.url.endswith("resnet50-11ad3fa6.pth")
    assert weights.meta["num_params"] == 25557032 and weights.meta["min_size"] == (1, 1)
    assert len(weights.meta["categories"]) == 1000 and weights.meta["categories"][0] == "tench"
    assert models.get_weight("ViT_B_16_Weights.DEFAULT").name == "IMAGENET1K_V1"
    assert models.get_model_weights("vit_l_16") is models.get_model_weights(models.vit_l_16) is models.ViT_L_16_Weights
    points = detection.KeypointRCNN_ResNet50_FPN_Weights.DEFAULT.meta
    assert points["categories"] == ["no person", "person"] and len(points["keypoint_names"]) == 17
    assert models.get_weight("R3D_18_Weights.DEFAULT") is video.R3D_18_Weights.KINETICS400_V1
    assert len(segmentation.FCN_ResNet50_Weights.DEFAULT.meta["categories"]) == 21
    for name in models.list_models():
        assert models.get_model_weights(name).DEFAULT.url.startswith("https://download.pytorch.org/models/")
    with pytest.raises(ValueError, match="Invalid weight name"):
        models.get_weight("ResNet50_Weights")
    with pytest.raises(ValueError, match="couldn't be retrieved"):
        models.get_weight("NoSuch_Weights.DEFAULT")


def test_weights_know_their_transform() -> None:
    classify = models.ResNet50_Weights.IMAGENET1K_V2.transforms()
    assert "crop_size=[224]\n    resize_size=[232]" in repr(classify) and "InterpolationMode.BILINEAR" in repr(classify)
    picture = flambeau.randint(0, 256, (3, 250, 300), dtype=flambeau.uint8)
    assert classify(picture).shape == (3, 224, 224) and classify(picture).dtype == flambeau.float32
    found = detection.FasterRCNN_ResNet50_FPN_Weights.DEFAULT.transforms()(picture)
    assert found.dtype == flambeau.float32 and flambeau.equal(found, picture / 255)
    film = video.R3D_18_Weights.DEFAULT.transforms()(picture.expand(5, 3, 250, 300))
    assert film.shape == (3, 5, 112, 112)
    assert segmentation.FCN_ResNet50_Weights.DEFAULT.transforms()(picture).shape == (3, 520, 624)
    first, second = models.get_weight("Raft_Small_Weights.DEFAULT").transforms()(picture, picture)
    assert flambeau.allclose(first, picture / 127.5 - 1, atol=1e-6) and flambeau.equal(first, second)


# --- models by name ---------------------------------------------------------------------------------------------------


def test_models_by_name() -> None:
    assert {"resnet18", "resnet152", "vgg16", "alexnet"} <= set(models.list_models())
    assert models.__dict__["resnet34"] is models.resnet34
    films = ("mc3", "mvit", "r2plus1d", "r3d", "s3d", "swin3d")
    assert models.list_models(module=video) == sorted(name for name in STRUCTURES if name.startswith(films))
    assert models.list_models(include="vgg1*", exclude=["*_bn", "vgg19"]) == ["vgg11", "vgg13", "vgg16"]
    assert models.get_model_builder("ResNet18") is models.resnet18
    with pytest.raises(ValueError, match="Unknown model"):
        models.get_model("no_such")


def test_models_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_api, "BUILTIN_MODELS", dict(_api.BUILTIN_MODELS))

    @_api.register_model()
    def mine(*, weights: Any = None) -> str:
        return "made"

    assert models.get_model("mine") == "made" and "mine" in models.list_models()
    with pytest.raises(ValueError, match="already registered"):
        _api.register_model("resnet18")(mine)
    with pytest.raises(ValueError, match="couldn't be retrieved"):
        models.get_model_weights("mine")


def test_signatures() -> None:
    signature = inspect.signature(models.resnet50)
    assert list(signature.parameters) == ["weights", "progress", "kwargs"]
    assert all(p.kind is p.KEYWORD_ONLY for p in signature.parameters.values() if p.name != "kwargs")
    signature = inspect.signature(detection.fasterrcnn_resnet50_fpn)
    assert signature.parameters["weights_backbone"].default is models.ResNet50_Weights.IMAGENET1K_V1
    assert inspect.signature(detection.fasterrcnn_resnet50_fpn_v2).parameters["weights_backbone"].default is None
    assert inspect.signature(segmentation.fcn_resnet50).parameters["aux_loss"].default is None


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "dilation": (lambda: models.resnet18(replace_stride_with_dilation=[True]), ValueError, "3-element tuple"),
    "groups": (lambda: models.resnext50_32x4d(groups=8), ValueError, "'groups' expected value 32 but got 8"),
    "squeezenet": (lambda: models.SqueezeNet("2_0"), ValueError, "Unsupported SqueezeNet version 2_0"),
    "shufflenet": (lambda: models.ShuffleNetV2([1], [1] * 5), ValueError, "list of 3 positive ints"),
    "mnasnet": (lambda: models.MNASNet(0.0), ValueError, "alpha should be greater than 0.0"),
    "mobilenet": (lambda: models.MobileNetV2(inverted_residual_setting=[]), ValueError, "non-empty"),
    "mobilenet v3": (lambda: models.MobileNetV3([1], 8), TypeError, "List\\[InvertedResidualConfig\\]"),
    "efficientnet": (lambda: models.EfficientNet([], 0.1), ValueError, "should not be empty"),
    "convnext": (lambda: models.ConvNeXt([1]), TypeError, "List\\[CNBlockConfig\\]"),
    "vit": (lambda: models.vit_b_16(image_size=100), AssertionError, "indivisible by patch size"),
    "maxvit": (lambda: models.maxvit_t(input_size=(100, 100)), ValueError, "not divisible by partition size"),
    "lraspp": (
        lambda: segmentation.lraspp_mobilenet_v3_large(weights_backbone=None, aux_loss=True),
        NotImplementedError,
        "auxiliary",
    ),
    "rcnn": (lambda: detection.FasterRCNN(flambeau.nn.Identity(), 2), ValueError, "out_channels"),
    "backbone": (
        lambda: detection.fasterrcnn_resnet50_fpn(weights_backbone=models.ResNet18_Weights.DEFAULT),
        TypeError,
        "expected ResNet50_Weights but received ResNet18_Weights",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    call, kind, message = REFUSED[case]
    with flambeau.device("meta"), pytest.raises(kind, match=message):
        call()
