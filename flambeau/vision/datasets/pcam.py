"""PatchCamelyon: tissue under the microscope, with or without a metastasis in its middle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .._pillow import image_module
from ._files import FileDataset, Root, Source, google_drive
from .utils import verify_str_arg
from .vision import Transform

#: Pictures and targets of each part: what the file's name says, its place on Google Drive, and its MD5.
_FILES = {
    "train": (
        ("train_x", "1Ka0XfEMiwgCYPdTI-vv6eUElOBnKFKQ2", "1571f514728f59376b705fc836ff4b63"),
        ("train_y", "1269yhu3pZDP8UYFQs-NYs3FPwuK-nGSG", "35c2d7259d906cfc8143347bb8e05be7"),
    ),
    "test": (
        ("test_x", "1qV65ZqZvWzuIVthK8eVDhIwrbnsJdbg_", "d8c2d60d490dbd479f8199bdfa0cf6ec"),
        ("test_y", "17BHrSrwWKjYsOgTMmoqrIjDy6Fa2o_gP", "60a7035772fbdb7f34eb86d4420cf66a"),
    ),
    "val": (
        ("valid_x", "1hgshYGWK8V-eGRy8LToWJJgDU_rXWVJ3", "d5b63470df7cfa627aeec8b9dc0c066e"),
        ("valid_y", "1bH8ZRbhSVAhScTS0p9-ZzGnX91cHT3uO", "2b85f58b927af9964a4c15b8f7e8f179"),
    ),
}


class PCAM(FileDataset):
    """Patches of 96 by 96 pixels in ``root/pcam/*.h5``, read by h5py; a target is 0 or 1."""

    def __init__(
        self,
        root: Root,
        split: str = "train",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
    ) -> None:
        try:
            import h5py
        except ImportError:
            raise RuntimeError(
                "h5py is not found. This dataset needs to have h5py installed: please run pip install h5py"
            ) from None
        self.h5py = h5py
        self._split = verify_str_arg(split, "split", ("train", "test", "val"))
        super().__init__(root, transform, target_transform, download)

    @property
    def _sources(self) -> Sequence[Source]:  # type: ignore[override]
        files = zip(self._required(), _FILES[self._split])
        return [Source(google_drive(place), md5, "pcam", f"{path.name}.gz") for path, (_, place, md5) in files]

    def _required(self) -> Iterable[Path]:
        folder = self._directory / "pcam"
        return [folder / f"camelyonpatch_level_2_split_{name}.h5" for name, _, _ in _FILES[self._split]]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        pictures, targets = self._required()
        with self.h5py.File(pictures) as file:
            picture = image_module().fromarray(file["x"][index]).convert("RGB")
        with self.h5py.File(targets) as file:
            target = int(file["y"][index, 0, 0, 0])
        return self._transformed(picture, target)

    def __len__(self) -> int:
        pictures, _ = self._required()
        with self.h5py.File(pictures) as file:
            return int(file["x"].shape[0])
