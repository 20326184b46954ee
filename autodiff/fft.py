"""Discrete Fourier transforms of nodes: the functions of ``numpy.fft``, with ``Complex`` results.

>>> from autodiff import Tensor, fft
>>> x = Tensor([1.0, 2.0, 4.0, 3.0])
>>> fft.rfft(x).imag.data
array([0., 1., 0.])
"""

from autodiff.ops import complex_numbers, fourier
from autodiff.ops.complex_numbers import *  # noqa: F403
from autodiff.ops.fourier import *  # noqa: F403

__all__ = sorted([*complex_numbers.__all__, *fourier.__all__])
