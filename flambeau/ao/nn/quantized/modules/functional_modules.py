"""Operations as modules, so that what they give can be observed, and quantized."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor, nn
from flambeau.nn import functional as F
from flambeau.ops.quantized.layers import run

__all__ = ["FXFloatFunctional", "FloatFunctional", "QFunctional"]

class FXFloatFunctional(nn.Module):
    """Sums, products and joins by name: ``f.add(a, b)`` in place of ``a + b``."""

    def _observed(self, value: Tensor) -> Tensor:
        return value

    def forward(self, x: Any) -> Any:
        """``RuntimeError``: there is one method for each operation."""
        raise RuntimeError("FloatFunctional is not intended to use the 'forward'. Please use the underlying operation")

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """``x + y``."""
        return self._observed(flambeau.add(x, y))

    def add_scalar(self, x: Tensor, y: float) -> Tensor:
        """``x + y``, which is quantized as ``x`` is."""
        return flambeau.add(x, y)

    def mul(self, x: Tensor, y: Tensor) -> Tensor:
        """``x * y``."""
        return self._observed(flambeau.mul(x, y))

    def mul_scalar(self, x: Tensor, y: float) -> Tensor:
        """``x * y``, which is quantized as ``x`` is."""
        return flambeau.mul(x, y)

    def cat(self, x: list[Tensor], dim: int = 0) -> Tensor:
        """The tensors behind each other along ``dim``."""
        return self._observed(flambeau.cat(x, dim=dim))

    def add_relu(self, x: Tensor, y: Tensor) -> Tensor:
        """``relu(x + y)``."""
        return self._observed(F.relu(flambeau.add(x, y)))

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        """``x @ y``."""
        return self._observed(flambeau.matmul(x, y))


class FloatFunctional(FXFloatFunctional):
    """The same, and an observer sees what they give."""

    def __init__(self) -> None:
        super().__init__()
        self.activation_post_process: Any = nn.Identity()

    def _observed(self, value: Tensor) -> Tensor:
        return self.activation_post_process(value)


class QFunctional(nn.Module):
    """The operations of :class:`FloatFunctional` on quantized tensors; results are quantized by ``scale`` and ``zero_point``."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.zero_point = 1.0, 0
        self.activation_post_process: Any = nn.Identity()

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "scale"] = flambeau.tensor(self.scale)
        destination[prefix + "zero_point"] = flambeau.tensor(self.zero_point)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        self.scale = float(state_dict.pop(prefix + "scale"))
        self.zero_point = int(state_dict.pop(prefix + "zero_point"))
        super()._load_from_state_dict(state_dict, prefix, rest[0], False, *rest[2:])

    def _get_name(self) -> str:
        return "QFunctional"

    def extra_repr(self) -> str:
        return f"scale={self.scale}, zero_point={self.zero_point}"

    def forward(self, x: Any) -> Any:
        """``RuntimeError``: there is one method for each operation."""
        raise RuntimeError("Functional is not intended to use the 'forward'. Please use the underlying operation")

    def _called(self, name: str, *arguments: Any) -> Tensor:
        return self.activation_post_process(run(name, *arguments, self.scale, self.zero_point))

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """``x + y``."""
        return self._called("add", x, y)

    def add_scalar(self, x: Tensor, y: float) -> Tensor:
        """``x + y``: the integers of ``x``, which stand for other numbers."""
        return run("add_scalar", x, y)

    def mul(self, x: Tensor, y: Tensor) -> Tensor:
        """``x * y``."""
        return self._called("mul", x, y)

    def mul_scalar(self, x: Tensor, y: float) -> Tensor:
        """``x * y``: the integers of ``x``, which stand for other numbers."""
        return run("mul_scalar", x, y)

    def cat(self, x: list[Tensor], dim: int = 0) -> Tensor:
        """The tensors behind each other along ``dim``."""
        return self._called("cat", x, dim)

    def add_relu(self, x: Tensor, y: Tensor) -> Tensor:
        """``relu(x + y)``."""
        return self._called("add_relu", x, y)

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        """``x @ y``."""
        return self._called("matmul", x, y)

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> QFunctional:
        """The module for one that was observed."""
        assert type(mod) is FloatFunctional, "QFunctional.from_float expects an instance of FloatFunctional"
        scale, zero_point = mod.activation_post_process.calculate_qparams()
        made = cls()
        made.scale, made.zero_point = float(scale), int(zero_point)
        return made
