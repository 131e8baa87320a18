"""Omniglot: characters of fifty alphabets, each drawn by twenty people."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .._pillow import read_picture
from ._files import FileDataset, Loader, Root, Source
from .utils import list_dir, list_files
from .vision import Transform

_BASE = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"


def _grey(path: Any) -> Any:
    return read_picture(path, "L")


class Omniglot(FileDataset):
    """Drawings ``root/omniglot-py/images_background/ALPHABET/CHARACTER/*.png``, or in ``images_evaluation``.

    A target is the character's number.
    """

    folder = "omniglot-py"
    download_url_prefix = _BASE
    zips_md5 = {
        "images_background": "68d2efa1b9178cc56df9314c21c6e718",
        "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
    }

    def __init__(
        self,
        root: Root,
        background: bool = True,
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
        loader: Loader | None = None,
    ) -> None:
        self.background = background
        part = self._get_target_folder()
        self._sources = [Source(f"{self.download_url_prefix}/{part}.zip", self.zips_md5[part])]
        super().__init__(
            os.path.join(root, self.folder), transform, target_transform, download, _grey if loader is None else loader
        )

    def _get_target_folder(self) -> str:
        return "images_background" if self.background else "images_evaluation"

    def _required(self) -> Iterable[Path]:
        return [self._directory / self._get_target_folder()]

    def _read(self) -> None:
        self.target_folder = os.path.join(self._directory, self._get_target_folder())
        self._alphabets = list_dir(self.target_folder)
        self._characters = [
            os.path.join(alphabet, character)
            for alphabet in self._alphabets
            for character in list_dir(os.path.join(self.target_folder, alphabet))
        ]
        self._character_images = [
            [(name, number) for name in list_files(os.path.join(self.target_folder, character), ".png")]
            for number, character in enumerate(self._characters)
        ]
        self._flat_character_images = [pair for images in self._character_images for pair in images]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        name, number = self._flat_character_images[index]
        picture = self.loader(os.path.join(self.target_folder, self._characters[number], name))
        return self._transformed(picture, number)

    def __len__(self) -> int:
        return len(self._flat_character_images)
