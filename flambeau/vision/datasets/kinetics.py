"""Kinetics: films of what people do, of 400, 600 or 700 kinds."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ._files import Root, contents_of, lines_of
from ._films import FilmFolder
from .utils import check_integrity, download_and_extract_archive, download_url, verify_str_arg
from .vision import Transform

_BASE = "https://s3.amazonaws.com/kinetics/"
#: Directory of each size, and how the names of its lists begin.
_PLACES = {"400": ("400", "k400"), "600": ("600", "k600"), "700": ("700_2020", "k700_2020")}


class Kinetics(FilmFolder):
    """Films ``root/SPLIT/CLASS/*.mp4``; a sample is a clip of ``frames_per_clip`` pictures, its sound, and the class's number.

    Films are read by PyAV. ``download=True`` gets hundreds of gigabytes.
    """

    def __init__(
        self,
        root: Root,
        frames_per_clip: int,
        num_classes: str = "400",
        split: str = "train",
        frame_rate: int | None = None,
        step_between_clips: int = 1,
        transform: Transform = None,
        extensions: tuple[str, ...] = ("avi", "mp4"),
        download: bool = False,
        num_download_workers: int = 1,
        num_workers: int = 1,
        _precomputed_metadata: dict[str, Any] | None = None,
        _video_width: int = 0,
        _video_height: int = 0,
        _video_min_dimension: int = 0,
        _audio_samples: int = 0,
        _audio_channels: int = 0,
        _legacy: bool = False,
        output_format: str = "TCHW",
    ) -> None:
        self.num_classes = verify_str_arg(num_classes, "num_classes", list(_PLACES))
        self.extensions = extensions
        self.num_download_workers = num_download_workers
        self._legacy = _legacy
        if _legacy and download:
            raise ValueError("Cannot download the videos using legacy_structure.")
        self.split = "unknown" if _legacy else verify_str_arg(split, "split", ["train", "val", "test"])
        self.split_folder = os.fspath(root) if _legacy else os.path.join(root, split)
        if download:
            self.root = root
            self.download_and_process_videos()
        super().__init__(root, self.split_folder, extensions, transform)
        self._cut(
            None,
            clip_length_in_frames=frames_per_clip,
            frames_between_clips=step_between_clips,
            frame_rate=frame_rate,
            _precomputed_metadata=_precomputed_metadata,
            num_workers=num_workers,
            _video_width=_video_width,
            _video_height=_video_height,
            _video_min_dimension=_video_min_dimension,
            _audio_samples=_audio_samples,
            _audio_channels=_audio_channels,
            output_format="THWC" if _legacy else output_format,
        )

    def download_and_process_videos(self) -> None:
        """Get and unpack the films, and put each into the directory of its class."""
        root = Path(self.root or "")
        place, prefix = _PLACES[self.num_classes]
        if not os.path.exists(self.split_folder):
            listing = f"{prefix}_{self.split}_path.txt"
            download_url(f"{_BASE}{place}/{self.split}/{listing}", root / "files")
            for address in lines_of(root / "files" / listing):
                download_and_extract_archive(quote(address, safe="/,:"), root / "tars", self.split_folder)
        table = root / "annotations" / f"{self.split}.csv"
        if not check_integrity(table):
            download_url(f"{_BASE}{place}/annotations/{self.split}.csv", table.parent)
        with contents_of(table), open(table, encoding="utf-8") as file:
            for row in csv.DictReader(file):
                name = f"{row['youtube_id']}_{int(row['time_start']):06}_{int(row['time_end']):06}.mp4"
                label = row["label"].replace(" ", "_").translate({ord(mark): None for mark in "'()"})
                folder = Path(self.split_folder, label)
                folder.mkdir(exist_ok=True)
                if Path(self.split_folder, name).is_file():
                    os.replace(Path(self.split_folder, name), folder / name)
