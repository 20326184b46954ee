"""Training: what makes the loss of a model small, and what is known about it afterwards."""

from nn.training.callbacks import Callback, EarlyStopping
from nn.training.examples import predictions
from nn.training.history import Evaluation, History
from nn.training.on_dataset import train
from nn.training.step import TrainingStep
from nn.training.trainer import Trainer

__all__ = [
    "Callback",
    "EarlyStopping",
    "Evaluation",
    "History",
    "Trainer",
    "TrainingStep",
    "predictions",
    "train",
]
