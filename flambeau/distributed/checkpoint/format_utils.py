"""From a folder to a file of ``torch.save``, and back."""

from __future__ import annotations

import os
from typing import Any

from ...serialization import load, save
from . import state_dict_saver
from .default_planner import _EmptyStateDictLoadPlanner
from .filesystem import FileSystemReader
from .state_dict_loader import _load_state_dict

__all__ = ["dcp_to_torch_save", "torch_save_to_dcp"]


def dcp_to_torch_save(dcp_checkpoint_dir: str | os.PathLike[str], torch_save_path: str | os.PathLike[str]) -> None:
    """Write the checkpoint of a folder into one file."""
    everything: dict[str, Any] = {}
    _load_state_dict(everything, FileSystemReader(dcp_checkpoint_dir), planner=_EmptyStateDictLoadPlanner())
    save(everything, torch_save_path)


def torch_save_to_dcp(torch_save_path: str | os.PathLike[str], dcp_checkpoint_dir: str | os.PathLike[str]) -> None:
    """Write the dictionary of a file into a folder. As under PyTorch, the file is trusted."""
    state_dict = load(torch_save_path, weights_only=False)
    state_dict_saver.save(state_dict, checkpoint_id=dcp_checkpoint_dir)
