"""Data sets, and the batches that training walks through.

``load_digits`` needs no files and no network; ``load_mnist`` reads MNIST or Fashion-MNIST from a
folder or downloads it. Both return a ``Dataset``. ``shuffled_batches`` yields the indices of its
batches.
"""

from nn.data.batches import shuffled_batches
from nn.data.dataset import Dataset
from nn.data.digits import load_digits
from nn.data.errors import DataError
from nn.data.idx import read_idx
from nn.data.mnist import load_mnist

__all__ = [
    "DataError",
    "Dataset",
    "load_digits",
    "load_mnist",
    "read_idx",
    "shuffled_batches",
]
