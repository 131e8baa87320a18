"""A graph module as a folder: Python's text, a file of its state, and files of submodules that no text says."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from ..nn.modules.batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from ..nn.modules.conv import Conv1d, Conv2d, Conv3d
from ..nn.modules.linear import Linear
from ..nn.modules.module import _addindent
from ..serialization import save
from ._namespace import _custom_builtins

_SHOWN_WHOLE = {Linear, Conv1d, Conv2d, Conv3d, BatchNorm1d, BatchNorm2d, BatchNorm3d}
"""Modules whose text makes them, but for their parameters."""


def write_folder(module: Any, folder: Any, name: str) -> None:
    """Write ``folder``, from which ``name`` can be imported: a class like that of a graph module, with its state."""
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    save(module.state_dict(), folder / "state_dict.pt")
    lines: list[str] = []
    files: list[str] = []
    for path, child in module.named_children():
        text = repr(child)
        if type(child) not in _SHOWN_WHOLE:
            file = folder / f"{path}.pt"
            save(child, file)
            files.append(path)
            shown = text.replace("\r", " ").replace("\n", " ")
            text = f"torch.load(r'{file}', weights_only=False)"
            lines.append(f"setattr(self, '{path}', {text}) # {shown}")
        else:
            lines.append(f"setattr(self, '{path}', {text})")
    for kind, made in ((module._buffers, "{}"), (module._parameters, "torch.nn.Parameter({})")):
        for path, tensor in kind.items():
            if tensor is None:
                continue
            empty = made.format(f"torch.empty({[*tensor.shape]}, dtype={str(tensor.dtype)})")
            buffer = kind is module._buffers
            lines.append(f"self.register_buffer('{path}', {empty})" if buffer else f"setattr(self, '{path}', {empty})")
    lines.append(f"self.load_state_dict(torch.load(r'{folder}/state_dict.pt'))")
    imports = "\n".join(["import torch", *[builtin.import_str for builtin in _custom_builtins.values()]])
    head = f"{imports}\n\nfrom torch.nn import *\nclass {name}(torch.nn.Module):\n    def __init__(self):\n"
    body = "".join(f"        {line}\n" for line in ["super().__init__()", *lines])
    (folder / "module.py").write_text(f"\n{head}{body}{_addindent(module.code, 4)}\n")
    (folder / "__init__.py").write_text("from .module import *")
    if files:
        warnings.warn(
            f"Was not able to save the following children modules as reprs -saved as pickled files instead: {files}",
            stacklevel=3,
        )
