"""Published data sets of one directory for each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ._files import Loader, Root, Source
from .folder import ImageFolder
from .utils import not_found
from .vision import Transform


class PublishedFolder(ImageFolder):
    """An :class:`ImageFolder` in the directory ``folder`` below ``root``, that can be downloaded."""

    _sources: Sequence[Source] = ()

    def __init__(
        self,
        root: Root,
        folder: Path,
        transform: Transform,
        target_transform: Transform,
        download: bool,
        loader: Loader,
    ) -> None:
        self.root = root
        self._folder = Path(root, folder)
        if download:
            self.download()
        if not self._check_exists():
            raise not_found(type(self).__name__, [self._folder], " and ".join(source.url for source in self._sources))
        super().__init__(str(self._folder), transform, target_transform, loader)
        self.root = root

    def _check_exists(self) -> bool:
        return self._folder.is_dir()

    def download(self) -> None:
        """Get and unpack the published files, unless they are there. ``RuntimeError`` says what failed."""
        if not self._check_exists():
            for source in self._sources:
                source.fetch(Path(self.root or ""))
