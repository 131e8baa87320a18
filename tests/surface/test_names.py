"""Names of PyTorch's that are not offered: what stands for them, as programs find it. Each program is a process of its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def check(program: str) -> None:
    """Run a program whose assertions are the test, with PyTorch's names meaning Flambeau's."""
    command = [sys.executable, "-m", "flambeau", "run", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert result.returncode == 0, result.stderr


def test_what_is_refused_can_be_imported_and_says_so_when_it_is_used() -> None:
    check("""
import abc, pickle, typing
import torch, torch.ao.quantization.quantize_fx as graphs, torch.package
from torch.ao.nn.sparse.quantized import Linear
from torch.ao.quantization import QConfigMapping
from torch.ao.quantization.quantize_fx import prepare_fx

class Mine(QConfigMapping, abc.ABC):
    made: typing.Optional[Linear] = None

def annotated(x: "QConfigMapping | None", y: typing.List[Linear]) -> QConfigMapping[int]: ...
typing.get_type_hints(annotated)
assert not isinstance(torch.nn.Linear(1, 1), Linear) and not issubclass(torch.nn.Linear, Linear)
assert prepare_fx.__name__ == "prepare_fx" and callable(prepare_fx)
assert prepare_fx.__module__ == "torch.ao.quantization.quantize_fx"
assert pickle.loads(pickle.dumps(QConfigMapping)) is QConfigMapping
assert graphs.prepare_fx is prepare_fx and torch.ao.quantization.QConfigMapping is QConfigMapping
for use in (
    lambda: prepare_fx(torch.nn.Linear(1, 1), None, None), lambda: Linear(1, 1), lambda: Mine(1),
    lambda: QConfigMapping.make(),
    lambda: torch.package.PackageExporter("f"),
):
    try:
        use()
    except NotImplementedError as error:
        assert str(error).startswith("Flambeau 0.1.0 does not offer torch."), error
    else:
        raise AssertionError(use)
try:
    prepare_fx()
except NotImplementedError as error:
    assert str(error) == (
        "Flambeau 0.1.0 does not offer torch.ao.quantization.quantize_fx.prepare_fx: "
        "quantization is offered layer by layer, not of graphs"
    )
""")


def test_what_pytorch_has_not_is_not_there() -> None:
    check("""
import importlib.util
import torch, torch._C, torch.ao.quantization, torch._dynamo.config, torch.backends.nnpack
for module in (torch, torch._C, torch.ao.quantization, torch.backends.nnpack, torch.nn.modules.conv):
    assert not hasattr(module, "no_such_name") and getattr(module, "no_such_name", 3) == 3
assert importlib.util.find_spec("torch.ao.no_such_module") is None
assert importlib.util.find_spec("torch.ao.quantization.observer") is not None
assert not hasattr(torch.ones(1), "no_such_method")
""")


def test_internals_do_not_show() -> None:
    check("""
import importlib
import torch, flambeau
for name in ("graph", "core", "kernels", "interpreter", "command", "surface", "composite"):
    assert not hasattr(torch, name), name
    try:
        importlib.import_module("torch." + name)
    except ModuleNotFoundError:
        pass
    else:
        raise AssertionError(name)
assert torch.compiler.is_compiling() is False and torch.cpu.is_available() and torch.cpu.device_count() == 1
assert not hasattr(torch.compiler, "fuse") and not hasattr(torch.cpu, "gemm")
from flambeau.compiler.report import last_evaluation  # Flambeau's own folders are where they were
from flambeau.graph import dtypes
import torch.compiler, torch.cpu, torch.compiler.config
assert callable(last_evaluation) and torch.compiler.disable is torch.compiler.disable
""")


def test_what_is_meaningless_does_nothing() -> None:
    check("""
import torch, torch._dynamo, torch._inductor.config, torch._dynamo.config
import torch._dynamo.config as config

@torch.compiler.disable
def plain(x):
    return x + 1

@torch._dynamo.disable(recursive=False)
def called(x):
    return x + 1

assert plain(1) == called(1) == 2 and torch.compiler.allow_in_graph(plain) is plain
torch._dynamo.reset()
torch.compiler.cudagraph_mark_step_begin()
config.cache_size_limit = max(64, config.cache_size_limit)
torch._inductor.config.triton.cudagraphs = True
with config.patch(verbose=True, suppress_errors=True):
    assert config.verbose and config.suppress_errors
assert not config.verbose and config.cache_size_limit == 64
with torch.compiler.set_stance("force_eager"):
    pass
torch._C._log_api_usage_once("event")
torch._C._jit_set_profiling_executor(False)
assert torch._C._get_tracing_state() is None and torch._C.Generator is torch.Generator
assert not torch.mtia.is_available() and not torch.backends.cusparselt.is_available() and not torch.xpu.is_initialized()
assert torch.accelerator.current_accelerator() is None and torch.accelerator.memory_allocated() == 0
with torch.cuda.nvtx.range("step"):
    pass
from torch.onnx.operators import reshape_from_tensor_shape, shape_as_tensor
assert shape_as_tensor(torch.ones(2, 3)).tolist() == [2, 3]
assert reshape_from_tensor_shape(torch.ones(6), torch.tensor([2, 3])).shape == (2, 3)
""")


def test_what_lies_elsewhere_in_pytorch_is_the_same_object() -> None:
    check("""
import torch
from torch.autograd.anomaly_mode import detect_anomaly
from torch.nn.modules.batchnorm import LazyBatchNorm1d
from torch.nn.modules.linear import LazyLinear
assert LazyBatchNorm1d is torch.nn.LazyBatchNorm1d and LazyLinear is torch.nn.LazyLinear
assert detect_anomaly is torch.autograd.detect_anomaly
""")


def test_exceptions_that_nothing_raises_can_be_handled() -> None:
    check("""
from torch._dynamo.exc import TorchDynamoException, Unsupported
from torch.distributed import DistBackendError
assert issubclass(DistBackendError, RuntimeError)
try:
    raise ValueError
except (TorchDynamoException, Unsupported, DistBackendError):
    raise AssertionError
except ValueError:
    pass
""")


def test_names_of_torchvision() -> None:
    check("""
from torchvision import io
from torchvision.ops.misc import FrozenBatchNorm2d
from torchvision.io.image import read_image
import torch, torchvision.ops
assert not isinstance(torch.nn.BatchNorm2d(1), FrozenBatchNorm2d) and io.read_image is read_image
assert torchvision.ops.FrozenBatchNorm2d is FrozenBatchNorm2d and callable(torchvision.ops.boxes.box_iou)
""")
