"""Transforms of functions, in the files in which PyTorch has them; programs use them by ``torch.func``."""
