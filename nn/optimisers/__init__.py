"""Optimisers: how parameters follow their gradients."""

from nn.optimisers.adam import Adam, AdamW
from nn.optimisers.adaptive import Adagrad, RMSprop
from nn.optimisers.clipping import clip_gradients_by_norm, clip_gradients_by_value
from nn.optimisers.lion import Lion
from nn.optimisers.optimiser import Group, Optimiser
from nn.optimisers.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Group",
    "Lion",
    "Optimiser",
    "RMSprop",
    "clip_gradients_by_norm",
    "clip_gradients_by_value",
]
