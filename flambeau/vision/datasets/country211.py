"""Country211: photographs from 211 countries."""

from __future__ import annotations

import os
from pathlib import Path

from ._files import Loader, Root, Source
from ._published_folder import PublishedFolder
from .folder import default_loader
from .utils import verify_str_arg
from .vision import Transform


class Country211(PublishedFolder):
    """Pictures ``root/country211/SPLIT/COUNTRY/...``, in one directory for each country."""

    _sources = (
        Source("https://openaipublic.azureedge.net/clip/data/country211.tgz", "84988d7644798601126c29e9877aab6a"),
    )

    def __init__(
        self,
        root: Root,
        split: str = "train",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "valid", "test"))
        folder = Path("country211", self._split)
        super().__init__(os.path.expanduser(root), folder, transform, target_transform, download, loader)
