"""Transforms of pictures, masks, boxes and points at once. (Numbers from PyTorch are its own for the same arguments.)"""

import copy

import numpy as np
import pytest
from PIL import Image

import flambeau
from flambeau.vision import tv_tensors
from flambeau.vision.transforms import _random, v2
from flambeau.vision.transforms.v2 import functional as F

random = np.random.default_rng(2)
BYTES = np.repeat(np.repeat(random.integers(0, 256, (3, 5, 6), np.uint8), 8, 1), 8, 2)
HEIGHT, WIDTH = 40, 48
BOXES = [[3.0, 4, 20, 30], [10, 10, 30, 22], [25, 20, 45, 38]]
FORMATS = ("XYXY", "XYWH", "CXCYWH", "XYWHR", "CXCYWHR", "XYXYXYXY")


def picture():
    return Image.fromarray(np.ascontiguousarray(BYTES.transpose(1, 2, 0)))


def boxes(format="XYXY", dtype=None, mode="soft"):
    upright = flambeau.tensor(BOXES)
    if len(format) > 6 or "R" in format:
        centred = F.convert_bounding_box_format(upright, "XYXY", "CXCYWH") * flambeau.tensor([1, 1, 0.5, 0.5])
        turned = flambeau.cat([centred, flambeau.tensor([[10.0], [45], [80]])], 1)
        data = F.convert_bounding_box_format(turned, "CXCYWHR", format)
    else:
        data = F.convert_bounding_box_format(upright, "XYXY", format)
    return tv_tensors.BoundingBoxes(
        data.to(dtype or flambeau.float32), format=format, canvas_size=(HEIGHT, WIDTH), clamping_mode=mode
    )


def sample(kind="Image"):
    pixels = flambeau.tensor(BYTES)
    image = {"pil": picture, "Image": lambda: tv_tensors.Image(pixels), "tensor": lambda: pixels}[kind]()
    points = flambeau.tensor(BOXES).reshape(-1, 2)
    return {
        "image": image,
        "boxes": boxes(),
        "mask": tv_tensors.Mask(pixels[:1] > 90),
        "points": tv_tensors.KeyPoints(points, canvas_size=(HEIGHT, WIDTH)),
        "labels": flambeau.tensor([1, 2, 3]),
        "rest": ["a", None, (2.5,)],
    }


def plain(value):
    return value.as_subclass(flambeau.Tensor)


# --- tensors that say what they are --------------------------------------------------------------------------------------


def test_kinds_of_tensors():
    image = tv_tensors.Image(flambeau.zeros(4, 5))
    assert image.shape == (1, 4, 5) and type(image + 1) is flambeau.Tensor and type(image.clone()) is tv_tensors.Image
    assert type(image.to(flambeau.int32)) is type(image.detach()) is tv_tensors.Image
    assert tv_tensors.Image(picture()).shape == (3, HEIGHT, WIDTH)
    kept = boxes("XYWH", mode="hard")
    moved = tv_tensors.wrap(plain(kept) + 1, like=kept, canvas_size=(1, 2))
    assert (moved.format, moved.canvas_size, moved.clamping_mode) == (tv_tensors.BoundingBoxFormat.XYWH, (1, 2), "hard")
    for other in (kept.clone(), copy.deepcopy(kept)):
        assert other.canvas_size == (HEIGHT, WIDTH) and other.format == kept.format and other.clamping_mode == "hard"
    assert ", format=BoundingBoxFormat.XYWH, canvas_size=(40, 48), clamping_mode=hard)" in repr(kept)
    with tv_tensors.set_return_type("TVTensor"):
        both = (kept * 2).split(1)
        assert all(type(part) is tv_tensors.BoundingBoxes and part.canvas_size == (HEIGHT, WIDTH) for part in both)
    assert type(kept * 2) is flambeau.Tensor
    image += 1
    assert image.sum().item() == 20
    for error, words, call in [
        (ValueError, "2D or higher, got 1D", lambda: tv_tensors.Image([1.0])),
        (ValueError, "4D or higher, got 3D", lambda: tv_tensors.Video(flambeau.zeros(1, 2, 3))),
        (ValueError, "1D or 2D tensor, got 3D",
         lambda: tv_tensors.BoundingBoxes(flambeau.zeros(1, 1, 4), format="XYXY", canvas_size=(1, 1))),
        (ValueError, "clamping_mode must be None, hard or soft",
         lambda: tv_tensors.BoundingBoxes([0.0] * 4, format="XYXY", canvas_size=(1, 1), clamping_mode="x")),
        (ValueError, "should be floating point",
         lambda: tv_tensors.BoundingBoxes([0] * 5, format="XYWHR", canvas_size=(1, 1))),
        (ValueError, r"shape \(..., 2\)", lambda: tv_tensors.KeyPoints(flambeau.zeros(2, 3), canvas_size=(1, 1))),
        (ValueError, "return_type must be", lambda: tv_tensors.set_return_type("x")),
    ]:  # fmt: skip
        with pytest.raises(error, match=words):
            call()


