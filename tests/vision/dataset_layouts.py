"""Small data sets in their published layouts.

``LAYOUTS`` has, by name, the function that writes the files, and the classes that read them, with arguments.
"""

from __future__ import annotations

import bz2
import gzip
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from vision.small_files import (
    archive,
    data,
    idx,
    mat,
    numbers,
    picture,
    pictures,
    table,
    text,
)  # fmt: skip

Writer = Callable[[Path], None]


class Layout(NamedTuple):
    """Who writes the files, who reads them, and whether the order of torchvision's samples is the system's own."""

    write: Writer
    cases: list[tuple[str, dict[str, Any]]]
    unordered: bool = False


LAYOUTS: dict[str, Layout] = {}


def layout(*cases: tuple[str, dict[str, Any]], unordered: bool = False) -> Callable[[Writer], Writer]:
    """Adds a writer, by its name, with the classes that read what it writes."""

    def add(write: Writer) -> Writer:
        LAYOUTS[write.__name__] = Layout(write, list(cases), unordered)
        return write

    return add


# --- one directory for each class ---------------------------------------------------------------------------------------


@layout(("ImageFolder", {"root": "."}))
def image_folder(root: Path) -> None:
    pictures(root, "cat/1.png", "cat/deep/2.PNG", "ant/3.bmp")
    text(root / "ant" / "notes.txt", "no picture")


@layout(*(("Country211", {"split": split}) for split in ("train", "valid", "test")))
def country211(root: Path) -> None:
    for split in ("train", "valid", "test"):
        pictures(root / "country211" / split, "AD/1.png", f"BE/{split}.png")


@layout(("EuroSAT", {}))
def eurosat(root: Path) -> None:
    pictures(root / "eurosat" / "2750", "Forest/1.png", "River/2.png", "River/3.png")


@layout(("RenderedSST2", {}), ("RenderedSST2", {"split": "val"}))
def rendered_sst2(root: Path) -> None:
    for part in ("train", "valid"):
        pictures(root / "rendered-sst2" / part, "negative/1.png", f"positive/{part}.png")


@layout(("Imagenette", {}), ("Imagenette", {"split": "val", "size": "160px"}))
def imagenette(root: Path) -> None:
    pictures(root / "imagenette2" / "train", "n01440764/1.jpeg", "n03888257/2.jpeg", "n03888257/2.png")
    pictures(root / "imagenette2-160" / "val", "n02979186/1.jpeg", "n03888257/2.jpeg")


@layout(("GTSRB", {}), ("GTSRB", {"split": "test"}))
def gtsrb(root: Path) -> None:
    folder = root / "gtsrb"
    pictures(folder / "GTSRB" / "Training", "00000/1.ppm", "00001/2.ppm")
    pictures(folder / "GTSRB" / "Final_Test" / "Images", "00000.ppm", "00001.ppm")
    lines = ("Filename;Width;ClassId", "00000.ppm;6;16", "00001.ppm;6;1")
    text(folder / "GT-final_test.csv", *lines)


@layout(("Caltech101", {}), ("Caltech101", {"target_type": ["category", "annotation"]}))
def caltech101(root: Path) -> None:
    folder = root / "caltech101"
    for kind, outlines in (("Faces", "Faces_2"), ("ant", "ant")):
        for number in (1, 2):
            picture(folder / "101_ObjectCategories" / kind / f"image_{number:04d}.jpg")
            path = folder / "Annotations" / outlines / f"annotation_{number:04d}.mat"
            mat(path, obj_contour=numbers(path, 2, 4) / 4)
    picture(folder / "101_ObjectCategories" / "BACKGROUND_Google" / "image_0001.jpg")


@layout(("Caltech256", {}))
def caltech256(root: Path) -> None:
    folder = root / "caltech256" / "256_ObjectCategories"
    pictures(folder, "001.ak47/001_0001.jpg", "001.ak47/001_0002.jpg", "002.flag/002_0001.jpg")
    text(folder / "002.flag" / "notes", "no picture")


