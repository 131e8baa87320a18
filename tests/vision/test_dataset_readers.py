"""Data sets whose files other packages read, films, downloads, and files that hold something else."""

from __future__ import annotations

import bz2
import io
import lzma
import pickle
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from vision.dataset_layouts import COCO, LAYOUTS
from vision.small_files import data, numbers, pictures, text

import flambeau
from flambeau.vision import datasets
from flambeau.vision.datasets import utils, video_utils
from flambeau.vision.datasets._coco_index import Index
from flambeau.vision.datasets._float_maps import read_flo, read_pfm
from flambeau.vision.datasets.samplers import DistributedSampler, RandomClipSampler, UniformClipSampler


def module(name: str, **contents: Any) -> types.ModuleType:
    made = types.ModuleType(name)
    vars(made).update(contents)
    return made


# --- files that other packages read -------------------------------------------------------------------------------------


def test_pcam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, labels = numbers(Path("x"), 3, 96, 96, 3), np.array([1, 0, 1]).reshape(3, 1, 1, 1)

    class File(dict):  # type: ignore[type-arg]
        def __init__(self, path: Path) -> None:
            super().__init__(x=pixels) if path.name.endswith("valid_x.h5") else super().__init__(y=labels)

        def __enter__(self) -> File:
            return self

        def __exit__(self, *error: Any) -> None:
            pass

    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(RuntimeError, match="h5py is not found"):
        datasets.PCAM(tmp_path, "val")
    monkeypatch.setitem(sys.modules, "h5py", module("h5py", File=File))
    with pytest.raises(RuntimeError, match="(?s)Dataset not found.*valid_x.h5"):
        datasets.PCAM(tmp_path, "val")
    for part in "xy":
        data(tmp_path / "pcam" / f"camelyonpatch_level_2_split_valid_{part}.h5", b"")
    dataset = datasets.PCAM(tmp_path, "val", target_transform=lambda target: target + 5)
    picture, target = dataset[2]
    assert len(dataset) == 3 and target == 6 and (np.asarray(picture) == pixels[2]).all()


def png(level: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (3, 2), level).save(stream, "PNG")
    return stream.getvalue()


def test_lsun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Environment:
        def __init__(self, path: str, **options: Any) -> None:
            assert options["readonly"]
            count = 2 if "bridge" in path else 3
            self.values = {bytes([65 + number]): png(number + 10 * count) for number in range(count)}

        def begin(self, write: bool) -> Environment:
            return self

        def __enter__(self) -> Environment:
            return self

        def __exit__(self, *error: Any) -> None:
            pass

        def stat(self) -> dict[str, int]:
            return {"entries": len(self.values)}

        def cursor(self) -> Environment:
            return self

        def iternext(self, keys: bool, values: bool) -> Iterator[bytes]:
            return iter(self.values)

        def get(self, key: bytes) -> bytes:
            return self.values[key]

    monkeypatch.setitem(sys.modules, "lmdb", module("lmdb", open=Environment))
    dataset = datasets.LSUN(str(tmp_path), ["bridge_train", "tower_val"], target_transform=lambda target: target + 1)
    assert len(dataset) == 5 and [dataset[index][1] for index in range(5)] == [1, 1, 2, 2, 2]
    assert [dataset[index][0].getpixel((0, 0))[0] for index in range(5)] == [20, 21, 30, 31, 32]
    assert dataset[0][0].mode == "RGB" and "Classes: ['bridge_train', 'tower_val']" in repr(dataset)
    assert len(datasets.LSUN(tmp_path, "val")) == 29 and len(datasets.LSUN(tmp_path, "test")) == 3
    with pytest.raises(IndexError):
        dataset[5]
    for wrong, words in (
        (["boat_train"], "'boat' for LSUN class"),
        (["tower_x"], "'x' for postfix"),
        (3, "or Iterable"),
    ):
        with pytest.raises(ValueError, match=words):
            datasets.LSUN(tmp_path, wrong)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(ImportError):
        datasets.LSUNClass(str(tmp_path))


