"""Data sets of films, in one directory for each class, of which some clips are samples."""

from __future__ import annotations

import os
from typing import Any

from ._files import Root
from .folder import find_classes, make_dataset
from .video_utils import VideoClips
from .vision import Transform, VisionDataset


class FilmFolder(VisionDataset):
    """Films ``folder/CLASS/...``; a sample is a clip (its pictures), its sound, and the class's number."""

    def __init__(self, root: Root, folder: Root, extensions: tuple[str, ...], transform: Transform) -> None:
        super().__init__(root)
        self.transform = transform
        self.classes, numbers = find_classes(folder)
        self.samples = make_dataset(folder, numbers, extensions)
        self.indices = list(range(len(self.samples)))

    def _cut(self, indices: list[int] | None, **options: Any) -> None:
        """Cut the films into clips; only those of the films ``indices`` are samples."""
        self.full_video_clips = VideoClips([path for path, _ in self.samples], **options)
        self.video_clips = self.full_video_clips
        if indices is not None:
            self.indices = indices
            self.video_clips = self.full_video_clips.subset(indices)

    @property
    def metadata(self) -> dict[str, Any]:
        """What was found out about the films, for ``_precomputed_metadata``."""
        return self.full_video_clips.metadata

    def __getitem__(self, idx: int) -> tuple[Any, Any, int]:
        pictures, sound, _, film = self.video_clips.get_clip(idx)
        if self.transform is not None:
            pictures = self.transform(pictures)
        return pictures, sound, self.samples[self.indices[film]][1]

    def __len__(self) -> int:
        return self.video_clips.num_clips()


class FoldedFilms(FilmFolder):
    """Films of which text files in ``annotation_path`` say which belong to the part ``train`` of one of three folds."""

    def __init__(
        self,
        root: Root,
        annotation_path: str,
        frames_per_clip: int,
        step_between_clips: int = 1,
        frame_rate: int | None = None,
        fold: int = 1,
        train: bool = True,
        transform: Transform = None,
        _precomputed_metadata: dict[str, Any] | None = None,
        num_workers: int = 1,
        _video_width: int = 0,
        _video_height: int = 0,
        _video_min_dimension: int = 0,
        _audio_samples: int = 0,
        output_format: str = "THWC",
    ) -> None:
        if fold not in (1, 2, 3):
            raise ValueError(f"fold should be between 1 and 3, got {fold}")
        super().__init__(root, os.path.expanduser(root), ("avi",), transform)
        self.fold = fold
        self.train = train
        films = [path for path, _ in self.samples]
        self._cut(
            self._select_fold(films, annotation_path, fold, train),
            clip_length_in_frames=frames_per_clip,
            frames_between_clips=step_between_clips,
            frame_rate=frame_rate,
            _precomputed_metadata=_precomputed_metadata,
            num_workers=num_workers,
            _video_width=_video_width,
            _video_height=_video_height,
            _video_min_dimension=_video_min_dimension,
            _audio_samples=_audio_samples,
            output_format=output_format,
        )

    def _select_fold(self, video_list: list[str], annotation_path: str, fold: int, train: bool) -> list[int]:
        """Places of the films that belong to a part, among all."""
        raise NotImplementedError
