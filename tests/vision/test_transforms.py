"""Transforms as objects: what they draw, and how they show themselves."""

import numpy as np
import pytest
from PIL import Image

import flambeau
from flambeau.vision import transforms
from flambeau.vision.transforms import _random
from flambeau.vision.transforms import functional as F


def counting(height=10, width=12):
    """A tensor of which every pixel has a value of its own."""
    return flambeau.arange(height * width).reshape(1, height, width)


def test_a_pipeline_of_the_usual_kind():
    flambeau.manual_seed(1)
    pipeline = transforms.Compose(
        [
            transforms.RandomRotation(30),
            transforms.RandomHorizontalFlip(),
            transforms.RandomCrop(32, padding=4),
            transforms.ToTensor(),
            transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ]
    )
    picture = Image.fromarray(np.full((32, 32, 3), 255, np.uint8))
    result = pipeline(picture)
    assert result.shape == (3, 32, 32) and result.max() == 1.0 and result.min() == -1.0
    flambeau.manual_seed(1)
    assert flambeau.equal(pipeline(picture), result)
    assert not flambeau.equal(pipeline(picture), result)


@pytest.mark.parametrize("seed", [0, 5, 2**63 + 11])
def test_numbers_are_those_of_the_generator(seed):
    flambeau.manual_seed(seed)
    tensors = [flambeau.rand(1).item(), flambeau.randint(3, 17, (1,)).item(), flambeau.empty(1).uniform_(-2, 5).item()]
    flambeau.manual_seed(seed)
    numbers = [_random.uniform(0.0, 1.0), _random.integer(3, 17), _random.uniform(-2, 5)]
    assert numbers[:2] == tensors[:2] and numbers[2] == pytest.approx(tensors[2], rel=1e-6)


def test_drawn_numbers_are_even():
    flambeau.manual_seed(2)
    draws = [_random.uniform(-1, 3) for _ in range(2000)]
    assert -1 <= min(draws) < -0.9 and 2.9 < max(draws) < 3 and abs(np.mean(draws) - 1) < 0.1
    counts = np.bincount([_random.integer(0, 4) for _ in range(2000)])
    assert len(counts) == 4 and counts.min() > 400
    assert 500 < sum(_random.happens(0.3) for _ in range(2000)) < 700


