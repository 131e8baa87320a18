"""``torch.onnx.export``: what it takes, what it writes, and what it refuses, beside PyTorch's."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx_exported import assert_same, run, session

import flambeau
import flambeau.export
import flambeau.onnx
import flambeau.onnx.symbolic_helper
import flambeau.onnx.utils
from flambeau import nn
from flambeau._ops import namespace
from flambeau.onnx.errors import OnnxExporterError, OnnxExporterWarning, UnsupportedOperatorError

X = np.random.default_rng(0).standard_normal((2, 3), np.float32)


def layers(T: Any) -> Any:
    T.manual_seed(0)
    return T.nn.Sequential(T.nn.Linear(3, 4), T.nn.ReLU(), T.nn.Linear(4, 2)).eval()


def export(model: Any, *args: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return flambeau.onnx.export(model, args or (flambeau.tensor(X),), **options)


def sizes(value: Any) -> list[Any]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def described(model: Any) -> Any:
    return [(one.name, sizes(one), one.type.tensor_type.elem_type) for one in (*model.graph.input, *model.graph.output)]


@pytest.mark.parametrize("options", [
    {}, {"input_names": ["in"], "output_names": ["out"]},
    {"input_names": ["in"], "output_names": ["out"], "dynamic_axes": {"in": {0: "batch"}, "out": {0: "batch"}}},
    {"input_names": ["in"], "output_names": ["out"], "dynamic_axes": {"in": [0], "out": [0]}},
    {"input_names": ["in"], "output_names": ["out"], "keep_initializers_as_inputs": True},
    {"input_names": ["in"], "output_names": ["out"], "export_params": False},
])  # fmt: skip
def test_inputs_and_outputs_are_called_as_pytorch_s(options: Any) -> None:
    ours, theirs = io.BytesIO(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert flambeau.onnx.export(layers(flambeau), (flambeau.tensor(X),), ours, dynamo=False, **options) is None
        torch.onnx.export(layers(torch), (torch.tensor(X),), theirs, dynamo=False, **options)
    found, wanted = onnx.load_from_string(ours.getvalue()), onnx.load_from_string(theirs.getvalue())
    if options:
        assert described(found) == described(wanted)
    assert sorted(one.name for one in found.graph.initializer) == sorted(one.name for one in wanted.graph.initializer)
    assert found.opset_import[0].version == wanted.opset_import[0].version


def test_files(tmp_path: Path) -> None:
    model, path = layers(flambeau), tmp_path / "model.onnx"
    program = export(model, f=path)
    assert path.exists() and not (tmp_path / "model.onnx.data").exists()  # the weights are few
    wide = nn.Linear(40, 30)
    export(wide, flambeau.ones(2, 40), f=str(path))
    assert (tmp_path / "model.onnx.data").stat().st_size >= 4 * 40 * 30
    loaded = onnx.load(str(path))
    assert onnx.numpy_helper.to_array(loaded.graph.initializer[0]).shape == (30, 40)
    export(wide, flambeau.ones(2, 40), f=tmp_path / "one.onnx", external_data=False)
    assert not (tmp_path / "one.onnx.data").exists()
    file = io.BytesIO()
    with pytest.warns(DeprecationWarning, match="BytesIO"):
        flambeau.onnx.export(model, (flambeau.tensor(X),), file)
    assert file.getvalue() == program.model_proto.SerializeToString()
    program.save(tmp_path / "bare.onnx", include_initializers=False, keep_initializers_as_inputs=True)
    assert len(onnx.load(str(tmp_path / "bare.onnx")).graph.input) == 5
    with pytest.raises(TypeError, match="needs f"):
        export(model, dynamo=False)


def test_what_may_be_exported() -> None:
    model, x = layers(flambeau), flambeau.tensor(X)
    wanted = model(x).detach()
    exported = flambeau.export.export(model, (x,))
    file = io.BytesIO()
    flambeau.export.save(exported, file)
    file.seek(0)
    graph = flambeau.fx.symbolic_trace(model)
    models = [model, exported, flambeau.export.load(file), exported.module(), graph, flambeau.jit.script(model)]
    models += [flambeau.jit.trace(model, x), lambda x: model(x), flambeau.jit.script(lambda x: model(x))]
    for one in models:
        assert flambeau.allclose(export(one)(x)[0], wanted, atol=1e-6)
    with pytest.raises(TypeError, match="module"):
        export(3)


def test_modes_of_training() -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3))
    for mode, kinds in (("EVAL", ["BatchNormalization"]), ("TRAINING", ["Dropout"]), ("PRESERVE", ["Dropout"])):
        file = io.BytesIO()
        export(model, f=file, dynamo=False, training=flambeau.onnx.TrainingMode[mode])
        found = [node.op_type for node in onnx.load_from_string(file.getvalue()).graph.node]
        assert model.training and found[:1] == kinds
    with pytest.warns(UserWarning, match="training mode"):
        flambeau.onnx.export(model, (flambeau.tensor(X),))
    assert model[1].num_batches_tracked == 0
    with flambeau.onnx.utils.select_model_mode_for_export(model, flambeau.onnx.TrainingMode.EVAL):
        assert not model.training and not model[0].training
    assert model[0].training


def test_sizes_by_name() -> None:
    class Pair(nn.Module):
        def forward(self, x: Any, y: Any) -> Any:
            return x.unsqueeze(1) + y, flambeau.cat([x, y]), x.flatten(), x.shape[0] * 2

    args = flambeau.ones(2, 3), flambeau.ones(4, 3)
    shapes = {"x": {0: "rows"}, "y": {0: flambeau.export.Dim("others")}}
    program = export(Pair(), *args, dynamic_shapes=shapes)
    graph = program.model_proto.graph
    assert [sizes(one) for one in graph.input] == [["rows", 3], ["others", 3]]
    assert [sizes(one) for one in graph.output][0] == ["rows", "others", 3]
    assert [value.shape for value in program(flambeau.ones(5, 3), flambeau.ones(6, 3))] == [(5, 6, 3), (11, 3), (15,), ()]
    assert program(flambeau.ones(5, 3), flambeau.ones(6, 3))[3] == 10
    with pytest.warns(UserWarning, match="dynamic_axes"):
        program = flambeau.onnx.export(Pair(), args, input_names=["a", "b"], dynamic_axes={"b": {0: "n"}})
    assert [sizes(one) for one in program.model_proto.graph.input] == [[2, 3], ["n", 3]]
    with pytest.raises(ValueError, match="dict"):
        export(Pair(), *args, input_names=["a", "b"], dynamic_axes={"a": "batch"})
    with pytest.raises(ValueError, match="dynamic_axes"):
        export(Pair(), *args, f=io.BytesIO(), dynamo=False, dynamic_shapes=shapes)
    with pytest.raises(ValueError, match="duplicated"):
        export(Pair(), *args, input_names=["a", "a"])
    with pytest.raises(OnnxExporterError, match="no integer"):
        export(lambda x: x * (1 / x.shape[0]), dynamic_shapes={"x": {0: "n"}})
    with pytest.raises(OnnxExporterError, match="made of numbers"):
        export(lambda x: x + flambeau.tensor([[float(n)] for n in range(x.shape[0])]), dynamic_shapes={"x": {0: "n"}})


def test_values_that_are_looked_at() -> None:
    class Branch(nn.Module):
        def forward(self, x: Any) -> Any:
            assert flambeau.onnx.is_in_onnx_export()
            scale = flambeau.tensor([2.0, 4.0])
            return (x * 2 if x.sum() > 0 else x * 3) * float(scale[1])  # constants may be looked at

    with pytest.raises(OnnxExporterError, match="looks at a tensor's values"):
        export(Branch(), flambeau.ones(2))
    file = io.BytesIO()
    with pytest.warns(flambeau.jit.TracerWarning, match="constants"):
        flambeau.onnx.export(Branch(), (flambeau.ones(2),), file, dynamo=False)
    found = run(session(onnx.load_from_string(file.getvalue())), [-torch.ones(2)])
    assert found[0].tolist() == [-8.0, -8.0] and not flambeau.onnx.is_in_onnx_export()


def test_what_has_no_translation_is_refused_at_its_line() -> None:
    class Unknown(nn.Module):
        def forward(self, x: Any) -> Any:
            y = x + 1
            return flambeau.lgamma(y)

    line = Unknown.forward.__code__.co_firstlineno + 2
    with pytest.raises(UnsupportedOperatorError, match=rf"'aten::lgamma' to ONNX opset version 20 .*test_export.py:{line}"):
        export(Unknown())
    with pytest.raises(UnsupportedOperatorError, match="multi_margin_loss"):
        export(lambda x: flambeau.nn.functional.multi_margin_loss(x, flambeau.tensor([0, 1])))
    with pytest.raises(UnsupportedOperatorError, match="added in version 18"):
        export(lambda x: x.long() & 3, opset_version=17)
    for options in ({"report": True}, {"export_modules_as_functions": True}):
        with pytest.raises(NotImplementedError):
            export(layers(flambeau), **options)
    with pytest.raises(NotImplementedError, match="ONNX alone"):
        export(layers(flambeau), operator_export_type=flambeau.onnx.OperatorExportTypes.ONNX_ATEN)


def test_operations_that_programs_translate() -> None:
    @flambeau.library.custom_op("tests_onnx::shifted", mutates_args=())
    def shifted(x: flambeau.Tensor, by: float) -> flambeau.Tensor:
        return x + by

    def symbolic(g: Any, x: Any, by: float) -> Any:
        assert flambeau.onnx.symbolic_helper._get_tensor_sizes(x) == [2, 3]
        return g.op("Relu", g.op("tests::Shifted", x, by_f=by))

    model = nn.Module()
    model.forward = lambda x: shifted(x, 2.0) * 2  # type: ignore[method-assign]
    with pytest.raises(UnsupportedOperatorError, match="tests_onnx::shifted"):
        export(model)
    parsed = flambeau.onnx.symbolic_helper.parse_args("v", "f")(symbolic)
    flambeau.onnx.register_custom_op_symbolic("tests_onnx::shifted", parsed, 9)
    nodes = export(model).model_proto.graph.node
    assert [(node.domain, node.op_type) for node in nodes] == [("tests", "Shifted"), ("", "Relu"), ("", "Mul")]
    assert nodes[0].attribute[0].f == 2.0
    flambeau.onnx.unregister_custom_op_symbolic("tests_onnx::shifted", 9)
    table = {namespace("tests_onnx").shifted.default: lambda g, x, by: g.Add(x, by)}
    found = export(model, custom_translation_table=table)(flambeau.tensor(X))[0]
    assert_same([found.numpy()], torch.tensor((X + 2) * 2))
    with pytest.raises(OnnxExporterError, match="domain::name"):
        flambeau.onnx.register_custom_op_symbolic("shifted", symbolic, 9)


class Doubled(flambeau.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def symbolic(g: Any, x: Any) -> Any:
        return g.op("tests::Doubled", x)


def test_functions_with_a_symbol_of_their_own() -> None:
    model = nn.Module()
    model.forward = lambda x: Doubled.apply(x) + 1  # type: ignore[method-assign]
    assert [node.op_type for node in export(model).model_proto.graph.node] == ["Mul", "Add"]
    file = io.BytesIO()
    export(model, f=file, dynamo=False)
    assert [node.op_type for node in onnx.load_from_string(file.getvalue()).graph.node] == ["Doubled", "Add"]


def test_other_operator_sets() -> None:
    x = flambeau.tensor(X)
    for version in (13, 14, 16):
        program = export(nn.Sequential(nn.LayerNorm(3), nn.GELU()), opset_version=version, dynamic_shapes=({0: "n"},))
        assert program.model_proto.opset_import[0].version == version
        assert_same([program(x)[0].numpy()], torch.nn.functional.gelu(torch.nn.LayerNorm(3)(torch.tensor(X))))
    program = export(lambda x: x.scatter_add(0, (x > 9).long(), x), opset_version=17)
    with pytest.warns(OnnxExporterWarning, match="operator set 17"):
        program = flambeau.onnx.export(lambda x: x.scatter_add(0, (x > 9).long(), x), (x,), opset_version=14)
    assert program.model_proto.opset_import[0].version == 17


def test_programs() -> None:
    model, x = layers(flambeau), flambeau.tensor(X)
    program = export(model, verify=True)
    wanted = model(x).detach()
    assert flambeau.allclose(program.call_reference(x)[0], wanted, atol=1e-6)
    names = [node.output[0] for node in program.model_proto.graph.node]
    assert flambeau.allclose(program.compute_values([names[0]], (x,))[0], model[0](x).detach(), atol=1e-6)
    with pytest.raises(ValueError, match="not found"):
        program.compute_values(["none"], (x,))
    from flambeau.onnx.verification import verify_onnx_program

    infos = verify_onnx_program(program, compare_intermediates=True)
    assert len(infos) == 3 and all(info.max_abs_diff < 1e-5 for info in infos) and infos[0].asdict()["name"]
    program.apply_weights({"2.bias": flambeau.zeros(2) + 100})
    assert float(program(x)[0].min()) > 50
    with pytest.warns(OnnxExporterWarning, match="not found"):
        program.apply_weights({"none": flambeau.zeros(2)})
    half = export(nn.Linear(3, 2).bfloat16(), x.bfloat16())
    assert half.model_proto.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16


def test_the_package_is_missed_in_words() -> None:
    text = "import sys; sys.modules['onnx'] = None\nimport flambeau, flambeau.onnx\n"
    text += "try: flambeau.onnx.export(flambeau.nn.ReLU(), (flambeau.ones(1),))\nexcept ImportError as error: print(error)"
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=True)
    assert "flambeau[onnx]" in found.stdout
