"""LeNet: the convolutional network that read cheques."""

from __future__ import annotations

import numpy as np

from nn.containers import Sequential
from nn.layers import Conv2d, Dense, Flatten, MaxPool2d, ReLU


class LeNet(Sequential):
    """Convolution, max-pooling, twice; a hidden layer with ReLU; a score per class.

    After LeCun, Bottou, Bengio & Haffner, Gradient-Based Learning Applied to Document Recognition
    (1998), in the variant that courses teach: 431 080 parameters with the sizes given here.

    Args:
        image: (channels, height, width) of the images.
        filters: how many kernels the two convolutions have.
        size: of a kernel.
        pool: window and stride of the pooling.
        hidden: units of the hidden layer.
        classes: how many scores come out.
        generator: of the first weights.

    Raises:
        ValueError: the images are too small for two convolutions and two poolings.

    Example:
        >>> import numpy as np
        >>> from nn import LeNet
        >>> net = LeNet(generator=np.random.default_rng(0))
        >>> net(np.zeros((64, 1, 28, 28), np.float32)).shape
        (64, 10)
    """

    def __init__(
        self,
        *,
        image: tuple[int, int, int] = (1, 28, 28),
        filters: tuple[int, int] = (20, 50),
        size: int = 5,
        pool: int = 2,
        hidden: int = 500,
        classes: int = 10,
        generator: np.random.Generator,
    ) -> None:
        if len(image) != 3 or len(filters) != 2:
            raise ValueError(
                "LeNet: expected image=(channels, height, width) and filters=(first, second), got "
                f"{image} and {filters}"
            )
        channels, *lengths = image
        for _ in filters:
            lengths = [(n - size + 1) // pool for n in lengths]
        if min(lengths) < 1:
            raise ValueError(
                f"LeNet: images of {image[1]}×{image[2]} are too small for two convolutions of "
                f"{size}×{size}, each with pooling by {pool}"
            )
        first, second = filters
        super().__init__(
            Conv2d(channels, first, size, generator=generator),
            MaxPool2d(pool),
            Conv2d(first, second, size, generator=generator),
            MaxPool2d(pool),
            Flatten(),
            Dense(second * lengths[0] * lengths[1], hidden, generator=generator),
            ReLU(),
            Dense(hidden, classes, generator=generator),
        )
