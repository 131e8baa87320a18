"""The version of torchvision whose names and meanings this package has."""

from ..version import torchvision_version as __version__

__all__ = ["__version__", "cuda", "git_version"]

#: There are no kernels for GPUs.
cuda = None
git_version = "Unknown"
