"""The base of data sets of pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from flambeau.utils.data import Dataset

Transform = Callable[..., Any] | None


class VisionDataset(Dataset[Any]):
    """A data set in a directory ``root``.

    Either ``transforms``, called with a picture and its target, or ``transform`` and ``target_transform``, called with
    one of them.
    """

    _repr_indent = 4

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transforms: Transform = None,
        transform: Transform = None,
        target_transform: Transform = None,
    ) -> None:
        self.root = os.path.expanduser(root) if isinstance(root, str) else root
        if transforms is not None and (transform is not None or target_transform is not None):
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        self.transform = transform
        self.target_transform = target_transform
        if transform is not None or target_transform is not None:
            transforms = StandardTransform(transform, target_transform)
        self.transforms = transforms

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def _transformed(self, picture: Any, target: Any) -> tuple[Any, Any]:
        """The picture and its target as the user wants them."""
        return StandardTransform(self.transform, self.target_transform)(picture, target)

    def _both(self, picture: Any, target: Any) -> tuple[Any, Any]:
        """The picture and its target after ``transforms``, of data sets that may be given these."""
        return (picture, target) if self.transforms is None else self.transforms(picture, target)

    def __repr__(self) -> str:
        body = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            body.append(f"Root location: {self.root}")
        body += self.extra_repr().splitlines()
        if self.transforms is not None:
            body.append(repr(self.transforms))
        return "\n".join([f"Dataset {type(self).__name__}", *(" " * self._repr_indent + line for line in body)])

    def extra_repr(self) -> str:
        """More lines for ``repr``."""
        return ""


class SplitDataset(VisionDataset):
    """Base of data sets that consist of a part to train with and one to test with, and can be downloaded."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        self._load(download)

    def _load(self, download: bool) -> None:
        raise NotImplementedError

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class StandardTransform:
    """Two transforms as one, of pictures and of targets."""

    def __init__(self, transform: Transform = None, target_transform: Transform = None) -> None:
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        body = [type(self).__name__]
        for head, transform in (("Transform: ", self.transform), ("Target transform: ", self.target_transform)):
            if transform is not None:
                first, *rest = repr(transform).splitlines()
                body += [head + first, *(" " * len(head) + line for line in rest)]
        return "\n".join(body)
