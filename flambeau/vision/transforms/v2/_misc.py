"""Transforms of dtypes and values, blur and noise, and of boxes and points that are of no use."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import flambeau

from ....nn.modules._layer import layer
from ....utils._pytree import tree_flatten, tree_unflatten
from ..._pillow import is_picture
from ...tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video, wrap
from .. import geometric as _places_v1
from .. import values as _v1
from . import functional as F
from ._transform import Transform
from ._utils import get_bounding_boxes, get_keypoints, has_any, labels_getter_of, two_numbers
from .functional import is_pure_tensor
from .functional._misc import valid_boxes, valid_points


class Identity(Transform):
    """Nothing at all."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt


class Lambda(Transform):
    """A function, of inputs of ``types`` (by default, of all)."""

    _transformed_types = (object,)

    def __init__(self, lambd: Callable[[Any], Any], *types: type) -> None:
        super().__init__()
        self.lambd = lambd
        self.types = types or self._transformed_types

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self.lambd(inpt) if isinstance(inpt, self.types) else inpt  # type: ignore[arg-type]

    def extra_repr(self) -> str:
        name = getattr(self.lambd, "__name__", None)
        return ", ".join([*([name] if name else []), f"types={[kind.__name__ for kind in self.types]}"])  # type: ignore[union-attr]


class _WithoutPillow(Transform):
    """Base of transforms that Pillow's pictures are refused by."""

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, is_picture):
            raise TypeError(f"{type(self).__name__}() does not support PIL images.")


class LinearTransformation(_WithoutPillow):
    """``(tensor - mean_vector) @ transformation_matrix`` of a picture laid out in a row."""

    _v1_transform_cls = _v1.LinearTransformation
    _transformed_types = (is_pure_tensor, Image, Video)

    def __init__(self, transformation_matrix: Any, mean_vector: Any) -> None:
        super().__init__()
        self._map = _v1.LinearTransformation(transformation_matrix, mean_vector)
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        output = self._map(inpt)
        return wrap(output, like=inpt) if isinstance(inpt, (Image, Video)) else output


@layer()
class Normalize(_WithoutPillow):
    """``(tensor - mean) / std`` for each channel."""

    _v1_transform_cls = _v1.Normalize

    mean: Any
    std: Any
    inplace: bool = False

    def _settle(self) -> None:
        self.mean, self.std = list(self.mean), list(self.std)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.normalize, inpt, mean=self.mean, std=self.std, inplace=self.inplace)


@layer()
class GaussianBlur(Transform):
    """Convolve with a Gaussian of ``kernel_size`` (x, y), and deviation ``sigma`` or within the range ``sigma``."""

    _v1_transform_cls = _v1.GaussianBlur

    kernel_size: Any
    sigma: Any = (0.1, 2.0)

    def _settle(self) -> None:
        size = self.kernel_size
        if not isinstance(size, (int, Sequence)) or (isinstance(size, Sequence) and len(size) not in (1, 2)):
            raise ValueError("Kernel size should be a tuple/list of two integers")
        self.kernel_size = _places_v1._pair(size)
        if any(side <= 0 or side % 2 == 0 for side in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        self.sigma = two_numbers(self.sigma, "sigma")
        if not 0.0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"sigma values should be positive and of the form (min, max). Got {self.sigma}")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"sigma": [_v1.GaussianBlur.get_params(*self.sigma)] * 2}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.gaussian_blur, inpt, self.kernel_size, **params)


@layer()
class GaussianNoise(Transform):
    """Add noise of deviation ``sigma``, as a share of full brightness; ``clip`` keeps it within the range."""

    mean: float = 0.0
    sigma: float = 0.1
    clip: bool = True

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.gaussian_noise, inpt, mean=self.mean, sigma=self.sigma, clip=self.clip)


class ToDtype(Transform):
    """Another dtype: of pictures and films, or, by a dictionary, of each kind of input (``"others"``: all that are left).

    With ``scale``, full brightness stays full brightness.
    """

    _transformed_types = (flambeau.Tensor,)

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        super().__init__()
        if not isinstance(dtype, (dict, flambeau.dtype)):
            raise ValueError(f"dtype must be a dict or a torch.dtype, got {type(dtype)} instead")
        if isinstance(dtype, dict) and flambeau.Tensor in dtype and (Image in dtype or Video in dtype):
            warnings.warn(
                "Got `dtype` values for `torch.Tensor` and either `tv_tensors.Image` or `tv_tensors.Video`. Note that a "
                "plain `torch.Tensor` will *not* be transformed by this (or any other transformation) in case a "
                "`tv_tensors.Image` or `tv_tensors.Video` is present in the input."
            )
        self.dtype = dtype
        self.scale = scale

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        is_bright = is_pure_tensor(inpt) or isinstance(inpt, (Image, Video))
        if not isinstance(self.dtype, dict):
            dtype = self.dtype if is_bright else None
        elif type(inpt) in self.dtype:
            dtype = self.dtype[type(inpt)]
        elif "others" in self.dtype:
            dtype = self.dtype["others"]
        else:
            raise ValueError(
                f"No dtype was specified for type {type(inpt)}. If you only need to convert the dtype of images or videos, "
                'you can just pass e.g. dtype=torch.float32. If you\'re passing a dict as dtype, you can use "others" as '
                'a catch-all key e.g. dtype={tv_tensors.Mask: torch.int64, "others": None} to pass-through the rest of '
                "the inputs."
            )
        if dtype is None:
            if isinstance(self.dtype, dict) and self.scale and is_bright:
                warnings.warn(
                    "scale was set to True but no dtype was specified for images or videos: no scaling will be done."
                )
            return inpt
        return self._call_kernel(F.to_dtype, inpt, dtype=dtype, scale=self.scale)


