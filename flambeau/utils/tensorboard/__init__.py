"""Event files for TensorBoard. They are written here, so that the package ``tensorboard`` is needed for looking at them alone."""

from .writer import FileWriter, SummaryWriter

__all__ = ["FileWriter", "SummaryWriter"]
