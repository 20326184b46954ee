"""Neural networks composed from the primitives of ``autodiff``.

There is no derivative in this package. Backpropagation through a network is the reverse walk of the
graph that its forward pass records.
"""

from nn.containers import Residual, Sequential
from nn.data import (
    Augmentation,
    Batches,
    DataError,
    Dataset,
    add_noise,
    compose,
    flatland,
    load_digits,
    load_image_folder,
    load_mnist,
    load_mnist_mat,
    random_batches,
    read_idx,
    rotate,
    shift,
    shuffled_batches,
)
from nn.layers import Conv2d, Dense, Flatten, MaxPool2d, ReLU
from nn.lenet import LeNet
from nn.losses import SoftmaxCrossEntropy
from nn.module import Module, Parameter
from nn.optimisers import SGD
from nn.schedules import InverseDecay
from nn.training import Evaluation, accuracy, train

__all__ = [
    "SGD",
    "Augmentation",
    "Batches",
    "Conv2d",
    "DataError",
    "Dataset",
    "Dense",
    "Evaluation",
    "Flatten",
    "InverseDecay",
    "LeNet",
    "MaxPool2d",
    "Module",
    "Parameter",
    "ReLU",
    "Residual",
    "Sequential",
    "SoftmaxCrossEntropy",
    "accuracy",
    "add_noise",
    "compose",
    "flatland",
    "load_digits",
    "load_image_folder",
    "load_mnist",
    "load_mnist_mat",
    "random_batches",
    "read_idx",
    "rotate",
    "shift",
    "shuffled_batches",
    "train",
]