@layout(("Omniglot", {}), ("Omniglot", {"background": False}))
def omniglot(root: Path) -> None:
    folder = root / "omniglot-py"
    for part in ("images_background", "images_evaluation"):
        data(folder / f"{part}.zip", b"")
        pictures(
            folder / part, "Greek/character01/1.png", "Greek/character02/2.png", "Latin/character01/3.png", mode="L"
        )


SPECIES = (
    "00000_Animalia_Annelida_Clitellata_Haplotaxida_Lumbricidae_Lumbricus_terrestris",
    "00001_Animalia_Arthropoda_Insecta_Diptera_Culicidae_Aedes_albopictus",
    "00002_Plantae_Tracheophyta_Pinopsida_Pinales_Pinaceae_Pinus_mugo",
)


@layout(
    ("INaturalist", {"version": "2021_valid", "target_type": ["full", "kingdom", "genus"]}),
    ("INaturalist", {"version": "2017", "target_type": ["full", "super"]}),
    ("INaturalist", {"version": "2019"}),
)
def inaturalist(root: Path) -> None:
    pictures(root / "2021_valid", *(f"{species}/{number}.jpg" for species in SPECIES for number in (1, 2)))
    pictures(root / "2017", "Aves/Pica pica/1.jpg", "Aves/Turdus/2.jpg", "Plantae/Acer/3.jpg")
    pictures(root / "2019", "Birds/1/1.jpg", "Birds/2/2.jpg", "Plants/0/3.jpg")


@layout(("ImageNet", {}), ("ImageNet", {"split": "val"}))
def imagenet(root: Path) -> None:
    kinds = [("name", "O")] * 5
    fields = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children")
    synsets = np.array(
        [
            (1, "n01440764", "tench, Tinca tinca", "", 0),
            (2, "n01443537", "goldfish, Carassius auratus", "", 0),
            (3, "n00000001", "fish", "", 2),
        ],
        [(name, kind) for name, (_, kind) in zip(fields, kinds)],
    )
    kit = root / "ILSVRC2012_devkit_t12"
    mat(kit / "data" / "meta.mat", synsets=synsets)
    text(kit / "data" / "ILSVRC2012_validation_ground_truth.txt", "2", "1", "2")
    archive(root / "ILSVRC2012_devkit_t12.tar.gz", kit, "ILSVRC2012_devkit_t12")
    folder = root / "pictures"
    for wnid in ("n01440764", "n01443537"):
        pictures(folder / wnid, f"{wnid}_1.JPEG", f"{wnid}_2.JPEG")
        archive(folder / "train" / f"{wnid}.tar", folder / wnid, ".")
    archive(root / "ILSVRC2012_img_train.tar", folder / "train", ".")
    pictures(folder / "val", *(f"ILSVRC2012_val_0000000{number}.JPEG" for number in (1, 2, 3)))
    archive(root / "ILSVRC2012_img_val.tar", folder / "val", ".")


# --- lists of files -----------------------------------------------------------------------------------------------------


@layout(("DTD", {}), ("DTD", {"split": "test", "partition": 3}))
def dtd(root: Path) -> None:
    folder = root / "dtd" / "dtd"
    pictures(folder / "images", "woven/1.jpg", "banded/2.jpg", "banded/3.jpg")
    text(folder / "labels" / "train1.txt", "woven/1.jpg", "banded/2.jpg")
    text(folder / "labels" / "test3.txt", "banded/3.jpg")


@layout(("Food101", {}), ("Food101", {"split": "test"}))
def food101(root: Path) -> None:
    folder = root / "food-101"
    pictures(folder / "images", "soup/1.jpg", "soup/2.jpg", "cake/3.jpg")
    text(folder / "meta" / "train.json", json.dumps({"soup": ["soup/1"], "cake": ["cake/3"]}))
    text(folder / "meta" / "test.json", json.dumps({"soup": ["soup/2", "soup/1"]}))


