"""Convolutions of quantized tensors that are rectified."""

from __future__ import annotations

from flambeau.ao.nn.quantized.modules.conv import Conv1d, Conv2d, Conv3d, convolution

__all__ = ["ConvReLU1d", "ConvReLU2d", "ConvReLU3d"]

ConvReLU1d = convolution("ConvReLU1d", Conv1d, 1, "conv1d_relu", __name__)
ConvReLU2d = convolution("ConvReLU2d", Conv2d, 2, "conv2d_relu", __name__)
ConvReLU3d = convolution("ConvReLU3d", Conv3d, 3, "conv3d_relu", __name__)
