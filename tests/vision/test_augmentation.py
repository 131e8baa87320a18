"""Transforms of the second row (perspective, waves, tables of values), and policies that choose among all."""

import numpy as np
import pytest
from PIL import Image

import flambeau
from flambeau.vision import transforms
from flambeau.vision.transforms import _policies, _random
from flambeau.vision.transforms import functional as F

random = np.random.default_rng(3)
BYTES = np.repeat(np.repeat(random.integers(0, 256, (3, 6, 7), np.uint8), 8, 1), 6, 2)


def picture(pixels=BYTES):
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def planes(result):
    return np.asarray(result).transpose(2, 0, 1)


@pytest.mark.parametrize(
    ("name", "given"),
    [("posterize", (3,)), ("solarize", (100,)), ("autocontrast", ()), ("equalize", ()), ("invert", ())],
)
def test_tables_of_values_are_pillows(name, given):
    function = getattr(F, name)
    expected = planes(function(picture(), *given)).astype(int)
    for pixels in (BYTES, BYTES[None]):
        made = function(flambeau.tensor(pixels), *given)
        assert made.dtype == flambeau.uint8
        assert np.abs(made.numpy().reshape(expected.shape) - expected).max() <= 1
    flat = flambeau.full((3, 4, 5), 7, dtype=flambeau.uint8)
    assert flambeau.equal(F.autocontrast(flat), flat) and flambeau.equal(F.equalize(flat), flat)


def test_wrong_arguments_are_refused():
    bytes_ = flambeau.tensor(BYTES)
    for error, words, call in [
        (ValueError, "between 0 and 8. Got 9", lambda: F.posterize(bytes_, 9)),
        (TypeError, "Only torch.uint8 image tensors are supported, but found torch.float32",
         lambda: F.posterize(bytes_.float(), 3)),
        (TypeError, "Only torch.uint8", lambda: F.equalize(bytes_.int())),
        (TypeError, "Threshold should be less than bound of img", lambda: F.solarize(bytes_, 256)),
        (TypeError, "permitted channel values", lambda: F.autocontrast(bytes_[:2])),
        (ValueError, "exactly four corners, got 3 startpoints and 4", lambda: F.perspective(bytes_, [[0, 0]] * 3, [[0, 0]] * 4)),
        (ValueError, r"displacement shape should be \(1, 48, 42, 2\)",
         lambda: F.elastic_transform(bytes_, flambeau.zeros(1, 2, 2, 2))),
        (TypeError, "displacement should be a Tensor", lambda: F.elastic_transform(bytes_, 3)),
        (TypeError, "alpha should be float", lambda: transforms.ElasticTransform(3)),
        (ValueError, "If sigma is a sequence its length should be 2. Got 1", lambda: transforms.ElasticTransform(sigma=[3.0])),
        (ValueError, "severity must be between", lambda: transforms.AugMix(11)),
        (ValueError, "policy imagenet is not recognized", lambda: transforms.AutoAugment("imagenet")),
        (ValueError, "should be square", lambda: transforms.LinearTransformation(flambeau.zeros(2, 3), flambeau.zeros(2))),
        (ValueError, "same length 3", lambda: transforms.LinearTransformation(flambeau.zeros(2, 2), flambeau.zeros(3))),
        (ValueError, "incompatible shape", lambda: transforms.LinearTransformation(flambeau.eye(2), flambeau.zeros(2))(bytes_)),
    ]:  # fmt: skip
        with pytest.raises(error, match=words):
            call()


def test_perspective_brings_corners_to_their_places():
    corners = [[0, 0], [41, 0], [41, 47], [0, 47]]
    moved = [[4, 6], [35, 3], [38, 40], [2, 44]]
    a, b, c, d, e, f, g, h = F._get_perspective_coeffs(corners, moved)
    for (x, y), (u, v) in zip(moved, corners):
        depth = g * x + h * y + 1
        assert (a * x + b * y + c) / depth == pytest.approx(u, abs=1e-3)
        assert (d * x + e * y + f) / depth == pytest.approx(v, abs=1e-3)
    mode = transforms.InterpolationMode.NEAREST
    tensor = F.perspective(flambeau.tensor(BYTES), corners, moved, mode, fill=[1, 2, 3]).numpy()
    assert (tensor == planes(F.perspective(picture(), corners, moved, mode, fill=(1, 2, 3)))).mean() > 0.98
    assert tensor[:, 0, 0].tolist() == [1, 2, 3]
    same = F.perspective(flambeau.tensor(BYTES), corners, corners)
    assert np.abs(same.numpy().astype(int) - BYTES).max() <= 1


def test_waves_move_pixels():
    still = flambeau.zeros(1, 48, 42, 2)
    assert flambeau.equal(F.elastic_transform(flambeau.tensor(BYTES), still), flambeau.tensor(BYTES))
    still[..., 0] = 2 / 42 * 6  # one block of columns to the right
    moved = F.elastic_transform(flambeau.tensor(BYTES), still, fill=9).numpy()
    assert (moved[:, :, :-6] == BYTES[:, :, 6:]).all() and (moved[:, :, -5:] == 9).all()
    assert (planes(F.elastic_transform(picture(), still, fill=9)) == moved).all()
    flambeau.manual_seed(0)
    places = transforms.ElasticTransform.get_params([50.0, 20.0], [2.0, 1.0], [48, 42])
    assert places.shape == (1, 48, 42, 2) and 0 < places[..., 0].abs().max().item() < 50 / 42
    assert repr(transforms.ElasticTransform(5.0)) == (
        "ElasticTransform(alpha=[5.0, 5.0], sigma=[5.0, 5.0], interpolation=InterpolationMode.BILINEAR, fill=[0.0])"
    )


def test_linear_transformation():
    x = flambeau.randn(2, 3, 2, 2)
    matrix, mean = flambeau.randn(12, 12), flambeau.randn(12)
    expected = (x.reshape(2, 12) - mean) @ matrix
    assert flambeau.allclose(transforms.LinearTransformation(matrix, mean)(x).reshape(2, 12), expected)


def test_strengths_are_those_of_the_papers():
    auto, trivial = _policies.of_auto_augment(331, 662), _policies.of_trivial_augment()
    assert len(auto) == 14 and list(trivial)[0] == "Identity" and "Invert" not in trivial
    assert _policies.strength("TranslateX", auto["TranslateX"], 10, 9) == pytest.approx(300)
    assert _policies.strength("ShearY", auto["ShearY"], 10, 3) == pytest.approx(0.1)
    assert [_policies.strength("Posterize", auto["Posterize"], 10, k) for k in range(10)] == [
        8,
        8,
        7,
        7,
        6,
        6,
        5,
        5,
        4,
        4,
    ]
    assert _policies.strength("Posterize", trivial["Posterize"], 31, 30) == 2
    assert _policies.strength("Solarize", trivial["Solarize"], 31, 0) == 1 and trivial["Rotate"] == (0, 135)
    assert _policies.of_aug_mix(30, 60, True)["TranslateY"] == (0, 10) and len(_policies.of_aug_mix(3, 3, False)) == 9
    assert all(len(_policies.found(policy)) == 25 for policy in transforms.AutoAugmentPolicy)


def test_a_policy_does_what_it_draws(monkeypatch):
    numbers = iter([10, 0.5, 0.3, 0, 1])  # the policy, chances, signs
    monkeypatch.setattr(_random, "integer", lambda low, high: next(numbers))
    monkeypatch.setattr(_random, "unit", lambda: next(numbers))
    x = flambeau.tensor(BYTES)
    made = transforms.AutoAugment(fill=3)(x)  # Rotate 0.8 8, Color 0.4 0
    turned = F.rotate(x, -30 * 8 / 9, fill=3)
    assert flambeau.equal(made, F.adjust_saturation(turned, 1.0))
    numbers = iter([1, 0])  # ShearX, in its direction
    monkeypatch.setattr(_random, "integer", lambda low, high: next(numbers))
    made = transforms.RandAugment(1, 30)(x)
    sheared = F.affine(x, 0.0, [0, 0], 1.0, [np.degrees(np.arctan(0.3)), 0.0], center=[0, 0])
    assert flambeau.equal(made, sheared)


@pytest.mark.parametrize("kind", ["tensor", "picture"])
def test_policies_keep_size_and_dtype(kind):
    flambeau.manual_seed(4)
    x = flambeau.tensor(BYTES) if kind == "tensor" else picture()
    policies = [transforms.AutoAugment(policy) for policy in transforms.AutoAugmentPolicy]
    policies += [transforms.RandAugment(), transforms.TrivialAugmentWide(), transforms.AugMix(fill=5)]
    for policy in policies:
        for _ in range(4):
            made = policy(x)
            assert np.asarray(made).shape == np.asarray(x).shape and np.asarray(made).dtype == np.uint8
    assert repr(transforms.TrivialAugmentWide()) == (
        "TrivialAugmentWide(num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None)"
    )


def test_a_mixture_is_between_its_parts():
    flambeau.manual_seed(1)
    grey = flambeau.full((3, 16, 16), 100, dtype=flambeau.uint8)
    mix = transforms.AugMix(chain_depth=1, all_ops=False, fill=100)(grey)
    assert mix.shape == grey.shape and 0 <= mix.min().item() and mix.max().item() <= 156
    assert transforms.AugMix(severity=1)(grey[None].expand(2, 3, 16, 16)).shape == (2, 3, 16, 16)
