"""SBU: photographs of Flickr, each with its caption."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ._files import FileDataset, Loader, Root, Source, lines_of
from .folder import default_loader
from .utils import download_url
from .vision import Transform


class SBU(FileDataset):
    """Photographs in ``root/dataset``, of those whose addresses and captions two files there list; targets are captions."""

    url = "https://www.cs.rice.edu/~vo9/sbucaptions/SBUCaptionedPhotoDataset.tar.gz"
    filename = "SBUCaptionedPhotoDataset.tar.gz"
    md5_checksum = "9aec147b3488753cf758b4d493422285"
    _sources = (Source(url, md5_checksum),)

    def __init__(
        self,
        root: Root,
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = True,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform, target_transform, download, loader)

    def _required(self) -> Iterable[Path]:
        folder = self._directory / "dataset"
        return [folder / f"SBU_captioned_photo_dataset_{part}.txt" for part in ("urls", "captions")]

    def _read(self) -> None:
        addresses, captions = self._required()
        pairs = [
            (os.path.basename(address), caption)
            for address, caption in zip(lines_of(addresses), lines_of(captions))
            if (addresses.parent / os.path.basename(address)).exists()
        ]
        self.photos = [photo for photo, _ in pairs]
        self.captions = [caption for _, caption in pairs]

    def download(self) -> None:
        """Get the lists, and then each photograph that is still to be had, unless the lists are there."""
        if self._check_exists():
            return
        super().download()
        addresses, _ = self._required()
        for address in lines_of(addresses):
            with contextlib.suppress(OSError):  # many have been removed
                download_url(address, addresses.parent)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path = os.path.join(self._directory, "dataset", self.photos[index])
        return self._transformed(self.loader(path), self.captions[index])

    def __len__(self) -> int:
        return len(self.photos)
