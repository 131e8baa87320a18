"""The name that torchvision had for :mod:`_functional_pil` until 0.16, and that programs still import."""

from ._functional_pil import *  # noqa: F403
