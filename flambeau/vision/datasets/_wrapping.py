"""Samples of published data sets as :mod:`flambeau.vision.transforms.v2` wants them: tensors that say what they are."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Collection
from copy import copy
from typing import Any

import flambeau

from .. import tv_tensors
from ..transforms.v2 import functional as F
from .vision import VisionDataset

Wrapper = Callable[[int, Any], Any]
Keys = Collection[str] | str | None

_VOC_NAMES = (
    "__background__ aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person "
    "pottedplant sheep sofa train tvmonitor"
).split()
_KITTI_NAMES = "Car Van Truck Pedestrian Person_sitting Cyclist Tram Misc DontCare".split()


def wrap_dataset_for_transforms_v2(dataset: Any, target_keys: Keys = None) -> Any:
    """The data set with boxes, masks and films that know what they are, for the transforms of ``transforms.v2``.

    ``target_keys`` chooses what the targets of ``CocoDetection``, ``VOCDetection``, ``Kitti`` and ``WIDERFace`` hold: names, or
    ``"all"``. ``TypeError`` for data sets of which it is not known what is what.
    """
    if not (
        target_keys is None
        or target_keys == "all"
        or (isinstance(target_keys, Collection) and all(isinstance(key, str) for key in target_keys))
    ):
        raise ValueError(
            "`target_keys` can be None, 'all', or a collection of strings denoting the keys to be returned, but got "
            f"{target_keys}"
        )
    cls = type(f"Wrapped{type(dataset).__name__}", (_Wrapped, type(dataset)), {})
    return cls(dataset, target_keys)


def _published(cls: type) -> str | None:
    """The name by which the package offers a class; None for others."""
    package = sys.modules[__package__]
    return cls.__name__ if getattr(package, cls.__name__, None) is cls else None


class _Wrapped:
    """Stands in front of a data set, whose transforms it takes over: these see what was wrapped."""

    def __init__(self, dataset: Any, target_keys: Keys) -> None:
        cls = type(dataset)
        if not isinstance(dataset, VisionDataset):
            raise TypeError(
                "This wrapper is meant for subclasses of `torchvision.datasets.VisionDataset`, but got a "
                f"'{cls.__name__}' instead. Wrap what other data sets give in `torchvision.tv_tensors` yourself."
            )
        known = [name for base in cls.__mro__ if (name := _published(base)) in _WRAPPERS]
        if not known:
            raise TypeError(f"No wrapper exists for dataset class {cls.__name__}. Please wrap the output yourself.")
        name = known[0]
        if target_keys is not None and name not in _WITH_KEYS:
            raise ValueError(
                "`target_keys` is currently only supported for `CocoDetection`, `VOCDetection`, `Kitti`, and `WIDERFace`, but "
                f"got {name}."
            )
        self._dataset = dataset
        self._target_keys = target_keys
        self._wrapper: Wrapper = _WRAPPERS[name](dataset, target_keys)
        for part in ("transform", "target_transform", "transforms"):
            setattr(self, part, getattr(dataset, part))
            setattr(dataset, part, None)

    def __getattr__(self, name: str) -> Any:
        if name == "_dataset":  # which is not there yet while it is unpickled
            raise AttributeError(name)
        return getattr(self._dataset, name)

    def __getitem__(self, index: int) -> Any:
        sample = self._wrapper(index, self._dataset[index])
        transforms: Any = self.transforms  # type: ignore[attr-defined]
        return sample if transforms is None else transforms(*sample)

    def __len__(self) -> int:
        return len(self._dataset)

    def __reduce__(self) -> Any:
        dataset = copy(self._dataset)
        for part in ("transform", "target_transform", "transforms"):
            setattr(dataset, part, vars(self)[part])
        return wrap_dataset_for_transforms_v2, (dataset, self._target_keys)


# --- what samples are made of -------------------------------------------------------------------------------------------


def _unsupported(what: str) -> RuntimeError:
    return RuntimeError(f"{what} is currently not supported by this wrapper.")


def _keys(wanted: Keys, available: str, default: str | None = None) -> set[str]:
    """The chosen ones of what is available. ``ValueError`` for others."""
    everything = set(available.split())
    if wanted is None:
        wanted = everything if default is None else default.split()
    chosen = everything if wanted == "all" else set(wanted)
    if extra := chosen - everything:
        raise ValueError(f"Target keys {sorted(extra)} are not available")
    return chosen


def _boxes(data: Any, picture: Any, format: str = "XYXY") -> Any:
    """Boxes in a picture, by their corners."""
    size = (picture.height, picture.width)
    return F.convert_bounding_box_format(
        tv_tensors.BoundingBoxes(data, format=format, canvas_size=size),
        new_format="XYXY",  # type: ignore[arg-type]
    )


def _by_key(dictionaries: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Lists of what the dictionaries have by key."""
    lists: dict[str, list[Any]] = defaultdict(list)
    for dictionary in dictionaries:
        for key, value in dictionary.items():
            lists[key].append(value)
    return dict(lists)


