"""Processes that are started together, watched, and started anew: one process is started and watched (``run.py``)."""
