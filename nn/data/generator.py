"""What every source of random numbers has to be."""

import numpy as np


def check_generator(generator: object) -> None:
    """Refuse anything but NumPy's generators, such as a bare seed.

    Raises:
        TypeError: ``generator`` is something else.

    >>> check_generator(np.random.default_rng(0))
    """
    if not isinstance(generator, np.random.Generator):
        raise TypeError(
            "generator: expected a numpy.random.Generator, such as numpy.random.default_rng(0), "
            f"got {type(generator).__name__}"
        )
