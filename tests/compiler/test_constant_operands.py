"""Values of one number are handed to kernels as numbers, but products and convolutions read memory."""

import flambeau
from flambeau.nn import functional as F


def test_product_of_constants_that_nobody_holds():
    result = flambeau.full((64, 64), 2.0) @ flambeau.full((64, 64), 3.0)
    assert (result == 2.0 * 3.0 * 64).all()


def test_convolution_of_constants_that_nobody_holds():
    result = F.conv2d(flambeau.full((1, 4, 9, 9), 2.0), flambeau.full((5, 4, 3, 3), 3.0))
    assert (result == 2.0 * 3.0 * 4 * 9).all()