@layout(
    ("FGVCAircraft", {}),
    ("FGVCAircraft", {"split": "test", "annotation_level": "manufacturer"}),
    ("FGVCAircraft", {"split": "test", "annotation_level": "family"}),
)
def fgvc_aircraft(root: Path) -> None:
    folder = root / "fgvc-aircraft-2013b" / "data"
    pictures(folder / "images", "1.jpg", "2.jpg")
    for level, names in (("variants", "707-320 A300B4"), ("families", "707 A300"), ("manufacturers", "Airbus Boeing")):
        text(folder / f"{level}.txt", *names.split())
    text(folder / "images_variant_trainval.txt", "2 A300B4", "1 707-320")
    text(folder / "images_manufacturer_test.txt", "1 Boeing")
    text(folder / "images_family_test.txt", "1 707", "2 A300")


@layout(("Flowers102", {}), ("Flowers102", {"split": "test"}), ("Flowers102", {"split": "val"}))
def flowers102(root: Path) -> None:
    folder = root / "flowers-102"
    pictures(folder / "jpg", *(f"image_{number:05d}.jpg" for number in range(1, 6)))
    mat(folder / "imagelabels.mat", labels=np.array([[7, 1, 102, 4, 5]], np.uint8))
    mat(
        folder / "setid.mat",
        trnid=np.array([[3, 1]], np.uint16),
        valid=np.array([[2, 5]], np.uint16),
        tstid=np.array([[4, 2, 5]], np.uint16),
    )


@layout(("StanfordCars", {}), ("StanfordCars", {"split": "test"}))
def stanford_cars(root: Path) -> None:
    folder = root / "stanford_cars"
    pictures(folder / "cars_train", "00001.jpg", "00002.jpg")
    pictures(folder / "cars_test", "00001.jpg", "00003.jpg")
    kind = [("fname", "O"), ("class", "O")]
    mat(folder / "devkit" / "cars_train_annos.mat", annotations=np.array([("00001.jpg", 2), ("00002.jpg", 1)], kind))
    mat(folder / "cars_test_annos_withlabels.mat", annotations=np.array([("00003.jpg", 1), ("00001.jpg", 2)], kind))
    mat(folder / "devkit" / "cars_meta.mat", class_names=np.array(["AM General Hummer", "Acura RL"], object))


@layout(("SUN397", {}), unordered=True)
def sun397(root: Path) -> None:
    folder = root / "SUN397"
    pictures(folder, "a/abbey/sun_1.jpg", "a/apartment/outdoor/sun_2.jpg", "a/abbey/sun_3.jpg")
    text(folder / "ClassName.txt", "/a/abbey", "/a/apartment/outdoor")


@layout(
    ("Places365", {}),
    ("Places365", {"split": "val", "small": True}),
    ("Places365", {"split": "test"}),
)
def places365(root: Path) -> None:
    text(root / "categories_places365.txt", "/a/airfield 0", "/a/alley 1")
    text(root / "places365_train_standard.txt", "/a/alley/1.jpg 1", "/a/airfield/2.jpg 0")
    text(root / "places365_val.txt", "1.jpg 1", "2.jpg 0")
    text(root / "places365_test.txt", "1.jpg", "2.jpg")
    pictures(root / "data_large_standard", "a/alley/1.jpg", "a/airfield/2.jpg")
    pictures(root / "val_256", "1.jpg", "2.jpg")
    pictures(root / "test_large", "1.jpg", "2.jpg")


@layout(("CLEVRClassification", {}), ("CLEVRClassification", {"split": "test"}))
def clevr(root: Path) -> None:
    folder = root / "clevr" / "CLEVR_v1.0"
    pictures(folder / "images" / "train", "1.png", "2.png")
    pictures(folder / "images" / "test", "3.png")
    scenes = [{"image_filename": f"{number}.png", "objects": [{}] * number} for number in (2, 1)]
    text(folder / "scenes" / "CLEVR_train_scenes.json", json.dumps({"scenes": scenes}))


