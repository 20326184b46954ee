"""Layers: each a few lines of primitives, and no derivative."""

from nn.layers.activations import ReLU
from nn.layers.convolution import Conv2d
from nn.layers.dense import Dense, Flatten
from nn.layers.pooling import MaxPool2d

__all__ = ["Conv2d", "Dense", "Flatten", "MaxPool2d", "ReLU"]
