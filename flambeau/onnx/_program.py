"""``ONNXProgram``: what ``torch.onnx.export`` gives."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import flambeau

from ..core.tensor import Tensor
from ..export import ExportedProgram
from ..utils import _pytree
from . import _package
from ._builder import CODES
from ._model import tensor_of
from .errors import OnnxExporterWarning

_LARGE = 1536 * 1024 * 1024
"""From how many bytes on weights are not in the model's own file, which is limited."""

_SMALL = 256
"""Constants of fewer bytes are always in the model's own file."""


class ONNXProgram:
    """A program in ONNX. Calling it runs it with ``onnxruntime``; :meth:`save` writes it to a file.

    ``model_proto`` is it as an object of the package ``onnx``, ``exported_program`` what it was made from.
    """

    def __init__(self, model_proto: Any, exported_program: ExportedProgram | None) -> None:
        self.model_proto, self.exported_program = model_proto, exported_program
        self._inference_session: Any = None
        self._tempdir: Any = None
        self._capture_strategy: str | None = "TorchExportNonStrictStrategy"

    @property
    def model(self) -> Any:
        """It as an object of the package ``onnx_ir``. ``ModuleNotFoundError`` if that is not installed."""
        return _package._package("onnx_ir", "ONNXProgram.model").serde.deserialize_model(self.model_proto)

    def __repr__(self) -> str:
        return f"ONNXProgram(\n    model=\n{_package.onnx().printer.to_text(self.model_proto)}\n)"

    # --- running -----------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Sequence[Tensor]:
        """The outputs, as a tuple, for what the module would be called with."""
        if self._inference_session is None:
            self.initialize_inference_session()
        given = self._given(args, kwargs)
        runtime = _package.onnx_runtime()
        values = {name: _runtime_value(runtime, value) for name, value in given.items()}
        found = self._inference_session.run_with_ort_values(None, values)
        return tuple([_from_runtime(value) for value in found])

    def call_reference(self, *args: Any, **kwargs: Any) -> Sequence[Tensor]:
        """The outputs as ONNX's reference implementation computes them."""
        evaluator = _package._package("onnx.reference", "torch.onnx").ReferenceEvaluator(self.model_proto)
        given = {name: np.asarray(_as_tensor(value).detach().numpy()) for name, value in self._given(args, kwargs).items()}
        return tuple([flambeau.from_numpy(np.asarray(value)) for value in evaluator.run(None, given)])

    def compute_values(
        self, value_names: Sequence[str], args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Sequence[Tensor]:
        """The values of these names, for arguments. ``ValueError`` for a name that nothing has."""
        onnx, graph = _package.onnx(), self.model_proto.graph
        known = {name for node in graph.node for name in node.output} | {one.name for one in (*graph.input, *graph.initializer)}
        for name in value_names:
            if name not in known:
                raise ValueError(f"Value '{name}' not found in the model. Please provide a valid value name.")
        model = onnx.ModelProto()
        model.CopyFrom(self.model_proto)
        del model.graph.output[:]
        model.graph.output.extend([onnx.ValueInfoProto(name=name) for name in value_names])
        return ONNXProgram(model, self.exported_program)(*args, **(kwargs or {}))

    def initialize_inference_session(self, initializer: Callable[[str | bytes], Any] | None = None) -> None:
        """Make the session that runs it: ``initializer`` gets the model's bytes, or a path if they are many."""
        if self.model_proto.ByteSize() > _LARGE:
            self._tempdir = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            path = os.path.join(self._tempdir.name, "model.onnx")
            self.save(path, external_data=True)
            model: str | bytes = path
        else:
            model = self.model_proto.SerializeToString()
        self._inference_session = (initializer or _session)(model)

    def release(self) -> None:
        """Give the session back."""
        self._inference_session = None
        if self._tempdir is not None:
            self._tempdir.cleanup()
            self._tempdir = None

    def _given(self, args: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs by name: tensors of the arguments in order."""
        program = self.exported_program
        if program is not None:
            kwargs = {name: kwargs[name] for name in (*[n for n in program._names if n in kwargs], *kwargs)}
        leaves = [leaf for leaf in _pytree.tree_leaves((args, kwargs)) if isinstance(leaf, (Tensor, np.ndarray))]
        constants = {one.name for one in self.model_proto.graph.initializer}
        names = [one.name for one in self.model_proto.graph.input if one.name not in constants]
        return dict(zip(names, leaves))

    # --- files -------------------------------------------------------------------------------------------------------

    def save(
        self, destination: Any, *, include_initializers: bool = True, keep_initializers_as_inputs: bool = False,
        external_data: bool | None = None,
    ) -> None:  # fmt: skip
        """Write it to a path. Weights lie in a file beside it with ``external_data``, and if there are very many bytes.

        ``keep_initializers_as_inputs`` lets weights be inputs too; without ``include_initializers`` they are not written.
        """
        onnx = _package.onnx()
        model = onnx.ModelProto()
        model.CopyFrom(self.model_proto)
        if keep_initializers_as_inputs:
            known = {one.name for one in model.graph.input}
            for one in model.graph.initializer:
                if one.name not in known:
                    model.graph.input.append(onnx.helper.make_tensor_value_info(one.name, one.data_type, [*one.dims]))
        if not include_initializers:
            del model.graph.initializer[:]
        if hasattr(destination, "write"):
            if external_data:
                raise TypeError("weights can lie in a file of their own only beside a path")
            destination.write(model.SerializeToString())
            return
        path = Path(destination)
        if external_data or model.ByteSize() > _LARGE:
            beside = f"{path.name}.data"
            path.with_name(beside).unlink(missing_ok=True)
            onnx.save_model(
                model, str(path), save_as_external_data=True, all_tensors_to_one_file=True, location=beside, size_threshold=_SMALL
            )  # fmt: skip
        else:
            path.write_bytes(model.SerializeToString())

    def apply_weights(self, state_dict: Mapping[str, Tensor]) -> None:
        """Put other values in the place of weights, by name."""
        places = {one.name: one for one in self.model_proto.graph.initializer}
        for name, value in state_dict.items():
            if name in places:
                places[name].CopyFrom(tensor_of(value, name))
            else:
                warnings.warn(
                    f"Weight '{name}' not found in the model. Skipped applying.", OnnxExporterWarning, stacklevel=2
                )
        self.release()

    def optimize(self) -> None:
        """Nothing is left to be done: runtimes fold constants and fuse when they load it."""

    def rename_axes(self, rename_mapping: Mapping[str, str]) -> None:
        """Call sizes that may differ otherwise."""
        graph = self.model_proto.graph
        for value in (*graph.input, *graph.output, *graph.value_info):
            for dim in value.type.tensor_type.shape.dim:
                if dim.dim_param in rename_mapping:
                    dim.dim_param = rename_mapping[dim.dim_param]


# --- values of the runtime -------------------------------------------------------------------------------------------


def _session(model: str | bytes) -> Any:
    runtime = _package.onnx_runtime()
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _as_tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else flambeau.from_numpy(np.asarray(value))


def _runtime_value(runtime: Any, value: Any) -> Any:
    tensor = _as_tensor(value).detach()
    if tensor.dtype is flambeau.bfloat16:
        bits = tensor.contiguous().view(flambeau.int16).numpy().view(np.uint16)
        return runtime.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, CODES["bfloat16"])
    return runtime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(tensor.numpy()).reshape(tensor.shape))


def _from_runtime(value: Any) -> Tensor:
    if value.element_type() == CODES["bfloat16"]:
        return flambeau.from_dlpack(value._get_c_value())
    return flambeau.from_numpy(np.asarray(value.numpy()))