@layout(
    ("OxfordIIITPet", {}),
    ("OxfordIIITPet", {"split": "test", "target_types": ["category", "binary-category", "segmentation"]}),
    ("OxfordIIITPet", {"target_types": []}),
)
def oxford_iiit_pet(root: Path) -> None:
    folder = root / "oxford-iiit-pet"
    names = ("Abyssinian_1", "great_pyrenees_2", "great_pyrenees_3")
    pictures(folder / "images", *(f"{name}.jpg" for name in names))
    pictures(folder / "annotations" / "trimaps", *(f"{name}.png" for name in names), mode="L")
    text(folder / "annotations" / "trainval.txt", "great_pyrenees_2 2 2 1", "Abyssinian_1 1 1 1")
    text(folder / "annotations" / "test.txt", "great_pyrenees_3 2 2 1")


@layout(
    ("LFWPeople", {}), ("LFWPeople", {"split": "train", "image_set": "original"}),
    ("LFWPairs", {}), ("LFWPairs", {"split": "test", "image_set": "deepfunneled"}),
)  # fmt: skip
def lfw(root: Path) -> None:
    folder = root / "lfw-py"
    for part, archived in (("lfw", "lfw"), ("lfw_funneled", "lfw-funneled"), ("lfw-deepfunneled", "lfw-deepfunneled")):
        data(folder / f"{archived}.tgz", b"")
        pictures(folder / part, "Ann_Lee/Ann_Lee_0001.jpg", "Ann_Lee/Ann_Lee_0002.jpg", "Bo/Bo_0001.jpg")
    text(folder / "lfw-names.txt", "Ann_Lee\t2", "Bo\t1")
    text(folder / "people.txt", "2", "1", "Ann_Lee\t2", "1", "Bo\t1")
    text(folder / "peopleDevTrain.txt", "2", "Bo\t1", "Ann_Lee\t1")
    text(folder / "pairs.txt", "2\t1", *["Ann_Lee\t1\t2", "Ann_Lee\t2\tBo\t1"] * 2)
    text(folder / "pairsDevTest.txt", "1", "Ann_Lee\t2\t1", "Bo\t1\tAnn_Lee\t1")


@layout(("SBU", {"download": False}))
def sbu(root: Path) -> None:
    data(root / "SBUCaptionedPhotoDataset.tar.gz", b"")
    folder = root / "dataset"
    addresses = [f"http://flickr.example/{number}.jpg" for number in (1, 2, 3)]
    text(folder / "SBU_captioned_photo_dataset_urls.txt", *addresses)
    text(folder / "SBU_captioned_photo_dataset_captions.txt", "one", "two", "three")
    pictures(folder, "1.jpg", "3.jpg")


@layout(("Flickr8k", {"ann_file": "{root}/page.html"}), ("Flickr30k", {"ann_file": "{root}/results.token"}))
def flickr(root: Path) -> None:
    pictures(root, "12_ab.jpg", "34_cd.jpg")
    text(root / "results.token", "34_cd.jpg#0\tA dog .", "12_ab.jpg#0\tA cat .", "34_cd.jpg#1\tOne dog .")
    rows = "".join(
        f"<tr><td><a href='x'>http://www.flickr.com/photos/1/{number}/</a><ul><li>A {what}. </li><li>One {what}.</li>"
        "</ul></td></tr>"
        for number, what in ((34, "dog"), (12, "cat"))
    )
    missing = "<tr><td>Image Not Found<ul><li>Nothing.</li></ul></td></tr>"
    text(root / "page.html", f"<html><body><table>{rows}{missing}</table></body></html>")


# --- boxes, masks, words ------------------------------------------------------------------------------------------------


@layout(
    ("CelebA", {}),
    ("CelebA", {"split": "all", "target_type": ["attr", "identity", "bbox", "landmarks"]}),
    ("CelebA", {"split": "Test", "target_type": "identity"}),
    ("CelebA", {"split": "valid", "target_type": []}),
)
def celeba(root: Path) -> None:
    folder = root / "celeba"
    names = [f"{number:06d}.jpg" for number in range(1, 7)]
    pictures(folder / "img_align_celeba", *names)
    text(folder / "list_eval_partition.txt", *(f"{name} {part}" for name, part in zip(names, (0, 1, 2, 0, 2, 1))))
    text(folder / "identity_CelebA.txt", *(f"{name} {number * 7}" for number, name in enumerate(names)))
    text(folder / "list_attr_celeba.txt", "5", "Bald Hat Smiling", *(f"{name}  1 -1  1" for name in names))
    boxes = (f"{name}  {number} 2  3 4" for number, name in enumerate(names))
    text(folder / "list_bbox_celeba.txt", "5", "image_id x_1 y_1 width height", *boxes)
    marks = " ".join("abcdefghij")
    text(
        folder / "list_landmarks_align_celeba.txt", "5", marks, *(f"{name} {' '.join('3141592653')}" for name in names)
    )