class ConvertImageDtype(Transform):
    """Another dtype, of the same brightness."""

    _v1_transform_cls = _v1.ConvertImageDtype

    def __init__(self, dtype: Any = flambeau.float32) -> None:
        super().__init__()
        self.dtype = dtype

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.to_dtype, inpt, dtype=self.dtype, scale=True)


# --- what is of no use ------------------------------------------------------------------------------------------------


class _Sanitize(Transform):
    """Base of transforms that remove objects, and their labels with them."""

    _labels_getter: Callable[[Any], Any]
    _what: str

    def _objects(self, flat_inputs: list[Any]) -> Any:
        raise NotImplementedError

    def _valid(self, objects: Any) -> Any:
        raise NotImplementedError

    def forward(self, *inputs: Any) -> Any:
        given = inputs if len(inputs) > 1 else inputs[0]
        labels = self._labels_getter(given)
        labels = (labels,) if isinstance(labels, flambeau.Tensor) else labels
        if labels is not None:
            wrong = [labels] if not isinstance(labels, (tuple, list)) else labels
            for entry in wrong:
                if not isinstance(entry, flambeau.Tensor):
                    raise ValueError(
                        f"The labels in the input to forward() must be a tensor or None, got {type(entry)} instead."
                    )
        flat_inputs, spec = tree_flatten(given)
        objects = self._objects(flat_inputs)
        for label in labels or ():
            if objects.shape[0] != label.shape[0]:
                raise ValueError(
                    f"Number of {self._what} (shape={objects.shape}) must match the number of labels."
                    f"Found labels with shape={label.shape})."
                )
        params = {"valid": self._valid(objects), "labels": labels}
        return tree_unflatten([self.transform(inpt, params) for inpt in flat_inputs], spec)

    def _is_label(self, inpt: Any, params: dict[str, Any]) -> bool:
        return any(inpt is label for label in params["labels"] or ())


class SanitizeBoundingBoxes(_Sanitize):
    """Remove boxes that are not within the picture, or too small; their labels and masks with them.

    ``labels_getter`` finds the labels: what is called so (``"default"``), what a function gives, or none (None).
    """

    _what = "boxes"

    def __init__(self, min_size: float = 1.0, min_area: float = 1.0, labels_getter: Any = "default") -> None:
        super().__init__()
        if min_size < 1:
            raise ValueError(f"min_size must be >= 1, got {min_size}.")
        if min_area < 1:
            raise ValueError(f"min_area must be >= 1, got {min_area}.")
        self.min_size = min_size
        self.min_area = min_area
        self.labels_getter = labels_getter
        self._labels_getter = labels_getter_of(labels_getter)

    def _objects(self, flat_inputs: list[Any]) -> Any:
        return get_bounding_boxes(flat_inputs)

    def _valid(self, objects: Any) -> Any:
        plain = objects.as_subclass(flambeau.Tensor)
        return valid_boxes(plain, objects.format, objects.canvas_size, self.min_size, self.min_area)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        is_label = self._is_label(inpt, params)
        if not is_label and not isinstance(inpt, (BoundingBoxes, Mask)):
            return inpt
        if isinstance(inpt, Mask) and inpt.shape[:1] != params["valid"].shape:  # one for all objects
            return inpt
        output = inpt[params["valid"]]
        return output if is_label else wrap(output, like=inpt)


class SanitizeKeyPoints(_Sanitize):
    """Remove points that are not within the picture, and their labels (``labels_getter``) with them."""

    _what = "keypoints"

    def __init__(self, labels_getter: Any = None) -> None:
        super().__init__()
        self.labels_getter = labels_getter
        self._labels_getter = labels_getter_of(labels_getter)

    def _objects(self, flat_inputs: list[Any]) -> Any:
        return get_keypoints(flat_inputs)

    def _valid(self, objects: Any) -> Any:
        return valid_points(objects.as_subclass(flambeau.Tensor), objects.canvas_size)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        is_label = self._is_label(inpt, params)
        if not is_label and not isinstance(inpt, KeyPoints):
            return inpt
        output = inpt[params["valid"]]
        return output if is_label else wrap(output, like=inpt)
