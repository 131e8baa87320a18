"""Names of torchvision's inner files that public programs import: they do what the public functions do."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

import flambeau
from flambeau import vision
from flambeau.vision import models, transforms
from flambeau.vision.transforms import (
    _functional_pil,
    _functional_tensor,
    _functional_video,
    _transforms_video,
    functional,
)

random = np.random.default_rng(3)
PIXELS = random.integers(0, 256, (9, 12, 3), np.uint8)
PICTURE = Image.fromarray(PIXELS)
TENSOR = flambeau.tensor(PIXELS).permute(2, 0, 1).contiguous()


def test_names_are_there() -> None:
    for module, names in {
        "": "_is_tracing disable_beta_transforms_warning get_video_backend set_video_backend",
        "_internally_replaced_utils": "load_state_dict_from_url",
        "datasets._optical_flow": "FlyingChairs",
        "datasets.folder": "IMG_EXTENSIONS default_loader has_file_allowed_extension is_image_file make_dataset pil_loader",
        "datasets.mnist": "read_image_file read_label_file read_sn3_pascalvincent_tensor",
        "datasets.samplers": "DistributedSampler RandomClipSampler UniformClipSampler",
        "datasets.utils": "check_integrity download_file_from_google_drive download_url extract_archive list_dir list_files",
        "datasets.video_utils": "VideoClips unfold",
        "extension": "_assert_has_ops _has_ops",
        "models._meta": "_COCO_CATEGORIES _IMAGENET_CATEGORIES _KINETICS400_CATEGORIES _VOC_CATEGORIES",
        "models._utils": "IntermediateLayerGetter _make_divisible handle_legacy_interface",
        "models.detection.anchor_utils": "AnchorGenerator DefaultBoxGenerator",
        "models.detection.faster_rcnn": "FastRCNNPredictor FasterRCNN TwoMLPHead",
        "models.detection.mask_rcnn": "MaskRCNNHeads MaskRCNNPredictor",
        "models.detection.transform": "GeneralizedRCNNTransform resize_boxes",
        "models.vgg": "cfgs make_layers",
        "ops._utils": "_cat _upcast check_roi_boxes_shape convert_boxes_to_roi_format",
        "transforms.autoaugment": "_apply_op",
        "transforms.functional": "_get_inverse_affine_matrix _get_perspective_coeffs _is_numpy _is_numpy_image _is_pil_image",
        "transforms.functional_pil": "to_grayscale",
        "transforms.functional_tensor": "_rgb2hsv rgb_to_grayscale",
        "transforms.transforms": "_check_sequence_input _setup_angle _setup_size",
        "transforms.v2.functional._utils": "_get_kernel is_pure_tensor register_kernel",
        "tv_tensors._dataset_wrapper": "wrap_dataset_for_transforms_v2",
        "utils": "_log_api_usage_once _make_ntuple",
        "version": "__version__ cuda git_version",
    }.items():
        found = importlib.import_module(f"{vision.__name__}.{module}".removesuffix("."))
        missing = [name for name in names.split() if not hasattr(found, name)]
        assert not missing, (module, missing)


def same(made: Any, expected: Any) -> None:
    if isinstance(expected, flambeau.Tensor):
        assert flambeau.equal(made, expected)
    else:
        assert np.array_equal(np.asarray(made), np.asarray(expected))


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("hflip", ()), ("vflip", ()), ("crop", (1, 2, 5, 6)), ("adjust_brightness", (1.3,)), ("adjust_hue", (0.2,)),
        ("adjust_gamma", (0.8,)), ("adjust_sharpness", (1.6,)), ("autocontrast", ()), ("equalize", ()), ("invert", ()),
        ("posterize", (3,)), ("solarize", (100,)), ("pad", ([1, 2, 3, 4], 7)), ("get_dimensions", ()), ("get_image_size", ()),
    ],
)  # fmt: skip
def test_functions_of_one_kind_of_picture(name: str, arguments: tuple[Any, ...]) -> None:
    for module, picture, other in ((_functional_tensor, TENSOR, PICTURE), (_functional_pil, PICTURE, TENSOR)):
        same(getattr(module, name)(picture, *arguments), getattr(functional, name)(picture, *arguments))
        with pytest.raises(TypeError, match="not a torch image|should be PIL Image"):
            getattr(module, name)(other, *arguments)


def test_maps_given_as_numbers() -> None:
    turned = functional._get_inverse_affine_matrix([0.0, 0.0], -30.0, [0.0, 0.0], 1.0, [0.0, 0.0])
    for expand in (False, True):
        expected = functional.rotate(TENSOR, 30.0, expand=expand, fill=[1.0, 2.0, 3.0])
        same(_functional_tensor.rotate(TENSOR, turned, "nearest", expand, [1.0, 2.0, 3.0]), expected)
        same(_functional_pil.rotate(PICTURE, 30.0, 2, expand), functional.rotate(PICTURE, 30.0, 2, expand))
    moved = functional._get_inverse_affine_matrix([0.0, 0.0], 0.0, [2.0, 1.0], 1.0, [0.0, 0.0])
    mode = transforms.InterpolationMode.BILINEAR
    same(_functional_tensor.affine(TENSOR, moved, "bilinear"), functional.affine(TENSOR, 0.0, [2, 1], 1.0, [0.0], mode))
    corners = [[0, 0], [11, 0], [11, 8], [0, 8]], [[1, 1], [10, 0], [11, 8], [1, 7]]
    numbers = functional._get_perspective_coeffs(*corners)
    same(_functional_tensor.perspective(TENSOR, numbers), functional.perspective(TENSOR, *corners))
    same(_functional_pil.perspective(PICTURE, numbers, 2), functional.perspective(PICTURE, *corners))
    same(_functional_tensor.resize(TENSOR, [5, 6]), functional.resize(TENSOR, [5, 6], antialias=True))
    same(_functional_pil.resize(PICTURE, [5, 6], 0), functional.resize(PICTURE, [5, 6], 0))
    same(_functional_pil.to_grayscale(PICTURE, 3), functional.to_grayscale(PICTURE, 3))
    for error, words, call in [
        (TypeError, "matrix should be a list", lambda: _functional_tensor.affine(TENSOR, tuple(moved))),
        (ValueError, "matrix should have 6 float values", lambda: _functional_tensor.rotate(TENSOR, [1.0])),
        (ValueError, "coeffs should have 8 float values", lambda: _functional_tensor.perspective(TENSOR, [1.0])),
        (TypeError, "inappropriate size arg: 5", lambda: _functional_pil.resize(PICTURE, 5)),
    ]:
        with pytest.raises(error, match=words):
            call()


def test_colours_there_and_back() -> None:
    picture = flambeau.rand(2, 3, 5, 6)
    turned = _functional_tensor._rgb2hsv(picture)
    assert turned.shape == picture.shape and flambeau.allclose(_functional_tensor._hsv2rgb(turned), picture, atol=1e-5)
    kernel = _functional_tensor._get_gaussian_kernel2d([3, 5], [0.7, 1.1], flambeau.float32, "cpu")
    assert kernel.shape == (5, 3) and abs(kernel.sum().item() - 1) < 1e-5


def test_films() -> None:
    film = flambeau.tensor(random.integers(0, 256, (4, 9, 12, 3), np.uint8))
    clip = _transforms_video.ToTensorVideo()(film)
    assert clip.shape == (3, 4, 9, 12) and flambeau.equal(clip[1, 2], film[2, :, :, 1] / 255.0)
    same(_transforms_video.CenterCropVideo((5, 6))(clip), clip[:, :, 2:7, 3:9])
    same(_transforms_video.RandomHorizontalFlipVideo(1.0)(clip), clip.flip(-1))
    assert _transforms_video.RandomCropVideo(4)(clip).shape == (3, 4, 4, 4)
    assert _transforms_video.RandomResizedCropVideo((7, 5))(clip).shape == (3, 4, 7, 5)
    levelled = _transforms_video.NormalizeVideo((0.1, 0.2, 0.3), (0.5, 1.0, 2.0))
    assert repr(levelled) == "NormalizeVideo(mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0), inplace=False)"
    assert flambeau.allclose(levelled(clip)[2], (clip[2] - 0.3) / 2)
    for error, call in [
        (TypeError, lambda: _functional_video.hflip(PICTURE)),
        (ValueError, lambda: _functional_video.center_crop(clip[0], (2, 2))),
        (ValueError, lambda: _functional_video.center_crop(clip, (20, 2))),
        (TypeError, lambda: _functional_video.to_tensor(clip)),
    ]:
        with pytest.raises(error):
            call()


def test_networks_of_a_programs_own_depth() -> None:
    from flambeau.vision.models import resnet, vgg
    from flambeau.vision.models._meta import _COCO_CATEGORIES, _IMAGENET_CATEGORIES

    with flambeau.device("meta"):
        network = resnet._resnet(resnet.BasicBlock, [1, 1, 1, 1], None, True, num_classes=5)
        assert len(network.layer3) == 1 and network.fc.out_features == 5
        assert len(vgg._vgg("A", True, None, True, num_classes=3).features) == 29
        assert len(vgg.make_layers(cfg=vgg.cfgs["D"])) == 31
    assert _IMAGENET_CATEGORIES == models.ResNet18_Weights.DEFAULT.meta["categories"] and len(_COCO_CATEGORIES) == 91


def test_arguments_as_transforms_read_them() -> None:
    from flambeau.vision.transforms.transforms import _setup_angle, _setup_size
    from flambeau.vision.utils import _make_ntuple

    assert _setup_size(3, "") == _setup_size([3], "") == (3, 3) and _setup_size((2, 3), "") == (2, 3)
    assert _setup_angle(30, "degrees") == [-30.0, 30.0] == _setup_angle((-30, 30), "degrees")
    assert _make_ntuple(2, 3) == (2, 2, 2) and _make_ntuple([1, 2], 3) == (1, 2)
    for error, words, call in [
        (ValueError, "^no$", lambda: _setup_size((1, 2, 3), "no")),
        (ValueError, "degrees is a single number, it must be positive", lambda: _setup_angle(-1, "degrees")),
        (TypeError, "degrees should be a sequence of length 2 or 4", lambda: _setup_angle(None, "degrees", (2, 4))),
        (ValueError, "degrees should be a sequence of length 2.", lambda: _setup_angle((1, 2, 3), "degrees")),
    ]:
        with pytest.raises(error, match=words):
            call()


def test_idx_files(tmp_path: Any) -> None:
    from vision.small_files import idx

    from flambeau.vision.datasets import mnist

    pictures = random.integers(0, 256, (2, 3, 4), np.uint8)
    (tmp_path / "x").write_bytes(idx(pictures))
    same(mnist.read_image_file(str(tmp_path / "x")).numpy(), pictures)
    with pytest.raises(ValueError, match="1 dimension instead of 3"):
        mnist.read_label_file(str(tmp_path / "x"))
    (tmp_path / "x").write_bytes(idx(np.array([3, 4], np.int32)))
    with pytest.raises(TypeError, match=r"torch\.uint8 instead of torch\.int32"):
        mnist.read_label_file(str(tmp_path / "x"))