@layout(
    *(("Cityscapes", {"target_type": kind}) for kind in ("instance", ["semantic", "polygon", "color"])),
    ("Cityscapes", {"split": "val", "mode": "coarse", "target_type": "semantic"}),
)
def cityscapes(root: Path) -> None:
    for split, mode in (("train", "gtFine"), ("val", "gtCoarse")):
        for city in ("aachen", "ulm"):
            name = f"{city}_000000_000019"
            picture(root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png")
            folder = root / mode / split / city
            picture(folder / f"{name}_{mode}_color.png")
            picture(folder / f"{name}_{mode}_labelIds.png", "L")
            picture(folder / f"{name}_{mode}_instanceIds.png", "I;16", (2, 2))
            text(folder / f"{name}_{mode}_polygons.json", json.dumps({"objects": [city]}))


@layout(("Kitti", {}), ("Kitti", {"train": False}))
def kitti(root: Path) -> None:
    folder = root / "Kitti" / "raw"
    pictures(folder, "training/image_2/000000.png", "training/image_2/000001.png", "testing/image_2/000000.png")
    car = "Car 0.50 2 -1.57 1.00 2.00 3.00 4.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"
    text(folder / "training" / "label_2" / "000000.txt", car, car.replace("Car", "Van"))
    text(folder / "training" / "label_2" / "000001.txt", car)


@layout(("WIDERFace", {}), ("WIDERFace", {"split": "val"}), ("WIDERFace", {"split": "test"}))
def widerface(root: Path) -> None:
    folder = root / "widerface"
    for part in ("train", "val", "test"):
        pictures(folder / f"WIDER_{part}" / "images", "0--Parade/1.jpg", "1--Crowd/2.jpg")
    faces = ("0--Parade/1.jpg", "2", "1 2 3 4 0 1 0 2 0 1", "5 6 7 8 2 0 1 0 1 0 ")
    nobody = ("1--Crowd/2.jpg", "0", "0 0 0 0 0 0 0 0 0 0 ")
    text(folder / "wider_face_split" / "wider_face_train_bbx_gt.txt", *nobody, *faces)
    text(folder / "wider_face_split" / "wider_face_val_bbx_gt.txt", *faces)
    text(folder / "wider_face_split" / "wider_face_test_filelist.txt", "1--Crowd/2.jpg", "0--Parade/1.jpg")


THING = (
    "<object><name>{}</name><part/><bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>5</xmax><ymax>4</ymax></bndbox></object>"
)


@layout(
    ("VOCDetection", {}), ("VOCDetection", {"year": "2007", "image_set": "test"}),
    ("VOCDetection", {"year": "2011", "image_set": "trainval"}), ("VOCSegmentation", {"image_set": "val"}),
)  # fmt: skip
def voc(root: Path) -> None:
    for folder in ("VOCdevkit/VOC2012", "VOCdevkit/VOC2007", "TrainVal/VOCdevkit/VOC2011"):
        base = root / folder
        pictures(base / "JPEGImages", "a.jpg", "b.jpg")
        pictures(base / "SegmentationClass", "a.png", "b.png", mode="P")
        for kind in ("Main", "Segmentation"):
            for part in ("train", "val", "trainval", "test"):
                text(base / "ImageSets" / kind / f"{part}.txt", *("ab" if part == "trainval" else "ba"))
        size = "<size><width>6</width><height>5</height></size>"
        text(base / "Annotations" / "a.xml", f"<annotation>\n{size}{THING.format('dog', 1)}</annotation>")
        text(
            base / "Annotations" / "b.xml",
            f"<annotation>{size}{THING.format('cat', 1)} {THING.format('person', 3)}</annotation>",
        )


@layout(
    ("SBDataset", {}), ("SBDataset", {"mode": "segmentation", "image_set": "val"}),
    ("SBDataset", {"image_set": "train_noval"}),
)  # fmt: skip
def sbd(root: Path) -> None:
    for name in ("a", "b"):
        picture(root / "img" / f"{name}.jpg")
        path = root / "cls" / f"{name}.mat"
        outlines = np.empty((20, 1), object)
        for number in range(20):
            outlines[number, 0] = scipy.sparse.csc_matrix(numbers(path, 5, 6, high=2))
        mat(path, GTcls={"Segmentation": numbers(path, 5, 6, high=21), "Boundaries": outlines})
    text(root / "train.txt", "a", "b")
    text(root / "val.txt", "b")
    text(root / "train_noval.txt", "a")


@layout(("CocoDetection", {"annFile": "{root}/instances.json"}), ("CocoCaptions", {"annFile": "{root}/instances.json"}))
def coco(root: Path) -> None:
    pictures(root, "000000000009.jpg", "000000000004.jpg", "000000000007.jpg")
    text(root / "instances.json", json.dumps(COCO))


COCO: dict[str, Any] = {
    "images": [{"id": number, "file_name": f"{number:012d}.jpg", "height": 5, "width": 6} for number in (9, 4, 7)],
    "categories": [{"id": 3, "name": "car", "supercategory": "vehicle"}, {"id": 1, "name": "person"}],
    "annotations": [
        {
            "id": number, "image_id": image, "category_id": category, "bbox": [1, 1, 2.5, 3], "area": 7.5 * number,
            "iscrowd": 0, "segmentation": [[1, 1, 3.5, 1, 3.5, 4, 1, 4]], "caption": f"number {number}",
        }
        for number, image, category in ((5, 9, 3), (2, 9, 1), (8, 4, 3))
    ],
}  # fmt: skip


# --- arrays in files ----------------------------------------------------------------------------------------------------


@layout(
    ("STL10", {}), ("STL10", {"folds": 1}), ("STL10", {"split": "train+unlabeled"}), ("STL10", {"split": "unlabeled"}),
    ("STL10", {"split": "test"}), ("STL10", {"split": "train+unlabeled", "folds": 0}),
)  # fmt: skip
def stl10(root: Path) -> None:
    folder = root / "stl10_binary"
    for name, count in (("train", 3), ("unlabeled", 2), ("test", 2)):
        path = folder / f"{name}_X.bin"
        data(path, numbers(path, count, 3, 96, 96).tobytes())
        data(
            folder / f"{name}_y.bin", numbers(folder / f"{name}_y.bin", count, high=10).tobytes().replace(b"\0", b"\1")
        )
    text(folder / "class_names.txt", "airplane", "bird")
    text(folder / "fold_indices.txt", "0 2 ", "2 1 ")


@layout(*(("SVHN", {"split": split}) for split in ("train", "test", "extra")))
def svhn(root: Path) -> None:
    for split in ("train", "test", "extra"):
        path = root / f"{split}_32x32.mat"
        mat(path, X=numbers(path, 32, 32, 3, 3), y=np.array([[10], [1], [9]], np.uint8))


@layout(("USPS", {}), ("USPS", {"train": False}))
def usps(root: Path) -> None:
    for name in ("usps.bz2", "usps.t.bz2"):
        rows = numbers(root / name, 3, 256) / 128 - 1
        lines = [
            f"{label} " + " ".join(f"{place}:{level:.4f}" for place, level in enumerate(row, 1))
            for label, row in zip((10, 1, 4), rows)
        ]
        data(root / name, bz2.compress("\n".join(lines).encode()))


@layout(("SEMEION", {"download": False}))
def semeion(root: Path) -> None:
    pixels = numbers(root / "semeion.data", 3, 256, high=2)
    labels = np.eye(10, dtype=int)[[3, 0, 9]]
    rows = (" ".join([*(f"{level:.4f}" for level in row), *map(str, label)]) for row, label in zip(pixels, labels))
    text(root / "semeion.data", *rows)


@layout(("FER2013", {}), ("FER2013", {"split": "test"}))
def fer2013(root: Path) -> None:
    table(root / "fer2013" / "train.csv", ("emotion", "pixels"), (3, "pixels"), (0, "pixels"))
    table(root / "fer2013" / "test.csv", ("pixels",), ("pixels",))


@layout(("FER2013", {}), ("FER2013", {"split": "test"}))
def fer2013_whole(root: Path) -> None:
    rows = [
        (number, usage, "pixels") for number, usage in enumerate(("Training", "PublicTest", "Training", "PrivateTest"))
    ]
    table(root / "fer2013" / "icml_face_data.csv", ("emotion", " Usage", " pixels"), *rows)


@layout(*(("MovingMNIST", options) for options in ({}, {"split": "train"}, {"split": "test", "split_ratio": 19})))
def moving_mnist(root: Path) -> None:
    path = root / "MovingMNIST" / "mnist_test_seq.npy"
    path.parent.mkdir()
    np.save(path, numbers(path, 20, 2, 4, 3))


@layout(
    *(
        ("QMNIST", options)
        for options in ({}, {"what": "test", "compat": False}, {"what": "test10k"}, {"what": "nist"})
    ),
    ("QMNIST", {"train": False}),
)
def qmnist(root: Path) -> None:
    for name in ("qmnist-train", "qmnist-test", "xnist"):
        for part, array in (
            ("images-idx3-ubyte", numbers(Path(name), 3, 28, 28)),
            ("labels-idx2-int", numbers(Path(name), 3, 8, high=10, dtype=np.int32)),
        ):
            path = root / "QMNIST" / "raw" / f"{name}-{part}"
            data(path, idx(array))


@layout(
    *((name, {"train": train}) for name in ("MNIST", "FashionMNIST", "KMNIST") for train in (True, False)),
    ("EMNIST", {"split": "letters"}),
)
def mnist(root: Path) -> None:
    names = [(kind, half, "") for kind in ("MNIST", "FashionMNIST", "KMNIST") for half in ("train", "t10k")]
    for kind, half, prefix in [*names, ("EMNIST", "train", "emnist-letters-")]:
        for part, array in (
            ("images-idx3-ubyte", numbers(Path(kind + half), 3, 28, 28)),
            ("labels-idx1-ubyte", numbers(Path(kind + half), 3, high=10)),
        ):
            data(root / kind / "raw" / f"{prefix}{half}-{part}", idx(array))
            # Both must be there for torchvision.
            if kind != "EMNIST":
                data(root / kind / "raw" / f"{half}-{part}.gz", gzip.compress(idx(array), mtime=0))


@layout(("CIFAR10", {}), ("CIFAR10", {"train": False}), ("CIFAR100", {}))
def cifar(root: Path) -> None:
    names = [f"data_batch_{number}" for number in range(1, 6)]
    for name in [*names, "test_batch"]:
        path = root / "cifar-10-batches-py" / name
        data(path, pickle.dumps({"data": numbers(path, 2, 3072), "labels": [1, 2]}, 2))
    data(root / "cifar-10-batches-py" / "batches.meta", pickle.dumps({"label_names": ["plane", "car", "bird"]}, 2))
    folder = root / "cifar-100-python"
    for name in ("train", "test"):
        data(folder / name, pickle.dumps({"data": numbers(folder / name, 2, 3072), "fine_labels": [7, 8]}, 2))
    data(folder / "meta", pickle.dumps({"fine_label_names": ["x", "y"]}, 2))


@layout(("PhotoTour", {"name": "liberty"}), ("PhotoTour", {"name": "liberty", "train": False}))
def phototour(root: Path) -> None:
    folder = root / "liberty"
    for number in range(2):
        picture(folder / f"patches000{number}.bmp", "L", (128, 64))
    text(folder / "info.txt", *(f"{point} 0" for point in (0, 0, 1, 2)))
    text(folder / "m50_100000_100000_0.txt", "0 0 0 1 0 0 0", "2 1 0 3 2 0 0")
