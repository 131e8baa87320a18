"""Which clips of films are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import Any

import flambeau
from flambeau import distributed
from flambeau.utils.data import Sampler

from ..video_utils import VideoClips


class DistributedSampler(Sampler[int]):
    """A process's share of a data set, or of what another sampler draws, in groups of ``group_size`` that stay together."""

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = False,
        group_size: int = 1,
    ) -> None:
        if (num_replicas is None or rank is None) and not distributed.is_available():
            raise RuntimeError("Requires distributed package to be available")
        if len(dataset) % group_size != 0:
            raise ValueError(
                "dataset length must be a multiplier of group size dataset length: "
                f"{len(dataset)}, group size: {group_size}"
            )
        self.dataset = dataset
        self.group_size = group_size
        self.num_replicas = distributed.get_world_size() if num_replicas is None else num_replicas
        self.rank = distributed.get_rank() if rank is None else rank
        self.epoch = 0
        self.shuffle = shuffle
        self.num_group_samples = -(-len(dataset) // group_size // self.num_replicas)
        self.num_samples = self.num_group_samples * group_size
        self.total_size = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        generator = flambeau.Generator()
        generator.manual_seed(self.epoch)
        count = len(self.dataset)
        indices = flambeau.randperm(count, generator=generator).tolist() if self.shuffle else list(range(count))
        indices += indices[: self.total_size - count]  # so that all processes have as many
        groups = [indices[start : start + self.group_size] for start in range(0, len(indices), self.group_size)]
        mine = [index for group in groups[self.rank :: self.num_replicas] for index in group]
        if isinstance(self.dataset, Sampler):
            drawn = list(iter(self.dataset))
            mine = [drawn[index] for index in mine]
        return iter(mine)

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """The number of the pass, on which the order depends if it is shuffled."""
        self.epoch = epoch


def _clips(video_clips: Any) -> VideoClips:
    if not isinstance(video_clips, VideoClips):
        raise TypeError(f"Expected video_clips to be an instance of VideoClips, got {type(video_clips)}")
    return video_clips


class UniformClipSampler(Sampler[int]):
    """``num_clips_per_video`` clips of each film, as far apart as possible."""

    def __init__(self, video_clips: VideoClips, num_clips_per_video: int) -> None:
        self.video_clips = _clips(video_clips)
        self.num_clips_per_video = num_clips_per_video

    def __iter__(self) -> Iterator[int]:
        drawn: list[int] = []
        start = 0
        for clips in self.video_clips.clips:
            if len(clips):
                places = flambeau.linspace(start, start + len(clips) - 1, self.num_clips_per_video)
                drawn += places.floor().to(flambeau.int64).tolist()
                start += len(clips)
        return iter(drawn)

    def __len__(self) -> int:
        return sum(self.num_clips_per_video for clips in self.video_clips.clips if len(clips))


class RandomClipSampler(Sampler[int]):
    """Up to ``max_clips_per_video`` clips of each film by chance, in an order by chance."""

    def __init__(self, video_clips: VideoClips, max_clips_per_video: int) -> None:
        self.video_clips = _clips(video_clips)
        self.max_clips_per_video = max_clips_per_video

    def __iter__(self) -> Iterator[int]:
        drawn: list[int] = []
        start = 0
        for clips in self.video_clips.clips:
            places = flambeau.randperm(len(clips))[: self.max_clips_per_video] + start
            drawn += places.tolist()
            start += len(clips)
        return iter([drawn[place] for place in flambeau.randperm(len(drawn)).tolist()])

    def __len__(self) -> int:
        return sum(min(len(clips), self.max_clips_per_video) for clips in self.video_clips.clips)
