"""HMDB51: 51 kinds of movements, in films from many sources."""

from __future__ import annotations

import os
from pathlib import Path

from ._files import contents_of, lines_of
from ._films import FoldedFilms


class HMDB51(FoldedFilms):
    """Films ``root/CLASS/*.avi``; the files ``annotation_path/*_test_split1.txt`` say which belong to which part of a fold.

    A sample is a clip of ``frames_per_clip`` pictures, its sound, and the class's number. Films are read by PyAV.
    """

    data_url = "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/hmdb51_org.rar"
    splits = {
        "url": "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/test_train_splits.rar",
        "md5": "15e67781e70dcfbdce2d7dbb9b3344b5",
    }
    TRAIN_TAG = 1
    TEST_TAG = 2

    def _select_fold(self, video_list: list[str], annotation_path: str, fold: int, train: bool) -> list[int]:
        tag = str(self.TRAIN_TAG if train else self.TEST_TAG)
        chosen = set()
        for listing in sorted(Path(annotation_path).glob(f"*test_split{fold}.txt")):
            with contents_of(listing):
                chosen |= {name for name, part in map(str.split, lines_of(listing)) if part == tag}
        return [place for place, path in enumerate(video_list) if os.path.basename(path) in chosen]