def _numbers(names: list[str], known: list[str]) -> Any:
    return flambeau.tensor([known.index(name) for name in names])


def _by_kind(kinds: list[str], changes: dict[str, Callable[[Any], Any]], target: Any) -> Any:
    """A target that is one part or a tuple of them, each changed by what there is for its kind."""
    parts = target if isinstance(target, (tuple, list)) else [target]
    changed = tuple(changes[kind](part) if kind in changes else part for kind, part in zip(kinds, parts))
    return changed[0] if len(changed) == 1 else changed


def _mask(picture: Any) -> Any:
    return tv_tensors.Mask(picture)


# --- data sets ----------------------------------------------------------------------------------------------------------


def _as_it_is(dataset: Any, keys: Keys) -> Wrapper:
    return lambda index, sample: sample


def _segmentation(dataset: Any, keys: Keys) -> Wrapper:
    return lambda index, sample: (sample[0], _mask(sample[1]))


def _film(dataset: Any, keys: Keys) -> Wrapper:
    if dataset.video_clips.output_format == "THWC":
        raise RuntimeError(
            f"{type(dataset).__name__} with `output_format='THWC'` is not supported by this wrapper, since it is not compatible "
            "with the transformations. Please use `output_format='TCHW'` instead."
        )
    return lambda index, sample: (tv_tensors.Video(sample[0]), *sample[1:])


def _caltech101(dataset: Any, keys: Keys) -> Wrapper:
    if "annotation" in dataset.target_type:
        raise _unsupported("Caltech101 dataset with `target_type=['annotation', ...]`")
    return _as_it_is(dataset, keys)


def _coco_mask(segmentation: Any, size: tuple[int, int]) -> Any:
    """What a polygon, several, or a run-length encoding covers of a picture (height, width)."""
    try:
        from pycocotools import mask
    except ImportError:
        raise RuntimeError("masks of COCO need pycocotools, which is not installed: pip install pycocotools") from None
    if isinstance(segmentation, dict):
        if not isinstance(segmentation["counts"], (str, bytes)):
            segmentation = mask.frPyObjects(segmentation, *size)
    elif isinstance(segmentation, list):
        segmentation = mask.merge(mask.frPyObjects(segmentation, *size))
    else:
        raise ValueError(f"COCO segmentation expected to be a dict or a list, got {type(segmentation)}")
    return flambeau.from_numpy(mask.decode(segmentation))


def _coco(dataset: Any, keys: Keys) -> Wrapper:
    chosen = _keys(
        keys, "segmentation area iscrowd image_id bbox category_id boxes masks labels", "image_id boxes labels"
    )

    def wrapper(index: int, sample: Any) -> Any:
        picture, things = sample
        number = dataset.ids[index]
        if not things:
            return picture, {"image_id": number}
        size = tuple(F.get_size(picture))
        lists = _by_key(things)
        made: dict[str, Callable[[], Any]] = {
            "image_id": lambda: number,
            "boxes": lambda: _boxes(lists["bbox"], picture, "XYWH"),
            "masks": lambda: tv_tensors.Mask(
                flambeau.stack([_coco_mask(part, size) for part in lists["segmentation"]])
            ),
            "labels": lambda: flambeau.tensor(lists["category_id"]),
        }
        return picture, {key: made[key]() if key in made else lists[key] for key in sorted(chosen)}

    return wrapper


