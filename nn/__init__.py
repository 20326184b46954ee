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
from nn.optimisers import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Group,
    Lion,
    Optimiser,
    RMSprop,
    clip_gradients_by_norm,
    clip_gradients_by_value,
)
from nn.schedules import (
    CosineDecay,
    ExponentialDecay,
    InverseDecay,
    OneCycle,
    StepDecay,
    WarmUp,
)
from nn.training import Evaluation, accuracy, train

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Augmentation",
    "Batches",
    "Conv2d",
    "CosineDecay",
    "DataError",
    "Dataset",
    "Dense",
    "Evaluation",
    "ExponentialDecay",
    "Flatten",
    "Group",
    "InverseDecay",
    "LeNet",
    "Lion",
    "MaxPool2d",
    "Module",
    "OneCycle",
    "Optimiser",
    "Parameter",
    "RMSprop",
    "ReLU",
    "Residual",
    "Sequential",
    "SoftmaxCrossEntropy",
    "StepDecay",
    "WarmUp",
    "accuracy",
    "add_noise",
    "clip_gradients_by_norm",
    "clip_gradients_by_value",
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
