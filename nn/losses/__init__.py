"""Losses: what training makes small."""

from nn.losses.classification import (
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    Hinge,
    MultiClassHinge,
    NegativeLogLikelihood,
    SoftmaxCrossEntropy,
)
from nn.losses.loss import Loss
from nn.losses.regression import MSE, Huber, Quadratic
from nn.losses.regularisation import L2

__all__ = [
    "L2",
    "MSE",
    "BinaryCrossEntropy",
    "BinaryCrossEntropyWithLogits",
    "Hinge",
    "Huber",
    "Loss",
    "MultiClassHinge",
    "NegativeLogLikelihood",
    "Quadratic",
    "SoftmaxCrossEntropy",
]
