"""PyTorch's own databases of operations, layers and optimisers (``torch.testing._internal``), run against Flambeau.

``python -m conformance`` compares what each gives for PyTorch's samples, and writes ``docs/compatibility.md``. Nothing is left
out by a pattern: what is not compared is counted, with the reason. Only this folder and the tests import PyTorch.
"""
