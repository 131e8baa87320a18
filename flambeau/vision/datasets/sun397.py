"""SUN397: scenes of 397 kinds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ._files import ListedDataset, Loader, Root, Source, contents_of, lines_of, numbered
from .folder import default_loader
from .vision import Transform


class SUN397(ListedDataset):
    """Pictures ``root/SUN397/a/abbey/sun_*.jpg``, of the kinds that ``root/SUN397/ClassName.txt`` lists as "/a/abbey"."""

    _sources = (
        Source("http://vision.princeton.edu/projects/2010/SUN/SUN397.tar.gz", "8ca2778205c41d23104230ba66911c7a"),
    )

    def __init__(
        self,
        root: Root,
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform, target_transform, download, loader)

    def _required(self) -> Iterable[Path]:
        return [self._directory / "SUN397", self._directory / "SUN397" / "ClassName.txt"]

    def _read(self) -> None:
        folder, names = self._required()
        self.classes = [name[3:] for name in lines_of(names)]
        self.class_to_idx = numbered(self.classes)
        paths = sorted(folder.rglob("sun_*.jpg"))
        with contents_of(names):
            self._set((path, self.class_to_idx["/".join(path.relative_to(folder).parts[1:-1])]) for path in paths)