def _voc(dataset: Any, keys: Keys) -> Wrapper:
    chosen = _keys(keys, "annotation boxes labels", "boxes labels")

    def wrapper(index: int, sample: Any) -> Any:
        picture, target = sample
        lists = _by_key(target["annotation"]["object"])
        made = dict(target) if "annotation" in chosen else {}
        if "boxes" in chosen:
            corners = [[int(box[side]) for side in ("xmin", "ymin", "xmax", "ymax")] for box in lists["bndbox"]]
            made["boxes"] = _boxes(corners, picture)
        if "labels" in chosen:
            made["labels"] = _numbers(lists["name"], _VOC_NAMES)
        return picture, made

    return wrapper


def _sbd(dataset: Any, keys: Keys) -> Wrapper:
    if dataset.mode == "boundaries":
        raise _unsupported("SBDataset with mode='boundaries'")
    return _segmentation(dataset, keys)


def _celeba(dataset: Any, keys: Keys) -> Wrapper:
    if {"attr", "landmarks"} & set(dataset.target_type):
        raise _unsupported("`CelebA` dataset with `target_type=['attr', 'landmarks', ...]`")

    def wrapper(index: int, sample: Any) -> Any:
        picture, target = sample
        return picture, _by_kind(dataset.target_type, {"bbox": lambda box: _boxes(box, picture, "XYWH")}, target)

    return wrapper


def _kitti(dataset: Any, keys: Keys) -> Wrapper:
    chosen = _keys(
        keys, "type truncated occluded alpha bbox dimensions location rotation_y boxes labels", "boxes labels"
    )

    def wrapper(index: int, sample: Any) -> Any:
        picture, things = sample
        if things is None:
            return sample
        lists = _by_key(things)
        made: dict[str, Callable[[], Any]] = {
            "boxes": lambda: _boxes(lists["bbox"], picture),
            "labels": lambda: _numbers(lists["type"], _KITTI_NAMES),
        }
        return picture, {key: made[key]() if key in made else lists[key] for key in sorted(chosen)}

    return wrapper


def _pet(dataset: Any, keys: Keys) -> Wrapper:
    def wrapper(index: int, sample: Any) -> Any:
        picture, target = sample
        return picture, None if target is None else _by_kind(dataset._target_types, {"segmentation": _mask}, target)

    return wrapper


def _instances(picture: Any) -> dict[str, Any]:
    """A mask for each thing, from pixels of its number, and what each is: numbers from 1000 on are thousands of that."""
    pixels = _mask(picture).as_subclass(flambeau.Tensor)
    numbers = pixels.unique()
    masks = flambeau.stack([pixels == number for number in numbers])
    return {"masks": tv_tensors.Mask(masks), "labels": flambeau.where(numbers >= 1000, numbers // 1000, numbers)}


def _cityscapes(dataset: Any, keys: Keys) -> Wrapper:
    if {"polygon", "color"} & set(dataset.target_type):
        raise _unsupported("`Cityscapes` dataset with `target_type=['polygon', 'color', ...]`")
    changes: dict[str, Callable[[Any], Any]] = {"instance": _instances, "semantic": _mask}
    return lambda index, sample: (sample[0], _by_kind(dataset.target_type, changes, sample[1]))


def _widerface(dataset: Any, keys: Keys) -> Wrapper:
    chosen = _keys(keys, "bbox blur expression illumination occlusion pose invalid")

    def wrapper(index: int, sample: Any) -> Any:
        picture, target = sample
        if target is None:
            return sample
        made = {key: target[key] for key in sorted(chosen)}
        if "bbox" in made:
            made["bbox"] = _boxes(made["bbox"], picture, "XYWH")
        return picture, made

    return wrapper


_WITH_KEYS = ("CocoDetection", "Kitti", "VOCDetection", "WIDERFace")

_WRAPPERS: dict[str | None, Callable[[Any, Keys], Wrapper]] = {
    **dict.fromkeys(
        (
            "CIFAR10", "CIFAR100", "Caltech256", "CocoCaptions", "DatasetFolder", "FashionMNIST", "GTSRB", "ImageFolder",
            "ImageNet", "Imagenette", "MNIST",
        ),
        _as_it_is,
    ),
    **dict.fromkeys(("HMDB51", "Kinetics", "UCF101"), _film),
    "Caltech101": _caltech101,
    "CelebA": _celeba,
    "Cityscapes": _cityscapes,
    "CocoDetection": _coco,
    "Kitti": _kitti,
    "OxfordIIITPet": _pet,
    "SBDataset": _sbd,
    "VOCDetection": _voc,
    "VOCSegmentation": _segmentation,
    "WIDERFace": _widerface,
}  # fmt: skip
