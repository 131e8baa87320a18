"""Transforms against pixels moved by hand, and between the two kinds of pictures."""

import numpy as np
import pytest
from PIL import Image

import flambeau
from flambeau.vision.transforms import InterpolationMode
from flambeau.vision.transforms import functional as F

PIXELS = np.random.RandomState(0).randint(0, 256, (24, 31, 3), dtype=np.uint8)


def picture():
    return Image.fromarray(PIXELS)


def tensor():
    return flambeau.tensor(PIXELS.transpose(2, 0, 1).copy())


def pixels(result):
    """Rows, columns, channels, of either kind of picture."""
    if isinstance(result, flambeau.Tensor):
        return result.permute(1, 2, 0).numpy()
    return np.asarray(result)


BOTH = pytest.mark.parametrize("make", [picture, tensor])


@BOTH
def test_sizes(make):
    assert F.get_dimensions(make()) == [3, 24, 31]
    assert F.get_image_size(make()) == [31, 24] and F.get_image_num_channels(make()) == 3


@BOTH
def test_flips(make):
    assert (pixels(F.hflip(make())) == PIXELS[:, ::-1]).all()
    assert (pixels(F.vflip(make())) == PIXELS[::-1]).all()


@BOTH
@pytest.mark.parametrize("place", [(2, 3, 10, 12), (-3, -2, 10, 12), (20, 25, 10, 12), (-5, -5, 40, 50)])
def test_crops_are_zero_outside(make, place):
    top, left, height, width = place
    wide = np.pad(PIXELS, ((50, 50), (50, 50), (0, 0)))
    expected = wide[50 + top : 50 + top + height, 50 + left : 50 + left + width]
    assert (pixels(F.crop(make(), *place)) == expected).all()


@BOTH
@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "constant"])
@pytest.mark.parametrize(
    ("padding", "widths"), [(3, (3, 3, 3, 3)), ((1, 2), (2, 2, 1, 1)), ((1, 2, 3, 4), (2, 4, 1, 3))]
)
def test_padding_is_numpys(make, mode, padding, widths):
    top, bottom, left, right = widths
    expected = np.pad(PIXELS, ((top, bottom), (left, right), (0, 0)), mode=mode)
    assert (pixels(F.pad(make(), padding, padding_mode=mode)) == expected).all()


@BOTH
def test_padding_with_a_colour_and_by_negative_amounts(make):
    assert (pixels(F.pad(make(), 2, fill=7))[:2] == 7).all()
    assert (pixels(F.pad(make(), (-1, -2, 0, 0), padding_mode="symmetric")) == PIXELS[2:, 1:]).all()
    with pytest.raises(ValueError, match="1, 2, or 4 element"):
        F.pad(make(), (1, 2, 3))
    with pytest.raises(ValueError, match="constant, edge, reflect or symmetric"):
        F.pad(make(), 1, padding_mode="wrap")


@BOTH
def test_middles(make):
    assert (pixels(F.center_crop(make(), (10, 11))) == PIXELS[7:17, 10:21]).all()
    large = pixels(F.center_crop(make(), (30, 20)))
    assert large.shape == (30, 20, 3) and (large[3:27] == PIXELS[:, 6:26]).all() and not large[:3].any()
    corners = F.five_crop(make(), 8)
    assert (pixels(corners[0]) == PIXELS[:8, :8]).all() and (pixels(corners[3]) == PIXELS[-8:, -8:]).all()
    assert len(F.ten_crop(make(), 8)) == 10


@BOTH
@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        (12, {}, (12, 15)),
        ([12], {}, (12, 15)),
        ((7, 9), {}, (7, 9)),
        (20, {"max_size": 22}, (17, 22)),
        (48, {}, (48, 62)),
    ],
)
def test_resized_sizes(make, size, options, expected):
    result = F.resize(make(), size, **options)
    assert F.get_dimensions(result)[1:] == list(expected)


@pytest.mark.parametrize(
    ("mode", "size"),
    [
        (InterpolationMode.BILINEAR, (10, 11)),
        (InterpolationMode.BILINEAR, (50, 41)),
        (InterpolationMode.BILINEAR, (24, 10)),
        (InterpolationMode.BICUBIC, (10, 11)),
        (InterpolationMode.BICUBIC, (24, 10)),
    ],
)
def test_smooth_resizing_of_tensors_is_pillows(mode, size):
    ours = pixels(F.resize(tensor(), size, mode)).astype(int)
    theirs = pixels(F.resize(picture(), size, mode)).astype(int)
    assert np.abs(ours - theirs).max() <= 1


def test_nearest_resizing():
    doubled = F.resize(tensor(), (48, 62), InterpolationMode.NEAREST)
    assert (pixels(doubled) == PIXELS.repeat(2, 0).repeat(2, 1)).all()
    with pytest.raises(ValueError, match="unsupported with Tensor"):
        F.resize(tensor(), (3, 3), InterpolationMode.LANCZOS)
    assert F.resize(picture(), (3, 3), 1).size == (3, 3)


