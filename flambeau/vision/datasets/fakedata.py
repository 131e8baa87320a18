"""Noise that looks like a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau

from ..transforms.functional import to_pil_image
from .vision import Transform, VisionDataset


class FakeData(VisionDataset):
    """``size`` pictures of noise (channels, height, width); sample ``i`` is always the same."""

    def __init__(
        self,
        size: int = 1000,
        image_size: Sequence[int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Transform = None,
        target_transform: Transform = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.size = size
        self.num_classes = num_classes
        self.image_size = image_size
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index >= len(self):
            raise IndexError(f"{type(self).__name__} index out of range")
        generator = flambeau.Generator()
        generator.manual_seed(index + self.random_offset)
        noise = flambeau.randn(*self.image_size, generator=generator)
        target = flambeau.randint(0, self.num_classes, (1,), dtype=flambeau.int64, generator=generator)
        return self._transformed(to_pil_image(noise), int(target))

    def __len__(self) -> int:
        return self.size
