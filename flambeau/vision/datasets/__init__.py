"""Data sets of pictures and films. All but the commonest are loaded when they are first used."""

# ruff: noqa: F403
from __future__ import annotations

from typing import Any as _Any

from ...interpreter.lazy import lazy_attribute as _lazy_attribute
from . import cifar, mnist
from .cifar import *
from .folder import DatasetFolder, ImageFolder
from .mnist import *
from .vision import VisionDataset

#: What the other files define.
_DEFINED = {
    "_optical_flow": "FlyingChairs FlyingThings3D HD1K KittiFlow Sintel",
    "_stereo_matching": (
        "CREStereo CarlaStereo ETH3DStereo FallingThingsStereo InStereo2k Kitti2012Stereo Kitti2015Stereo "
        "Middlebury2014Stereo SceneFlowStereo SintelStereo"
    ),
    "_wrapping": "wrap_dataset_for_transforms_v2",
    "caltech": "Caltech101 Caltech256",
    "celeba": "CelebA",
    "cityscapes": "Cityscapes",
    "clevr": "CLEVRClassification",
    "coco": "CocoCaptions CocoDetection",
    "country211": "Country211",
    "dtd": "DTD",
    "eurosat": "EuroSAT",
    "fakedata": "FakeData",
    "fer2013": "FER2013",
    "fgvc_aircraft": "FGVCAircraft",
    "flickr": "Flickr30k Flickr8k",
    "flowers102": "Flowers102",
    "food101": "Food101",
    "gtsrb": "GTSRB",
    "hmdb51": "HMDB51",
    "imagenet": "ImageNet",
    "imagenette": "Imagenette",
    "inaturalist": "INaturalist",
    "kinetics": "Kinetics",
    "kitti": "Kitti",
    "lfw": "LFWPairs LFWPeople",
    "lsun": "LSUN LSUNClass",
    "moving_mnist": "MovingMNIST",
    "omniglot": "Omniglot",
    "oxford_iiit_pet": "OxfordIIITPet",
    "pcam": "PCAM",
    "phototour": "PhotoTour",
    "places365": "Places365",
    "rendered_sst2": "RenderedSST2",
    "sbd": "SBDataset",
    "sbu": "SBU",
    "semeion": "SEMEION",
    "stanford_cars": "StanfordCars",
    "stl10": "STL10",
    "sun397": "SUN397",
    "svhn": "SVHN",
    "ucf101": "UCF101",
    "usps": "USPS",
    "voc": "VOCDetection VOCSegmentation",
    "widerface": "WIDERFace",
}
_MODULES = (*_DEFINED, "folder", "samplers", "utils", "video_utils", "vision")
_NAMES = {name: module for module, names in _DEFINED.items() for name in names.split()}

__all__ = [*cifar.__all__, *mnist.__all__, "DatasetFolder", "ImageFolder", "VisionDataset", *_NAMES]


def __getattr__(name: str) -> _Any:
    return _lazy_attribute(__name__, name, _MODULES, _NAMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
