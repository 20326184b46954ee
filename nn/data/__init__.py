"""Data sets, the batches that training walks through, and augmentation.

Every loader returns a ``Dataset``. ``load_digits`` needs no files and no network; ``load_mnist``
reads MNIST or Fashion-MNIST from a folder or downloads it, ``load_mnist_mat`` reads
``mnist_all.mat``; ``load_image_folder`` and ``Dataset.from_arrays`` take your own. ``flatland``
makes its images. ``shuffled_batches`` and ``random_batches`` draw the indices of mini-batches;
``shift``, ``rotate`` and ``add_noise`` vary their images, and ``compose`` puts such steps together.
"""

from nn.data.augmentation import Augmentation, add_noise, compose, rotate, shift
from nn.data.batches import Batches, random_batches, shuffled_batches
from nn.data.dataset import Dataset
from nn.data.digits import load_digits
from nn.data.errors import DataError
from nn.data.flatland import flatland
from nn.data.folders import load_image_folder
from nn.data.idx import read_idx
from nn.data.mat import load_mnist_mat
from nn.data.mnist import load_mnist

__all__ = [
    "Augmentation",
    "Batches",
    "DataError",
    "Dataset",
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
]
