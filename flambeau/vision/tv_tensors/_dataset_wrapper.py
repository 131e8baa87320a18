"""Where torchvision has :func:`wrap_dataset_for_transforms_v2`."""

from ..datasets._wrapping import wrap_dataset_for_transforms_v2

__all__ = ["wrap_dataset_for_transforms_v2"]
