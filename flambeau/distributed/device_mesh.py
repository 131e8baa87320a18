"""Processes in a grid: as there is one, every side of the grid is one process long."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ._c10d.errors import more_than_one
from ._c10d.group import ProcessGroup
from ._c10d.world import default_group, init_process_group, is_initialized, resolve

__all__ = ["DeviceMesh", "init_device_mesh"]


class DeviceMesh:
    """Ranks in a grid ``mesh``, each of whose sides may have a name, and is a process group."""

    def __init__(
        self,
        device_type: str,
        mesh: Any = None,
        *,
        mesh_dim_names: tuple[str, ...] | None = None,
        backend_override: Any = None,
        _init_backend: bool = True,
    ) -> None:
        if mesh is None:
            raise TypeError("DeviceMesh: 'mesh' must be given")
        self.device_type = device_type
        self.mesh = flambeau.as_tensor(mesh, dtype=flambeau.int32).cpu()
        self.mesh_dim_names = None if mesh_dim_names is None else tuple(mesh_dim_names)
        ranks = self.mesh.flatten().tolist()
        if not is_initialized():
            init_process_group()
        size = default_group().size()
        if len(ranks) > size:
            raise RuntimeError(f"Mesh should not be bigger than default world size {size}, but found {len(ranks)} ranks!")
        if len(set(ranks)) != len(ranks):
            raise RuntimeError(f"DeviceMesh cannot contain duplicate ranks: {ranks}")

    @property
    def shape(self) -> tuple[int, ...]:
        """The sides' lengths."""
        return tuple(self.mesh.shape)

    @property
    def ndim(self) -> int:
        """How many sides there are."""
        return self.mesh.ndim

    def size(self, mesh_dim: int | None = None) -> int:
        """How many processes there are, along one side if given."""
        return self.mesh.numel() if mesh_dim is None else int(self.mesh.size(mesh_dim))

    def _side(self, mesh_dim: int | str) -> int:
        if isinstance(mesh_dim, str):
            if mesh_dim not in (self.mesh_dim_names or ()):
                raise KeyError(f"Invalid mesh_dim_name {mesh_dim!r}: the mesh has {self.mesh_dim_names}")
            return (self.mesh_dim_names or ()).index(mesh_dim)
        if not -self.ndim <= mesh_dim < self.ndim:
            raise IndexError(f"mesh_dim {mesh_dim} of a mesh with {self.ndim} dimensions")
        return mesh_dim

    def get_group(self, mesh_dim: int | str | None = None) -> ProcessGroup:
        """The group along one side; a mesh of one side needs no ``mesh_dim``."""
        if mesh_dim is None and self.ndim > 1:
            raise RuntimeError(
                f"Found the DeviceMesh have {self.ndim} dimensions. Optional kwarg `mesh_dim` needs to be specified when "
                "device_mesh.ndim > 1."
            )
        self._side(0 if mesh_dim is None else mesh_dim)
        return default_group()

    def get_all_groups(self) -> list[ProcessGroup]:
        """The groups along all sides."""
        return [self.get_group(side) for side in range(self.ndim)]

    def get_rank(self) -> int:
        """This process's number among all."""
        return default_group().rank()

    def get_local_rank(self, mesh_dim: int | str | None = None) -> int:
        """This process's place along one side."""
        self.get_group(mesh_dim)
        return 0

    def get_coordinate(self) -> list[int] | None:
        """This process's place in the grid."""
        return [0] * self.ndim

    def __getitem__(self, mesh_dim_names: str | tuple[str, ...]) -> DeviceMesh:
        """The grid of some sides."""
        if not self.mesh_dim_names:
            raise RuntimeError("Cannot slice a DeviceMesh without mesh_dim_names!")
        names = (mesh_dim_names,) if isinstance(mesh_dim_names, str) else tuple(mesh_dim_names)
        for name in names:
            self._side(name)
        return DeviceMesh(self.device_type, self.mesh.reshape((1,) * len(names)), mesh_dim_names=names)

    @staticmethod
    def from_group(
        group: ProcessGroup | list[ProcessGroup],
        device_type: str,
        mesh: Tensor | Any = None,
        *,
        mesh_dim_names: tuple[str, ...] | None = None,
    ) -> DeviceMesh:
        """The grid whose sides are these groups."""
        groups = group if isinstance(group, list) else [group]
        shape = [resolve(each).size() for each in groups]
        return DeviceMesh(device_type, flambeau.zeros(shape, dtype=flambeau.int32), mesh_dim_names=mesh_dim_names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DeviceMesh):
            return False
        described = [(each.device_type, each.shape, each.mesh.flatten().tolist(), each.mesh_dim_names) for each in (self, other)]
        return described[0] == described[1]

    def __hash__(self) -> int:
        return hash((self.device_type, self.shape, self.mesh_dim_names))

    def __repr__(self) -> str:
        names = self.mesh_dim_names
        sides = ", ".join(f"{names[side]}={length}" if names else str(length) for side, length in enumerate(self.shape))
        return f"DeviceMesh(({sides}{',' if self.ndim == 1 and not names else ''}), {self.device_type!r})"


def init_device_mesh(
    device_type: str,
    mesh_shape: tuple[int, ...],
    *,
    mesh_dim_names: tuple[str, ...] | None = None,
    backend_override: Any = None,
) -> DeviceMesh:
    """All processes in a grid; makes the group of all if there is none."""
    if not device_type.isalpha():
        raise RuntimeError(f"Device type with index is not supported but got {device_type}. ")
    if mesh_dim_names is not None:
        if len(set(mesh_dim_names)) != len(mesh_dim_names):
            raise RuntimeError(f"Each mesh_dim_name must be unique. Found repeated mesh_dim_name in {mesh_dim_names}")
        if len(mesh_shape) != len(mesh_dim_names):
            raise RuntimeError(f"mesh_shape {mesh_shape} and mesh_dim_names {mesh_dim_names} should have the same length")
    if not is_initialized():
        init_process_group()
    count, size = math.prod(mesh_shape), default_group().size()
    if count > size:
        raise RuntimeError(f"Mesh should not be bigger than default world size {size}, but found {count} ranks!")
    if count < 1:
        raise more_than_one(f"init_device_mesh({device_type!r}, {mesh_shape})")
    ranks = flambeau.zeros(tuple(mesh_shape), dtype=flambeau.int32)
    return DeviceMesh(device_type, ranks, mesh_dim_names=mesh_dim_names, backend_override=backend_override)
