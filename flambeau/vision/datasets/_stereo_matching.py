"""Data sets of pictures of two cameras side by side, by where their files lie, and how these say how far apart points are."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ._files import Root, contents_of
from ._float_maps import read_levels, read_pfm
from ._stereo_base import FloatStereo, LevelStereo, StereoMatchingDataset
from .utils import download_and_extract_archive, verify_str_arg
from .vision import Transform

_PASSES = {
    "clean": ["frames_cleanpass"], "final": ["frames_finalpass"], "both": ["frames_cleanpass", "frames_finalpass"],
}  # fmt: skip


class CarlaStereo(FloatStereo):
    """Simulated streets in ``root/carla-highres/trainingF/SCENE``."""

    def __init__(self, root: Root, transforms: Transform = None) -> None:
        super().__init__(root, transforms)
        folder = Path(root) / "carla-highres" / "trainingF"
        self._images = self._scan_pairs(folder, "*/im0.png", "*/im1.png")
        self._disparities = self._scan_pairs(folder, "*/disp0GT.pfm", "*/disp1GT.pfm")


class _Kitti(LevelStereo):
    """Streets in ``root/NAME/training`` and ``testing``; disparities to train with, zero where they are not known."""

    _has_built_in_disparity_mask = True
    _steps = 256.0
    _dtype = None
    _folder: str
    _pictures: tuple[str, str]
    _truth: tuple[str, ...]

    def __init__(self, root: Root, split: str = "train", transforms: Transform = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "test"))
        folder = Path(root) / self._folder / f"{split}ing"
        self._images = self._scan_pairs(folder, *self._pictures)
        self._disparities = self._scan_pairs(folder, *self._truth) if split == "train" else self._unknown()


class Kitti2012Stereo(_Kitti):
    """Streets in ``root/Kitti2012``, with disparities of the left pictures."""

    _folder = "Kitti2012"
    _pictures = ("colored_0/*_10.png", "colored_1/*_10.png")
    _truth = ("disp_noc/*.png",)


class Kitti2015Stereo(_Kitti):
    """Streets in ``root/Kitti2015``."""

    _folder = "Kitti2015"
    _pictures = ("image_2/*.png", "image_3/*.png")
    _truth = ("disp_occ_0/*.png", "disp_occ_1/*.png")


_SCENES = {
    "train": "Adirondack Jadeplant Motorcycle Piano Pipes Playroom Playtable Recycle Shelves Vintage",
    "additional": (
        "Backpack Bicycle1 Cable Classroom1 Couch Flowers Mask Shopvac Sticks Storage Sword1 Sword2 Umbrella"
    ),
    "test": (
        "Plants Classroom2E Classroom2 Australia DjembeL CrusadeP Crusade Hoops Bicycle2 Staircase Newkuba AustraliaP "
        "Djembe Livingroom Computer"
    ),
}
_CALIBRATIONS: dict[str | None, Sequence[str]] = {
    None: [""], "perfect": ["-perfect"], "imperfect": ["-imperfect"], "both": ["-perfect", "-imperfect"],
}  # fmt: skip


class Middlebury2014Stereo(FloatStereo):
    """Rooms in ``root/Middlebury2014/SPLIT/SCENE-CALIBRATION``; those of ``split="test"`` have no calibration.

    ``use_ambient_views=True`` takes the right picture in a light of its own, by chance.
    """

    splits = {split: names.split() for split, names in _SCENES.items()}
    _has_built_in_disparity_mask = True

    def __init__(
        self,
        root: Root,
        split: str = "train",
        calibration: str | None = "perfect",
        use_ambient_views: bool = False,
        transforms: Transform = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transforms)
        self.split = verify_str_arg(split, "split", ("train", "test", "additional"))
        self.use_ambient_views = use_ambient_views
        if calibration:
            verify_str_arg(calibration, "calibration", ("perfect", "imperfect", "both", None))
            if split == "test":
                raise ValueError("Split 'test' has only no calibration settings, please set `calibration=None`.")
        elif split != "test":
            raise ValueError(
                f"Split '{split}' has calibration settings, however None was provided as an argument.\nAvailable calibration "
                "settings are: 'perfect', 'imperfect', 'both'."
            )
        if download:
            self._download_dataset(root)
        folder = Path(root) / "Middlebury2014" / split
        if not folder.exists():
            raise FileNotFoundError(f"The {split} directory was not found in the provided root directory")
        if not any(name.startswith(tuple(self.splits[split])) for name in os.listdir(folder)):
            raise FileNotFoundError(f"Provided root folder does not contain any scenes from the {split} split.")
        for suffix in _CALIBRATIONS[calibration]:
            self._images += self._scan_pairs(folder, f"*{suffix}/im0.png", f"*{suffix}/im1.png")
            if split != "test":
                self._disparities += self._scan_pairs(folder, f"*{suffix}/disp0.pfm", f"*{suffix}/disp1.pfm")
        self._disparities = self._disparities or self._unknown()

    def _read_img(self, file_path: Any) -> Any:
        path = Path(file_path)
        if self.use_ambient_views and path.name == "im1.png":
            others = [path.with_name(name) for name in ("im1E.png", "im1L.png")]
            path = random.choice([*(other for other in others if other.exists()), path])
        return super()._read_img(path)

    def _disparity(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        disparities, _ = super()._disparity(path)
        disparities[disparities == np.inf] = 0
        return disparities, (disparities > 0)[0]

    def _download_dataset(self, root: Root) -> None:
        folder = Path(root) / "Middlebury2014"
        base = "https://vision.middlebury.edu/stereo"
        if self.split != "test":
            names = [f"{scene}-{setting}" for scene in self.splits[self.split] for setting in ("perfect", "imperfect")]
            for name in names:
                if not (folder / self.split / name).exists():
                    url = f"{base}/data/scenes2014/zip/{name}.zip"
                    download_and_extract_archive(url, folder / self.split, remove_finished=True)
        elif any(not (folder / "test" / name).exists() for name in self.splits["test"]):
            download_and_extract_archive(f"{base}/submit3/zip/MiddEval3-data-F.zip", folder, remove_finished=True)
            (folder / "test").mkdir(exist_ok=True)
            for scene in sorted((folder / "MiddEval3" / "testF").iterdir()):
                shutil.move(scene, folder / "test")
            shutil.rmtree(folder / "MiddEval3")


class CREStereo(LevelStereo):
    """Rendered things in ``root/CREStereo``, in four directories."""

    _has_built_in_disparity_mask = True
    _steps = 32.0

    def __init__(self, root: Root, transforms: Transform = None) -> None:
        super().__init__(root, transforms)
        for part in ("shapenet", "reflective", "tree", "hole"):
            folder = Path(root) / "CREStereo" / part
            self._images += self._scan_pairs(folder, "*_left.jpg", "*_right.jpg")
            self._disparities += self._scan_pairs(folder, "*_left.disp.png", "*_right.disp.png")


class FallingThingsStereo(StereoMatchingDataset):
    """Things that fall, in ``root/FallingThings/single/THING/SCENE`` and ``mixed/SCENE``, with depths and the cameras' data."""

    def __init__(self, root: Root, variant: str = "single", transforms: Transform = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(variant, "variant", ("single", "mixed", "both"))
        below = {"single": "*/*", "mixed": "*"}
        for part in below if variant == "both" else [variant]:
            folder, place = Path(root) / "FallingThings" / part, below[part]
            self._images += self._scan_pairs(folder, f"{place}/*.left.jpg", f"{place}/*.right.jpg")
            self._disparities += self._scan_pairs(folder, f"{place}/*.left.depth.png", f"{place}/*.right.depth.png")

    def _disparity(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        depth = read_levels(path)
        settings = Path(path).parent / "_camera_settings.json"
        with contents_of(settings), open(settings, encoding="utf-8") as file:
            focal = json.load(file)["camera_settings"][0]["intrinsic_settings"]["fx"]
        # The cameras are six centimetres apart; depths are in hundredths of that unit.
        return (6 * focal * 100 / depth.astype(np.float32))[None], None


class SceneFlowStereo(FloatStereo):
    """Rendered films in ``root/SceneFlow/VARIANT``, of two passes."""

    def __init__(
        self,
        root: Root,
        variant: str = "FlyingThings3D",
        pass_name: str = "clean",
        transforms: Transform = None,
    ) -> None:
        super().__init__(root, transforms)
        below = {"FlyingThings3D": "*/*/*", "Driving": "*/*/*", "Monkaa": "*"}
        verify_str_arg(variant, "variant", tuple(below))
        verify_str_arg(pass_name, "pass_name", tuple(_PASSES))
        folder, place = Path(root) / "SceneFlow" / variant, below[variant]
        for name in _PASSES[pass_name]:
            self._images += self._scan_pairs(folder / name, f"{place}/left/*.png", f"{place}/right/*.png")
            self._disparities += self._scan_pairs(folder / "disparity", f"{place}/left/*.pfm", f"{place}/right/*.pfm")


class SintelStereo(StereoMatchingDataset):
    """A film's scenes in ``root/Sintel/training``, of two passes; disparities of the left ones, and what both cameras see."""

    _has_built_in_disparity_mask = True

    def __init__(self, root: Root, pass_name: str = "final", transforms: Transform = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(pass_name, "pass_name", ("final", "clean", "both"))
        folder = Path(root) / "Sintel" / "training"
        for name in ["final", "clean"] if pass_name == "both" else [pass_name]:
            self._images += self._scan_pairs(folder, f"{name}_left/*/*.png", f"{name}_right/*/*.png")
            self._disparities += self._scan_pairs(folder, "disparities/*/*.png")

    def _disparity(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        scene = Path(path).parent
        masks = [scene.parent.parent / kind / scene.name / Path(path).name for kind in ("occlusions", "outofframe")]
        for mask, what in zip(masks, ("Occlusion", "Out of frame")):
            if not mask.exists():
                raise FileNotFoundError(f"{what} mask {mask} does not exist")
        hidden, outside = (read_levels(mask) for mask in masks)
        red, green, blue = np.split(read_levels(path, np.float32), 3, axis=-1)
        disparities = red * 4 + green / 2**6 + blue / 2**14
        return disparities.transpose(2, 0, 1), (outside == 0) & (hidden == 0)


class InStereo2k(LevelStereo):
    """Rooms in ``root/InStereo2k/SPLIT/SCENE``."""

    _steps = 1024.0

    def __init__(self, root: Root, split: str = "train", transforms: Transform = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "test"))
        folder = Path(root) / "InStereo2k" / split
        self._images = self._scan_pairs(folder, "*/left.png", "*/right.png")
        self._disparities = self._scan_pairs(folder, "*/left_disp.png", "*/right_disp.png")


class ETH3DStereo(FloatStereo):
    """Places in ``root/ETH3D/two_view_training`` and ``two_view_test``; disparities in ``two_view_training_gt``."""

    _has_built_in_disparity_mask = True

    def __init__(self, root: Root, split: str = "train", transforms: Transform = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "test"))
        folder = Path(root) / "ETH3D"
        self._images = self._scan_pairs(
            folder / f"two_view_{split.replace('train', 'training')}", "*/im0.png", "*/im1.png"
        )
        truth = folder / "two_view_training_gt"
        self._disparities = self._unknown() if split == "test" else self._scan_pairs(truth, "*/disp0GT.pfm")

    def _disparity(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        disparities = np.abs(read_pfm(path, slice_channels=1))
        return disparities, read_levels(Path(path).with_name("mask0nocc.png")).astype(bool)
