"""Every layer: what it prints, the names and shapes in its state, its result and its gradients, as PyTorch's."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings
from dataclasses import KW_ONLY
from typing import Any

import pytest
import torch
from oracle import as_flambeau, assert_same, copy_state

import flambeau
from flambeau import nn
from flambeau.nn import functional as F
from flambeau.nn.modules._layer import layer

torch.manual_seed(0)


def floats(*shape: int) -> torch.Tensor:
    return torch.randn(*shape)


INTEGERS = torch.tensor([[0, 2], [5, 1]])

#: Name, arguments, keywords, inputs.
LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], list[torch.Tensor]]] = [
    ("Identity", (3,), {"anything": 1}, [floats(2, 3)]),
    ("Linear", (3, 4), {}, [floats(2, 3)]),
    ("Linear", (3, 4), {"bias": False}, [floats(2, 5, 3)]),
    ("Bilinear", (3, 4, 5), {}, [floats(2, 3), floats(2, 4)]),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2}, [floats(2, 4, 9)]),
    ("Conv1d", (4, 6, 3), {"padding": 2, "padding_mode": "circular"}, [floats(2, 4, 9)]),
    ("Conv2d", (4, 6, 3), {}, [floats(2, 4, 7, 8)]),
    ("Conv2d", (4, 6, (3, 2)), {"padding": "same", "dilation": 2, "bias": False}, [floats(2, 4, 7, 8)]),
    ("Conv2d", (4, 6, 3), {"padding": (1, 2), "padding_mode": "reflect", "stride": (1, 2)}, [floats(2, 4, 7, 8)]),
    ("Conv2d", (4, 6, (2, 4)), {"padding": "same", "padding_mode": "replicate"}, [floats(2, 4, 7, 8)]),
    ("BatchNorm1d", (3,), {}, [floats(5, 3)]),
    ("BatchNorm1d", (3,), {"momentum": None}, [floats(5, 3, 2)]),
    ("BatchNorm2d", (3,), {"affine": False}, [floats(5, 3, 2, 2)]),
    ("BatchNorm2d", (3,), {"track_running_stats": False, "eps": 1e-3}, [floats(5, 3, 2, 2)]),
    ("BatchNorm2d", (3,), {"bias": False}, [floats(5, 3, 2, 2)]),
    ("BatchNorm3d", (3,), {}, [floats(2, 3, 2, 2, 2)]),
    ("LayerNorm", (6,), {}, [floats(4, 6)]),
    ("LayerNorm", ([3, 4],), {"bias": False}, [floats(2, 3, 4)]),
    ("LayerNorm", (6,), {"elementwise_affine": False}, [floats(4, 6)]),
    ("RMSNorm", (6,), {}, [floats(4, 6)]),
    ("GroupNorm", (2, 6), {}, [floats(2, 6, 5)]),
    ("InstanceNorm1d", (3,), {}, [floats(2, 3, 5)]),
    ("InstanceNorm2d", (3,), {"affine": True, "track_running_stats": True}, [floats(2, 3, 5, 5)]),
    ("InstanceNorm2d", (3,), {}, [floats(3, 5, 5)]),
    ("LocalResponseNorm", (3,), {}, [floats(2, 6, 3)]),
    ("MaxPool1d", (2,), {}, [floats(2, 3, 8)]),
    ("MaxPool2d", (2,), {"stride": 1, "padding": 1}, [floats(2, 3, 8, 8)]),
    ("MaxPool2d", ((2, 3),), {"return_indices": True}, [floats(2, 3, 8, 9)]),
    ("AvgPool1d", (2,), {"stride": 1}, [floats(2, 3, 8)]),
    ("AvgPool2d", (2,), {"padding": 1, "count_include_pad": False}, [floats(2, 3, 8, 8)]),
    ("AdaptiveAvgPool1d", (3,), {}, [floats(2, 3, 8)]),
    ("AdaptiveAvgPool2d", ((3, None),), {}, [floats(2, 3, 8, 7)]),
    ("AdaptiveMaxPool1d", (3,), {}, [floats(2, 3, 8)]),
    ("AdaptiveMaxPool2d", (2,), {}, [floats(2, 3, 8, 7)]),
    ("LPPool2d", (2, 3), {"stride": 2}, [torch.rand(2, 3, 8, 7)]),
    ("ReLU", (), {}, [floats(3, 2)]), ("ReLU", (True,), {}, [floats(3, 2)]), ("ReLU6", (), {}, [floats(3, 2)]),
    ("LeakyReLU", (0.2,), {}, [floats(3, 2)]), ("LeakyReLU", (), {"inplace": True}, [floats(3, 2)]),
    ("PReLU", (), {}, [floats(3, 2)]), ("PReLU", (2,), {}, [floats(3, 2)]), ("RReLU", (), {}, [floats(3, 2)]),
    ("ELU", (), {}, [floats(3, 2)]), ("SELU", (), {}, [floats(3, 2)]), ("CELU", (0.5,), {}, [floats(3, 2)]),
    ("GELU", (), {}, [floats(3, 2)]), ("GELU", ("tanh",), {}, [floats(3, 2)]), ("SiLU", (), {}, [floats(3, 2)]),
    ("Mish", (), {}, [floats(3, 2)]), ("Sigmoid", (), {}, [floats(3, 2)]), ("LogSigmoid", (), {}, [floats(3, 2)]),
    ("Tanh", (), {}, [floats(3, 2)]), ("Tanhshrink", (), {}, [floats(3, 2)]),
    ("Hardtanh", (-0.5, 0.5), {}, [floats(3, 2)]), ("Hardsigmoid", (), {}, [floats(3, 2)]),
    ("Hardswish", (), {}, [floats(3, 2)]), ("Softplus", (), {}, [floats(3, 2)]), ("Softsign", (), {}, [floats(3, 2)]),
    ("Softshrink", (), {}, [floats(3, 2)]), ("Hardshrink", (), {}, [floats(3, 2)]),
    ("Softmax", (1,), {}, [floats(3, 2)]), ("LogSoftmax", (1,), {}, [floats(3, 2)]),
    ("Softmin", (1,), {}, [floats(3, 2)]), ("Softmax2d", (), {}, [floats(2, 3, 2, 2)]),
    ("Threshold", (0.1, -2.0), {}, [floats(3, 2)]), ("GLU", (), {}, [floats(3, 4)]),
    ("Dropout", (0.0,), {}, [floats(3, 4)]), ("Dropout1d", (0.0,), {}, [floats(3, 4, 2)]),
    ("Dropout2d", (0.0,), {}, [floats(3, 4, 2, 2)]), ("AlphaDropout", (0.0,), {}, [floats(3, 4)]),
    ("Embedding", (6, 3), {}, [INTEGERS]),
    ("Embedding", (6, 3), {"padding_idx": 2, "max_norm": 1.0, "norm_type": 1.0}, [INTEGERS]),
    ("EmbeddingBag", (6, 3), {}, [INTEGERS]),
    ("EmbeddingBag", (6, 3), {"mode": "sum", "padding_idx": 1}, [INTEGERS]),
    ("RNN", (3, 4), {}, [floats(5, 2, 3)]),
    ("RNN", (3, 4, 2, "relu"), {"bias": False, "bidirectional": True, "batch_first": True}, [floats(2, 5, 3)]),
    ("LSTM", (3, 4), {"num_layers": 2, "dropout": 0.0, "proj_size": 2}, [floats(5, 2, 3)]), ("LSTM", (3, 4), {}, [floats(5, 3)]),
    ("GRU", (3, 4), {"num_layers": 2, "bidirectional": True}, [floats(5, 2, 3)]), ("GRUCell", (3, 4), {}, [floats(2, 3)]),
    ("RNNCell", (3, 4), {"nonlinearity": "relu"}, [floats(2, 3)]), ("LSTMCell", (3, 4), {"bias": False}, [floats(3)]),
    ("Flatten", (), {}, [floats(2, 3, 4)]), ("Unflatten", (1, (2, 3)), {}, [floats(2, 6)]),
    ("ZeroPad1d", (1,), {}, [floats(2, 3, 4)]), ("ZeroPad2d", ((1, 2, 0, 1),), {}, [floats(2, 3, 4, 4)]),
    ("ConstantPad1d", (2, 3.5), {}, [floats(2, 3, 4)]), ("ConstantPad2d", (1, 2.0), {}, [floats(2, 3, 4, 4)]),
    ("ConstantPad3d", (1, 2.0), {}, [floats(2, 3, 4, 4, 2)]), ("ReflectionPad1d", (2,), {}, [floats(2, 3, 4)]),
    ("ReflectionPad2d", (1,), {}, [floats(2, 3, 4, 4)]), ("ReplicationPad1d", (2,), {}, [floats(2, 3, 4)]),
    ("ReplicationPad2d", ((1, 2, 3, 0),), {}, [floats(2, 3, 4, 4)]),
    ("CircularPad2d", (1,), {}, [floats(2, 3, 4, 4)]),
    ("PixelShuffle", (2,), {}, [floats(2, 4, 3, 3)]), ("PixelUnshuffle", (2,), {}, [floats(2, 4, 4, 4)]),
    ("ChannelShuffle", (2,), {}, [floats(2, 4, 4, 4)]),
    ("Upsample", (), {"scale_factor": 2}, [floats(2, 4, 3, 3)]),
    ("Upsample", ((5, 4),), {"mode": "bilinear", "align_corners": True}, [floats(2, 4, 3, 3)]),
    ("UpsamplingNearest2d", (), {"scale_factor": 2}, [floats(2, 4, 3, 3)]),
    ("UpsamplingBilinear2d", (5,), {}, [floats(2, 4, 3, 3)]),
    ("Unfold", (2,), {}, [floats(2, 3, 4, 4)]), ("Fold", ((4, 4), 2), {"stride": 2}, [floats(2, 12, 4)]),
    ("CosineSimilarity", (), {}, [floats(2, 3), floats(2, 3)]),
    ("PairwiseDistance", (), {"keepdim": True}, [floats(2, 3), floats(2, 3)]),
    ("L1Loss", (), {}, [floats(3, 2), floats(3, 2)]), ("MSELoss", (), {"reduction": "sum"}, [floats(3), floats(3)]),
    ("CrossEntropyLoss", (), {}, [floats(2, 3), torch.tensor([0, 2])]),
    ("CrossEntropyLoss", (torch.rand(3),), {"label_smoothing": 0.1}, [floats(2, 3), torch.tensor([0, 2])]),
    ("NLLLoss", (), {}, [floats(2, 3), torch.tensor([0, 2])]),
    ("BCELoss", (), {}, [torch.rand(3), torch.rand(3)]), ("BCEWithLogitsLoss", (), {}, [floats(3), torch.rand(3)]),
    ("BCEWithLogitsLoss", (), {"pos_weight": torch.rand(3)}, [floats(3), torch.rand(3)]),
    ("KLDivLoss", (), {"reduction": "batchmean"}, [floats(3, 2), torch.rand(3, 2)]),
    ("SmoothL1Loss", (), {}, [floats(3), floats(3)]), ("HuberLoss", (), {}, [floats(3), floats(3)]),
    ("HingeEmbeddingLoss", (), {}, [floats(2), torch.tensor([1, -1])]),
    ("MarginRankingLoss", (), {}, [floats(2), floats(2), torch.tensor([1.0, -1.0])]),
    ("CosineEmbeddingLoss", (), {}, [floats(2, 3), floats(2, 3), torch.tensor([1.0, -1.0])]),
    ("SoftMarginLoss", (), {}, [floats(2), torch.tensor([1, -1])]),
    ("MultiMarginLoss", (), {}, [floats(2, 3), torch.tensor([0, 2])]),
    ("MultiLabelMarginLoss", (), {}, [floats(2, 3), torch.tensor([[0, 2, -1], [1, -1, 0]])]),
    ("MultiLabelSoftMarginLoss", (), {}, [floats(2, 3), torch.rand(2, 3)]),
    ("TripletMarginLoss", (), {}, [floats(2, 3), floats(2, 3), floats(2, 3)]),
    ("TripletMarginWithDistanceLoss", (), {}, [floats(2, 3), floats(2, 3), floats(2, 3)]),
    ("PoissonNLLLoss", (), {}, [floats(2, 3), torch.rand(2, 3)]),
    ("GaussianNLLLoss", (), {}, [floats(2, 3), floats(2, 3), torch.rand(2, 3)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "keywords", "inputs"), LAYERS, ids=[f"{case[0]}-{place}" for place, case in enumerate(LAYERS)]
)
def test_layer(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], inputs: list[torch.Tensor]) -> None:
    theirs = getattr(torch.nn, name)(*arguments, **keywords)
    ours = getattr(nn, name)(*as_flambeau(arguments), **{key: as_flambeau(value) for key, value in keywords.items()})
    assert repr(ours) == repr(theirs)
    assert type(ours).__module__ == type(theirs).__module__.replace("torch", "flambeau", 1)
    state, expected_state = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(expected_state)
    assert [tuple(value.shape) for value in state.values()] == [tuple(value.shape) for value in expected_state.values()]
    assert {key: dict(value) for key, value in state._metadata.items()} == {
        key: dict(value) for key, value in expected_state._metadata.items()
    }
    copy_state(ours, theirs)
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        if name == "RReLU" and training:
            continue
        _compare_call(ours, theirs, inputs)
    for key, value in theirs.state_dict().items():
        assert_same(ours.state_dict()[key], value, 1e-5, key)


def _compare_call(ours: Any, theirs: Any, inputs: list[torch.Tensor]) -> None:
    their_inputs = [item.clone().requires_grad_(item.is_floating_point()) for item in inputs]
    our_inputs = [as_flambeau(item) for item in their_inputs]
    # Multiplied first, so that a layer may write over what it is given.
    expected = theirs(*(item * 1 for item in their_inputs))
    actual = ours(*(item * 1 for item in our_inputs))
    assert_same(actual, expected, 1e-4, "result")
    first, our_first = (expected[0], actual[0]) if isinstance(expected, tuple) else (expected, actual)
    ours.zero_grad()
    theirs.zero_grad()
    torch.manual_seed(1)
    weights = torch.randn(first.shape)
    (first * weights).sum().backward()
    (our_first * as_flambeau(weights)).sum().backward()
    for place, (a, b) in enumerate(zip(our_inputs, their_inputs, strict=True)):
        assert_same(a.grad, b.grad, 1e-4, f"gradient of input {place}")
    for (key, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert_same(a.grad, b.grad, 1e-4, f"gradient of {key}")


ERRORS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Conv2d", (3, 4, 3), {"groups": 2}), ("Conv2d", (4, 3, 3), {"groups": 2}), ("Conv2d", (4, 4, 3), {"groups": 0}),
    ("Conv2d", (4, 4, 3), {"padding": "same", "stride": 2}), ("Dropout", (1.5,), {}), ("GroupNorm", (4, 6), {}),
    ("Embedding", (4, 3), {"padding_idx": 5}), ("Hardtanh", (1.0, 0.0), {}), ("MultiMarginLoss", (3,), {}),
    ("TripletMarginLoss", (-1.0,), {}), ("ConvTranspose2d", (3, 4, 3), {"padding_mode": "reflect"}),
    ("Unflatten", (1, 3), {}), ("Bilinear", (0, 1, 1), {}), ("Sigmoid", (3,), {}), ("Tanh", (), {"inplace": True}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "keywords"), ERRORS, ids=lambda value: str(value))
def test_construction_errors(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    with pytest.raises(Exception) as expected:
        getattr(torch.nn, name)(*arguments, **keywords)
    with pytest.raises(expected.type) as actual:
        getattr(nn, name)(*arguments, **keywords)
    assert str(actual.value) == str(expected.value)


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("BatchNorm1d", (3,), (2, 3, 4, 4)),
        ("BatchNorm2d", (3,), (2, 3)),
        ("InstanceNorm2d", (3,), (2, 3)),
        ("InstanceNorm1d", (3, 1e-5, 0.1, True), (2, 4, 5)),
        ("Softmax2d", (), (2, 3)),
        ("CircularPad1d", (1,), (3,)),
        ("BatchNorm1d", (3,), (1, 3)),
    ],  # fmt: skip
)
def test_call_errors(name: str, arguments: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError) as expected:
        getattr(torch.nn, name)(*arguments)(torch.ones(shape))
    with pytest.raises(ValueError) as actual:
        getattr(nn, name)(*arguments)(flambeau.ones(shape))
    assert str(actual.value) == str(expected.value)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_transposed_convolution_names_and_settings(dimensions: int) -> None:
    name = f"ConvTranspose{dimensions}d"
    ours = getattr(nn, name)(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)
    theirs = getattr(torch.nn, name)(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)
    assert repr(ours) == repr(theirs)
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    size = [9, 10][:dimensions]
    x = torch.ones(2, 4, *[5] * dimensions)
    assert ours._output_padding(as_flambeau(x), size) == tuple(theirs._output_padding(x, size, *[
        (2,) * dimensions, (1,) * dimensions, (3,) * dimensions, dimensions, (1,) * dimensions
    ]))  # fmt: skip


def test_embedding_from_pretrained() -> None:
    table = flambeau.arange(6.0).reshape(3, 2)
    layer = nn.Embedding.from_pretrained(table)
    assert not layer.weight.requires_grad
    assert layer(flambeau.tensor([2])).tolist() == [[4.0, 5.0]]
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    assert float(nn.Embedding(3, 2, padding_idx=1).weight[1].abs().sum()) == 0.0
    assert not nn.EmbeddingBag.from_pretrained(table).weight.requires_grad


def test_first_values_have_the_usual_limits() -> None:
    flambeau.manual_seed(0)
    layer = nn.Linear(100, 50)
    assert float(layer.weight.abs().max()) <= 0.1 and float(layer.weight.abs().max()) > 0.09
    assert float(layer.bias.abs().max()) <= 0.1
    convolution = nn.Conv2d(4, 50, 5)
    assert float(convolution.weight.abs().max()) <= 0.1 and float(convolution.bias.abs().max()) <= 0.1
    assert float(nn.Embedding(200, 50).weight.std()) == pytest.approx(1.0, abs=0.05)


def test_batch_norm_loads_files_without_a_count() -> None:
    layer = nn.BatchNorm2d(3)
    state = {key: value for key, value in layer.state_dict().items() if key != "num_batches_tracked"}
    layer.load_state_dict(state)
    assert int(layer.num_batches_tracked) == 0


def test_sync_batch_norm_conversion() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    assert type(converted[1]) is nn.SyncBatchNorm
    assert converted[1].weight is network[1].weight


def test_softmax_layer_without_dimension_warns() -> None:
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        nn.Softmax()(flambeau.ones(2, 2))


def test_old_arguments_of_loss_layers() -> None:
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(FutureWarning, match="NLLLoss2d has been deprecated"):
        nn.NLLLoss2d()


def test_dropout_layer_acts_in_training_only() -> None:
    flambeau.manual_seed(0)
    layer = nn.Dropout(0.5)
    x = flambeau.ones(1000)
    assert float(layer(x).min()) == 0.0
    assert layer.eval()(x).tolist() == x.tolist()


def test_factory_arguments() -> None:
    assert nn.Linear(2, 3, dtype=flambeau.float64).weight.dtype == flambeau.float64
    assert nn.Conv2d(1, 1, 1, device="cpu", dtype=flambeau.float64).bias.dtype == flambeau.float64
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nn.BatchNorm1d(2, dtype=flambeau.float64).running_mean.dtype == flambeau.float64


@layer(F.leaky_relu)
class Leaky(nn.Module):
    """A module of three lines."""

    negative_slope: float
    _: KW_ONLY
    inplace: bool = False


def test_a_declared_module() -> None:
    assert str(inspect.signature(Leaky)) == "(negative_slope: 'float', *, inplace: 'bool' = False) -> None"
    module = Leaky(0.5)
    for copied in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert repr(copied) == "Leaky(negative_slope=0.5)" and copied.__constants__ == ["negative_slope", "inplace"]
        assert copied(flambeau.tensor([-2.0, 2.0])).tolist() == [-1.0, 2.0]
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'negative_slope'"):
        Leaky()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        Leaky(0.5, True)  # type: ignore[misc]


def test_constants_and_base_classes_are_those_of_pytorch() -> None:
    for name in nn.__all__:
        ours, theirs = getattr(nn, name), getattr(torch.nn, name, None)
        if isinstance(theirs, type):
            assert set(getattr(theirs, "__constants__", ())) <= set(getattr(ours, "__constants__", ())), name
            bases = {base.__name__ for base in theirs.__mro__} - {"TensorBase"}
            assert bases <= {base.__name__ for base in ours.__mro__}, name


@pytest.mark.parametrize("name", ["Softmax", "CrossEntropyLoss"])
def test_modules_that_were_pickled_before_there_was_a_setting(name: str) -> None:
    module = getattr(nn, name)()
    state = {key: value for key, value in module.__getstate__().items() if key not in ("dim", "label_smoothing")}
    restored = getattr(nn, name).__new__(getattr(nn, name))
    restored.__setstate__(state)
    assert vars(restored) == vars(module)


def test_a_function_that_was_put_in_place_of_another_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(F, "relu", lambda input, inplace: "another")
    assert nn.ReLU()(flambeau.ones(1)) == "another"


@pytest.mark.parametrize(
    "statement",
    [
        "nn.MSELoss(size_average=False)", "nn.CrossEntropyLoss(reduce=False)", "nn.NLLLoss2d()", "nn.Hardtanh(min_value=-2.0)",
        "nn.Softmax()(ones)", "nn.L1Loss()(ones, ones[:1])", "nn.KLDivLoss()(ones, ones)", "nn.Dropout2d()(ones)",
    ],
)  # fmt: skip
def test_warnings_of_modules_are_at_the_line_of_the_program(statement: str) -> None:
    with pytest.warns(Warning) as noted:
        eval(compile(statement, "the program", "eval"), {"nn": nn, "ones": flambeau.ones(2, 2)})
    assert {note.filename for note in noted} == {"the program"}
