"""Tables of vectors that are kept quantized, each row with a scale of its own; they give numbers of float32."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor, nn
from flambeau.nn import functional as F
from flambeau.ops.quantized import layers

from .utils import PackedState, _quantize_weight, weight_observer_of

__all__ = ["Embedding", "EmbeddingBag", "EmbeddingPackedParams"]


class EmbeddingPackedParams(nn.Module):
    """A table (rows, numbers), quantized as ``quint8``; saved as what it is. ``NotImplementedError`` for four bits."""

    _version = 1

    def __init__(self, num_embeddings: int, embedding_dim: int, dtype: Any = flambeau.quint8) -> None:
        super().__init__()
        self.dtype = dtype
        if dtype is not flambeau.quint8:
            raise NotImplementedError(f"Unsupported dtype on dynamic quantized embedding: {dtype}")
        ones, zeros = flambeau.ones(num_embeddings), flambeau.zeros(num_embeddings)
        table = flambeau.zeros(num_embeddings, embedding_dim)
        self.set_weight(flambeau.quantize_per_channel(table, ones, zeros, 0, dtype))

    def set_weight(self, weight: Tensor) -> None:
        """Have another table."""
        self._packed_weight = layers.embedding_bag_prepack(weight)

    def _weight(self) -> Tensor:
        return layers.embedding_bag_unpack(self._packed_weight)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` itself."""
        return x

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "dtype"] = self.dtype
        destination[prefix + "_packed_weight"] = self._weight()

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, missing_keys: list[str], *rest: Any
    ) -> None:
        found = PackedState.taken(state_dict, prefix, ("dtype", "_packed_weight"), missing_keys, strict)
        self.dtype = found.get("dtype", self.dtype)
        if "_packed_weight" in found:
            self.set_weight(found["_packed_weight"])
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, *rest)

    def __repr__(self) -> str:
        return repr(self._weight())


class Embedding(nn.Module):
    """A quantized table: indices (…) to rows (…, embedding_dim) of float32."""

    _version = 1

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, _weight: Tensor | None = None,
        dtype: Any = flambeau.quint8,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.dtype = dtype
        self._packed_params = EmbeddingPackedParams(num_embeddings, embedding_dim, dtype)
        if _weight is not None:
            assert list(_weight.shape) == [num_embeddings, embedding_dim], (
                "Shape of weight does not match num_embeddings and embedding_dim"
            )
            self.set_weight(_weight)

    def forward(self, indices: Tensor) -> Tensor:
        """The rows of these indices."""
        return layers.embedding_byte(self._packed_params._packed_weight, indices)

    def _get_name(self) -> str:
        return "QuantizedEmbedding"

    def __repr__(self) -> str:
        """As other layers, but for the packed table."""
        return f"{self._get_name()}({self.extra_repr()})"

    def extra_repr(self) -> str:
        return (
            f"num_embeddings={self.num_embeddings}, embedding_dim={self.embedding_dim}, dtype={self._packed_params.dtype}, "
            f"qscheme={self.weight().qscheme()}"
        )

    def set_weight(self, w: Tensor) -> None:
        """Have another table."""
        self._packed_params.set_weight(w)

    def weight(self) -> Tensor:
        """The quantized table."""
        return self._packed_params._weight()

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The table for one of ``nn`` that has a configuration."""
        if not hasattr(mod, "weight_fake_quant"):
            assert getattr(mod, "qconfig", None), "Embedding input float module must have qconfig defined"
            if mod.qconfig.weight is None:
                from flambeau.ao.quantization.qconfig import float_qparams_weight_only_qconfig

                mod.qconfig = float_qparams_weight_only_qconfig
        observer = weight_observer_of(mod, mod.weight)
        assert observer.dtype is flambeau.quint8, (
            f"The only supported dtype for nnq.{cls.__name__} is torch.quint8, got {observer.dtype}"
        )
        made = cls(mod.num_embeddings, mod.embedding_dim, **cls._further(mod))
        made.set_weight(_quantize_weight(mod.weight, observer))
        return made

    @staticmethod
    def _further(mod: Any) -> dict[str, Any]:
        return {}


class EmbeddingBag(Embedding):
    """A quantized table whose rows are added up (or averaged) by bags."""

    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "sum", sparse: bool = False, _weight: Tensor | None = None,
        include_last_offset: bool = False, dtype: Any = flambeau.quint8,
    ) -> None:  # fmt: skip
        super().__init__(num_embeddings, embedding_dim, _weight=_weight, dtype=dtype)
        self.mode = mode
        self.include_last_offset = include_last_offset

    def forward(
        self, indices: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None,
        compressed_indices_mapping: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """The sums (or means) of the rows of each bag."""
        return F.embedding_bag(
            indices, self.weight().dequantize(), offsets, mode=self.mode, per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
        )  # fmt: skip

    def _get_name(self) -> str:
        return "QuantizedEmbeddingBag"

    @staticmethod
    def _further(mod: Any) -> dict[str, Any]:
        return {"mode": mod.mode, "include_last_offset": mod.include_last_offset}
