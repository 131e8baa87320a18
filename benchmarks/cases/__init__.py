"""The cases: each module has a ``CASE``, written once for both frameworks, and runs by itself to measure one of them."""
