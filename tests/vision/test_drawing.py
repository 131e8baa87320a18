"""Boxes, masks, points and flows in pictures."""

import numpy as np
import pytest

import flambeau
from flambeau.vision import utils

BLACK = flambeau.zeros(3, 30, 40, dtype=flambeau.uint8)
BOXES = flambeau.tensor([[3.0, 4, 20, 25], [10, 10, 30, 22]])


def test_boxes():
    made = utils.draw_bounding_boxes(BLACK, BOXES, colors=["red", (0, 9, 0)])
    assert made[:, 4, 3].tolist() == [255, 0, 0] and made[:, 22, 30].tolist() == [0, 9, 0]
    assert made[:, 6, 6].tolist() == [0, 0, 0] and BLACK.sum().item() == 0
    filled = utils.draw_bounding_boxes(BLACK, BOXES[:1], colors="red", fill=True, width=2)
    assert filled[:, 10, 10].tolist() == [100, 0, 0] and filled[:, 5, 4].tolist() == [255, 0, 0]
    floats = utils.draw_bounding_boxes(flambeau.zeros(1, 30, 40), BOXES, labels=["a", "b"], colors="blue")
    assert floats.shape == (3, 30, 40) and floats.max().item() == 1
    named = utils.draw_bounding_boxes(BLACK, BOXES[1:], labels=["I"], colors="red", fill_labels=True)
    assert named[0, 10:24, 10:20].sum().item() > made[0, 10:24, 10:20].sum().item()
    turned = flambeau.tensor([[20, 2, 34, 15, 20, 28, 6, 15]])
    made = utils.draw_bounding_boxes(BLACK, turned, colors="red")
    assert made[0, 28, 20].item() == made[0, 15, 34].item() == 255
    first, second = (made[0, a:b, c:d].sum().item() for a, b, c, d in ((2, 15, 20, 34), (15, 28, 20, 34)))
    assert first < 0.8 * second  # the first side has gaps
    palette = utils.draw_bounding_boxes(BLACK, BOXES)
    assert palette[:, 22, 30].tolist() == [(2**25 - 1) % 255, (2**15 - 1) % 255, (2**21 - 1) % 255]
    with pytest.warns(UserWarning, match="No box was drawn"):
        assert utils.draw_bounding_boxes(BLACK, BOXES[:0]) is BLACK


def test_masks():
    masks = flambeau.zeros(2, 30, 40, dtype=flambeau.bool)
    masks[0, :10] = masks[1, 5:15] = True
    image = BLACK + 100
    made = utils.draw_segmentation_masks(image, masks, 0.5, ["red", (0, 200, 0)])
    assert [made[:, row, 0].tolist() for row in (0, 7, 12, 20)] == [
        [177, 50, 50], [50, 50, 50], [50, 150, 50], [100, 100, 100],
    ]  # fmt: skip
    floats = utils.draw_segmentation_masks(image / 255, masks[0], 1.0, "red")
    assert floats[:, 0, 0].tolist() == [1, 0, 0]


def test_points():
    points = flambeau.tensor([[[5.0, 5], [30, 20], [30, 5]]])
    visible = flambeau.tensor([[True, True, False]])
    made = utils.draw_keypoints(BLACK, points, [(0, 1), (1, 2)], "red", 2, 1, visible)
    assert made[:, 5, 4].tolist() == [255, 0, 0] and made[0, 5, 30].item() == 0
    assert made[:, 12, 10:25].sum().item() > 0 and made[:, 10, 30].sum().item() == 0


def test_flows():
    flow = flambeau.zeros(2, 1, 4)
    flow[0, 0, 1], flow[1, 0, 2], flow[0, 0, 3] = 2.0, 2.0, -1.0
    made = utils.flow_to_image(flow)
    # Numbers of PyTorch's: still, to the right, down, half as far to the left.
    assert made[:, 0].T.tolist() == [[255, 255, 255], [255, 0, 0], [255, 229, 0], [127, 232, 255]]
    assert flambeau.equal(utils.flow_to_image(flow[None])[0], made)


def test_wrong_arguments_are_refused():
    masks = flambeau.zeros(1, 30, 40, dtype=flambeau.bool)
    points = flambeau.zeros(1, 2, 2)
    for error, words, call in [
        (TypeError, "must be a tensor", lambda: utils.draw_bounding_boxes(np.zeros((3, 4, 4)), BOXES)),
        (ValueError, "uint8 or float", lambda: utils.draw_bounding_boxes(BLACK.int(), BOXES)),
        (ValueError, "not batches", lambda: utils.draw_bounding_boxes(BLACK[None], BOXES)),
        (ValueError, "grayscale and RGB", lambda: utils.draw_bounding_boxes(BLACK[:2], BOXES)),
        (ValueError, "need to be in", lambda: utils.draw_bounding_boxes(BLACK, BOXES.flip(1))),
        (ValueError, "boxes .2. and labels .1. mismatch", lambda: utils.draw_bounding_boxes(BLACK, BOXES, ["a"])),
        (ValueError, "but got 1 < 2", lambda: utils.draw_bounding_boxes(BLACK, BOXES, colors=["red"])),
        (ValueError, "RGB triplet", lambda: utils.draw_bounding_boxes(BLACK, BOXES, colors=(1, 2))),
        (ValueError, "dtype bool", lambda: utils.draw_segmentation_masks(BLACK, masks.int())),
        (ValueError, "same height and width", lambda: utils.draw_segmentation_masks(BLACK, masks[:, 1:])),
        (ValueError, r"\(num_instances, K, 2\)", lambda: utils.draw_keypoints(BLACK, points[0])),
        (ValueError, "same dimensionality",
         lambda: utils.draw_keypoints(BLACK, points, visibility=flambeau.ones(1, 3))),
        (ValueError, "dtype torch.float", lambda: utils.flow_to_image(points.double())),
        (ValueError, "should have shape", lambda: utils.flow_to_image(points[0])),
    ]:  # fmt: skip
        with pytest.raises(error, match=words):
            call()
