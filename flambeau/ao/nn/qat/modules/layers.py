"""Layers that are what they are in ``nn``, but for their weights, which pass a module that rounds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau import Tensor, nn
from flambeau.nn import functional as F


class RoundedWeight:
    """A layer's weight, rounded by ``weight_fake_quant``; ``qconfig`` says how. ``AssertionError`` without one."""

    _FLOAT_MODULE: Any
    weight: Any
    bias: Any
    training: bool

    def __init__(self, *args: Any, qconfig: Any = None, device: Any = None, dtype: Any = None, **keywords: Any) -> None:
        super().__init__(*args, device=device, dtype=dtype, **keywords)  # type: ignore[call-arg]
        assert qconfig, "qconfig must be provided for QAT module"
        self.qconfig = qconfig
        self.weight_fake_quant = self._rounding()

    def _rounding(self) -> Any:
        return self.qconfig.weight()

    def _rounded(self) -> Tensor:
        return self.weight_fake_quant(self.weight)

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The layer for one of ``nn`` (or one that is fused with what follows it), whose parameters it shares.

        ``AssertionError`` for other layers, and for one that has no configuration.
        """
        given = cls._FLOAT_MODULE
        assert type(mod) is given or given in type(mod).__mro__ or isinstance(mod, nn.Sequential), (
            f"qat.{cls.__name__}.from_float only works for {given.__name__}"
        )
        assert getattr(mod, "qconfig", None), "Input float module must have a valid qconfig"
        qconfig = mod.qconfig
        inner = mod[0] if isinstance(mod, nn.Sequential) else mod
        made = cls(*cls._settings(inner), **cls._further(inner), qconfig=qconfig)
        made.weight = inner.weight
        if getattr(inner, "bias", None) is not None:
            made.bias = inner.bias
        return made.train(mod.training)  # type: ignore[attr-defined]

    @staticmethod
    def _settings(mod: Any) -> tuple[Any, ...]:
        raise NotImplementedError

    @staticmethod
    def _further(mod: Any) -> dict[str, Any]:
        return {}

    def to_float(self) -> Any:
        """A layer of ``nn`` with copies of the parameters."""
        made = self._FLOAT_MODULE(*self._settings(self), **self._further(self))
        made.weight = nn.Parameter(self.weight.detach())
        if getattr(self, "bias", None) is not None:
            made.bias = nn.Parameter(self.bias.detach())
        return made.train(self.training)


class Linear(RoundedWeight, nn.Linear):
    """A linear map whose weight is rounded."""

    _FLOAT_MODULE = nn.Linear

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, qconfig: Any = None, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(in_features, out_features, bias, qconfig=qconfig, device=device, dtype=dtype)

    def forward(self, input: Tensor) -> Tensor:
        """``input`` (…, in_features) times the rounded weight: (…, out_features)."""
        return F.linear(input, self._rounded(), self.bias)

    @staticmethod
    def _settings(mod: Any) -> tuple[Any, ...]:
        return mod.in_features, mod.out_features, mod.bias is not None


class _RoundedConvolution(RoundedWeight):
    bias: Any
    _conv_forward: Callable[..., Tensor]

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, bias: bool = True, padding_mode: str = "zeros", qconfig: Any = None, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, qconfig=qconfig,
            device=device, dtype=dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        """The convolution of ``input`` (N, in_channels, …) with the rounded weight."""
        return self._conv_forward(input, self._rounded(), self.bias)

    @staticmethod
    def _settings(mod: Any) -> tuple[Any, ...]:
        return (
            mod.in_channels, mod.out_channels, mod.kernel_size, mod.stride, mod.padding, mod.dilation, mod.groups,
            mod.bias is not None, mod.padding_mode,
        )  # fmt: skip


class Conv1d(_RoundedConvolution, nn.Conv1d):
    """A convolution along one axis whose weight is rounded."""

    _FLOAT_MODULE = nn.Conv1d


class Conv2d(_RoundedConvolution, nn.Conv2d):
    """A convolution along two axes whose weight is rounded."""

    _FLOAT_MODULE = nn.Conv2d


class Conv3d(_RoundedConvolution, nn.Conv3d):
    """A convolution along three axes whose weight is rounded."""

    _FLOAT_MODULE = nn.Conv3d


class _RoundedTable(RoundedWeight):
    def _rounding(self) -> Any:
        made = self.qconfig.weight()
        assert made.qscheme.name == "per_channel_affine_float_qparams", (
            f"Embedding weights requires a qscheme of torch.per_channel_affine_float_qparams Got {made.qscheme}"
        )
        return made


class Embedding(_RoundedTable, nn.Embedding):
    """A table of vectors that are rounded."""

    _FLOAT_MODULE = nn.Embedding

    def forward(self, input: Tensor) -> Tensor:
        """The rounded rows of these indices."""
        return F.embedding(
            input, self._rounded(), self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    @staticmethod
    def _settings(mod: Any) -> tuple[Any, ...]:
        return (
            mod.num_embeddings, mod.embedding_dim, mod.padding_idx, mod.max_norm, mod.norm_type, mod.scale_grad_by_freq,
            mod.sparse,
        )  # fmt: skip


class EmbeddingBag(_RoundedTable, nn.EmbeddingBag):
    """A table of vectors that are rounded, and added up (or averaged) by bags."""

    _FLOAT_MODULE = nn.EmbeddingBag

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """The sums (or means) of the rounded rows of each bag."""
        return F.embedding_bag(
            input, self._rounded(), offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode, self.sparse,
            per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    @staticmethod
    def _settings(mod: Any) -> tuple[Any, ...]:
        return (mod.num_embeddings, mod.embedding_dim, mod.max_norm, mod.norm_type, mod.scale_grad_by_freq, mod.mode, mod.sparse)

    @staticmethod
    def _further(mod: Any) -> dict[str, Any]:
        return {"include_last_offset": mod.include_last_offset, "padding_idx": mod.padding_idx}
