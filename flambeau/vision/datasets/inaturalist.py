"""iNaturalist: animals and plants by species, and what these belong to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .._pillow import open_picture
from ._files import FileDataset, Loader, Root, Source, one_or_all
from .utils import verify_str_arg
from .vision import Transform

CATEGORIES_2021 = ["kingdom", "phylum", "class", "order", "family", "genus"]

_BASE = "https://ml-inat-competition-datasets.s3.amazonaws.com/"
_PUBLISHED = {
    "2017": ("2017/train_val_images.tar.gz", "7c784ea5e424efaec655bd392f87301f"),
    "2018": ("2018/train_val2018.tar.gz", "b1c6952ce38f31868cc50ea72d066cc3"),
    "2019": ("2019/train_val2019.tar.gz", "c60a6e2962c9b8ccbd458d12c8582644"),
    "2021_train": ("2021/train.tar.gz", "e0526d53c7f7b2e3167b2b43bb2690ed"),
    "2021_train_mini": ("2021/train_mini.tar.gz", "db6ed8330e634445efc8fec83ae81442"),
    "2021_valid": ("2021/val.tar.gz", "f6f6e0e242e3d4c9569ba56400938afc"),
}
DATASET_URLS = {version: _BASE + place for version, (place, _) in _PUBLISHED.items()}
DATASET_MD5 = {version: md5 for version, (_, md5) in _PUBLISHED.items()}


class INaturalist(FileDataset):
    """Pictures in one directory for each species below ``root/VERSION``.

    In the versions of 2021 its name has all ranks, as ``00000_Animalia_Annelida_..._epithet``; in those before it is below
    one of a larger group. A target is the species' number (``target_type="full"``), that of a rank of ``CATEGORIES_2021``,
    or of the larger group (``"super"``); or a tuple, for a list of these.
    """

    def __init__(
        self,
        root: Root,
        version: str = "2021_train",
        target_type: list[str] | str = "full",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
        loader: Loader | None = None,
    ) -> None:
        self.version = verify_str_arg(version, "version", DATASET_URLS)
        kinds = ("full", *CATEGORIES_2021) if version.startswith("2021") else ("full", "super")
        wanted = target_type if isinstance(target_type, list) else [target_type]
        self.target_type = [verify_str_arg(kind, "target_type", kinds) for kind in wanted]
        self._sources = [Source(DATASET_URLS[version], DATASET_MD5[version], "..", f"{version}.tgz")]
        super().__init__(
            os.path.join(root, version),
            transform,
            target_transform,
            download,
            open_picture if loader is None else loader,
        )

    def _required(self) -> Iterable[Path]:
        return [self._directory]

    def _check_exists(self) -> bool:
        return self._directory.is_dir() and any(self._directory.iterdir())

    def download(self) -> None:
        """Get and unpack the published archive, unless there is something already."""
        if self._check_exists():
            return
        super().download()
        unpacked = self._directory.parent / os.path.basename(DATASET_URLS[self.version]).removesuffix(".tar.gz")
        if not unpacked.exists():
            raise RuntimeError(f"Unable to find downloaded files at {unpacked}")
        unpacked.rename(self._directory)

    def _read(self) -> None:
        self.all_categories: list[str] = []
        self.categories_index: dict[str, dict[str, int]] = {}
        self.categories_map: list[dict[str, int]] = []
        if self.version.startswith("2021"):
            self._read_ranks()
        else:
            self._read_groups()
        self.index = [
            (number, name)
            for number, folder in enumerate(self.all_categories)
            for name in sorted(os.listdir(self._directory / folder))
        ]

    def _read_ranks(self) -> None:
        self.all_categories = sorted(os.listdir(self._directory))
        self.categories_index = {rank: {} for rank in CATEGORIES_2021}
        for number, folder in enumerate(self.all_categories):
            first, *names = folder.split("_")
            if len(names) != len(CATEGORIES_2021) + 1:
                raise RuntimeError(f"Unexpected category name {folder}, wrong number of pieces")
            if first != f"{number:05d}":
                raise RuntimeError(f"Unexpected category id {first}, expecting {number:05d}")
            tables = self.categories_index
            self.categories_map.append(
                {rank: tables[rank].setdefault(name, len(tables[rank])) for rank, name in zip(CATEGORIES_2021, names)}
            )

    def _read_groups(self) -> None:
        groups = sorted(os.listdir(self._directory))
        self.categories_index = {"super": {name: number for number, name in enumerate(groups)}}
        places: dict[int, tuple[str, int]] = {}
        for group, name in enumerate(groups):
            for species in sorted(os.listdir(self._directory / name)):
                # In 2017 directories have names, from then on numbers.
                if self.version != "2017" and not species.isdecimal():
                    raise RuntimeError(f"Unexpected non-numeric dir name: {species}")
                number = len(places) if self.version == "2017" else int(species)
                if number in places:
                    raise RuntimeError(f"Duplicate category {species}")
                places[number] = os.path.join(name, species), group
        for number in range(len(places)):
            if number not in places:
                raise RuntimeError(f"Missing category {number}")
            folder, group = places[number]
            self.all_categories.append(folder)
            self.categories_map.append({"super": group})

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        number, name = self.index[index]
        picture = self.loader(os.path.join(self._directory, self.all_categories[number], name))
        ranks = {"full": number, **self.categories_map[number]}
        return self._transformed(picture, one_or_all([ranks[kind] for kind in self.target_type]))

    def __len__(self) -> int:
        return len(self.index)

    def category_name(self, category_type: str, category_id: int) -> str:
        """The name of a species (``"full"``), or of what has this number among those of a rank."""
        if category_type == "full":
            return self.all_categories[category_id]
        if category_type not in self.categories_index:
            raise ValueError(f"Invalid category type '{category_type}'")
        names = [name for name, number in self.categories_index[category_type].items() if number == category_id]
        if not names:
            raise ValueError(f"Invalid category id {category_id} for {category_type}")
        return names[0]
