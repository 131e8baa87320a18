"""Which Flambeau this is, and which PyTorch it answers for."""

from __future__ import annotations

__version__ = "0.1.0"

#: What programs see as ``torch.__version__``: the release whose names and semantics are followed.
torch_version = "2.13.0+flambeau"
torchvision_version = "0.28.0+flambeau"
torchmetrics_version = "1.9.0+flambeau"
torchaudio_version = "2.11.0+flambeau"

# What ``torch.version`` says of a build without accelerators.
cuda: str | None = None
hip: str | None = None
xpu: str | None = None
git_version = "flambeau"
debug = False
