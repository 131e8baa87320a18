"""``torch.mps``: Apple's graphics processors, of which there are none here."""

from .backends.absent import functions

globals().update(functions("mps"))
del functions
