"""``torch.xpu``: Intel's graphics processors, of which there are none here."""

from .backends.absent import functions

globals().update(functions("xpu"))
del functions