def test_a_program_brings_kinds_of_its_own():
    class Heat(tv_tensors.TVTensor):
        pass

    heat = flambeau.ones(2, 3).as_subclass(Heat)
    with pytest.raises(TypeError, match="horizontal_flip supports inputs of type"):
        F.horizontal_flip(heat)
    assert v2.RandomHorizontalFlip(1.0)(heat) is heat

    @F.register_kernel("horizontal_flip", Heat)
    def flip(inpt):
        return tv_tensors.wrap(plain(inpt) * 2, like=inpt)

    assert F.horizontal_flip(heat).sum().item() == v2.RandomHorizontalFlip(1.0)(heat).sum().item() == 12
    with pytest.raises(ValueError, match="already has a kernel"):
        F.register_kernel(F.horizontal_flip, Heat)(flip)
    with pytest.raises(ValueError, match="builtin tv_tensor classes"):
        F.register_kernel("resize", tv_tensors.Image)
    with pytest.raises(ValueError, match="Could not find functional with name 'x'"):
        F.register_kernel("x", Heat)


# --- functions -----------------------------------------------------------------------------------------------------------

GEOMETRY = [
    ("horizontal_flip", {}), ("vertical_flip", {}), ("resize", {"size": [20, 60], "interpolation": "nearest"}),
    ("affine", {"angle": 20.0, "translate": [3, -2], "scale": 1.2, "shear": [5.0, 10.0]}),
    ("rotate", {"angle": 30.0}), ("rotate", {"angle": 90.0, "expand": True}), ("rotate", {"angle": -20, "center": [9, 9]}),
    ("pad", {"padding": [1, 2, 3, 4]}), ("crop", {"top": 3, "left": -2, "height": 30, "width": 40}),
    ("center_crop", {"output_size": [30]}),
    ("resized_crop", {"top": 3, "left": 4, "height": 30, "width": 32, "size": [45, 64], "interpolation": "nearest"}),
    ("perspective", {"startpoints": [[0, 0], [47, 0], [47, 39], [0, 39]],
                     "endpoints": [[3, 2], [40, 5], [44, 35], [1, 38]], "interpolation": "nearest"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given"), GEOMETRY)
def test_boxes_and_points_go_where_pixels_go(name, given):
    """A box drawn into a mask is, afterwards, around what the mask has become."""
    function = getattr(F, name)
    corners = [[12, 10, 30, 28]]
    mask = flambeau.zeros(HEIGHT, WIDTH, dtype=flambeau.uint8)
    mask[10:28, 12:30] = 1
    moved_mask = function(tv_tensors.Mask(mask), **given)
    box = tv_tensors.BoundingBoxes([[12.0, 10, 30, 28]], format="XYXY", canvas_size=(HEIGHT, WIDTH))
    moved = function(box, **given)
    assert tuple(moved.canvas_size) == tuple(moved_mask.shape[-2:])
    rows, columns = (plain(moved_mask).nonzero()[:, k] for k in (-2, -1))
    around = [columns.min().item(), rows.min().item(), columns.max().item() + 1, rows.max().item() + 1]
    np.testing.assert_allclose(plain(moved)[0].numpy(), around, atol=1.6)
    for format in FORMATS[1:3]:
        other = function(F.convert_bounding_box_format(box, new_format=format), **given)
        back = plain(F.convert_bounding_box_format(other, new_format="XYXY"))
        np.testing.assert_allclose(back.numpy(), plain(moved).numpy(), atol=1e-3)
        whole = tv_tensors.BoundingBoxes(corners, format="XYXY", canvas_size=(HEIGHT, WIDTH))
        whole = function(F.convert_bounding_box_format(whole, new_format=format), **given)
        assert whole.dtype == flambeau.int64 and np.abs(plain(whole).numpy() - plain(other).numpy()).max() <= 2
    # Turned boxes keep their four corners where the map is a similarity.
    points = tv_tensors.KeyPoints([[12.0, 10], [30, 10], [30, 28], [12, 28]], canvas_size=(HEIGHT, WIDTH))
    moved_points = function(points, **given)
    assert tuple(moved_points.canvas_size) == tuple(moved.canvas_size)
    off = 1 if name.endswith("flip") else 0  # points are pixels, boxes are between them
    least, most = plain(moved_points).amin(0), plain(moved_points).amax(0)
    np.testing.assert_allclose(flambeau.cat([least, most]).numpy(), plain(moved)[0].numpy(), atol=1e-3 + off)
    if name in ("rotate", "pad", "crop", "horizontal_flip", "vertical_flip"):
        turned = tv_tensors.BoundingBoxes([[21.0, 19, 18, 18, 0]], format="CXCYWHR", canvas_size=(HEIGHT, WIDTH))
        made = plain(F.convert_bounding_box_format(function(turned, **given), new_format="XYXYXYXY")).reshape(4, 2)
        np.testing.assert_allclose(made.amin(0).numpy(), least.numpy(), atol=0.1 + off)


def test_boxes_know_the_size_of_a_picture_that_is_turned():
    image, box = flambeau.zeros(1, HEIGHT, WIDTH), boxes()
    for angle in (0, 17, 45, 90, 180, 201.5, 270):
        for center in (None, [3, 4]):
            size = F.rotate(image, angle, expand=True, center=center).shape[-2:]
            assert tuple(F.rotate(box, angle, expand=True, center=center).canvas_size) == tuple(size)


def test_formats_and_borders():
    upright = boxes()
    for format in FORMATS[:3]:
        there = F.convert_bounding_box_format(upright, new_format=format)
        assert there.format.value == format
        back = F.convert_bounding_box_format(there, new_format="XYXY")
        np.testing.assert_allclose(plain(back).numpy(), BOXES, rtol=1e-6)
    odd = flambeau.tensor([[1, 2, 6, 9]])
    centred = F.convert_bounding_box_format(odd, "XYXY", "CXCYWH")
    assert centred.tolist() == [[3, 5, 5, 7]] and F.convert_bounding_box_format(centred, "CXCYWH", "XYXY").tolist() == [
        [0, 1, 5, 8]
    ]
    with pytest.raises(ValueError, match="between rotated and unrotated"):
        F.convert_bounding_box_format(upright, new_format="XYWHR")
    with pytest.raises(ValueError, match="`old_format` has to be passed"):
        F.convert_bounding_box_format(odd, new_format="XYXY")
    outside = tv_tensors.BoundingBoxes([[-3.0, 5, 60, 50]], format="XYXY", canvas_size=(HEIGHT, WIDTH))
    assert F.clamp_bounding_boxes(outside).tolist() == [[0, 5, 48, 40]]
    assert F.clamp_bounding_boxes(outside, clamping_mode=None).tolist() == outside.tolist()
    points = tv_tensors.KeyPoints([[-1, 3], [60, 60]], canvas_size=(HEIGHT, WIDTH))
    assert F.clamp_keypoints(points).tolist() == [[0, 3], [47, 39]]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("soft", [[12.8433, 6.8715, 38.8978, 16.0, 30.0], [44.0, 30.0, 12.0, 10.0, 110.0]]),
     ("hard", [[16.0197, 10.6074, 31.4260, 6.3528, 30.0], [42.6247, 28.3610, 7.9789, 8.5364, 110.0]])],
)  # fmt: skip
def test_turned_boxes_are_cut_at_the_border(mode, expected):
    """Numbers of PyTorch's."""
    given = [[12.366, 7.147, 40.0, 16.0, 30.0], [44.0, 30.0, 12.0, 10.0, 110.0]]
    turned = tv_tensors.BoundingBoxes(given, format="CXCYWHR", canvas_size=(HEIGHT, WIDTH))
    made = plain(F.clamp_bounding_boxes(turned, clamping_mode=mode))
    np.testing.assert_allclose(made.numpy(), expected, atol=1e-3)


@pytest.mark.parametrize("format", FORMATS)
def test_boxes_of_use(format):
    given = boxes(format)
    kept, valid = F.sanitize_bounding_boxes(given)
    assert valid.tolist() == [True] * 3 and kept.format.value == format
    far = tv_tensors.wrap(plain(given) + 40, like=given)
    assert F.sanitize_bounding_boxes(far)[1].tolist() == [False] * 3
    # Sides are 17 by 26, 20 by 12 and 20 by 18; those of turned boxes half as long.
    least = 13 if format in FORMATS[:3] else 6.5
    assert F.sanitize_bounding_boxes(given, min_size=least)[1].tolist() == [True, False, True]
    points = tv_tensors.KeyPoints([[[1, 1], [50, 2]], [[3, 3], [4, 4]]], canvas_size=(HEIGHT, WIDTH))
    assert F.sanitize_keypoints(points)[1].tolist() == [False, True]


def test_values_of_pictures():
    """Where they differ from those of ``transforms``: of integers the rounding, of floats the range."""
    bytes_, floats = flambeau.tensor(BYTES), flambeau.tensor(BYTES / 255, dtype=flambeau.float32)
    for name, given in [
        ("adjust_brightness", (1.4,)), ("adjust_contrast", (1.9,)), ("adjust_saturation", (0.3,)), ("adjust_hue", (0.2,)),
        ("adjust_gamma", (0.7,)), ("adjust_sharpness", (1.9,)), ("autocontrast", ()), ("invert", ()), ("equalize", ()),
        ("gaussian_blur", ([3, 5],)), ("rgb_to_grayscale", (3,)),
    ]:  # fmt: skip
        function = getattr(F, name)
        made = function(tv_tensors.Image(bytes_), *given)
        assert type(made) is tv_tensors.Image and made.dtype == flambeau.uint8
        film = function(tv_tensors.Video(bytes_[None]), *given) if "grayscale" not in name else made[None]
        assert flambeau.equal(plain(film)[0], plain(made)) and flambeau.equal(function(bytes_, *given), plain(made))
        if name != "equalize":
            np.testing.assert_allclose(function(floats, *given).numpy(), made.numpy() / 255, atol=2.1 / 255)
        close = np.abs(np.asarray(function(picture(), *given)).transpose(2, 0, 1).astype(int) - made.numpy())
        assert (close <= (40 if name == "adjust_hue" else 3)).mean() > 0.95, name
    assert F.posterize(floats, 1).unique().tolist() == [0.0, 0.5]
    assert flambeau.equal(F.solarize(bytes_, 100), flambeau.where(bytes_ >= 100, 255 - bytes_, bytes_))
    assert flambeau.equal(F.permute_channels(bytes_, [2, 0, 1]), bytes_[[2, 0, 1]])
    assert F.to_dtype(bytes_, flambeau.int16, scale=True).max().item() == int(BYTES.max()) << 7
    assert flambeau.equal(F.to_dtype(floats, flambeau.uint8, scale=True), bytes_)
    assert F.to_dtype(boxes(), flambeau.int32).dtype == flambeau.int32
    assert F.pad(bytes_, 1, fill=[1, 2, 3])[:, 0, 0].tolist() == [1, 2, 3]
    assert F.resize(bytes_, None, max_size=24).shape == (3, 20, 24)
    assert F.jpeg(bytes_, 90).shape == bytes_.shape and F.get_size(boxes()) == [HEIGHT, WIDTH]
    with pytest.raises(RuntimeError, match="cannot be performed safely"):
        F.to_dtype(floats, flambeau.int32, scale=True)


# --- transforms ----------------------------------------------------------------------------------------------------------

WHOLE = [
    v2.RandomHorizontalFlip(0.9), v2.RandomVerticalFlip(0.9), v2.Resize(20), v2.CenterCrop(20), v2.RandomResizedCrop(20),
    v2.RandomCrop(20, padding=3), v2.RandomCrop((50, 20), pad_if_needed=True), v2.Pad([1, 2]), v2.RandomZoomOut(p=0.9),
    v2.RandomRotation(30, expand=True), v2.RandomAffine(20, (0.1, 0.2), (0.8, 1.2), (3, 4, 5, 6)), v2.RandomPerspective(p=1.0),
    v2.ElasticTransform(sigma=2.0), v2.RandomIoUCrop(), v2.ScaleJitter((30, 30), (0.5, 1.5)), v2.RandomShortestSize([20, 25], 30),
    v2.RandomResize(20, 30), v2.ColorJitter(0.3, 0.3, 0.3, 0.1), v2.RandomGrayscale(0.9), v2.RandomChannelPermutation(),
    v2.RandomPhotometricDistort(), v2.RandomEqualize(), v2.RandomInvert(), v2.RandomAutocontrast(), v2.RandomPosterize(3),
    v2.RandomSolarize(99), v2.RandomAdjustSharpness(1.5), v2.Grayscale(3), v2.GaussianBlur(3), v2.Identity(),
    v2.Compose([v2.RandomHorizontalFlip(), v2.RandomCrop(30)]), v2.RandomApply([v2.RandomCrop(30)]),
    v2.RandomOrder([v2.RandomCrop(30), v2.RandomHorizontalFlip()]), v2.RandomChoice([v2.RandomCrop(30), v2.Identity()]),
    v2.JPEG((50, 90)), v2.ClampBoundingBoxes(), v2.ConvertBoundingBoxFormat("CXCYWH"), v2.SetClampingMode("hard"),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["Image", "pil", "tensor"])
def test_samples_of_any_structure(kind):
    flambeau.manual_seed(3)
    for transform in WHOLE:
        given = sample(kind)
        made = transform(given)
        assert list(made) == list(given) and made["rest"] == given["rest"], transform
        assert flambeau.equal(made["labels"], given["labels"]), transform
        assert type(made["image"]) is type(given["image"]) or kind == "pil", transform
        size = tuple(F.get_size(made["image"]))
        assert size == tuple(made["boxes"].canvas_size) == tuple(made["mask"].shape[-2:]), transform
        assert type(made["boxes"]) is tv_tensors.BoundingBoxes and type(made["mask"]) is tv_tensors.Mask
        assert size == tuple(made["points"].canvas_size)
        image, label = (
            transform(given["image"], 5) if not isinstance(transform, v2.RandomIoUCrop) else (given["image"], 5)
        )
        assert label == 5


def test_draws_are_those_of_the_transforms_of_pictures():
    pixels = flambeau.tensor(BYTES)
    from flambeau.vision import transforms as v1

    for name, given in [
        ("RandomHorizontalFlip", ()), ("RandomResizedCrop", (20,)), ("RandomRotation", (30,)), ("RandomPerspective", ()),
        ("RandomAffine", (20, (0.1, 0.2), (0.8, 1.2), 5)), ("RandomCrop", (20,)), ("RandomErasing", (1.0,)),
        ("RandomEqualize", ()),
    ]:  # fmt: skip
        for seed in range(3):
            flambeau.manual_seed(seed)
            old = getattr(v1, name)(*given)(pixels)
            flambeau.manual_seed(seed)
            new = getattr(v2, name)(*given)(pixels)
            assert old.shape == new.shape and (old.int() - new.int()).abs().max().item() <= 1, name
    assert v2.RandomCrop.get_params is v1.RandomCrop.get_params


def test_settings_are_shown():
    for transform, text in [
        (v2.Resize(3, antialias=False), "Resize(size=[3], interpolation=bilinear, antialias=False)"),
        (v2.RandomPosterize(3), "RandomPosterize(p=0.5, bits=3)"),
        (v2.RandomPerspective(), "RandomPerspective(p=0.5, distortion_scale=0.5, interpolation=bilinear, fill=0)"),
        (v2.TrivialAugmentWide(fill=3), "TrivialAugmentWide(interpolation=nearest, fill=3, num_magnitude_bins=31)"),
        (v2.Compose([v2.Identity()]), "Compose(    Identity())"),
        (v2.Lambda(str, int), "Lambda(str, types=['int'])"),
    ]:
        assert repr(transform) == text


def test_fills_by_kind():
    pad = v2.Pad(1, fill={tv_tensors.Mask: 1, "others": 7})
    made = pad(sample("Image"))
    assert made["image"][0, 0, 0].item() == 7 and made["mask"][0, 0, 0].item() == 1


def test_dtypes_by_kind():
    given = sample("Image")
    made = v2.ToDtype(flambeau.float32, scale=True)(given)
    assert made["image"].dtype == flambeau.float32 and made["image"].max().item() <= 1
    assert made["mask"].dtype == flambeau.bool and made["labels"].dtype == flambeau.int64
    made = v2.ToDtype({tv_tensors.Mask: flambeau.int64, "others": None})(given)
    assert made["mask"].dtype == flambeau.int64 and made["image"].dtype == flambeau.uint8
    with pytest.raises(ValueError, match="No dtype was specified for type"):
        v2.ToDtype({tv_tensors.Mask: flambeau.int64})(given)
    assert (
        type(v2.ToImage()(picture())) is tv_tensors.Image
        and type(v2.ToPILImage()(flambeau.tensor(BYTES))) is Image.Image
    )
    assert type(v2.ToPureTensor()(tv_tensors.Image(flambeau.tensor(BYTES)))) is flambeau.Tensor
    normal = v2.Normalize([0.5], [2.0])(made := v2.ConvertImageDtype()(flambeau.tensor(BYTES)))
    np.testing.assert_allclose(normal.numpy(), (made.numpy() - 0.5) / 2, rtol=1e-6)


def test_objects_of_no_use_are_removed():
    given = sample("Image")
    data = plain(given["boxes"]).clone()
    data[1, 2:] = data[1, :2]
    given["boxes"] = tv_tensors.wrap(data, like=given["boxes"])
    given["masks"] = tv_tensors.Mask(flambeau.zeros(3, HEIGHT, WIDTH))
    made = v2.SanitizeBoundingBoxes()(given)
    assert made["labels"].tolist() == [1, 3] and len(made["boxes"]) == 2 and len(made["masks"]) == 2
    assert len(made["points"]) == 6 and made["boxes"].canvas_size == (HEIGHT, WIDTH) and len(made["mask"]) == 1
    with pytest.raises(ValueError, match="labels"):
        v2.SanitizeBoundingBoxes()({"boxes": given["boxes"]})
    assert len(v2.SanitizeBoundingBoxes(labels_getter=None)(given["image"], {"boxes": given["boxes"]})[1]["boxes"]) == 2
    flambeau.manual_seed(0)
    for _ in range(5):
        cropped = v2.SanitizeBoundingBoxes()(v2.RandomIoUCrop()(sample("Image")))
        assert len(cropped["labels"]) == len(cropped["boxes"]) > 0


@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
def test_mixtures_of_a_batch(name):
    flambeau.manual_seed(1)
    pictures = flambeau.arange(4.0).reshape(4, 1, 1, 1).expand(4, 3, 16, 16)
    labels = flambeau.tensor([0, 1, 2, 1])
    mixed, shares = getattr(v2, name)(num_classes=3)(pictures, labels)
    own = shares[0, 0].item()
    assert mixed.shape == pictures.shape and shares.shape == (4, 3) and 0 <= own <= 1
    # Picture k is a mixture of k and k - 1 in the shares of the labels.
    expected = [own * k + (1 - own) * ((k - 1) % 4) for k in range(4)]
    np.testing.assert_allclose(mixed.mean((1, 2, 3)).numpy(), expected, atol=1e-5)
    one_hot = flambeau.nn.functional.one_hot(labels, 3).float()
    np.testing.assert_allclose(shares.numpy(), (own * one_hot + (1 - own) * one_hot.roll(1, 0)).numpy(), atol=1e-6)
    for words, call in [
        ("num_classes must be passed", lambda: getattr(v2, name)()(pictures, labels)),
        ("Expected a batched input with 4 dims", lambda: getattr(v2, name)(num_classes=3)(pictures[0], labels)),
        ("does not match the batch size", lambda: getattr(v2, name)(num_classes=3)(pictures, labels[:2])),
        ("does not support PIL images", lambda: getattr(v2, name)(num_classes=3)(picture(), labels)),
    ]:
        with pytest.raises(ValueError, match=words):
            call()


def test_policies_find_the_picture():
    flambeau.manual_seed(5)
    for policy in (v2.AutoAugment(), v2.RandAugment(), v2.TrivialAugmentWide(), v2.AugMix()):
        for kind in ("Image", "pil", "tensor"):
            given = sample(kind)["image"]
            made, label = policy(given, 3)
            assert label == 3 and F.get_size(made) == [HEIGHT, WIDTH]
        assert policy(tv_tensors.Video(flambeau.tensor(BYTES[None]))).shape == (1, 3, HEIGHT, WIDTH)
        with pytest.raises(TypeError, match="BoundingBoxes are not supported"):
            policy(sample())
        with pytest.raises(TypeError, match="Found no image"):
            policy({"a": 3})


def test_wrong_arguments_are_refused():
    for error, words, call in [
        (TypeError, "sequence of callables", lambda: v2.Compose(3)),
        (ValueError, "at least one transform", lambda: v2.Compose([])),
        (ValueError, "interval", lambda: v2.RandomHorizontalFlip(2)),
        (ValueError, "size can be an integer", lambda: v2.Resize([1, 2, 3])),
        (ValueError, "max_size must be an integer", lambda: v2.Resize(None)),
        (ValueError, "Padding must be an int", lambda: v2.Pad([1, 2, 3])),
        (TypeError, "inappropriate fill", lambda: v2.Pad(1, fill="x")),
        (ValueError, "Invalid side range", lambda: v2.RandomZoomOut(side_range=(0.5, 1))),
        (ValueError, "Required crop size", lambda: v2.RandomCrop(99)(flambeau.tensor(BYTES))),
        (ValueError, "Invalid interpolation mode: 'x'", lambda: F.resize(flambeau.tensor(BYTES), 3, "x")),
        (TypeError, "requires input sample", lambda: v2.RandomIoUCrop()(flambeau.tensor(BYTES))),
        (TypeError, "does not support PIL", lambda: v2.Normalize([0], [1])(picture())),
        (TypeError, "Mask's are not supported", lambda: v2.FiveCrop(3)(sample())),
        (ValueError, "No bounding boxes", lambda: v2.get_bounding_boxes([3])),
        (ValueError, "multiple HxW", lambda: v2.query_size([flambeau.zeros(1, 2, 3), flambeau.zeros(1, 3, 3)])),
        (ValueError, "quality must be an integer", lambda: v2.JPEG(0)),
        (ValueError, "not supported with bounding boxes", lambda: F.pad(boxes(), 1, padding_mode="edge")),
        (TypeError, "supports inputs of type", lambda: F.get_num_frames(boxes())),
    ]:  # fmt: skip
        with pytest.raises(error, match=words):
            call()
    assert _random.unit() < 1


def test_kernels_call_their_first_argument_what_it_is():
    import inspect

    film = flambeau.tensor(BYTES).expand(2, 3, HEIGHT, WIDTH)
    for name, options in (("resize", {"size": [8, 9]}), ("adjust_hue", {"hue_factor": 0.2}), ("horizontal_flip", {})):
        of_films, of_images = getattr(F, f"{name}_video"), getattr(F, f"{name}_image")
        assert next(iter(inspect.signature(of_films).parameters)) == "video" and of_films.__name__ == f"{name}_video"
        assert flambeau.equal(of_films(video=film, **options), of_images(film, **options))
        assert flambeau.equal(of_films(film, *options.values()), of_images(film, **options))
    assert list(inspect.signature(F.crop_mask).parameters) == ["mask", "top", "left", "height", "width"]
    assert F.get_size_mask(mask=film[0, :1]) == F.get_size_video(video=film) == [HEIGHT, WIDTH]
