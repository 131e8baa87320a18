"""Operations, one file a family; each operation is one contiguous block: its gradient, its function, its docstring."""
