"""Hooks that reduce the gradients of a ``DistributedDataParallel``."""