def test_random_crops_lie_within():
    flambeau.manual_seed(0)
    crop = transforms.RandomCrop((4, 5))
    places = set()
    for _ in range(200):
        first = crop(counting())[0, 0, 0].item()
        places.add((first // 12, first % 12))
    assert max(row for row, _ in places) == 6 and max(column for _, column in places) == 7
    assert min(row for row, _ in places) == min(column for _, column in places) == 0
    with pytest.raises(ValueError, match=r"Required crop size \(20, 20\) is larger"):
        transforms.RandomCrop(20)(counting())
    assert transforms.RandomCrop(20, pad_if_needed=True)(counting()).shape == (1, 20, 20)
    assert transforms.RandomCrop(10, padding=3, fill=7)(counting()).shape == (1, 10, 10)


@pytest.mark.parametrize(("flip", "axis"), [(transforms.RandomHorizontalFlip, 2), (transforms.RandomVerticalFlip, 1)])
def test_flips_with_a_probability(flip, axis):
    image = counting()
    assert flambeau.equal(flip(p=0)(image), image) and flambeau.equal(flip(p=1)(image), image.flip(axis))
    flambeau.manual_seed(0)
    flipped = sum(not flambeau.equal(flip(0.25)(image), image) for _ in range(200))
    assert 30 < flipped < 70


def test_random_resized_crops():
    flambeau.manual_seed(0)
    image = flambeau.zeros(3, 40, 60)
    for _ in range(100):
        top, left, height, width = transforms.RandomResizedCrop.get_params(image, (0.1, 0.5), (0.5, 2.0))
        assert 0 <= top <= 40 - height and 0 <= left <= 60 - width
        assert 0.08 < height * width / 2400 < 0.55 and 0.45 < width / height < 2.2
    assert transforms.RandomResizedCrop(8)(image).shape == (3, 8, 8)
    narrow = flambeau.zeros(3, 100, 2)
    top, left, height, width = transforms.RandomResizedCrop.get_params(narrow, (0.9, 1.0), (0.75, 4 / 3))
    assert (left, width) == (0, 2) and height == 3 and top == 48


def test_random_erasing():
    flambeau.manual_seed(0)
    image = flambeau.ones(3, 20, 20)
    erased = transforms.RandomErasing(p=1.0, scale=(0.1, 0.3))(image)
    assert 0.08 < 1 - erased.mean().item() < 0.32 and (image == 1).all()
    noisy = transforms.RandomErasing(p=1.0, value="random")(image)
    assert noisy.std() > 0
    assert transforms.RandomErasing(p=0.0)(image) is image
    with pytest.raises(ValueError, match="between 0 and 1"):
        transforms.RandomErasing(p=2)


def test_colour_jitter():
    flambeau.manual_seed(0)
    jitter = transforms.ColorJitter(0.5, 0.5, 0.5, 0.1)
    order, *factors = jitter.get_params(jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
    assert sorted(order) == [0, 1, 2, 3] and all(0.5 <= f <= 1.5 for f in factors[:3]) and abs(factors[3]) <= 0.1
    image = flambeau.rand(3, 5, 5)
    assert not flambeau.equal(jitter(image), image)
    assert flambeau.equal(transforms.ColorJitter()(image), image)
    for wrong in ({"brightness": -1}, {"hue": 0.7}, {"contrast": (2, 1)}):
        with pytest.raises(ValueError):
            transforms.ColorJitter(**wrong)


def test_rotation_and_affine_draw_within_their_ranges():
    flambeau.manual_seed(0)
    angles = [transforms.RandomRotation.get_params([-10, 20]) for _ in range(100)]
    assert -10 <= min(angles) < -5 and 15 < max(angles) <= 20
    assert transforms.RandomRotation(5).degrees == [-5.0, 5.0]
    angle, move, scale, shear = transforms.RandomAffine.get_params([0, 1], (0.5, 0.1), (2, 3), [1, 2, 3, 4], [10, 20])
    assert 0 <= angle <= 1 and abs(move[0]) <= 5 and abs(move[1]) <= 2 and 2 <= scale <= 3
    assert 1 <= shear[0] <= 2 and 3 <= shear[1] <= 4
    assert transforms.RandomAffine(10, (0.1, 0.1), (0.9, 1.1), 5)(flambeau.rand(3, 8, 8)).shape == (3, 8, 8)
    with pytest.raises(ValueError, match="must be positive"):
        transforms.RandomRotation(-1)


def test_choosing_among_transforms():
    flambeau.manual_seed(0)
    add, double = transforms.Lambda(lambda x: x + 1), transforms.Lambda(lambda x: x * 2)
    assert transforms.RandomApply([add, double], p=1)(1) == 4 and transforms.RandomApply([add], p=0)(1) == 1
    assert {transforms.RandomOrder([add, double])(1) for _ in range(30)} == {3, 4}
    assert {transforms.RandomChoice([add, double])(5) for _ in range(30)} == {6, 10}
    assert {transforms.RandomChoice([add, double], p=[0, 1])(5) for _ in range(10)} == {10}
    with pytest.raises(TypeError, match="callable"):
        transforms.Lambda(3)


def test_they_can_be_layers():
    net = flambeau.nn.Sequential(transforms.CenterCrop(4), transforms.ConvertImageDtype(flambeau.float32))
    assert net(flambeau.zeros(3, 8, 8, dtype=flambeau.uint8)).shape == (3, 4, 4)


@pytest.mark.parametrize(
    ("transform", "text"),
    [
        (transforms.Resize(3), "Resize(size=3, interpolation=bilinear, max_size=None, antialias=True)"),
        (transforms.RandomCrop(3, padding=2), "RandomCrop(size=(3, 3), padding=2)"),
        (transforms.Normalize((1,), (2,)), "Normalize(mean=(1,), std=(2,))"),
        (
            transforms.RandomRotation(3, center=(1, 2)),
            "RandomRotation(degrees=[-3.0, 3.0], interpolation=nearest, expand=False, center=(1, 2), fill=0)",
        ),
        (
            transforms.ColorJitter(0.5, hue=0.1),
            "ColorJitter(brightness=(0.5, 1.5), contrast=None, saturation=None, hue=(-0.1, 0.1))",
        ),
        (transforms.Compose([transforms.ToTensor()]), "Compose(\n    ToTensor()\n)"),
        (transforms.RandomApply([transforms.ToTensor()]), "RandomApply(\n    p=0.5\n    ToTensor()\n)"),
        (transforms.ToPILImage("L"), "ToPILImage(mode=L)"),
    ],
)
def test_texts(transform, text):
    assert repr(transform) == text


def test_functional_forms_agree_with_objects():
    image = flambeau.rand(3, 9, 9)
    assert flambeau.equal(transforms.Grayscale(3)(image), F.rgb_to_grayscale(image, 3))
    assert flambeau.equal(transforms.Pad((1, 2))(image), F.pad(image, (1, 2)))
    assert transforms.TenCrop(3)(image)[0].shape == (3, 3, 3)
    assert transforms.GaussianBlur(3)(image).shape == image.shape
    assert flambeau.equal(transforms.RandomGrayscale(p=1.0)(image), F.rgb_to_grayscale(image, 3))
