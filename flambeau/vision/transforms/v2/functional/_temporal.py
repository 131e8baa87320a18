"""Parts of films."""

from __future__ import annotations

from typing import Any

import flambeau

from ....tv_tensors import Video
from ._registry import functional, reading


@functional
def uniform_temporal_subsample(inpt: Any, num_samples: int) -> Any:
    """``num_samples`` frames, evenly from the first to the last."""


def uniform_temporal_subsample_video(video: Any, num_samples: int) -> Any:
    """Frames of a tensor (..., frames, channels, height, width), evenly from the first to the last."""
    return video.index_select(-4, flambeau.linspace(0, video.shape[-4] - 1, num_samples).long())


reading(uniform_temporal_subsample, flambeau.Tensor)(uniform_temporal_subsample_video)


@reading(uniform_temporal_subsample, Video)
def _subsample(inpt: Any, num_samples: int) -> Any:
    return inpt.wrap(uniform_temporal_subsample_video(inpt.as_subclass(flambeau.Tensor), num_samples), inpt)
