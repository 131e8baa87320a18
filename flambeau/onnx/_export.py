"""``torch.onnx.export``: a module, a program or a scripted function as a file of ONNX."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..core.tensor import Tensor
from ..export import Dim, ExportedProgram, save
from ..export._export import NotWrittenError, record
from ..export.graph_signature import InputKind
from ..graph.notices import warn
from ..nn.modules.module import Module
from . import _package, _state
from ._enumerations import OperatorExportTypes, TrainingMode
from ._model import model_of
from ._program import ONNXProgram
from ._translate import translate
from .errors import OnnxExporterError, OnnxExporterWarning, UnsupportedOperatorError

DEFAULT_OPSET = 20
FIRST_OPSET, SURE_OPSET, LAST_OPSET = 13, 17, 23
"""The operator sets that translations are written for: some need more than there is before the second."""


def export(
    model: Any, args: tuple[Any, ...] = (), f: str | os.PathLike[str] | Any = None, *, kwargs: dict[str, Any] | None = None,
    verbose: bool | None = None, input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None,
    opset_version: int | None = None, dynamo: bool = True, external_data: bool = True,
    dynamic_shapes: dict[str, Any] | tuple[Any, ...] | list[Any] | None = None,
    custom_translation_table: dict[Callable[..., Any], Callable[..., Any]] | None = None, report: bool = False,
    optimize: bool = True, verify: bool = False, profile: bool = False, dump_exported_program: bool = False,
    artifacts_dir: str | os.PathLike[str] = ".", export_params: bool = True, keep_initializers_as_inputs: bool = False,
    dynamic_axes: Mapping[str, Mapping[int, str]] | Mapping[str, Sequence[int]] | None = None,
    training: TrainingMode = TrainingMode.EVAL, operator_export_type: OperatorExportTypes = OperatorExportTypes.ONNX,
    do_constant_folding: bool = True, custom_opsets: Mapping[str, int] | None = None,
    export_modules_as_functions: bool | Any = False, autograd_inlining: bool = True,
) -> ONNXProgram | None:  # fmt: skip
    """Write what a module does with example inputs as ONNX, to the path or file ``f`` if it is given.

    With ``dynamo`` (as always here for a program of ``torch.export``) gives an :class:`ONNXProgram`; values that Python looks
    at are refused. Without, gives None and needs ``f``: the module is put into the mode ``training``, and values that are
    looked at become part of the program. Sizes are those of the examples, but for ``dynamic_shapes`` (as for
    ``torch.export.export``; a string names a size) or ``dynamic_axes``: {name of an input: {axis: name of its size}}.

    Translations by ``custom_translation_table`` are functions of the builder that is also given to those of
    ``register_custom_op_symbolic``. Needs the package ``onnx``. ``OnnxExporterError`` for what cannot be written.
    """
    _package.onnx()
    if operator_export_type is not OperatorExportTypes.ONNX:
        raise NotImplementedError(f"torch.onnx.export writes operators of ONNX alone, not {operator_export_type}")
    if export_modules_as_functions:
        raise NotImplementedError("torch.onnx.export does not write modules as functions")
    if report or profile:
        raise NotImplementedError("torch.onnx.export writes neither reports nor profiles")
    args = (args,) if isinstance(args, Tensor) else tuple(args)
    modern = dynamo or isinstance(model, ExportedProgram)
    if not modern:
        warn(
            "You are using the legacy TorchScript-based ONNX export. Starting in PyTorch 2.9, the new torch.export-based ONNX "
            "exporter has become the default.",
            DeprecationWarning,
        )
        if dynamic_shapes:
            raise ValueError(
                "The exporter only supports dynamic shapes through parameter dynamic_axes when dynamo=False."
            )
        if f is None:
            raise TypeError("torch.onnx.export with dynamo=False needs f, the path or file to write to")
    elif isinstance(model, Module) and model.training:
        warn(
            "Exporting a model while it is in training mode. Please ensure that this is intended, as it may lead to different "
            "behavior during inference. Calling model.eval() before export is recommended."
        )
    if not kwargs and args and isinstance(args[-1], dict) and not isinstance(model, ExportedProgram):
        args, kwargs = args[:-1], args[-1]
    inputs, outputs = _checked_names(input_names, "Input"), _checked_names(output_names, "Output")
    with _state.exporting(), _mode(model, TrainingMode.PRESERVE if modern else training):
        captured = _captured(model, args, kwargs, dynamic_shapes, dynamic_axes, inputs, outputs, not modern)
        named = inputs, outputs, dynamic_axes
        program = _converted(captured, opset_version, *named, do_constant_folding, custom_translation_table)
    if dump_exported_program:
        save(captured, os.path.join(artifacts_dir, "exported_program.pt2"))
    for domain, version in (custom_opsets or {}).items():
        for one in program.model_proto.opset_import:
            if one.domain == domain:
                one.version = version
    if verify:
        from .testing import assert_onnx_program

        assert_onnx_program(program)
    if verbose:
        model_proto = program.model_proto
        print(f"[torch.onnx] {len(model_proto.graph.node)} nodes, operator set {model_proto.opset_import[0].version}")
    as_inputs = keep_initializers_as_inputs or not modern and not export_params
    _write(program, f, modern, external_data, export_params, as_inputs)
    return program if modern else None


def _checked_names(names: Sequence[str] | None, what: str) -> list[str]:
    found = [*(names or ())]
    twice = [name for place, name in enumerate(found) if name in found[:place]]
    if twice:
        raise ValueError(f"{what} names cannot be duplicated: {twice}")
    return found


@contextmanager
def _mode(model: Any, mode: TrainingMode) -> Iterator[None]:
    """A block in which a module is in training, or is not."""
    if not isinstance(model, Module) or mode is TrainingMode.PRESERVE:
        yield
        return
    before = [(part, part.training) for part in model.modules()]
    model.train(mode is TrainingMode.TRAINING)
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


# --- what is to be written -------------------------------------------------------------------------------------------


class _Called(Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._called = function
        self.__dict__["forward"] = function


def _captured(
    model: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None, shapes: Any, axes: Any, inputs: list[str],
    outputs: list[str], bake: bool,
) -> ExportedProgram:  # fmt: skip
    """The operations of a model; those of a program are there."""
    if isinstance(model, ExportedProgram):
        return model
    if not isinstance(model, Module):
        if not callable(model):
            raise TypeError(f"Expected a module, a program or a function, got {type(model).__name__}")
        model = _Called(model)
    given: Any = shapes
    if shapes is None and axes:
        if not bake:
            warn("'dynamic_axes' is not recommended when dynamo=True. Supply the 'dynamic_shapes' argument instead.")
        given = _ByName(axes, inputs, outputs)
    try:
        return record(model, args, kwargs, _named(given), bake)
    except NotWrittenError as error:
        site = "" if error.site is None else f" (at {error.site[0]}:{error.site[1]})"
        raise UnsupportedOperatorError(f"aten::{error.operation}", DEFAULT_OPSET, None, site) from error
    except (RuntimeError, NotImplementedError) as error:
        if str(error).startswith("torch.export:"):
            raise OnnxExporterError(f"Failed to capture the module: {str(error).removeprefix('torch.export: ')}") from error
        raise


def _named(shapes: Any) -> Any:
    """What is said of sizes, with a ``Dim`` in the place of a name."""
    known: dict[str, Dim] = {}

    def changed(value: Any) -> Any:
        if isinstance(value, str):
            return known.setdefault(value, Dim(value if value.isidentifier() else f"s{len(known)}"))
        if isinstance(value, dict):
            return {key: changed(part) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(map(changed, value))
        return value

    return changed(shapes) if not isinstance(shapes, _ByName) else shapes


class _ByName:
    """What ``dynamic_axes`` says: which sizes of which inputs may differ, by the inputs' names."""

    def __init__(self, axes: Mapping[str, Any], inputs: list[str], outputs: list[str]) -> None:
        for name, said in axes.items():
            if not isinstance(said, (Mapping, Sequence)) or any(not isinstance(axis, int) for axis in said):
                raise ValueError(
                    "The axis in dynamic_axes must be in the form of: dict[int, str] or list[int], "
                    f"but {name!r} has {said!r}"
                )
        self._axes, self._inputs, self._outputs = axes, inputs, outputs

    def __call__(self, paths: list[str], leaves: list[Any]) -> dict[str, dict[int, Any]]:
        """{input as the program calls it: {axis: name of its size}}."""
        tensors = [(path, leaf) for path, leaf in zip(paths, leaves) if isinstance(leaf, Tensor)]
        names = {name: place for place, name in enumerate(self._inputs[: len(tensors)])}
        names |= {path: place for place, (path, _) in enumerate(tensors) if path not in names and place >= len(self._inputs)}
        found: dict[str, dict[int, Any]] = {}
        for name, said in self._axes.items():
            if name not in names:
                if name not in self._outputs and self._outputs:
                    warn(f"Provided key {name} for dynamic axes is not a valid input/output name", OnnxExporterWarning)
                continue
            path, leaf = tensors[names[name]]
            found[path] = {axis % leaf.ndim: size for axis, size in named_axes(name, said).items()}
        return found


