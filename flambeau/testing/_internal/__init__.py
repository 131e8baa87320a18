"""What programs take from the part of PyTorch's tests that its package contains."""
