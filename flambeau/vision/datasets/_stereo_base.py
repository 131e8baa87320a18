"""Pictures of two cameras side by side, and how far apart each point is in them: what all data sets of such share."""

from __future__ import annotations

from glob import escape, glob
from pathlib import Path
from typing import Any

import numpy as np

from .._pillow import read_picture
from ._files import Root
from ._float_maps import read_levels, read_pfm
from .vision import Transform, VisionDataset

Pair = tuple[str | None, str | None]


class StereoMatchingDataset(VisionDataset):
    """A sample is the left and the right picture, and the left one's disparities, an array (1, height, width), or None.

    Where ``_has_built_in_disparity_mask``, or if ``transforms`` (called with pairs of pictures, of disparities and of masks)
    make one, there is a fourth: where disparities are known, if that is published.
    """

    _has_built_in_disparity_mask = False

    def __init__(self, root: Root, transforms: Transform = None) -> None:
        super().__init__(root)
        self.transforms = transforms
        self._images: list[Pair] = []
        self._disparities: list[Pair] = []

    def _scan_pairs(self, folder: Path, left: str, right: str | None = None) -> list[Pair]:
        """Files of the left and of the right camera, by patterns below a directory, side by side."""
        patterns = [f"{escape(str(folder))}/{pattern}" for pattern in (left, right) if pattern is not None]
        files = [sorted(glob(pattern)) for pattern in patterns]
        for pattern, paths in zip(patterns, files):
            if not paths:
                raise FileNotFoundError(f"Could not find any files matching the patterns: {pattern}")
        if right is None:
            return [(path, None) for path in files[0]]
        if len(files[0]) != len(files[1]):
            raise ValueError(
                f"Found {len(files[0])} left files but {len(files[1])} right files using:\n left pattern: {patterns[0]}\n"
                f"right pattern: {patterns[1]}\n"
            )
        return list(zip(*files))

    def _unknown(self) -> list[Pair]:
        """No disparities, as of the pictures to test with."""
        return [(None, None)] * len(self._images)

    def _read_img(self, file_path: Any) -> Any:
        return read_picture(file_path, "RGB")

    def _disparity(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Disparities, and where they are known."""
        raise NotImplementedError

    def _read_disparity(self, file_path: str | None) -> tuple[np.ndarray | None, np.ndarray | None]:
        return (None, None) if file_path is None else self._disparity(file_path)

    def __getitem__(self, index: int) -> Any:
        pictures = tuple(self._read_img(path) for path in self._images[index])
        disparities, masks = zip(*(self._read_disparity(path) for path in self._disparities[index]))
        if self.transforms is not None:
            pictures, disparities, masks = self.transforms(pictures, disparities, masks)
        if self._has_built_in_disparity_mask or masks[0] is not None:
            return pictures[0], pictures[1], disparities[0], masks[0]
        return pictures[0], pictures[1], disparities[0]

    def __len__(self) -> int:
        return len(self._images)


class FloatStereo(StereoMatchingDataset):
    """Data sets with disparities in ``.pfm`` files, where the sign says which camera they are of."""

    def _disparity(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        return np.abs(read_pfm(path, slice_channels=1)), None


class LevelStereo(StereoMatchingDataset):
    """Data sets with disparities in grey pictures, in fractions of a pixel."""

    _steps: float
    _dtype: Any = np.float32

    def _disparity(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        return read_levels(path, self._dtype)[None] / self._steps, None
