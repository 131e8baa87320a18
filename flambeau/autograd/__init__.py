"""Differentiation: recorded history, the engine that walks it backwards, and what users extend it with."""
