"""Flambeau and PyTorch side by side: see ``benchmarks/README.md``."""
