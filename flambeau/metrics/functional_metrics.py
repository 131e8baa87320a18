"""Metrics, under a name that programs use for them."""

from .classification import Accuracy, F1Score, Precision, Recall
from .functional import accuracy, f1_score, precision, recall

__all__ = ["Accuracy", "F1Score", "Precision", "Recall", "accuracy", "f1_score", "precision", "recall"]