@BOTH
def test_turns(make):
    square = F.crop(make(), 0, 0, 24, 24)
    for quarter in (1, 2, 3):
        assert (pixels(F.rotate(square, 90 * quarter)) == np.rot90(pixels(square), quarter)).all()
    # Of tensors, torchvision counts one pixel more where rounding leaves a corner just outside.
    expected = [31, 24] if make is picture else [32, 25]
    assert F.get_dimensions(F.rotate(make(), 90, expand=True))[1:] == expected
    assert F.get_dimensions(F.rotate(make(), 45, expand=True))[1:] == [40, 39]
    turned = pixels(F.rotate(make(), 45, fill=[9, 8, 7]))
    assert turned[0, 0].tolist() == [9, 8, 7]
    assert (pixels(F.rotate(make(), 0)) == PIXELS).all()


@BOTH
def test_affine_moves(make):
    moved = pixels(F.affine(make(), 0, (2, 3), 1.0, 0.0))
    assert (moved[3:, 2:] == PIXELS[:-3, :-2]).all() and not moved[:3].any()
    with pytest.raises(ValueError, match="scale"):
        F.affine(make(), 0, (0, 0), 0.0, 0.0)


@BOTH
def test_brightness_contrast_saturation(make):
    assert not pixels(F.adjust_brightness(make(), 0)).any()
    for change in (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation):
        assert (pixels(change(make(), 1)) == PIXELS).all()
        with pytest.raises(ValueError, match="is not non-negative"):
            change(make(), -0.1)
    half = pixels(F.adjust_brightness(make(), 0.5)).astype(int)
    assert np.abs(half - PIXELS / 2).max() <= 1
    grey = pixels(F.adjust_saturation(make(), 0)).astype(int)
    assert (grey[..., 0] == grey[..., 1]).all() and (grey[..., 1] == grey[..., 2]).all()
    assert np.ptp(pixels(F.adjust_contrast(make(), 0)).astype(int)) <= 1


@BOTH
def test_hue(make):
    # Pillow's hue, saturation and value are bytes.
    assert np.abs(pixels(F.adjust_hue(make(), 0)).astype(int) - PIXELS).max() <= (6 if make is picture else 0)
    once = F.adjust_hue(F.adjust_hue(make(), 0.3), -0.3)
    assert np.abs(pixels(once).astype(int) - PIXELS).max() <= (12 if make is picture else 3)
    with pytest.raises(ValueError, match=r"not in \[-0.5, 0.5\]"):
        F.adjust_hue(make(), 0.6)


def test_hue_turns_primary_colours_into_each_other():
    red = flambeau.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)
    for turn, expected in ((1 / 3, [0, 1, 0]), (-1 / 3, [0, 0, 1]), (0.5, [0, 1, 1])):
        assert np.allclose(F.adjust_hue(red, turn).flatten().tolist(), expected, atol=1e-5)


@BOTH
def test_grey(make):
    one = pixels(F.rgb_to_grayscale(make()))
    expected = PIXELS @ np.array([0.299, 0.587, 0.114])
    # Pillow rounds; tensors' weights have four digits, and the rest is cut off.
    assert np.abs(one.reshape(24, 31) - expected).max() <= (0.51 if make is picture else 1.03)
    three = pixels(F.rgb_to_grayscale(make(), 3))
    assert three.shape == PIXELS.shape and (three[..., 0] == one.reshape(24, 31)).all()


@BOTH
def test_other_values(make):
    assert (pixels(F.invert(make())) == 255 - PIXELS).all()
    assert np.abs(pixels(F.adjust_gamma(make(), 1)).astype(int) - PIXELS).max() <= 1
    assert (pixels(F.adjust_sharpness(make(), 1)) == PIXELS).all()
    blurred = pixels(F.gaussian_blur(make(), 5, 2.0)).astype(float)
    assert blurred.std() < PIXELS.std() / 2 and abs(blurred.mean() - PIXELS.mean()) < 3


def test_both_kinds_agree():
    for change in (
        lambda x: F.adjust_brightness(x, 1.7),
        lambda x: F.adjust_contrast(x, 0.4),
        lambda x: F.adjust_saturation(x, 1.5),
        lambda x: F.adjust_sharpness(x, 0.3),
        lambda x: F.adjust_gamma(x, 0.7),
    ):
        difference = pixels(change(picture())).astype(int) - pixels(change(tensor()))
        assert np.abs(difference).max() <= 2


def test_to_tensor():
    result = F.to_tensor(picture())
    assert result.shape == (3, 24, 31) and result.dtype == flambeau.float32 and result.is_contiguous()
    assert (result.numpy() == (PIXELS.transpose(2, 0, 1) / np.float32(255))).all()
    assert F.to_tensor(PIXELS[:, :, 0]).shape == (1, 24, 31)
    assert F.to_tensor(PIXELS.astype(np.int32)).dtype == flambeau.int32
    assert F.to_tensor(Image.new("1", (2, 2), 1)).tolist() == [[[1.0, 1.0], [1.0, 1.0]]]
    assert F.to_tensor(Image.new("F", (2, 2), 0.25)).tolist() == [[[0.25, 0.25], [0.25, 0.25]]]
    assert F.pil_to_tensor(picture()).dtype == flambeau.uint8
    with pytest.raises(TypeError, match="should be PIL Image or ndarray"):
        F.to_tensor([1])


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "F"])
def test_channels_of_a_picture_stay_last_in_memory(mode):
    made = F.pil_to_tensor(picture().convert(mode))
    channels = len(Image.new(mode, (1, 1)).getbands())
    assert made.shape == (channels, 24, 31) and made.stride() == (1, 31 * channels, channels)
    assert channels == 1 or (made / 2).stride() == made.stride()
    made.zero_()  # memory of its own, which may be written to


