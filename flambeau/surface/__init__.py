"""PyTorch's surface: every name of PyTorch's that programs reach is there, so that none stops at an import.

Most names are offered: they are where they are in PyTorch. For the others there are tables:

* ``pytorch_names.txt`` has the names that PyTorch has, by module, and what kind of thing each stands for
  (``torchvision_names.txt`` those of torchvision's modules that are not offered);
* ``inert.py`` has what is meaningless here (``torch.compiler.is_compiling``), and what it answers;
* what is in neither is *refused*: it can be imported, named in annotations, derived from and compared with, and raises
  ``NotImplementedError`` when it is used, naming itself (``refusals.py``).

``modules.py`` makes modules of the tables. A name that is offered one day takes the place of what stands here for it.
"""

from .modules import install, lookup, module_below

__all__ = ["install", "lookup", "module_below"]
