"""Names in two worlds: Flambeau's modules, and the PyTorch modules whose place they take.

Three of Flambeau's folders have names that PyTorch has given to something else (``compiler``, ``cpu``, ``ops``); what PyTorch
means by them is in ``surface``.

Used wherever a name leaves the program or enters it: importing ``torch`` under ``flambeau run``, and the global
names inside files of ``save`` and ``load``. This module imports nothing of the package: child processes load it
before they know whether they will need the rest.
"""

from __future__ import annotations

#: Top-level modules that Flambeau stands in for.
ROOTS = {
    "torch": "flambeau",
    "torchvision": "flambeau.vision",
    "torchaudio": "flambeau.audio",
    "torchmetrics": "flambeau.metrics",
    "functorch": "flambeau.functorch",
}

#: Of these, what is used itself where it is installed.
LIBRARIES = ("torchmetrics", "torchaudio")

#: Where what is defined below a Flambeau module is found in PyTorch. The longest fitting name decides; ``True`` means
#: that the division below it into modules is Flambeau's own, so that everything counts as the package's.
_PUBLISHED: dict[str, tuple[str, bool]] = {
    "flambeau": ("torch", False),
    "flambeau.vision": ("torchvision", False),
    "flambeau.audio": ("torchaudio", False),
    "flambeau.metrics": ("torchmetrics", False),
    "flambeau.functorch": ("functorch", False),
    "flambeau.command": ("torch", True),
    "flambeau.compiler": ("torch", True),
    "flambeau.core": ("torch", True),
    "flambeau.core.hooks": ("torch.utils.hooks", True),
    "flambeau.core.modes": ("torch.autograd.grad_mode", True),
    "flambeau.cpu": ("torch", True),
    "flambeau.graph": ("torch", True),
    "flambeau.hub": ("torch.hub", True),
    "flambeau.interpreter": ("torch", True),
    "flambeau.kernels": ("torch", True),
    "flambeau.serialization": ("torch.serialization", True),
    "flambeau.ops": ("torch", True),
    "flambeau.ops.storages": ("torch.storage", True),
    "flambeau.surface": ("torch", True),
    "flambeau.surface.compiler": ("torch.compiler", False),
    "flambeau.surface.cpu": ("torch.cpu", False),
    "flambeau.surface.ops": ("torch.ops", False),
    "flambeau.nn.functional": ("torch.nn.functional", True),
    **{
        f"flambeau.vision.transforms.{part}": ("torchvision.transforms.transforms", True)
        for part in ("containers", "geometric", "values")
    },
    "flambeau.vision.transforms.functional": ("torchvision.transforms.functional", True),
    "flambeau.cuda.errors": ("torch", True),
    "flambeau.distributed._c10d": ("torch.distributed.distributed_c10d", True),
    "flambeau.distributed._c10d.errors": ("torch.distributed", True),
    "flambeau.distributed.fsdp._fully_shard": ("torch.distributed.fsdp", True),
    "flambeau.distributions.kl": ("torch.distributions.kl", True),
    "flambeau.distributions.transforms": ("torch.distributions.transforms", True),
}

#: Classes that PyTorch has in another module than their file's, by this file and how their names begin.
_CLASSES: dict[str, dict[str, str]] = {
    "flambeau.autograd.roots": {"GradientEdge": "torch.autograd.graph"},
    "flambeau.core.modes": dict.fromkeys(("detect_anomaly", "set_detect_anomaly"), "torch.autograd.anomaly_mode"),
    "flambeau.cuda.streams": {"StreamContext": "torch.cuda"},
    "flambeau.fx._code": {"CodeGen": "torch.fx.graph"},
    "flambeau.nn.modules._module_state": {"_IncompatibleKeys": "torch.nn.modules.module"},
    "flambeau.nn.modules.lazy_layers": {
        "LazyBatchNorm": "torch.nn.modules.batchnorm", "LazyConv": "torch.nn.modules.conv",
        "LazyInstanceNorm": "torch.nn.modules.instancenorm", "LazyLinear": "torch.nn.modules.linear",
    },
    "flambeau.nn.modules.linear_loss": {"LinearCrossEntropyLoss": "torch.nn.modules.loss"},
    "flambeau.profiler.kinds": {"ProfilerAction": "torch.profiler.profiler", "ProfilerActivity": "torch._C._profiler"},
    "flambeau.random": {"Generator": "torch._C"},
}  # fmt: skip

#: PyTorch's modules whose contents are elsewhere here: those of its compiled part, that files mention, and others.
_ELSEWHERE = {
    "torch.autograd.grad_mode": "flambeau.core.modes",
    "torch.compiler": "flambeau.surface.compiler",
    "torch.cpu": "flambeau.surface.cpu",
    "torch.distributed._composable.fsdp": "flambeau.distributed.fsdp",
    "torch.distributed._tensor": "flambeau.distributed.tensor",
    "torch.ops": "flambeau.surface.ops",
    "torch.storage": "flambeau.ops.storages",
}


def published_class(module: str, name: str) -> str:
    """The PyTorch module that a class defined in ``module`` belongs to."""
    for beginning, published in _CLASSES.get(module, {}).items():
        if name.startswith(beginning):
            return published
    return published_module(module)


def published_module(module: str) -> str:
    """The PyTorch module that objects defined in ``module`` belong to; other packages' names stay as they are."""
    prefix = module
    while prefix not in _PUBLISHED:
        prefix = prefix.rpartition(".")[0]
        if not prefix:
            return module
    name, flat = _PUBLISHED[prefix]
    return name if flat else name + module[len(prefix) :]


def internal_module(module: str) -> str:
    """The Flambeau module behind a PyTorch module's name; other packages' names stay as they are."""
    for prefix, internal in _ELSEWHERE.items():
        if module == prefix or module.startswith(prefix + "."):
            return internal + module[len(prefix) :]
    root, dot, rest = module.partition(".")
    return ROOTS[root] + dot + rest if root in ROOTS else module
