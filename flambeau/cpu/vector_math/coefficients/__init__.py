"""The numbers that the vector functions are made of, a file a family, written by ``minimax.py``."""
