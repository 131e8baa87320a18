"""The recorded program: dtypes, shapes and views, primitives, and the trace that recording follows."""
