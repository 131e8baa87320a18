"""The name that torchvision had for :mod:`_functional_tensor` until 0.16, and that programs still import."""

from ._functional_tensor import *  # noqa: F403
