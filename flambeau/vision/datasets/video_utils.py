"""Clips of films: which pictures of which film each of them is. The films themselves are read by PyAV."""

from __future__ import annotations

import bisect
import math
import warnings
from typing import Any

import flambeau

from ..io._film import frame_count_and_rate, read_frames

_KEPT = (
    "_video_width",
    "_video_height",
    "_video_min_dimension",
    "_video_max_dimension",
    "_audio_samples",
    "_audio_channels",
)


def unfold(tensor: Any, size: int, step: int, dilation: int = 1) -> Any:
    """Views (number, ``size``) of a tensor of one axis, each begun ``step`` after the one before it."""
    if tensor.dim() != 1:
        raise ValueError(f"tensor should have 1 dimension instead of {tensor.dim()}")
    stride = tensor.stride(0)
    number = (tensor.numel() - (dilation * (size - 1) + 1)) // step + 1
    return flambeau.as_strided(tensor, (max(number, 0), size), (step * stride, dilation * stride))


class VideoClips:
    """All clips of ``clip_length_in_frames`` pictures, each begun ``frames_between_clips`` after the one before it.

    ``frame_rate`` chooses among the pictures of films that have others. ``metadata`` is what was found out about the films;
    it is given as ``_precomputed_metadata``, not to look at them again. ``ImportError`` if films must be looked at, and PyAV
    is missing.
    """

    def __init__(
        self,
        video_paths: list[str],
        clip_length_in_frames: int = 16,
        frames_between_clips: int = 1,
        frame_rate: float | None = None,
        _precomputed_metadata: dict[str, Any] | None = None,
        num_workers: int = 0,
        _video_width: int = 0,
        _video_height: int = 0,
        _video_min_dimension: int = 0,
        _video_max_dimension: int = 0,
        _audio_samples: int = 0,
        _audio_channels: int = 0,
        output_format: str = "THWC",
    ) -> None:
        self.video_paths = video_paths
        self.num_workers = num_workers
        sizes = (
            _video_width,
            _video_height,
            _video_min_dimension,
            _video_max_dimension,
            _audio_samples,
            _audio_channels,
        )
        self.__dict__.update(zip(_KEPT, sizes))
        self.output_format = output_format.upper()
        if self.output_format not in ("THWC", "TCHW"):
            raise ValueError(f"output_format should be either 'THWC' or 'TCHW', got {output_format}.")
        if _precomputed_metadata is None:
            found = [frame_count_and_rate(path) for path in video_paths]
            self.video_pts = [flambeau.arange(count) for count, _ in found]
            self.video_fps = [rate for _, rate in found]
        else:
            self.video_paths = _precomputed_metadata["video_paths"]
            self.video_pts = _precomputed_metadata["video_pts"]
            self.video_fps = _precomputed_metadata["video_fps"]
        self.compute_clips(clip_length_in_frames, frames_between_clips, frame_rate)

    @property
    def metadata(self) -> dict[str, Any]:
        """Paths of the films, places of their pictures, and how many of these there are in a second."""
        return {"video_paths": self.video_paths, "video_pts": self.video_pts, "video_fps": self.video_fps}

    def subset(self, indices: list[int]) -> VideoClips:
        """Clips of some of the films."""
        metadata = {name: [values[index] for index in indices] for name, values in self.metadata.items()}
        return type(self)(
            metadata["video_paths"],
            self.num_frames,
            self.step,
            self.frame_rate,
            metadata,
            self.num_workers,
            output_format=self.output_format,
            **{name: vars(self)[name] for name in _KEPT},
        )

    @staticmethod
    def compute_clips_for_video(
        video_pts: Any, num_frames: int, step: int, fps: float | None, frame_rate: float | None = None
    ) -> tuple[Any, Any]:
        """Clips of a film, and the places of their pictures among those of the film."""
        own = 1.0 if fps is None else fps
        wanted = own if frame_rate is None else frame_rate
        chosen = VideoClips._resample_video_idx(math.floor(len(video_pts) * wanted / own), own, wanted)
        clips = unfold(video_pts[chosen], num_frames, step)
        if not clips.numel():
            warnings.warn(
                "There aren't enough frames in the current video to get a clip for the given clip length and frames between "
                "clips. The video (and potentially others) will be skipped."
            )
        if isinstance(chosen, slice):
            return clips, [chosen] * len(clips)
        return clips, unfold(chosen, num_frames, step)

    def compute_clips(self, num_frames: int, step: int, frame_rate: float | None = None) -> None:
        """Cut all films into clips."""
        self.num_frames, self.step, self.frame_rate = num_frames, step, frame_rate
        pairs = [
            self.compute_clips_for_video(places, num_frames, step, rate, frame_rate)
            for places, rate in zip(self.video_pts, self.video_fps)
        ]
        self.clips = [clips for clips, _ in pairs]
        self.resampling_idxs = [places for _, places in pairs]
        self.cumulative_sizes: list[int] = []
        for clips in self.clips:
            self.cumulative_sizes.append(len(clips) + (self.cumulative_sizes[-1] if self.cumulative_sizes else 0))

    def __len__(self) -> int:
        return self.num_clips()

    def num_videos(self) -> int:
        """How many films there are."""
        return len(self.video_paths)

    def num_clips(self) -> int:
        """How many clips there are."""
        return self.cumulative_sizes[-1]

    def get_clip_location(self, idx: int) -> tuple[int, int]:
        """The film that a clip is of, and its place among those of the film."""
        film = bisect.bisect_right(self.cumulative_sizes, idx)
        return film, idx - (self.cumulative_sizes[film - 1] if film else 0)

    @staticmethod
    def _resample_video_idx(num_frames: int, original_fps: float, new_fps: float) -> Any:
        step = original_fps / new_fps
        if float(step).is_integer():
            return slice(None, None, int(step))
        return (flambeau.arange(num_frames, dtype=flambeau.float32) * step).floor().to(flambeau.int64)

    def get_clip(self, idx: int) -> tuple[Any, Any, dict[str, Any], int]:
        """Pictures of a clip (bytes), its sound (there is none), ``{"video_fps": ...}``, and the film's number."""
        if idx >= self.num_clips():
            raise IndexError(f"Index {idx} out of range ({self.num_clips()} number of clips)")
        film, place = self.get_clip_location(idx)
        places = self.clips[film][place]
        pictures = read_frames(self.video_paths[film], int(places[0]), int(places[-1]) + 1)
        rate = self.video_fps[film]
        if self.frame_rate is not None:
            chosen = self.resampling_idxs[film][place]
            pictures = pictures[chosen if isinstance(chosen, slice) else (chosen - chosen[0]).numpy()]
            rate = self.frame_rate
        if len(pictures) != self.num_frames:
            raise RuntimeError(f"{self.video_paths[film]} has fewer pictures than it says")
        if self.output_format == "TCHW":
            pictures = pictures.transpose(0, 3, 1, 2)
        frames: Any = flambeau.from_numpy(pictures.copy())
        return frames, flambeau.empty((1, 0)), {"video_fps": rate}, film

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        for name in ("clips", "resampling_idxs", "cumulative_sizes"):  # views, which would be copied
            del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.compute_clips(self.num_frames, self.step, self.frame_rate)
