"""What is done with whole graphs: shapes of their values, parts of them as modules, patterns in them."""

from . import shape_prop

__all__ = ["shape_prop"]
