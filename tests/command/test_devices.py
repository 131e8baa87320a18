"""Devices that are not there: their names are, and asking them anything is harmless."""

import pytest

import flambeau
from flambeau import nn


def test_there_is_no_accelerator():
    assert not flambeau.cuda.is_available() and flambeau.cuda.device_count() == 0
    assert not flambeau.backends.mps.is_available() and not flambeau.backends.mps.is_built()
    assert not flambeau.xpu.is_available() and not flambeau.mps.is_available()
    assert not flambeau.accelerator.is_available() and flambeau.accelerator.current_accelerator() is None
    assert not flambeau.backends.cuda.is_built() and not flambeau.backends.cudnn.is_available()


def test_what_programs_call_without_asking():
    flambeau.cuda.manual_seed(1)
    flambeau.cuda.manual_seed_all(1)
    flambeau.cuda.empty_cache()
    flambeau.cuda.reset_peak_memory_stats()
    flambeau.cuda.set_device(-1)
    assert flambeau.cuda.max_memory_allocated() == flambeau.cuda.memory_reserved() == 0
    with flambeau.cuda.device(0), flambeau.cuda.stream(None):
        pass
    assert flambeau.cuda.get_rng_state_all() == []
    assert not isinstance(flambeau.ones(1), flambeau.cuda.FloatTensor)
    assert issubclass(flambeau.cuda.OutOfMemoryError, RuntimeError)


def test_asking_for_a_device_is_refused_as_pytorch_does():
    for call in (
        flambeau.cuda.current_device,
        flambeau.cuda.get_device_name,
        flambeau.cuda.synchronize,
        flambeau.cuda.Stream,
        lambda: flambeau.cuda.set_device(0),
        lambda: flambeau.cuda.FloatTensor(2),
        lambda: flambeau.ones(1).cuda(),
    ):
        with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
            call()
    with pytest.raises(RuntimeError, match="Cannot access accelerator device"):
        flambeau.accelerator.synchronize()


def test_switches_can_be_set():
    cudnn = flambeau.backends.cudnn
    cudnn.benchmark = True
    assert cudnn.benchmark
    with cudnn.flags(benchmark=False, deterministic=True):
        assert cudnn.deterministic and not cudnn.benchmark
    assert cudnn.benchmark and not cudnn.deterministic
    cudnn.benchmark = False
    flambeau.backends.cuda.matmul.allow_tf32 = True
    with flambeau.backends.cuda.sdp_kernel(enable_flash=False):
        assert not flambeau.backends.cuda.flash_sdp_enabled()
    assert flambeau.backends.cuda.flash_sdp_enabled()


def test_autocast_of_a_device_that_is_not_there_changes_nothing():
    x = flambeau.ones(2, 2)
    with pytest.warns(UserWarning, match="CUDA is not available. Disabling"):
        with flambeau.cuda.amp.autocast():
            assert (x @ x).dtype == flambeau.float32
    with flambeau.cuda.amp.autocast(enabled=False):
        pass

    @flambeau.amp.autocast("cpu")
    def double(value):
        return value * 2

    assert double(x).tolist() == [[2.0, 2.0], [2.0, 2.0]]
    with pytest.raises(RuntimeError, match="unsupported autocast device_type"):
        flambeau.amp.autocast("abacus")


def test_a_disabled_scaler_passes_everything_through():
    with pytest.warns(UserWarning, match="GradScaler is enabled, but CUDA is not available"):
        scaler = flambeau.cuda.amp.GradScaler()
    parameter = nn.Parameter(flambeau.ones(2))
    optimizer = flambeau.optim.SGD([parameter], lr=0.5)
    loss = parameter.sum()
    assert scaler.scale(loss) is loss and not scaler.is_enabled() and scaler.get_scale() == 1.0
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert parameter.tolist() == [0.5, 0.5] and scaler.state_dict() == {}


def test_an_enabled_scaler_scales_skips_and_adapts():
    scaler = flambeau.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)
    parameter = nn.Parameter(flambeau.ones(2))
    optimizer = flambeau.optim.SGD([parameter], lr=0.5)

    def step(factor):
        optimizer.zero_grad()
        scaler.scale((parameter * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()

    step(1.0)
    assert parameter.grad.tolist() == [1.0, 1.0] and parameter.tolist() == [0.5, 0.5] and scaler.get_scale() == 4.0
    step(1.0)
    assert scaler.get_scale() == 8.0
    step(float("inf"))
    assert parameter.tolist() == [0.0, 0.0] and scaler.get_scale() == 4.0
    other = flambeau.amp.GradScaler("cpu")
    other.load_state_dict(scaler.state_dict())
    assert other.get_scale() == 4.0
    with pytest.raises(AssertionError, match="No inf checks"):
        scaler.update()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
