"""From a folder to a file of ``torch.save``, and back."""

from __future__ import annotations

import os

from ...serialization import load, save
from . import state_dict_saver
from .filesystem import FileSystemReader
from .state_dict_loader import read_everything

__all__ = ["dcp_to_torch_save", "torch_save_to_dcp"]


def dcp_to_torch_save(dcp_checkpoint_dir: str | os.PathLike[str], torch_save_path: str | os.PathLike[str]) -> None:
    """Write the checkpoint of a folder into one file."""
    save(read_everything(FileSystemReader(dcp_checkpoint_dir)), torch_save_path)


def torch_save_to_dcp(torch_save_path: str | os.PathLike[str], dcp_checkpoint_dir: str | os.PathLike[str]) -> None:
    """Write the dictionary of a file into a folder. As under PyTorch, the file is trusted."""
    state_dict = load(torch_save_path, weights_only=False)
    state_dict_saver.save(state_dict, checkpoint_id=dcp_checkpoint_dir)
