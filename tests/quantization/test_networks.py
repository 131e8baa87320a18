"""Networks quantized in each way that PyTorch's layers are: they give what PyTorch's give, to the last step."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.ao.quantization

import flambeau
import flambeau.ao.quantization

pytestmark = pytest.mark.filterwarnings("ignore")


def numbers(framework: Any, seed: int, *shape: int) -> Any:
    return framework.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def filled(framework: Any, module: Any) -> Any:
    """The module with the same numbers in either framework."""
    generator = np.random.default_rng(1)
    with framework.no_grad():
        for _, parameter in module.named_parameters():
            values = generator.standard_normal(tuple(parameter.shape)) * 0.3
            parameter.copy_(framework.from_numpy(values.astype(np.float32)))
        for name, buffer in module.named_buffers():
            if "running" in name:
                low = 0.5 if "var" in name else -0.5
                values = generator.random(tuple(buffer.shape)) + low
                buffer.copy_(framework.from_numpy(values.astype(np.float32)))
    return module


def both(run: Callable[[Any], Any]) -> tuple[Any, Any]:
    return run(flambeau), run(torch)


def test_linear_maps_are_quantized_dynamically() -> None:
    def run(framework: Any) -> Any:
        nn = framework.nn
        model = filled(framework, nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4, bias=False)))
        results = []
        for chosen, dtype in (({nn.Linear}, "qint8"), ({nn.Linear}, "float16"), ({"0"}, "qint8"), (None, "qint8")):
            made = framework.ao.quantization.quantize_dynamic(model, chosen, dtype=getattr(framework, dtype))
            for x in (numbers(framework, 2, 5, 16), numbers(framework, 3, 2, 3, 16)):
                results.append(made(x).detach().numpy())
            results.append(str(made))
        assert type(model[0]) is nn.Linear
        return results

    for ours, theirs in zip(*both(run), strict=True):
        if isinstance(ours, str):
            assert ours == theirs
        else:
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "batch_first": True}, {"num_layers": 2}])
def test_recurrent_layers(kind: str, options: dict[str, Any]) -> None:
    def run(framework: Any) -> Any:
        model = framework.nn.Sequential(filled(framework, getattr(framework.nn, kind)(8, 12, **options)))
        made = framework.ao.quantization.quantize_dynamic(model)
        output, state = made(numbers(framework, 2, 6, 3, 8))
        further = made[0](numbers(framework, 3, 6, 3, 8), state)[0] if not options.get("batch_first") else output
        return output.numpy(), (state[0] if kind == "LSTM" else state).numpy(), further.numpy(), str(made)

    ours, theirs = both(run)
    for own, their in zip(ours[:3], theirs[:3]):
        np.testing.assert_allclose(own, their, rtol=1e-5, atol=1e-6)
    assert ours[3] == theirs[3]


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("sort", [False, True])
def test_packed_sequences(kind: str, sort: bool) -> None:
    """Of unequal lengths, in both directions, from states that are given: all rows of a layer are quantized together."""
    lengths = [5, 3, 3, 1] if sort else [3, 5, 1, 3]

    def run(framework: Any) -> Any:
        rnn = framework.nn.utils.rnn
        layer = filled(framework, getattr(framework.nn, kind)(8, 12, num_layers=2, bidirectional=True))
        made = framework.ao.quantization.quantize_dynamic(framework.nn.Sequential(layer))[0]
        packed = rnn.pack_padded_sequence(numbers(framework, 2, 5, 4, 8) * 3, lengths, enforce_sorted=sort)
        begun = numbers(framework, 3, 4, 4, 12)
        results = []
        for state in (None, (begun, begun * 2) if kind == "LSTM" else begun):
            output, ends = made(packed, state)
            ends = ends if kind == "LSTM" else (ends,)
            results += [rnn.pad_packed_sequence(output)[0].detach().numpy(), *[end.detach().numpy() for end in ends]]
        return results

    for ours, theirs in zip(*both(run), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_cells(kind: str) -> None:
    def run(framework: Any) -> Any:
        model = framework.nn.Sequential(filled(framework, getattr(framework.nn, kind)(8, 5)))
        made = framework.ao.quantization.quantize_dynamic(model)
        state = made(numbers(framework, 2, 4, 8))
        state = made[0](numbers(framework, 3, 4, 8), state)
        return [part.numpy() for part in (state if isinstance(state, tuple) else (state,))] + [str(made)]

    ours, theirs = both(run)
    for own, their in zip(ours[:-1], theirs[:-1]):
        np.testing.assert_allclose(own, their, rtol=1e-5, atol=1e-6)
    assert ours[-1] == theirs[-1]


def test_tables_of_vectors() -> None:
    def run(framework: Any) -> Any:
        nn, results = framework.nn, []
        for table in (nn.Embedding(10, 8), nn.EmbeddingBag(10, 8, mode="mean"), nn.EmbeddingBag(10, 8, mode="sum")):
            model = nn.Sequential(filled(framework, table))
            made = framework.ao.quantization.quantize_dynamic(model, dtype=framework.quint8)
            arguments = [framework.tensor([1, 2, 9, 1])]
            if isinstance(table, nn.EmbeddingBag):
                if table.mode == "mean":  # PyTorch has no such operation on bytes
                    continue
                arguments.append(framework.tensor([0, 3]))
            results.append(made[0](*arguments).numpy())
        return results

    for ours, theirs in zip(*both(run), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def network(framework: Any) -> Any:
    nn, stubs = framework.nn, framework.ao.quantization

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.quant, self.dequant = stubs.QuantStub(), stubs.DeQuantStub()
            self.conv, self.bn, self.relu = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()
            self.conv2 = nn.Conv2d(8, 8, 3, padding=1, groups=2)
            self.pool, self.average, self.hardswish = nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(2), nn.Hardswish()
            self.functional = framework.ao.nn.quantized.FloatFunctional()
            self.fc, self.relu2, self.fc2, self.sigmoid = nn.Linear(32, 6), nn.ReLU(), nn.Linear(6, 3), nn.Sigmoid()

        def forward(self, x: Any) -> Any:
            x = self.pool(self.relu(self.bn(self.conv(self.quant(x)))))
            x = self.hardswish(self.functional.add(x, self.conv2(x)))
            x = self.relu2(self.fc(self.average(x).flatten(1)))
            return self.dequant(self.sigmoid(self.fc2(x)))

    return filled(framework, Network())


FUSED = [["conv", "bn", "relu"], ["fc", "relu2"]]


@pytest.mark.parametrize("backend", ["fbgemm", "qnnpack", "x86", "onednn"])
def test_static_quantization(backend: str) -> None:
    def run(framework: Any) -> Any:
        quantization = framework.ao.quantization
        model = network(framework).eval()
        model.qconfig = quantization.get_default_qconfig(backend)
        quantization.fuse_modules(model, FUSED, inplace=True)
        quantization.prepare(model, inplace=True)
        observed = [model(numbers(framework, seed, 4, 3, 8, 8)).detach().numpy() for seed in range(3)]
        quantization.convert(model, inplace=True)
        scales = [model.conv.scale, model.conv2.scale, model.functional.scale, model.fc.scale, model.fc2.scale]
        file = io.BytesIO()
        framework.save(model.state_dict(), file)
        again = network(framework).eval()
        again.qconfig = quantization.get_default_qconfig(backend)
        quantization.fuse_modules(again, FUSED, inplace=True)
        again = quantization.convert(quantization.prepare(again))
        again.load_state_dict(framework.load(io.BytesIO(file.getvalue())))
        x = numbers(framework, 7, 4, 3, 8, 8)
        result = model(x).numpy()
        assert np.array_equal(result, again(x).numpy())
        return observed, [float(scale) for scale in scales], result, list(model.state_dict()), file.getvalue()

    ours, theirs = both(run)
    for own, their in zip(ours[0], theirs[0]):
        np.testing.assert_allclose(own, their, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6)
    assert np.abs(ours[2] - theirs[2]).max() <= 1 / 256
    assert sorted(ours[3]) == sorted(theirs[3])
    # What one saves the other reads.
    assert sorted(torch.load(io.BytesIO(ours[4]))) == sorted(flambeau.load(io.BytesIO(theirs[4])))


@pytest.mark.parametrize("backend, version", [("fbgemm", 1), ("fbgemm", 0), ("qnnpack", 0), ("qnnpack", 1)])
def test_training_with_rounded_numbers(backend: str, version: int) -> None:
    def run(framework: Any) -> Any:
        quantization = framework.ao.quantization
        model = network(framework).train()
        model.qconfig = quantization.get_default_qat_qconfig(backend, version=version)
        # The first kind puts the greatest weights in the middle between two integers, where a last bit decides: there is to be
        # none, so normalizations are not folded in, and weights stay as they are.
        quantization.fuse_modules_qat(model, FUSED if version else FUSED[1:], inplace=True)
        quantization.prepare_qat(model, inplace=True)
        optimiser = framework.optim.SGD(model.parameters(), lr=0.01 if version else 0.0)
        losses = []
        for seed in range(4):
            if seed == 3:
                model.apply(quantization.disable_observer)
                model.apply(framework.ao.nn.intrinsic.qat.freeze_bn_stats)
            loss = ((model(numbers(framework, seed, 4, 3, 8, 8)) - 0.5) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        statistics = getattr(model.conv, "bn", model.bn).running_mean
        weights = [model.conv.weight, model.fc.weight, statistics, model.fc2.weight_fake_quant.scale]
        model.eval()
        made = quantization.convert(model)
        return losses, [w.detach().numpy() for w in weights], made(numbers(framework, 7, 4, 3, 8, 8)).numpy()

    ours, theirs = both(run)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    for own, their in zip(ours[1], theirs[1]):
        np.testing.assert_allclose(own, their, rtol=1e-4, atol=1e-6)
    assert np.abs(ours[2] - theirs[2]).max() <= 1 / 256


_OBSERVERS = [
    ("MinMaxObserver", {}), ("MinMaxObserver", {"dtype": "qint8", "qscheme": "per_tensor_symmetric"}),
    ("MinMaxObserver", {"reduce_range": True}), ("MinMaxObserver", {"quant_min": 0, "quant_max": 127}),
    ("MovingAverageMinMaxObserver", {"averaging_constant": 0.1}), ("HistogramObserver", {}),
    ("HistogramObserver", {"dtype": "qint8", "reduce_range": True}), ("HistogramObserver", {"bins": 100}),
    ("PerChannelMinMaxObserver", {"ch_axis": 1}), ("MovingAveragePerChannelMinMaxObserver", {"averaging_constant": 0.3}),
    ("PerChannelMinMaxObserver", {"dtype": "qint8", "qscheme": "per_channel_symmetric"}),
    ("PerChannelMinMaxObserver", {"qscheme": "per_channel_affine_float_qparams"}),
    ("FixedQParamsObserver", {"scale": 0.5, "zero_point": 3}),
]  # fmt: skip


@pytest.mark.parametrize("name, options", _OBSERVERS)
def test_observers(name: str, options: dict[str, Any]) -> None:
    def run(framework: Any) -> Any:
        given = {key: getattr(framework, value) if isinstance(value, str) else value for key, value in options.items()}
        observer = getattr(framework.ao.quantization, name)(**given)
        results = []
        for seed, size in ((0, 1.0), (1, 4.0), (2, 0.1), (3, 9.0)):
            x = numbers(framework, seed, 3, 50) * size + 0.3
            assert observer(x) is x
            results += [part.double().numpy() for part in observer.calculate_qparams()]
        return results, list(observer.state_dict())

    ours, theirs = both(run)
    for own, their in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(own, their, rtol=1e-5)
    assert ours[1] == theirs[1]


def _unobserved(framework: Any) -> Any:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = framework.ao.quantization.MinMaxObserver().calculate_qparams()
    assert any("must run observer" in str(warning.message) for warning in caught)
    return [part.tolist() for part in found]


def test_what_was_never_observed_has_the_scale_one() -> None:
    ours, theirs = both(_unobserved)
    assert ours == theirs


_REFUSALS: list[Callable[[Any], Any]] = [
    lambda f: f.ao.quantization.MinMaxObserver(qscheme=f.per_channel_affine),
    lambda f: f.ao.quantization.PerChannelMinMaxObserver(qscheme=f.per_tensor_affine),
    lambda f: f.ao.quantization.QConfig(f.ao.quantization.MinMaxObserver(), f.ao.quantization.MinMaxObserver),
    lambda f: f.ao.quantization.get_default_qconfig("none"),
    lambda f: f.ao.quantization.quantize_dynamic(f.nn.Linear(2, 2), dtype=f.int32),
    lambda f: f.ao.quantization.prepare_qat(f.nn.Linear(2, 2).eval()),
    lambda f: f.ao.quantization.fuse_modules(f.nn.Sequential(f.nn.ReLU(), f.nn.Linear(2, 2)), ["0", "1"]),
    lambda f: f.ao.nn.intrinsic.ConvReLU2d(f.nn.Linear(2, 2), f.nn.ReLU()),
    lambda f: f.ao.nn.quantized.FloatFunctional()(f.ones(1)),
    lambda f: f.ao.nn.quantized.Linear(2, 2)(f.ones(1, 2)),
    lambda f: f.ao.quantization.RecordingObserver().calculate_qparams(),
    lambda f: f.ao.quantization.FakeQuantize(quant_min=0, quant_max=300),
]


@pytest.mark.parametrize("number", range(len(_REFUSALS)))
def test_what_pytorch_refuses(number: int) -> None:
    def run(framework: Any) -> type[Exception]:
        with pytest.raises(Exception) as caught:  # noqa: B017, PT011
            _REFUSALS[number](framework)
        return caught.type

    ours, theirs = both(run)
    assert ours is theirs


def test_names_of_old_are_the_same_things() -> None:
    import flambeau.nn.quantized
    import flambeau.quantization

    assert flambeau.quantization.quantize_dynamic is flambeau.ao.quantization.quantize_dynamic
    assert flambeau.nn.quantized.Linear is flambeau.ao.nn.quantized.Linear
    assert flambeau.nn.quantized.dynamic.Linear is flambeau.ao.nn.quantized.dynamic.Linear
    assert flambeau.nn.intrinsic.qat.ConvBn2d is flambeau.ao.nn.intrinsic.qat.ConvBn2d
