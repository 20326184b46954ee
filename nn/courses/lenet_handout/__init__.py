"""The functions of the LeNet handout: dicts of layers, and a batch with one image in each column.

    import nn.courses.lenet_handout as cnn_lenet

A *blob* is a dict with ``height``, ``width``, ``channel``, ``batch_size`` and ``data``, an array
(height · width · channel, batch_size) of float64. A column is one image in C order of (height,
width, channel), so the channel runs fastest. On the way back ``diff`` holds the derivative of the
loss with respect to ``data``.

``layers`` is a dict of dicts numbered from 1. The first is of the type DATA, the last LOSS; those
between are CONV, POOLING, IP (inner product, a dense layer) and RELU, in any number and order.
``params[i - 1]`` has the weights ``w`` and biases ``b`` of ``layers[i]``.
"""

from nn.courses.lenet_handout.columns import col2im_conv, im2col_conv
from nn.courses.lenet_handout.data import load_mnist
from nn.courses.lenet_handout.differences import finite_difference
from nn.courses.lenet_handout.layers import (
    conv_layer_backward,
    conv_layer_forward,
    inner_product_backward,
    inner_product_forward,
    pooling_layer_backward,
    pooling_layer_forward,
    relu_backward,
    relu_forward,
)
from nn.courses.lenet_handout.loss import mlrloss
from nn.courses.lenet_handout.network import conv_net, init_convnet
from nn.courses.lenet_handout.training import get_lr, sgd_momentum

__all__ = [
    "col2im_conv",
    "conv_layer_backward",
    "conv_layer_forward",
    "conv_net",
    "finite_difference",
    "get_lr",
    "im2col_conv",
    "init_convnet",
    "inner_product_backward",
    "inner_product_forward",
    "load_mnist",
    "mlrloss",
    "pooling_layer_backward",
    "pooling_layer_forward",
    "relu_backward",
    "relu_forward",
    "sgd_momentum",
]
