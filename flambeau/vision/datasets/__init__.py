"""Data sets of pictures."""

# ruff: noqa: F403
from . import cifar, mnist
from .cifar import *
from .fakedata import FakeData
from .folder import DatasetFolder, ImageFolder
from .mnist import *
from .vision import VisionDataset

__all__ = [*cifar.__all__, *mnist.__all__, "DatasetFolder", "FakeData", "ImageFolder", "VisionDataset"]