def named_axes(name: str, said: Any) -> dict[int, str]:
    """{axis: name of its size}; sizes without a name are numbered."""
    if isinstance(said, Mapping):
        return dict(said)
    return {axis: f"{name}_dynamic_axes_{number}" for number, axis in enumerate(said, 1)}


# --- the file --------------------------------------------------------------------------------------------------------


def _converted(
    captured: ExportedProgram, opset: int | None, inputs: list[str], outputs: list[str], axes: Any, fold: bool,
    custom: Mapping[Any, Callable[..., Any]] | None,
) -> ONNXProgram:  # fmt: skip
    wanted = DEFAULT_OPSET if opset is None else opset
    version = min(wanted if wanted >= FIRST_OPSET else SURE_OPSET, LAST_OPSET)
    try:
        model = _model(captured, version, inputs, outputs, axes, fold, custom)
        if version < SURE_OPSET:
            _package.onnx().checker.check_model(model)
    except Exception as error:
        if version >= SURE_OPSET or isinstance(error, UnsupportedOperatorError) and "try exporting" not in str(error):
            raise
        version = SURE_OPSET
        model = _model(captured, version, inputs, outputs, axes, fold, custom)
    if wanted != version:
        model = _of_version(model, wanted, version)
    return ONNXProgram(model, captured)


