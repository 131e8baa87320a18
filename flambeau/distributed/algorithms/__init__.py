"""What goes on between processes besides collectives: uneven inputs, hooks on gradients, averages of models."""

from .join import Join, Joinable, JoinHook

__all__ = ["Join", "JoinHook", "Joinable"]
