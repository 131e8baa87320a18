"""Transformations of graphs that PyTorch calls experimental."""
