"""What a program finds under PyTorch's names. Each test is a program of its own, because aliases stay for good."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def check(program):
    """Run a program whose assertions are the test."""
    command = [sys.executable, "-m", "flambeau", "run", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert result.returncode == 0, result.stderr


def test_modules_are_the_same_objects():
    check("""
import sys
import flambeau, torch, torch.nn.functional as F, torchvision, torchmetrics
import torchvision.transforms as transforms
import flambeau.nn.functional, flambeau.vision.transforms, flambeau.metrics
assert torch is flambeau and F is flambeau.nn.functional
assert torchvision is flambeau.vision and transforms is flambeau.vision.transforms
assert torchmetrics is flambeau.metrics
import torch.metrics  # not in PyTorch, but programs name it
assert torch.metrics is torchmetrics
assert sys.modules["torch.nn.functional"] is sys.modules["flambeau.nn.functional"]
assert torch.__spec__.name == "flambeau" and torch.nn.__spec__.name == "flambeau.nn"
""")


def test_libraries_on_top_are_themselves_where_they_are_installed(tmp_path):
    library = tmp_path / "torchmetrics"
    library.mkdir()
    (library / "__init__.py").write_text("import torch\nclass Metric(torch.nn.Module): pass\n")
    check(f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import flambeau.metrics, torch, torchmetrics
assert torchmetrics.__file__.startswith({str(tmp_path)!r}) and torchmetrics.Metric.__module__ == "torchmetrics"
assert torchmetrics.torch is torch and issubclass(torchmetrics.Metric, flambeau.nn.Module)
assert flambeau.metrics is not torchmetrics and flambeau.metrics.Metric.__module__ == "flambeau.metrics.metric"
""")


def test_names_from_submodules():
    check("""
from torch.nn.modules.linear import Linear
from torch.nn.parameter import Parameter
from torch.optim.lr_scheduler import StepLR
from torch.optim.adam import Adam
from torch.utils.data.dataset import TensorDataset
from torch.utils.data import DataLoader, random_split
from torch.autograd.grad_mode import no_grad
from torchvision.transforms.transforms import Compose
from torchvision.models.resnet import BasicBlock
from torchmetrics.functional_metrics import Accuracy
from torch.cuda.amp import autocast, GradScaler
from torch.cuda.memory import memory_allocated
from torch.backends.cudnn import flags
import torch.backends.cudnn as cudnn
import torch
assert torch.nn.Linear is Linear and torch.no_grad is no_grad and torch.backends.cudnn is cudnn
""")


def test_classes_report_pytorchs_names():
    check("""
import pickle
import torch, torchvision
from torchvision import transforms
names = {
    torch.Tensor: "torch.Tensor",
    torch.Size: "torch.Size",
    torch.device: "torch.device",
    torch.dtype: "torch.dtype",
    torch.nn.Linear: "torch.nn.modules.linear.Linear",
    torch.nn.Parameter: "torch.nn.parameter.Parameter",
    torch.optim.Adam: "torch.optim.adam.Adam",
    torch.utils.data.DataLoader: "torch.utils.data.dataloader.DataLoader",
    torch.utils.data.TensorDataset: "torch.utils.data.dataset.TensorDataset",
    torch.cuda.OutOfMemoryError: "torch.OutOfMemoryError",
    transforms.Compose: "torchvision.transforms.transforms.Compose",
    torchvision.datasets.MNIST: "torchvision.datasets.mnist.MNIST",
    torchvision.models.ResNet: "torchvision.models.resnet.ResNet",
    torch.FloatStorage: "torch.FloatStorage",
    torch.Generator: "torch._C.Generator",
    torch.autograd.detect_anomaly: "torch.autograd.anomaly_mode.detect_anomaly",
    torch.nn.LazyLinear: "torch.nn.modules.linear.LazyLinear",
    torch.nn.LazyConv2d: "torch.nn.modules.conv.LazyConv2d",
    torch.nn.LinearCrossEntropyLoss: "torch.nn.modules.loss.LinearCrossEntropyLoss",
    torch.autograd.graph.GradientEdge: "torch.autograd.graph.GradientEdge",
}
for function in (torch.add, torch.compile, torch.is_tensor, torch.set_default_dtype, torch.get_num_threads):
    assert function.__module__ == "torch", (function, function.__module__)
for kind, name in names.items():
    assert f"{kind.__module__}.{kind.__qualname__}" == name, (kind, name)
    assert repr(kind) == f"<class '{name}'>"
for name in ("torch", "torch.nn", "torch.nn.modules.linear", "torch.utils.data", "torch.ops", "torch.autograd", "torchvision"):
    module = __import__(name)  # as some programs look names up: from the root, which must be called what they asked for
    for part in name.split(".")[1:]:
        module = getattr(module, part)
    assert module.__name__ == name
for kind in (torch.nn.Linear, torch.Tensor, torch.nn.functional.relu, torch.nn.LazyLinear, torch.Generator, torch.compile):
    assert pickle.loads(pickle.dumps(kind)) is kind
assert type(pickle.loads(pickle.dumps(torch.nn.Linear(2, 2)))) is torch.nn.Linear
assert str(type(torch.ones(1))) == "<class 'torch.Tensor'>"
import inspect
assert "class Linear" in inspect.getsource(torch.nn.Linear)
""")


