"""Feature pyramids: T.-Y. Lin et al., "Feature Pyramid Networks for Object Detection" (2016)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from flambeau import nn
from flambeau.nn import functional as F

from .misc import Conv2dNormActivation

__all__ = ["FeaturePyramidNetwork"]


def _start(convolutions: Any) -> None:
    for convolution in convolutions:
        if isinstance(convolution, nn.Conv2d):
            nn.init.kaiming_uniform_(convolution.weight, a=1)
            if convolution.bias is not None:
                nn.init.constant_(convolution.bias, 0)


class ExtraFPNBlock(nn.Module):
    """Base of what adds further maps to a pyramid: it gets the results, the maps they were made of, and their names.

    ``forward`` returns results and names.
    """

    def forward(self, results: list[Any], x: list[Any], names: list[str]) -> Any:
        pass


class FeaturePyramidNetwork(nn.Module):
    """Maps of ``out_channels`` each from maps of ``in_channels_list``, each with what the coarser ones know.

    Input and result are ordered dictionaries of maps (batch, channels, height, width), the finest first.
    ``extra_blocks`` (an :class:`ExtraFPNBlock`) adds further ones.
    """

    _version = 2

    def __init__(
        self,
        in_channels_list: list[int],
        out_channels: int,
        extra_blocks: ExtraFPNBlock | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.inner_blocks = nn.ModuleList()
        self.layer_blocks = nn.ModuleList()
        block: dict[str, Any] = {"norm_layer": norm_layer, "activation_layer": None}
        for in_channels in in_channels_list:
            if in_channels == 0:
                raise ValueError("in_channels=0 is currently not supported")
            self.inner_blocks.append(Conv2dNormActivation(in_channels, out_channels, 1, padding=0, **block))
            self.layer_blocks.append(Conv2dNormActivation(out_channels, out_channels, 3, **block))
        _start(self.modules())
        if extra_blocks is not None and not isinstance(extra_blocks, ExtraFPNBlock):
            raise TypeError(f"extra_blocks should be of type ExtraFPNBlock not {type(extra_blocks)}")
        self.extra_blocks = extra_blocks

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        version = local_metadata.get("version", None)
        if version is None or version < 2:  # blocks were bare convolutions
            for kind in ("inner_blocks", "layer_blocks"):
                for number in range(len(self.inner_blocks)):
                    for name in ("weight", "bias"):
                        old = f"{prefix}{kind}.{number}.{name}"
                        if old in state_dict:
                            state_dict[f"{prefix}{kind}.{number}.0.{name}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def get_result_from_inner_blocks(self, x: Any, idx: int) -> Any:
        """What inner block ``idx`` makes of ``x``."""
        return self.inner_blocks[idx](x)

    def get_result_from_layer_blocks(self, x: Any, idx: int) -> Any:
        """What layer block ``idx`` makes of ``x``."""
        return self.layer_blocks[idx](x)

    def forward(self, x: dict[str, Any]) -> Any:
        names, maps = list(x), list(x.values())
        inner = self.get_result_from_inner_blocks(maps[-1], -1)
        results = [self.get_result_from_layer_blocks(inner, -1)]
        for place in range(len(maps) - 2, -1, -1):
            lateral = self.get_result_from_inner_blocks(maps[place], place)
            inner = lateral + F.interpolate(inner, size=lateral.shape[-2:], mode="nearest")
            results.insert(0, self.get_result_from_layer_blocks(inner, place))
        if self.extra_blocks is not None:
            results, names = self.extra_blocks(results, maps, names)
        return OrderedDict(zip(names, results))


class LastLevelMaxPool(ExtraFPNBlock):
    """One more map, ``"pool"``: every second pixel of the coarsest."""

    def forward(self, x: list[Any], y: list[Any], names: list[str]) -> Any:  # type: ignore[override]
        names.append("pool")
        x.append(F.max_pool2d(x[-1], kernel_size=1, stride=2, padding=0))
        return x, names


class LastLevelP6P7(ExtraFPNBlock):
    """Two more maps, ``"p6"`` and ``"p7"``, by convolutions of stride 2, as RetinaNet wants them."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.p6 = nn.Conv2d(in_channels, out_channels, 3, 2, 1)
        self.p7 = nn.Conv2d(out_channels, out_channels, 3, 2, 1)
        _start((self.p6, self.p7))
        self.use_P5 = in_channels == out_channels

    def forward(self, p: list[Any], c: list[Any], names: list[str]) -> Any:  # type: ignore[override]
        p6 = self.p6(p[-1] if self.use_P5 else c[-1])
        p.extend([p6, self.p7(F.relu(p6))])
        names.extend(["p6", "p7"])
        return p, names
