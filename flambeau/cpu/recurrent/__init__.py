"""Recurrent layers over packed sequences: all steps of a layer in one call, forwards, and backwards for the gradient.

Sequences know nothing of each other, so a tile takes some of them through all steps. At each step the states of those that are
under way are multiplied with the packed weight, and then a cell computes new states, element by element. How many sequences
have a step is read from memory. A sum of products is one chain of fused multiply-adds from zero, whoever computes it.
"""

from .backward import lower_recurrent_gradient
from .forward import lower_recurrent

__all__ = ["lower_recurrent", "lower_recurrent_gradient"]