def test_a_tensor_made_of_a_picture_is_its_own():
    array = np.zeros((2, 2, 3), np.float32)
    made = F.to_tensor(array)
    array[:] = 1
    assert not made.any()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "I", "F", "CMYK", "HSV", "YCbCr"])
def test_there_and_back(mode):
    original = picture().convert("RGB" if mode in ("HSV", "YCbCr", "CMYK") else "RGBA").convert(mode)
    back = F.to_pil_image(F.pil_to_tensor(original), mode)
    assert back.mode == mode and (np.asarray(back) == np.asarray(original)).all()


def test_to_pil_image_of_floats_and_wrong_shapes():
    half = F.to_pil_image(flambeau.full((1, 2, 2), 0.5))
    assert half.mode == "L" and np.asarray(half).tolist() == [[127, 127], [127, 127]]
    for wrong, message in (
        (flambeau.zeros(5, 2, 2), "should not have > 4 channels"),
        (flambeau.zeros(1, 1, 2, 2), "2/3 dimensional"),
        (np.zeros((2, 2), np.int64), "not supported"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            F.to_pil_image(wrong)
    with pytest.raises(ValueError, match="Only modes"):
        F.to_pil_image(tensor(), "RGBA")


@pytest.mark.parametrize("requires_grad", [False, True])
def test_normalize(requires_grad):
    image = flambeau.rand(3, 4, 5).detach().requires_grad_(requires_grad)
    result = F.normalize(image, (0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    for channel in range(3):
        expected = (image[channel] - (0.1, 0.2, 0.3)[channel]) / (0.5, 0.6, 0.7)[channel]
        assert flambeau.allclose(result[channel], expected)
    assert result.requires_grad == requires_grad
    batch = flambeau.rand(2, 3, 4, 4)
    assert flambeau.allclose(F.normalize(batch, [0.5], [0.5]), batch * 2 - 1, atol=1e-6)
    F.normalize(batch, [0.5], [0.5], inplace=True)
    assert batch.min() < 0
    with pytest.raises(ValueError, match="division by zero"):
        F.normalize(image, (0.1, 0.2, 0.3), (0.5, 0.0, 0.7))
    with pytest.raises(TypeError, match="float tensor"):
        F.normalize(tensor(), [0.5], [0.5])


def test_normalize_does_not_depend_on_where_it_is_computed():
    image = flambeau.rand(3, 9, 7)
    recorded = F.normalize(image, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    image.sum().item()
    computed = F.normalize(image, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert flambeau.equal(recorded, computed)


def test_dtypes_of_pictures():
    bytes_ = tensor()
    floats = F.convert_image_dtype(bytes_)
    assert floats.dtype == flambeau.float32 and floats.max() <= 1
    assert flambeau.equal(F.convert_image_dtype(floats, flambeau.uint8), bytes_)
    wide = F.convert_image_dtype(bytes_, flambeau.int32)
    assert flambeau.equal(F.convert_image_dtype(wide, flambeau.uint8), bytes_)
    with pytest.raises(RuntimeError, match="cannot be performed safely"):
        F.convert_image_dtype(floats, flambeau.int32)


def test_erasing():
    image = flambeau.ones(3, 5, 5)
    erased = F.erase(image, 1, 2, 2, 3, flambeau.zeros(3, 1, 1))
    assert erased.sum() == 75 - 18 and image.sum() == 75
    F.erase(image, 1, 2, 2, 3, 0.0, inplace=True)
    assert image.sum() == 75 - 18


def test_gradients_flow_through_tensors():
    image = flambeau.rand(3, 6, 6, requires_grad=True)
    F.hflip(F.resize(image, (3, 3))).sum().backward()
    assert image.grad.shape == image.shape and image.grad.sum().item() == pytest.approx(27, abs=1e-4)


def test_what_is_no_picture_is_refused():
    with pytest.raises(TypeError, match="Unexpected type"):
        F.hflip("picture")
    with pytest.raises(TypeError, match="interpolation"):
        F.resize(tensor(), (2, 2), "bilinear")


@pytest.mark.parametrize(
    "arguments",
    [("a", [0, 0], 1.0, 0.0), (1.0, 3, 1.0, 0.0), (1.0, [0, 0], 1.0, "a"), (1.0, [0, 0], 1.0, 0.0, "nearest", None, 3)],
)
def test_what_is_no_affine_map_is_refused(arguments):
    with pytest.raises(TypeError, match="Argument|Shear"):
        F.affine(flambeau.zeros(3, 4, 4), *arguments)
