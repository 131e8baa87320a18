"""Metrics as functions of one batch."""

from .classification import accuracy, f1_score, precision, recall

__all__ = ["accuracy", "f1_score", "precision", "recall"]
