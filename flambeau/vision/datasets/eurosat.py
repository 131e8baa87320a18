"""EuroSAT: how land is used, seen by satellite."""

from __future__ import annotations

import os
from pathlib import Path

from ._files import Loader, Root, Source
from ._published_folder import PublishedFolder
from .folder import default_loader
from .vision import Transform


class EuroSAT(PublishedFolder):
    """Pictures ``root/eurosat/2750/USE/...``, in one directory for each of ten uses."""

    _sources = (
        Source(
            "https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
            "c8fa014336c82ac7804f0398fcb19387",
            "eurosat",
        ),
    )

    def __init__(
        self,
        root: Root,
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        folder = Path("eurosat", "2750")
        super().__init__(os.path.expanduser(root), folder, transform, target_transform, download, loader)