def test_versions():
    check("""
import torch, torchvision
assert torch.__version__ == "2.13.0+flambeau" and isinstance(torch.__version__, str)
assert torch.__version__ >= "2.9" and torch.__version__ > (1, 9) and not torch.__version__ < "2.13"
assert torch.__version__.split("+")[0] == "2.13.0"
assert torch.version.cuda is None
assert torchvision.__version__.startswith("0.28.0")
""")


HINT = "(Flambeau 0.1.0 does not offer {})"

ATTRIBUTES = {
    "torch.no_such": "module 'torch' has no attribute 'no_such'",
    "torch.nn.NoSuch": "module 'torch.nn' has no attribute 'NoSuch'",
    "torch.optim.lr_scheduler.NoSuch": "module 'torch.optim.lr_scheduler' has no attribute 'NoSuch'",
    "torch.Tensor.no_such": "type object 'Tensor' has no attribute 'no_such'",
    "torchmetrics.NoSuch": "module 'torchmetrics' has no attribute 'NoSuch'",
}
IMPORTS = {
    "import torch.no_such.deeper": ("No module named 'torch.no_such'", "torch.no_such"),
    "import torchvision.no_such": ("No module named 'torchvision.no_such'", "torchvision.no_such"),
    "from torch import NoSuch": ("cannot import name 'NoSuch' from 'torch'", "torch.NoSuch"),
    "from torch.nn.parameter import NoSuch": (
        "cannot import name 'NoSuch' from 'torch.nn.parameter'",
        "torch.nn.parameter.NoSuch",
    ),
}


def test_what_is_missing_is_named():
    check(f"""
import torch, torch.optim.lr_scheduler, torchmetrics
hint = {HINT!r}
for name, message in {ATTRIBUTES!r}.items():
    try:
        eval(name)
    except AttributeError as error:
        assert str(error).startswith(message), error
        assert "Tensor" in name or hint.format(name) in str(error), error
    else:
        raise AssertionError(name + " is there")
try:
    torch.ones(2).no_such()
except AttributeError as error:
    assert str(error).startswith("'Tensor' object has no attribute 'no_such' " + hint.format("torch.Tensor.no_such"))
for statement, (message, name) in {IMPORTS!r}.items():
    try:
        exec(statement)
    except ModuleNotFoundError as error:
        assert str(error).startswith(message + " " + hint.format(name)), error
    else:
        raise AssertionError(statement + " works")
""")


def test_asking_politely_gets_an_answer():
    check("""
import importlib.util
import torch
assert importlib.util.find_spec("torch") is not None
assert importlib.util.find_spec("torch.nn") is not None
assert importlib.util.find_spec("torch.no_such") is None
assert not hasattr(torch, "no_such") and getattr(torch, "no_such", 3) == 3
assert not hasattr(torch.ones(1), "__cuda_array_interface__")
try:
    import torch.tensor
except ModuleNotFoundError:
    pass
assert callable(torch.tensor)
""")


def test_without_activation_nothing_is_changed():
    program = "import sys, flambeau.command.aliases; assert 'torch' not in sys.modules; import flambeau; "
    program += "assert flambeau.Tensor.__module__ == 'flambeau'"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=ROOT)


def test_quantized_layers_are_pickled_under_pytorchs_names():
    check("""
import copy, io, pickle
import torch
from torch import nn

def observed(model, example):
    model = nn.Sequential(torch.ao.quantization.QuantStub(), model, torch.ao.quantization.DeQuantStub()).eval()
    model.qconfig = torch.ao.quantization.get_default_qconfig("fbgemm")
    torch.ao.quantization.prepare(model, inplace=True)(example)
    return torch.ao.quantization.convert(model)

models = []
for model, example in [(nn.Conv2d(2, 3, 2), torch.ones(1, 2, 3, 3)), (nn.Linear(3, 2), torch.ones(2, 3))]:
    models.append((observed(model, example), example))
for model, example in [(nn.Sequential(nn.Linear(3, 2)), torch.ones(2, 3)), (nn.Sequential(nn.LSTM(3, 2)), torch.ones(2, 1, 3))]:
    models.append((torch.ao.quantization.quantize_dynamic(model, {nn.Linear, nn.LSTM}), example))

def first(model, example):
    result = model(example)
    return result[0] if isinstance(result, tuple) else result

for model, example in models:
    expected = first(model, example)
    assert torch.equal(first(pickle.loads(pickle.dumps(model)), example), expected)
    assert torch.equal(first(copy.deepcopy(model), example), expected)
    for save, load in [
        (torch.save, lambda file: torch.load(file, weights_only=False)),
        (lambda model, file: torch.jit.save(torch.jit.script(model), file), torch.jit.load),
        (lambda model, file: torch.jit.save(torch.jit.trace(model, example), file), torch.jit.load),
    ]:
        file = io.BytesIO()
        save(model, file)
        file.seek(0)
        assert torch.equal(first(load(file), example), expected), (model, save)
""")
