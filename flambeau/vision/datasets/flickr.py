"""Flickr 8k and 30k: photographs, each with five sentences on it."""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from html.parser import HTMLParser
from typing import Any

from ._files import Loader, Root, contents_of, lines_of
from .folder import default_loader
from .vision import Transform, VisionDataset


class Flickr8kParser(HTMLParser):
    """Sentences by picture, in ``annotations``, from a page that has a table of links to pictures with lists of sentences."""

    def __init__(self, root: Root) -> None:
        super().__init__()
        self.root = root
        self.annotations: dict[str, list[str]] = {}
        self.in_table = False
        self.current_tag: str | None = None
        self.current_img: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.current_tag = tag
        self.in_table = self.in_table or tag == "table"

    def handle_endtag(self, tag: str) -> None:
        self.current_tag = None
        self.in_table = self.in_table and tag != "table"

    def handle_data(self, data: str) -> None:
        if not self.in_table:
            return
        if data == "Image Not Found":
            self.current_img = None
        elif self.current_tag == "a":
            pattern = f"{glob.escape(data.split('/')[-2])}_*.jpg"
            found = sorted(glob.glob(os.path.join(glob.escape(os.fspath(self.root)), pattern)))
            if not found:
                raise FileNotFoundError(f"no picture {pattern} in {os.fspath(self.root)}")
            self.current_img = found[0]
            self.annotations[self.current_img] = []
        elif self.current_tag == "li" and self.current_img is not None:
            self.annotations[self.current_img].append(data.strip())


class _Flickr(VisionDataset):
    """Pictures ``ids``, and their sentences ``annotations``."""

    annotations: dict[str, list[str]]

    def __init__(
        self,
        root: Root,
        ann_file: str,
        transform: Transform = None,
        target_transform: Transform = None,
        loader: Loader = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.ann_file = os.path.expanduser(ann_file)
        self.loader = loader
        with contents_of(self.ann_file):
            self._read()
        self.ids = sorted(self.annotations)

    def _read(self) -> None:
        raise NotImplementedError

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        name = self.ids[index]
        return self._transformed(self.loader(os.path.join(self.root or "", name)), self.annotations[name])

    def __len__(self) -> int:
        return len(self.ids)


class Flickr8k(_Flickr):
    """Pictures in ``root``, and sentences in the page ``ann_file``; a target is the list of a picture's sentences."""

    def _read(self) -> None:
        parser = Flickr8kParser(self.root or "")
        with open(self.ann_file, encoding="utf-8") as file:
            parser.feed(file.read())
        self.annotations = parser.annotations


class Flickr30k(_Flickr):
    """Pictures in ``root``, and sentences in lines "NAME#NUMBER<tab>SENTENCE" of ``ann_file``; targets as of Flickr8k."""

    def _read(self) -> None:
        self.annotations = defaultdict(list)
        for line in lines_of(self.ann_file):
            name, sentence = line.split("\t")
            self.annotations[name[:-2]].append(sentence)
