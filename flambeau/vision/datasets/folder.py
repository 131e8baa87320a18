"""Pictures, or anything else, in one directory for each class."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from .._pillow import read_picture
from .vision import Transform, VisionDataset

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

Extensions = str | tuple[str, ...] | None
IsValid = Callable[[str], bool] | None


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Whether a name ends in one of ``extensions`` (in small letters), whatever its case."""
    return filename.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def is_image_file(filename: str) -> bool:
    """Whether a name ends as pictures' do."""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
    """Names of the directories in ``directory``, sorted, and their numbers. ``FileNotFoundError`` if there is none."""
    classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {os.fspath(directory)}.")
    return classes, {name: number for number, name in enumerate(classes)}


def make_dataset(
    directory: str | os.PathLike[str],
    class_to_idx: dict[str, int] | None = None,
    extensions: Extensions = None,
    is_valid_file: IsValid = None,
    allow_empty: bool = False,
) -> list[tuple[str, int]]:
    """Paths of the files below each class's directory, sorted, and the class's number.

    Either ``extensions`` or ``is_valid_file(path)`` says which files count. ``FileNotFoundError`` for a class without
    any, unless ``allow_empty``.
    """
    root = os.path.expanduser(directory)
    if class_to_idx is None:
        class_to_idx = find_classes(root)[1]
    elif not class_to_idx:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")

    def valid(path: str) -> bool:
        if is_valid_file is not None:
            return is_valid_file(path)
        assert extensions is not None
        return has_file_allowed_extension(path, extensions)

    samples = []
    for name in sorted(class_to_idx):
        for folder, _, files in sorted(os.walk(os.path.join(root, name), followlinks=True)):
            paths = (os.path.join(folder, file) for file in sorted(files))
            samples += [(path, class_to_idx[name]) for path in paths if valid(path)]
    found = {number for _, number in samples}
    empty = sorted(name for name, number in class_to_idx.items() if number not in found)
    if empty and not allow_empty:
        message = f"Found no valid file for the classes {', '.join(empty)}. "
        if extensions is not None:
            endings = extensions if isinstance(extensions, str) else ", ".join(extensions)
            message += f"Supported extensions are: {endings}"
        raise FileNotFoundError(message)
    return samples


class DatasetFolder(VisionDataset):
    """Files ``root/class/.../name``, each read by ``loader(path)``; see :func:`make_dataset` for which."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        loader: Callable[[str], Any],
        extensions: tuple[str, ...] | None = None,
        transform: Transform = None,
        target_transform: Transform = None,
        is_valid_file: IsValid = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        directory = os.fspath(self.root or "")
        self.classes, self.class_to_idx = self.find_classes(directory)
        self.samples = self.make_dataset(directory, self.class_to_idx, extensions, is_valid_file, allow_empty)
        self.loader = loader
        self.extensions = extensions
        self.targets = [number for _, number in self.samples]

    @staticmethod
    def make_dataset(
        directory: str,
        class_to_idx: dict[str, int],
        extensions: Extensions = None,
        is_valid_file: IsValid = None,
        allow_empty: bool = False,
    ) -> list[tuple[str, int]]:
        """See :func:`make_dataset`; subclasses may choose files otherwise."""
        return make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)

    def find_classes(self, directory: str) -> tuple[list[str], dict[str, int]]:
        """See :func:`find_classes`; subclasses may find classes otherwise."""
        return find_classes(directory)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self._transformed(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.samples)


def default_loader(path: str | os.PathLike[str]) -> Any:
    """A file as a picture with red, green and blue. ``OSError`` if it is damaged or no picture."""
    return read_picture(path, "RGB")


pil_loader = default_loader


class ImageFolder(DatasetFolder):
    """Pictures ``root/class/.../name.png`` and the like; a sample is a picture and its class's number."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Transform = None,
        target_transform: Transform = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: IsValid = None,
        allow_empty: bool = False,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples
