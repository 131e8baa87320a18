"""ImageNet of 2012, from the three archives that one has to ask for."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import flambeau

from ._files import Root, contents_of, lines_of, load_mat, numbered
from .folder import ImageFolder
from .utils import check_integrity, extract_archive, verify_str_arg

ARCHIVE_META = {
    "train": ("ILSVRC2012_img_train.tar", "1d675b47d978889d74fa0da5fadfb00e"),
    "val": ("ILSVRC2012_img_val.tar", "29b22e2961454d5413ddabcf34fc5622"),
    "devkit": ("ILSVRC2012_devkit_t12.tar.gz", "fa75699e90414af021442c21a62c3abf"),
}

META_FILE = "meta.bin"


class ImageNet(ImageFolder):
    """Pictures ``root/train/WNID/*`` or ``root/val/WNID/*``, made of the archives in ``root`` if they are not there.

    ``classes`` are tuples of names for each of ``wnids`` (WordNet's numbers); ``class_to_idx`` has each name.
    """

    def __init__(self, root: Root, split: str = "train", **kwargs: Any) -> None:
        folder = self.root = os.path.expanduser(root)
        self.split = verify_str_arg(split, "split", ("train", "val"))
        self.parse_archives()
        names, _ = load_meta_file(folder)
        super().__init__(self.split_folder, **kwargs)
        self.root = folder
        self.wnids = self.classes
        self.wnid_to_idx = self.class_to_idx
        self.classes: Any = [names[wnid] for wnid in self.wnids]
        self.class_to_idx = {name: number for names, number in numbered(self.classes).items() for name in names}

    def parse_archives(self) -> None:
        """Unpack what is not unpacked yet."""
        root = self.root or ""
        if not os.path.isfile(os.path.join(root, META_FILE)):
            parse_devkit_archive(root)
        if not os.path.isdir(self.split_folder):
            (parse_train_archive if self.split == "train" else parse_val_archive)(root)

    @property
    def split_folder(self) -> str:
        """Where the pictures are."""
        return os.path.join(self.root or "", self.split)

    def extra_repr(self) -> str:
        return f"Split: {self.split}"


def load_meta_file(root: Root, file: str | None = None) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Names of the classes, and the class of each picture to validate with. ``RuntimeError`` if the file is not there."""
    path = os.path.join(root, file or META_FILE)
    if not check_integrity(path):
        raise RuntimeError(
            f"The meta file {file or META_FILE} is not present in the root directory {os.fspath(root)} or is corrupted. "
            "ImageNet makes it from the archive of the development kit."
        )
    return flambeau.load(path)  # type: ignore[no-any-return]


def _archive(root: Root, kind: str, file: str | None) -> Path:
    """The archive's path. ``RuntimeError`` if it is not there, or not the published one."""
    published, md5 = ARCHIVE_META[kind]
    path = Path(root, file or published)
    if not check_integrity(path, md5):
        raise RuntimeError(
            f"The archive {path.name} is not present in the root directory or is corrupted. You need to download it "
            f"externally and place it in {os.fspath(root)}."
        )
    return path


def parse_devkit_archive(root: Root, file: str | None = None) -> None:
    """Make the meta file from the archive of the development kit. (Its ``.mat`` file is read by SciPy.)"""
    archive = _archive(root, "devkit", file)
    with tempfile.TemporaryDirectory() as temporary:
        extract_archive(archive, temporary)
        folder = Path(temporary, "ILSVRC2012_devkit_t12", "data")
        wnids, names = {}, {}
        with contents_of(folder / "meta.mat"):
            for synset in load_mat(folder / "meta.mat", squeeze_me=True)["synsets"]:
                number, wnid, words, _, children = list(synset)[:5]
                if children == 0:  # the others are kinds of kinds
                    wnids[int(number)] = str(wnid)
                    names[str(wnid)] = tuple(str(words).split(", "))
        listing = folder / "ILSVRC2012_validation_ground_truth.txt"
        with contents_of(listing):
            flambeau.save((names, [wnids[int(line)] for line in lines_of(listing)]), os.path.join(root, META_FILE))


def parse_train_archive(root: Root, file: str | None = None, folder: str = "train") -> None:
    """Unpack the pictures to train with: an archive of one archive for each class."""
    target = Path(root, folder)
    extract_archive(_archive(root, "train", file), target)
    for archive in sorted(target.iterdir()):
        extract_archive(archive, archive.with_suffix(""), remove_finished=True)


def parse_val_archive(root: Root, file: str | None = None, wnids: list[str] | None = None, folder: str = "val") -> None:
    """Unpack the pictures to validate with, and put each into the directory of its class."""
    classes = load_meta_file(root)[1] if wnids is None else wnids
    target = Path(root, folder)
    extract_archive(_archive(root, "val", file), target)
    pictures = sorted(target.iterdir())
    for wnid in set(classes):
        (target / wnid).mkdir()
    for wnid, picture in zip(classes, pictures):
        shutil.move(picture, target / wnid / picture.name)
