"""What several operations on boxes and regions share."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import nn


def upcast(t: Any) -> Any:
    """``t`` in a dtype in which products of coordinates do not overflow: at least float32, or int32."""
    if t.is_floating_point():
        return t if t.dtype in (flambeau.float32, flambeau.float64) else t.float()
    return t if t.dtype in (flambeau.int32, flambeau.int64) else t.int()


#: Names by which programs with operations like these import parts of torchvision's.
_upcast = upcast


def _cat(tensors: list[Any], dim: int = 0) -> Any:
    return tensors[0] if len(tensors) == 1 else flambeau.cat(tensors, dim)


def reduced(loss: Any, reduction: str, zero_if_empty: bool = True) -> Any:
    """``loss`` itself, its mean (of nothing, zero) or its sum. ``ValueError`` for other reductions."""
    if reduction == "none":
        return loss
    if reduction == "mean":
        return 0.0 * loss.sum() if zero_if_empty and loss.numel() == 0 else loss.mean()
    if reduction == "sum":
        return loss.sum()
    raise ValueError(
        f"Invalid Value for arg 'reduction': '{reduction} \n Supported reduction modes: 'none', 'mean', 'sum'"
    )


def regions(boxes: Any) -> Any:
    """Boxes as rows (number of the picture, x1, y1, x2, y2): such rows already, or a list of (n, 4) for each picture.

    ``AssertionError`` for other shapes.
    """
    if isinstance(boxes, (list, tuple)):
        for of_picture in boxes:
            if of_picture.size(1) != 4:
                raise AssertionError("The shape of the tensor in the boxes list is not correct as List[Tensor[L, 4]]")
        return rows_of(boxes)
    if not isinstance(boxes, flambeau.Tensor):
        raise AssertionError("boxes is expected to be a Tensor[L, 5] or a List[Tensor[K, 4]]")
    given: Any = boxes
    if given.size(1) != 5:
        raise AssertionError("The boxes tensor shape is not correct as Tensor[K, 5]")
    return given


def rows_of(boxes: Any) -> Any:
    """A list of boxes (n, 4) for each picture as rows (number of the picture, x1, y1, x2, y2)."""
    numbers = [flambeau.full_like(of_picture[:, :1], number) for number, of_picture in enumerate(boxes)]
    return flambeau.cat([flambeau.cat(numbers), flambeau.cat(list(boxes))], dim=1)


def check_roi_boxes_shape(boxes: Any) -> None:
    """``AssertionError`` for what is neither rows of regions nor a list of boxes for each picture."""
    regions(boxes)


convert_boxes_to_roi_format = rows_of


def split_normalization_params(model: nn.Module, norm_classes: list[type] | None = None) -> tuple[list[Any], list[Any]]:
    """Trainable parameters of ``model``: those of normalisations (``norm_classes``), and the others."""
    if not norm_classes:
        from flambeau.nn.modules.batchnorm import _BatchNorm
        from flambeau.nn.modules.instancenorm import _InstanceNorm

        norm_classes = [_BatchNorm, nn.LayerNorm, nn.GroupNorm, _InstanceNorm, nn.LocalResponseNorm]
    for kind in norm_classes:
        if not issubclass(kind, nn.Module):
            raise ValueError(f"Class {kind} is not a subclass of nn.Module.")
    norms: list[Any] = []
    others: list[Any] = []
    for module in model.modules():
        inner = next(module.children(), None) is not None
        found = norms if not inner and isinstance(module, tuple(norm_classes)) else others
        found.extend(p for p in module.parameters(recurse=False) if p.requires_grad)
    return norms, others
