"""Processes that are started together, and what became of them."""

from .errors import ChildFailedError, ProcessFailure

__all__ = ["ChildFailedError", "ProcessFailure"]
