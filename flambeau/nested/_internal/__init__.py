"""What programs import of PyTorch's own files."""