def test_coco_is_looked_up(tmp_path: Path) -> None:
    LAYOUTS["coco"].write(tmp_path)
    index = Index(tmp_path / "instances.json")
    assert (
        index.getImgIds() == [4, 7, 9] and index.getImgIds(catIds=[3]) == [4, 9] and index.getImgIds([4, 7], 3) == [4]
    )
    assert index.getImgIds(catIds=[3, 1]) == [9]
    assert index.getCatIds() == [3, 1] and index.getCatIds(catNms="car") == [3] and index.getCatIds(catIds=[1]) == [1]
    assert (
        index.getAnnIds() == [5, 2, 8]
        and index.getAnnIds(9) == [5, 2]
        and index.getAnnIds([9, 4], catIds=[3]) == [5, 8]
    )
    assert index.getAnnIds(areaRng=[20, 50]) == [5] and index.getAnnIds(iscrowd=True) == []
    assert index.loadCats(1) == [COCO["categories"][1]] and [part["id"] for part in index.loadAnns([8, 2])] == [8, 2]
    with pytest.raises(RuntimeError, match="annToMask needs pycocotools"):
        index.annToMask(index.anns[5])
    with pytest.raises(AttributeError):
        index.nonsense  # noqa: B018
    text(tmp_path / "instances.json", "[1]")
    with pytest.raises(RuntimeError, match=str(tmp_path / "instances.json")):
        Index(tmp_path / "instances.json")


# --- films --------------------------------------------------------------------------------------------------------------


