"""What an exported file gives beside PyTorch: in ``onnxruntime``, for the example inputs and for others."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from oracle import as_flambeau

import flambeau
import flambeau.onnx


def session(proto: Any) -> Any:
    """A session that runs a model, which must be a valid one."""
    onnx.checker.check_model(proto, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])


def tensors(value: Any) -> list[Any]:
    """The tensors of nested results in order."""
    if isinstance(value, (torch.Tensor, flambeau.Tensor)):
        return [value]
    if isinstance(value, dict):
        return [part for key in value for part in tensors(value[key])]
    return [part for member in value for part in tensors(member)] if isinstance(value, (list, tuple)) else []


def run(runner: Any, given: Sequence[Any]) -> list[np.ndarray]:
    """The outputs for PyTorch's tensors."""
    names = [one.name for one in runner.get_inputs()]
    return runner.run(None, dict(zip(names, [value.detach().numpy() for value in tensors(given)])))


def assert_same(found: list[np.ndarray], expected: Any, tolerance: float = 1e-5) -> None:
    """Outputs are what PyTorch gave: dtypes, sizes, values."""
    wanted = [value.detach().numpy() for value in tensors(expected)]
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        scale = max(1.0, float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0))) if theirs.dtype.kind == "f" else 1.0
        bound = 2e-3 if theirs.dtype == np.float16 else tolerance
        np.testing.assert_allclose(ours.astype(np.float64), theirs.astype(np.float64), rtol=bound, atol=bound * scale)


def module_of(library: Any, function: Callable[..., Any]) -> Any:
    """A function as a module of a library."""

    class Function(library.nn.Module):  # type: ignore[misc,name-defined]
        def forward(self, *args: Any) -> Any:
            return function(*args)

    return Function().eval()


def check(ours: Any, theirs: Any, args: Sequence[Any], others: Sequence[Sequence[Any]] = (), **options: Any) -> Any:
    """Export ``ours`` and compare what the file gives with ``theirs``, for the example and for other inputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = flambeau.onnx.export(ours, tuple(as_flambeau(list(args))), **options)
    runner = session(program.model_proto)
    with torch.no_grad():
        for given in (args, *others):
            assert_same(run(runner, given), theirs(*given))
    return program
