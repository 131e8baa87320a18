"""Values of one number are handed to kernels as numbers, but products and convolutions read memory."""

import torch

import flambeau
from flambeau.nn import functional as F


def test_product_of_constants_that_nobody_holds():
    result = flambeau.full((64, 64), 2.0) @ flambeau.full((64, 64), 3.0)
    assert (result == 2.0 * 3.0 * 64).all()


def test_convolution_of_constants_that_nobody_holds():
    result = F.conv2d(flambeau.full((1, 4, 9, 9), 2.0), flambeau.full((5, 4, 3, 3), 3.0))
    assert (result == 2.0 * 3.0 * 4 * 9).all()


def test_constants_are_rounded_to_their_dtype_before_anything_is_computed_with_them():
    def sums(T):
        found = []
        for name in ("bfloat16", "float16"):
            d = getattr(T, name)
            x = T.full((4, 6), 4.1, dtype=d)
            found += [x.sqrt()[0, 0], (x * T.ones(4, 6, dtype=d)).float().sum(), x.float().sum(0), x.double().sum(0)]
            found += [T.full((4, 6), 4.1).to(d).float().sum(0), T.cat([x, x]).float().sum(), (x + 4.1).float().sum(1)]
        found += [T.full((3, 5), 300).to(T.int8).float().sum(0), T.full((3, 2), 0.1).double().sum(0)]
        found += [T.full((3, 2), 2.75).to(T.int32).double().sum(1), T.full((3,), 7).bool().float().sum()]
        return [value.tolist() for value in found]

    assert sums(flambeau) == sums(flambeau) == sums(torch)
