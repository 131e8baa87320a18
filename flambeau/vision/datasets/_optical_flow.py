"""Pairs of pictures, and how each pixel moves from one to the next."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from glob import escape, glob
from pathlib import Path
from typing import Any

import numpy as np

from flambeau.utils.data import ConcatDataset

from ._files import Loader, Root, contents_of
from ._float_maps import read_flo, read_flow_png, read_pfm
from .folder import default_loader
from .utils import verify_str_arg
from .vision import Transform, VisionDataset

__all__ = ["FlyingChairs", "FlyingThings3D", "HD1K", "KittiFlow", "Sintel"]

_PASSES = {
    "clean": ["frames_cleanpass"], "final": ["frames_finalpass"], "both": ["frames_cleanpass", "frames_finalpass"],
}  # fmt: skip


def found(folder: Path, pattern: str) -> list[str]:
    """Paths below a directory that fit a pattern, sorted."""
    return sorted(glob(os.path.join(escape(str(folder)), pattern)))


class FlowDataset(VisionDataset):
    """A sample is two pictures and their motion, an array (2, height, width), or None where that is not published.

    Where ``_has_builtin_flow_mask``, or if ``transforms`` (called with all of them) make one, there is a fourth: where the
    motion is known.
    """

    _has_builtin_flow_mask = False

    def __init__(self, root: Root, transforms: Transform = None, loader: Loader = default_loader) -> None:
        super().__init__(root)
        self.transforms = transforms
        self._loader = loader
        self._flow_list: list[str] = []
        self._image_list: list[list[str]] = []

    def _read_img(self, file_name: str) -> Any:
        return self._loader(file_name)

    def _read_flow(self, file_name: str) -> Any:
        raise NotImplementedError

    def _add(self, pictures: Sequence[str]) -> None:
        """Add the pairs of pictures that follow each other."""
        self._image_list += [list(pair) for pair in itertools.pairwise(pictures)]

    def _need_pictures(self, pictures: Sequence[Any], name: str) -> None:
        if not pictures:
            raise FileNotFoundError(
                f"Could not find the {name} images in {self.root}. Please make sure the directory structure is correct."
            )

    def __getitem__(self, index: int) -> Any:
        first, second = (self._read_img(name) for name in self._image_list[index])
        flow, known = self._read_flow(self._flow_list[index]) if self._flow_list else None, None
        if flow is not None and self._has_builtin_flow_mask:
            flow, known = flow
        if self.transforms is not None:
            first, second, flow, known = self.transforms(first, second, flow, known)
        if self._has_builtin_flow_mask or known is not None:
            return first, second, flow, known
        return first, second, flow

    def __len__(self) -> int:
        return len(self._image_list)

    def __rmul__(self, v: int) -> Any:
        return ConcatDataset([self] * v)


class Sintel(FlowDataset):
    """Scenes ``root/Sintel/training/clean/SCENE/*.png``, and ``final``; motion in ``root/Sintel/training/flow``."""

    def __init__(
        self,
        root: Root,
        split: str = "train",
        pass_name: str = "clean",
        transforms: Transform = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transforms, loader)
        verify_str_arg(split, "split", ("train", "test"))
        verify_str_arg(pass_name, "pass_name", ("clean", "final", "both"))
        folder = Path(root) / "Sintel"
        part = "training" if split == "train" else split
        for name in ["clean", "final"] if pass_name == "both" else [pass_name]:
            for scene in sorted(os.listdir(folder / part / name)):
                self._add(found(folder / part / name / scene, "*.png"))
                if split == "train":
                    self._flow_list += found(folder / "training" / "flow" / scene, "*.flo")

    def _read_flow(self, file_name: str) -> Any:
        return read_flo(file_name)


class KittiFlow(FlowDataset):
    """Pictures ``root/KittiFlow/training/image_2/*_10.png`` and ``*_11.png``; motion in ``flow_occ``, where it is known."""

    _has_builtin_flow_mask = True

    def __init__(
        self, root: Root, split: str = "train", transforms: Transform = None, loader: Loader = default_loader
    ) -> None:
        super().__init__(root, transforms, loader)
        verify_str_arg(split, "split", ("train", "test"))
        folder = Path(root) / "KittiFlow" / f"{split}ing"
        self._image_list = [
            list(pair) for pair in zip(found(folder, "image_2/*_10.png"), found(folder, "image_2/*_11.png"))
        ]
        self._need_pictures(self._image_list, "Kitti flow")
        if split == "train":
            self._flow_list = found(folder, "flow_occ/*_10.png")

    def _read_flow(self, file_name: str) -> Any:
        return read_flow_png(file_name)


class FlyingChairs(FlowDataset):
    """Chairs ``root/FlyingChairs/data/*.ppm``, two for each ``*.flo``; a text file beside says what is to train with."""

    def __init__(self, root: Root, split: str = "train", transforms: Transform = None) -> None:
        super().__init__(root, transforms)
        verify_str_arg(split, "split", ("train", "val"))
        folder = Path(root) / "FlyingChairs"
        listing = folder / "FlyingChairs_train_val.txt"
        if not listing.exists():
            raise FileNotFoundError(
                f"The FlyingChairs_train_val.txt file was not found in {folder}; it comes from the data set's page, "
                "https://lmb.informatik.uni-freiburg.de/resources/datasets/FlyingChairs.en.html"
            )
        pictures, flows = found(folder, "data/*.ppm"), found(folder, "data/*.flo")
        with contents_of(listing):
            parts = np.loadtxt(listing, dtype=np.int32, ndmin=1)
            chosen = [number for number in range(len(flows)) if parts[number] == (1 if split == "train" else 2)]
            self._flow_list = [flows[number] for number in chosen]
            self._image_list = [[pictures[2 * number], pictures[2 * number + 1]] for number in chosen]

    def _read_flow(self, file_name: str) -> Any:
        return read_flo(file_name)


class FlyingThings3D(FlowDataset):
    """Things ``root/FlyingThings3D/frames_cleanpass/TRAIN/*/*/left/*.png``; motion in ``optical_flow``, forwards and back."""

    def __init__(
        self,
        root: Root,
        split: str = "train",
        pass_name: str = "clean",
        camera: str = "left",
        transforms: Transform = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transforms, loader)
        verify_str_arg(split, "split", ("train", "test"))
        verify_str_arg(pass_name, "pass_name", tuple(_PASSES))
        verify_str_arg(camera, "camera", ("left", "right", "both"))
        folder = Path(root) / "FlyingThings3D"
        cameras = ["left", "right"] if camera == "both" else [camera]
        for name, side, direction in itertools.product(_PASSES[pass_name], cameras, ("into_future", "into_past")):
            scenes = found(folder / name / split.upper(), "*/*")
            flows = found(folder / "optical_flow" / split.upper(), "*/*")
            self._need_pictures(scenes and flows, "FlyingThings3D flow")
            for scene, flow in zip(scenes, flows):
                pictures, motion = found(Path(scene, side), "*.png"), found(Path(flow, direction, side), "*.pfm")
                for number in range(len(motion) - 1):
                    pair = pictures[number : number + 2]
                    forwards = direction == "into_future"
                    self._image_list.append(pair if forwards else pair[::-1])
                    self._flow_list.append(motion[number if forwards else number + 1])

    def _read_flow(self, file_name: str) -> Any:
        return read_pfm(file_name)


class HD1K(FlowDataset):
    """Streets ``root/hd1k/hd1k_input/image_2/*.png``; motion in ``hd1k_flow_gt/flow_occ``. Test pairs in ``hd1k_challenge``."""

    _has_builtin_flow_mask = True

    def __init__(
        self, root: Root, split: str = "train", transforms: Transform = None, loader: Loader = default_loader
    ) -> None:
        super().__init__(root, transforms, loader)
        verify_str_arg(split, "split", ("train", "test"))
        folder = Path(root) / "hd1k"
        if split == "train":
            for sequence in range(36):
                flows = found(folder, f"hd1k_flow_gt/flow_occ/{sequence:06d}_*.png")
                pictures = found(folder, f"hd1k_input/image_2/{sequence:06d}_*.png")
                self._flow_list += flows[:-1]
                self._image_list += [list(pair) for pair in itertools.pairwise(pictures[: len(flows)])]
        else:
            ends = [found(folder, f"hd1k_challenge/image_2/*{end}.png") for end in (10, 11)]
            self._image_list = [list(pair) for pair in zip(*ends)]
        self._need_pictures(self._image_list, "HD1K")

    def _read_flow(self, file_name: str) -> Any:
        return read_flow_png(file_name)
