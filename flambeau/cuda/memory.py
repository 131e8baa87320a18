"""``torch.cuda.memory``: questions about memory of CUDA devices, answered for none."""

from ..backends.absent import functions

globals().update(functions("cuda.memory"))
del functions
