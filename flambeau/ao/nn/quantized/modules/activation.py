"""Where PyTorch has these layers."""

from .elementwise import ELU, Hardswish, LeakyReLU, PReLU, ReLU6, Sigmoid, Softmax

__all__ = ["ELU", "Hardswish", "LeakyReLU", "PReLU", "ReLU6", "Sigmoid", "Softmax"]
