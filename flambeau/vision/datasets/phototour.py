"""Multi-view stereo correspondence: patches of photographs of three places, of which some show the same point."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import flambeau

from .._pillow import read_picture
from ._files import FileDataset, Root, Source, contents_of, lines_of
from .utils import download_url, extract_archive, verify_str_arg
from .vision import Transform

_BROWN, _BALNTAS = "http://matthewalunbrown.com/patchdata/", "http://icvl.ee.ic.ac.uk/vbalnt/"
#: How many patches there are of each place, the archive's directory and its MD5. Means and deviations are the places'.
_PLACES = {
    "notredame_harris": (325295, _BROWN, "69f8c90f78e171349abdf0307afefe4d"),
    "yosemite_harris": (450912, _BROWN, "a73253d1c6fbd3ba2613c45065c00d46"),
    "liberty_harris": (379587, _BROWN, "c731fcfb3abb4091110d0ae8c7ba182c"),
    "notredame": (468159, _BALNTAS, "509eda8535847b8c0a90bbb210c83484"),
    "yosemite": (633587, _BALNTAS, "533b2e8eb7ede31be40abc317b2fd4f0"),
    "liberty": (450092, _BALNTAS, "fdd9152f138ea5ef2091746689176414"),
}
_MEANS = {"notredame": 0.4854, "yosemite": 0.4844, "liberty": 0.4437}
_DEVIATIONS = {"notredame": 0.1864, "yosemite": 0.1818, "liberty": 0.2019}
_PATCH = 64


class PhotoTour(FileDataset):
    """Patches in ``root/NAME/*.bmp``, which are kept as tensors in ``root/NAME.pt`` once they were read.

    To train with, a sample is a patch: bytes (64, 64). To test with, it is two patches and whether they show the same point.
    """

    urls = {name: [f"{base}{name}.zip", f"{name}.zip", md5] for name, (_, base, md5) in _PLACES.items()}
    means = {name: _MEANS[name.removesuffix("_harris")] for name in _PLACES}
    stds = {name: _DEVIATIONS[name.removesuffix("_harris")] for name in _PLACES}
    lens = {name: count for name, (count, _, _) in _PLACES.items()}
    _missing = FileNotFoundError
    image_ext = "bmp"
    info_file = "info.txt"
    matches_files = "m50_100000_100000_0.txt"

    def __init__(
        self, root: Root, name: str, train: bool = True, transform: Transform = None, download: bool = False
    ) -> None:
        self.name = verify_str_arg(name, "name", _PLACES)
        self.train = train
        self.mean, self.std = self.means[name], self.stds[name]
        self._sources = [Source(self.urls[name][0])]
        super().__init__(root, transform, None, download)

    @property
    def data_dir(self) -> str:
        """Where the patches are."""
        return str(self._directory / self.name)

    @property
    def data_down(self) -> str:
        """Where their archive is, while it is unpacked."""
        return f"{self.data_dir}.zip"

    @property
    def data_file(self) -> str:
        """Where they are kept as tensors."""
        return str(self._directory / f"{self.name}.pt")

    def _required(self) -> Iterable[Path]:
        kept = Path(self.data_file)
        return [kept if kept.exists() else Path(self.data_dir)]

    def download(self) -> None:
        """Get and unpack the archive, unless that was done."""
        if not self._check_exists():
            url, name, md5 = self.urls[self.name]
            download_url(url, self._directory, name, md5)
            extract_archive(self._directory / name, self.data_dir, remove_finished=True)

    def _read(self) -> None:
        if not Path(self.data_file).exists():
            self.cache()
        with contents_of(self.data_file):
            self.data, self.labels, self.matches = flambeau.load(self.data_file)

    def cache(self) -> None:
        """Read the patches, and keep them as tensors."""
        folder = Path(self.data_dir)
        tensors = (
            read_image_file(folder, self.image_ext, self.lens[self.name]),
            read_info_file(folder, self.info_file),
            read_matches_files(folder, self.matches_files),
        )
        flambeau.save(tensors, self.data_file)

    def __getitem__(self, index: int) -> Any:
        def changed(patch: Any) -> Any:
            return patch if self.transform is None else self.transform(patch)

        if self.train:
            return changed(self.data[index])
        first, second, same = self.matches[index]
        return changed(self.data[first]), changed(self.data[second]), same

    def __len__(self) -> int:
        return len(self.data if self.train else self.matches)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


def read_image_file(data_dir: Root, image_ext: str, n: int) -> Any:
    """The first ``n`` patches, row by row, of the pictures in a directory."""
    patches = []
    for path in sorted(Path(data_dir).iterdir()):
        if path.name.endswith(image_ext):
            pixels = np.asarray(read_picture(path, "L"))
            height, width = (extent // _PATCH for extent in pixels.shape)
            with contents_of(path):
                grid = pixels.reshape(height, _PATCH, width, _PATCH).swapaxes(1, 2)
            patches.append(grid.reshape(-1, _PATCH, _PATCH))
    return flambeau.from_numpy(np.concatenate(patches)[:n].copy())


def read_info_file(data_dir: Root, info_file: str) -> Any:
    """The point that each patch shows."""
    path = Path(data_dir, info_file)
    with contents_of(path):
        return flambeau.tensor([int(line.split()[0]) for line in lines_of(path)], dtype=flambeau.int64)


def read_matches_files(data_dir: Root, matches_file: str) -> Any:
    """Rows of two patches, and whether they show the same point."""
    path = Path(data_dir, matches_file)
    with contents_of(path):
        rows = [line.split() for line in lines_of(path)]
        pairs = [[int(row[0]), int(row[3]), int(row[1] == row[4])] for row in rows]
    return flambeau.tensor(pairs, dtype=flambeau.int64)
