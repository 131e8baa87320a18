"""How layers that follow each other become one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau import nn
from flambeau.ao.nn import intrinsic
from flambeau.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

__all__ = ["fuse_conv_bn", "fuse_conv_bn_relu", "fuse_convtranspose_bn", "fuse_linear_bn", "get_fuser_method"]


def _check(*layers: Any) -> None:
    assert len({layer.training for layer in layers}) == 1, "Conv and BN both must be in the same mode (train or eval)."


def _check_fits(first: Any, channels: int, bn: Any) -> None:
    assert bn.num_features == channels, f"Output channel of {type(first).__name__} must match num_features of {type(bn).__name__}"
    assert bn.affine, f"Only support fusing {type(bn).__name__} with affine set to True"
    assert bn.track_running_stats, f"Only support fusing {type(bn).__name__} with tracking_running_stats set to True"


def fuse_conv_bn(is_qat: bool, conv: Any, bn: Any) -> Any:
    """A convolution and its normalization: one convolution, or (to be trained) a ``ConvBn``.

    ``AssertionError`` if they do not fit.
    """
    _check(conv, bn)
    if is_qat:
        _check_fits(conv, conv.out_channels, bn)
        kinds = {nn.Conv1d: intrinsic.ConvBn1d, nn.Conv2d: intrinsic.ConvBn2d, nn.Conv3d: intrinsic.ConvBn3d}
        if type(conv) not in kinds:
            raise NotImplementedError(f"Cannot fuse train modules: {(conv, bn)}")
        return kinds[type(conv)](conv, bn)
    return fuse_conv_bn_eval(conv, bn)


def fuse_conv_bn_relu(is_qat: bool, conv: Any, bn: Any, relu: Any) -> Any:
    """A convolution, its normalization and what rectifies that: a ``ConvReLU``, or (to be trained) a ``ConvBnReLU``."""
    _check(conv, bn, relu)
    number = {nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}.get(type(conv))
    if number is None:
        raise NotImplementedError(f"Cannot fuse {'train' if is_qat else 'eval'} modules: {(conv, bn, relu)}")
    if is_qat:
        _check_fits(conv, conv.out_channels, bn)
        return getattr(intrinsic, f"ConvBnReLU{number}d")(conv, bn, relu)
    return getattr(intrinsic, f"ConvReLU{number}d")(fuse_conv_bn_eval(conv, bn), relu)


def fuse_linear_bn(is_qat: bool, linear: Any, bn: Any) -> Any:
    """A linear map and its normalization: one linear map, or (to be trained) a ``LinearBn1d``."""
    _check(linear, bn)
    if is_qat:
        _check_fits(linear, linear.out_features, bn)
        return intrinsic.LinearBn1d(linear, bn)
    return fuse_linear_bn_eval(linear, bn)


def fuse_convtranspose_bn(is_qat: bool, convt: Any, bn: Any) -> Any:
    """A transposed convolution and its normalization, as one. ``Exception`` where it is to be trained."""
    _check(convt, bn)
    if is_qat:
        raise Exception("Fusing ConvTranspose+BatchNorm not yet supported in QAT.")  # noqa: TRY002  (PyTorch's type)
    return fuse_conv_bn_eval(convt, bn, transpose=True)


def _in_sequence(kind: Any) -> Callable[..., Any]:
    return lambda is_qat, first, second: kind(first, second)


_FUSERS: dict[tuple[Any, ...], Callable[..., Any]] = {
    **{(getattr(nn, f"Conv{n}d"), getattr(nn, f"BatchNorm{n}d")): fuse_conv_bn for n in (1, 2, 3)},
    **{(getattr(nn, f"Conv{n}d"), getattr(nn, f"BatchNorm{n}d"), nn.ReLU): fuse_conv_bn_relu for n in (1, 2, 3)},
    **{(getattr(nn, f"Conv{n}d"), nn.ReLU): _in_sequence(getattr(intrinsic, f"ConvReLU{n}d")) for n in (1, 2, 3)},
    **{(getattr(nn, f"ConvTranspose{n}d"), getattr(nn, f"BatchNorm{n}d")): fuse_convtranspose_bn for n in (1, 2, 3)},
    (nn.Linear, nn.BatchNorm1d): fuse_linear_bn,
    (nn.Linear, nn.ReLU): _in_sequence(intrinsic.LinearReLU),
    (nn.BatchNorm2d, nn.ReLU): _in_sequence(intrinsic.BNReLU2d),
    (nn.BatchNorm3d, nn.ReLU): _in_sequence(intrinsic.BNReLU3d),
}


def get_fuser_method(op_list: Any, additional_fuser_method_mapping: Any = None) -> Callable[..., Any]:
    """What makes one layer of those of these types. ``AssertionError`` if nothing does."""
    found = {**_FUSERS, **(additional_fuser_method_mapping or {})}.get(tuple(op_list))
    assert found is not None, f"did not find fuser method for: {op_list} "
    return found
