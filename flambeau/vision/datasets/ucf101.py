"""UCF101: 101 kinds of doings, in films of amateurs."""

from __future__ import annotations

import os

from ._files import contents_of, lines_of
from ._films import FoldedFilms


class UCF101(FoldedFilms):
    """Films ``root/CLASS/*.avi``; ``annotation_path/trainlist01.txt`` and ``testlist01.txt`` list those of a fold.

    A sample is a clip of ``frames_per_clip`` pictures, its sound, and the class's number. Films are read by PyAV.
    """

    def _select_fold(self, video_list: list[str], annotation_path: str, fold: int, train: bool) -> list[int]:
        listing = os.path.join(annotation_path, f"{'train' if train else 'test'}list{fold:02d}.txt")
        with contents_of(listing):
            names = [line.split(" ")[0] for line in lines_of(listing)]
        chosen = {os.path.join(self.root or "", *name.split("/")) for name in names}
        return [place for place, path in enumerate(video_list) if path in chosen]
