"""Mixed precision on CUDA devices, under its old names: see :mod:`flambeau.amp`."""

from .autocast_mode import autocast, custom_bwd, custom_fwd
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]