def _model(
    captured: ExportedProgram, version: int, inputs: list[str], outputs: list[str], axes: Any, fold: bool,
    custom: Mapping[Any, Callable[..., Any]] | None,
) -> Any:  # fmt: skip
    """A program in an operator set."""
    translated = translate(captured, version, inputs, outputs, fold, custom)
    users = [spec.arg.name for spec in captured.graph_signature.input_specs if spec.kind is InputKind.USER_INPUT]
    tensors = [name for name in users if name in captured._sizes]
    names: dict[str, dict[int, str]] = {
        value.name: captured._dims.get(path, {}) for (value, _), path in zip(translated.inputs, tensors)
    }
    for name, said in (axes or {}).items():
        if name in outputs:
            names[name] = named_axes(name, said)
    return model_of(translated, names)


def _of_version(model: Any, wanted: int, version: int) -> Any:
    """A model in another operator set, if ONNX can convert it; a warning says if it cannot."""
    onnx = _package.onnx()
    try:
        converter = _package._package("onnx.version_converter", "torch.onnx")
        converted = converter.convert_version(model, wanted)
        onnx.checker.check_model(converted)
        return converted
    except Exception as error:
        warnings.warn(
            f"The model is written for operator set {version}: it cannot be converted to {wanted} ({str(error).splitlines()[0]})",
            OnnxExporterWarning,
            stacklevel=5,
        )
        return model


def _write(program: ONNXProgram, f: Any, modern: bool, external_data: bool, params: bool, as_inputs: bool) -> None:
    if f is None:
        return
    if isinstance(f, io.BytesIO) or hasattr(f, "write"):
        if modern:
            warn("Saving ONNX model to a BytesIO object is deprecated. Please use a file path instead.", DeprecationWarning)
        program.save(f, include_initializers=params, keep_initializers_as_inputs=as_inputs)
        return
    program.save(
        f, include_initializers=params, keep_initializers_as_inputs=as_inputs, external_data=external_data and modern
    )


