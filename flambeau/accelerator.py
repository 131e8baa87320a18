"""``torch.accelerator``: whichever device there is besides the CPU; here, none."""

from .backends.absent import functions

globals().update(functions("accelerator"))
del functions