def films(*counts: int, rate: float = 30.0) -> dict[str, Any]:
    return {
        "video_paths": [f"{number}.avi" for number in range(len(counts))],
        "video_pts": [flambeau.arange(count) for count in counts],
        "video_fps": [rate] * len(counts),
    }


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films of single pixels, which are the numbers of their pictures."""

    def read(path: str, first: int, last: int) -> np.ndarray:
        return np.arange(first, last, dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(3, 3)

    monkeypatch.setattr(video_utils, "read_frames", read)


def test_clips(frames: None) -> None:
    clips = video_utils.VideoClips([], 3, 2, _precomputed_metadata=films(8, 3, 5))
    assert len(clips) == clips.num_clips() == 6 and clips.num_videos() == 3 and clips.cumulative_sizes == [3, 4, 6]
    assert [clips.get_clip_location(index) for index in (0, 2, 3, 4)] == [(0, 0), (0, 2), (1, 0), (2, 0)]
    assert clips.clips[0].tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
    pictures, sound, information, film = clips.get_clip(5)
    assert pictures.shape == (3, 1, 1, 3) and pictures[:, 0, 0, 0].tolist() == [2, 3, 4] and film == 2
    assert sound.shape == (1, 0) and information == {"video_fps": 30.0}
    part = clips.subset([0, 2])
    assert len(part) == 5 and part.video_paths == ["0.avi", "2.avi"]
    again = pickle.loads(pickle.dumps(part))
    assert again.clips[1].tolist() == part.clips[1].tolist() and again.get_clip(4)[3] == 1
    with pytest.raises(IndexError, match=r"Index 6 out of range \(6 number of clips\)"):
        clips.get_clip(6)
    with pytest.raises(ValueError, match="'THWC' or 'TCHW'"):
        video_utils.VideoClips([], _precomputed_metadata=films(3), output_format="x")
    with pytest.warns(UserWarning, match="aren't enough frames"):
        assert len(video_utils.VideoClips([], 4, _precomputed_metadata=films(3))) == 0


def test_clips_at_another_rate(frames: None) -> None:
    half = video_utils.VideoClips([], 3, 1, 15, films(9), output_format="tchw")
    assert half.clips[0].tolist() == [[0, 2, 4], [2, 4, 6], [4, 6, 8]]
    pictures, _, information, _ = half.get_clip(1)
    assert (
        pictures.shape == (3, 3, 1, 1) and pictures[:, 0, 0, 0].tolist() == [2, 4, 6] and information["video_fps"] == 15
    )
    uneven = video_utils.VideoClips([], 3, 2, 20, films(9))  # pictures 0, 1.5, 3, 4.5, 6, 7.5
    assert uneven.clips[0].tolist() == [[0, 1, 3], [3, 4, 6]]
    assert uneven.get_clip(1)[0][:, 0, 0, 0].tolist() == [3, 4, 6]


def test_films_by_class_and_fold(tmp_path: Path, frames: None) -> None:
    for place in ("jump/a.avi", "jump/b.avi", "run/c.avi", "run/d.avi"):
        data(tmp_path / "films" / place, b"")
    text(tmp_path / "splits" / "jump_test_split1.txt", "a.avi 1", "b.avi 2")
    text(tmp_path / "splits" / "run_test_split1.txt", "c.avi 0", "d.avi 1")
    text(tmp_path / "splits" / "trainlist02.txt", "jump/b.avi 1", "run/c.avi 2")
    text(tmp_path / "splits" / "testlist02.txt", "jump/a.avi")
    known: dict[str, Any] = {"_precomputed_metadata": films(4, 3, 5, 3)}
    root, splits = str(tmp_path / "films"), str(tmp_path / "splits")
    train, test = (datasets.HMDB51(root, splits, 3, train=train, **known) for train in (True, False))
    assert len(train) == 3 and [train[index][2] for index in range(3)] == [0, 0, 1] and train.classes == ["jump", "run"]
    assert len(test) == 1 and test[0][2] == 0 and test.metadata["video_fps"] == [30.0] * 4
    other = datasets.UCF101(root, splits, 3, fold=2, transform=lambda pictures: pictures + 100, **known)
    assert len(other) == 4 and [other[index][2] for index in range(4)] == [0, 1, 1, 1]
    assert other[3][0][:, 0, 0, 0].tolist() == [102, 103, 104]
    data(tmp_path / "kinetics" / "val" / "run" / "1.mp4", b"")
    kinetics = datasets.Kinetics(tmp_path / "kinetics", 2, split="val", _precomputed_metadata=films(3))
    assert len(kinetics) == 2 and kinetics[1][0].shape == (2, 3, 1, 1) and kinetics[1][2] == 0
    wrapped = datasets.wrap_dataset_for_transforms_v2(kinetics)
    assert type(wrapped[0][0]).__name__ == "Video"
    with pytest.raises(RuntimeError, match="output_format='TCHW'"):
        datasets.wrap_dataset_for_transforms_v2(other)
    with pytest.raises(ValueError, match="fold should be between 1 and 3, got 4"):
        datasets.UCF101(root, splits, 3, fold=4)


def test_films_need_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match="pip install av"):
        video_utils.VideoClips([str(tmp_path / "a.avi")])


def test_samplers_of_clips() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clips = video_utils.VideoClips([], 3, _precomputed_metadata=films(12, 2, 5))
    uniform = UniformClipSampler(clips, 3)
    assert list(uniform) == [0, 4, 9, 10, 11, 12] and len(uniform) == 6
    drawn = RandomClipSampler(clips, 4)
    order = list(drawn)
    assert len(drawn) == len(order) == len(set(order)) == 7 and sum(index < 10 for index in order) == 4
    shares = [DistributedSampler(uniform, 2, rank, group_size=3) for rank in (0, 1)]  # type: ignore[arg-type]
    assert [list(share) for share in shares] == [[0, 4, 9], [10, 11, 12]]
    mixed = [DistributedSampler(range(7), 2, rank, shuffle=True) for rank in (0, 1)]
    assert sorted({index for share in mixed for index in share}) == list(range(7)) and len(mixed[0]) == 4
    before = list(mixed[0])
    mixed[0].set_epoch(3)
    assert list(mixed[0]) != before
    with pytest.raises(ValueError, match="multiplier of group size"):
        DistributedSampler(range(7), 1, 0, group_size=2)
    with pytest.raises(TypeError, match="instance of VideoClips"):
        UniformClipSampler([], 3)  # type: ignore[arg-type]


# --- getting files ------------------------------------------------------------------------------------------------------


def test_helpers(tmp_path: Path) -> None:
    pictures(tmp_path, "b/1.png", "a.png", "c.txt.png")
    assert utils.list_dir(tmp_path) == ["b"] and utils.list_dir(tmp_path, True) == [str(tmp_path / "b")]
    assert utils.list_files(str(tmp_path), ".png") == ["a.png", "c.txt.png"]
    utils.makedir_exist_ok(tmp_path / "b")
    for message, call in [
        ("Expected type str for argument x, but got type <class 'int'>.", lambda: utils.verify_str_arg(3, "x")),
        ("Expected type str, but got type <class 'int'>.", lambda: utils.verify_str_arg(3)),
        (
            "Unknown value 'c' for argument x. Valid values are {'a', 'b'}.",
            lambda: utils.verify_str_arg("c", "x", "ab"),
        ),
        ("no", lambda: utils.verify_str_arg("c", "x", "ab", "no")),
    ]:
        with pytest.raises(ValueError) as error:
            call()
        assert str(error.value) == message
    assert utils.verify_str_arg("a", valid_values="ab") == utils.verify_str_arg("a") == "a"
    for name, contents in (("x.bz2", bz2.compress(b"words")), ("y.txt.xz", lzma.compress(b"words"))):
        data(tmp_path / name, contents)
        made = utils.extract_archive(tmp_path / name, remove_finished=True)
        assert (
            made == (tmp_path / name).with_suffix("")
            and made.read_bytes() == b"words"
            and not (tmp_path / name).exists()
        )
        data(tmp_path / name, contents[:-9])
        with pytest.raises(RuntimeError, match="damaged"):
            utils.extract_archive(str(tmp_path / name))


def test_files_on_google_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(RuntimeError, match="'gdown' is required"):
        datasets.CelebA(tmp_path, download=True)

    def download(id: str, output: str, quiet: bool) -> None:
        Path(output).write_text(id)

    monkeypatch.setitem(sys.modules, "gdown", module("gdown", download=download))
    utils.download_url("https://drive.google.com/file/d/abc/view", tmp_path, "x")
    assert (tmp_path / "x").read_text() == "abc"
    with pytest.raises(RuntimeError, match="File not found or corrupted"):
        utils.download_file_from_google_drive("abc", tmp_path, "y", "0" * 32)


def test_data_sets_are_downloaded_where_they_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flambeau.vision.datasets import _files

    fetched = []

    def get(url: str, root: Path, filename: str, md5: str | None) -> None:
        fetched.append((url, str(Path(root, filename).relative_to(tmp_path)), md5))

    monkeypatch.setattr(_files, "download_url", get)
    monkeypatch.setattr(_files, "extract_archive", lambda path: fetched.append(("unpacked", path.name, None)))
    for cls, options, places in [
        ("DTD", {}, ["dtd/dtd-r1.0.1.tar.gz"]),
        ("SVHN", {"split": "extra"}, ["extra_32x32.mat"]),
        ("Flowers102", {}, [f"flowers-102/{name}" for name in ("102flowers.tgz", "imagelabels.mat", "setid.mat")]),
        ("VOCDetection", {"year": "2008"}, ["VOCtrainval_11-May-2012.tar"]),
        ("GTSRB", {"split": "test"}, [f"gtsrb/GTSRB_Final_Test_{part}.zip" for part in ("Images", "GT")]),
        ("Omniglot", {}, ["omniglot-py/images_background.zip"]),
        ("INaturalist", {"version": "2019"}, ["2019.tgz"]),
        ("Country211", {}, ["country211.tgz"]),
    ]:
        fetched.clear()
        with pytest.raises(RuntimeError, match=r"Dataset not found|Unable to find downloaded files"):
            getattr(datasets, cls)(tmp_path, download=True, **options)
        assert [place for url, place, _ in fetched if url != "unpacked"] == places
        assert all(len(md5 or "0" * 32) == 32 for _, _, md5 in fetched)
        archives = [Path(place).name for place in places if not place.endswith(".mat")]
        assert [place for url, place, _ in fetched if url == "unpacked"] == archives
    for cls in ("LFWPeople", "StanfordCars"):
        with pytest.raises(ValueError, match="no longer available|cannot be downloaded"):
            getattr(datasets, cls)(tmp_path, download=True)


# --- files that hold something else -------------------------------------------------------------------------------------

DAMAGES: list[tuple[str, str, dict[str, Any], bytes]] = [
    ("dtd", "dtd/dtd/labels/train1.txt", {}, b"woven\n"),
    ("dtd", "dtd/dtd/labels/train1.txt", {}, b"\xff\xfe/\xff"),
    ("food101", "food-101/meta/train.json", {}, b"{"),
    ("food101", "food-101/meta/train.json", {}, b"[1]"),
    ("clevr", "clevr/CLEVR_v1.0/scenes/CLEVR_train_scenes.json", {}, b'{"scenes": [{}]}'),
    ("fgvc_aircraft", "fgvc-aircraft-2013b/data/images_variant_trainval.txt", {}, b"1 Concorde"),
    ("flowers102", "flowers-102/setid.mat", {}, b"MATLAB 5.0"),
    ("svhn", "train_32x32.mat", {}, b"x" * 300),
    ("usps", "usps.bz2", {}, b"BZh9 no"),
    ("usps", "usps.bz2", {}, bz2.compress(b"3 1:0.5 2:1")),
    ("semeion", "semeion.data", {}, b"1 0 1\n"),
    ("stl10", "stl10_binary/train_X.bin", {}, b"x" * 100),
    ("moving_mnist", "MovingMNIST/mnist_test_seq.npy", {}, b"\x93NUMPY"),
    ("fer2013", "fer2013/train.csv", {}, b"emotion,pixels\n3,1 2 3\n"),
    ("celeba", "celeba/list_bbox_celeba.txt", {}, b"5\nx\na.jpg one\n"),
    ("widerface", "widerface/wider_face_split/wider_face_train_bbx_gt.txt", {}, b"a.jpg\n2\n1 2 3\n"),
    ("voc", "VOCdevkit/VOC2012/Annotations/a.xml", {}, b"<annotation>"),
    ("sbd", "cls/a.mat", {}, b""),
    ("kitti", "Kitti/raw/training/label_2/000000.txt", {}, b"Car 1 2\n"),
    ("oxford_iiit_pet", "oxford-iiit-pet/annotations/trainval.txt", {}, b"Abyssinian_1 1\n"),
    ("lfw", "lfw-py/people.txt", {}, b"2\n5\nAnn_Lee\t2\n"),
    ("places365", "places365_train_standard.txt", {}, b"/a/b.jpg one\n"),
    ("flickr", "page.html", {"ann_file": "{root}/page.html"}, b"<table><a>x</a>"),
]


@pytest.mark.parametrize("name, place, options, contents", DAMAGES, ids=[f"{d[0]} {n}" for n, d in enumerate(DAMAGES)])
def test_files_that_hold_something_else_are_named(
    name: str, place: str, options: dict[str, Any], contents: bytes, tmp_path: Path
) -> None:
    LAYOUTS[name].write(tmp_path)
    data(tmp_path / place, contents)
    cls, first = LAYOUTS[name].cases[0]
    placed = {key: value.format(root=tmp_path) if isinstance(value, str) else value for key, value in first.items()}
    with warnings.catch_warnings(), pytest.raises(RuntimeError, match=Path(place).name):
        warnings.simplefilter("ignore")
        dataset = getattr(datasets, cls)(root=str(tmp_path), **placed)
        for index in range(len(dataset)):
            dataset[index]


def test_maps_that_are_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "map"
    head = b"PIEH" + np.array([3, 2], "<i4").tobytes()
    for contents in (b"", b"PIEX" + bytes(60), head, head + bytes(47), b"PIEH" + b"\xff" * 80, head[:6]):
        data(path, contents)
        with pytest.raises(ValueError, match=str(path)):
            read_flo(path)
    for contents in (b"", b"P6\n1 1\n-1\n" + bytes(4), b"Pf\n3 2\n-1\n" + bytes(23), b"PF\n3 2\n-1\n" + bytes(24),
                     b"Pf\n3\n-1\n", b"Pf\n3 2\nx\n" + bytes(24), b"Pf\n999999999 999999999\n-1\n"):  # fmt: skip
        data(path, contents)
        with pytest.raises(ValueError, match=str(path)):
            read_pfm(path)
    levels = numbers(path, 2, 3).astype(">f4")
    data(path, b"Pf\n3 2\n1.0\n" + levels.tobytes())
    assert (read_pfm(path) == levels[::-1]).all()


def test_files_of_ones_own_are_used_with_a_warning(tmp_path: Path) -> None:
    LAYOUTS["svhn"].write(tmp_path)
    with pytest.warns(UserWarning, match="not the published file of SVHN") as warned:
        datasets.SVHN(tmp_path)
    assert warned[0].filename == __file__
