"""Pages of pictures."""

import io

import numpy as np
import pytest
from PIL import Image

import flambeau
from flambeau.vision.utils import make_grid, save_image


def test_pictures_stand_in_rows():
    batch = flambeau.stack([flambeau.full((3, 2, 3), float(n)) for n in range(5)])
    grid = make_grid(batch, nrow=2, padding=1, pad_value=9.0)
    assert grid.shape == (3, 10, 9)
    for n in range(5):
        top, left = n // 2 * 3 + 1, n % 2 * 4 + 1
        assert (grid[:, top : top + 2, left : left + 3] == n).all()
    assert (grid[:, 0] == 9).all() and (grid[:, :, 0] == 9).all()
    assert (grid[:, 7:9, 5:8] == 9).all()  # the sixth place


def test_one_grey_or_single_picture():
    assert make_grid(flambeau.ones(4, 5)).shape == (3, 4, 5)
    assert make_grid(flambeau.ones(1, 4, 5)).shape == (3, 4, 5)
    assert make_grid([flambeau.ones(1, 4, 5), flambeau.zeros(1, 4, 5)]).shape == (3, 8, 16)
    with pytest.raises(TypeError, match="tensor or list of tensors expected"):
        make_grid("pictures")


def test_stretching():
    batch = flambeau.tensor([0.0, 2.0, 4.0, 8.0]).view(2, 1, 1, 2).expand(2, 3, 1, 2)
    assert make_grid(batch, normalize=True, padding=0)[0].flatten().tolist() == [0.0, 0.25, 0.5, 1.0]
    assert make_grid(batch, normalize=True, scale_each=True, padding=0)[0].flatten().tolist() == [0.0, 1.0, 0.0, 1.0]
    stretched = make_grid(batch, normalize=True, value_range=(2.0, 6.0), padding=0)
    assert stretched[0].flatten().tolist() == [0.0, 0.0, 0.5, 1.0]
    assert batch.max() == 8


@pytest.mark.parametrize("ending", ["png", "bmp"])
def test_saving(tmp_path, ending):
    picture = flambeau.rand(3, 5, 6, requires_grad=True)
    path = tmp_path / f"p.{ending}"
    save_image(picture, path)
    expected = (picture.detach() * 255 + 0.5).clamp(0, 255).to(flambeau.uint8).permute(1, 2, 0).numpy()
    assert (np.asarray(Image.open(path)) == expected).all()
    file = io.BytesIO()
    save_image(picture, file, format=ending)
    assert file.getvalue() == path.read_bytes()
