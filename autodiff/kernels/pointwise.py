"""Functions on arrays, element by element, that NumPy does not have, or not to the last digit."""

from __future__ import annotations

from math import factorial, pi
from typing import Any

import numpy as np

from autodiff.arrays import Array


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), without overflow and without loss of digits far from zero."""
    e = np.exp(-np.abs(x))
    result: Array = np.where(np.greater_equal(x, 0), 1, e) / (1 + e)
    return result


def sigmoid_slope(x: Array) -> Array:
    """e^-x / (1 + e^-x)², the derivative of the sigmoid."""
    e = np.exp(-np.abs(x))
    result: Array = e / ((1 + e) * (1 + e))
    return result


def softplus(x: Array) -> Array:
    """log(1 + e^x), without overflow and without loss of digits far from zero."""
    result: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return result


def sech(x: Array) -> Array:
    """1 / cosh(x), without overflow."""
    e = np.exp(-np.abs(x))
    result: Array = 2 * e / (1 + e * e)
    return result


def relu(x: Array) -> Array:
    """max(x, 0)."""
    return np.maximum(x, 0)


def pow(x: Any, y: Any) -> Any:
    """``x ** y`` as IEEE 754 defines it.

    For one exponent 0.5 NumPy takes the square root instead, which is another thing at -inf and at
    -0.0: a positive base is put in their place.
    """
    if _is_half(y):
        if isinstance(x, (np.ndarray, np.generic)):
            x = np.where(np.equal(x, -np.inf), np.inf, x) + 0.0
        else:
            x = np.inf if x == -np.inf else x + 0.0
    return x**y


def _is_half(y: Any) -> bool:
    """Whether all of ``y`` is one number 0.5, possibly spread over an array."""
    if isinstance(y, np.ndarray):
        return y.size > 0 and bool(y.flat[0] == 0.5) and (y.size == 1 or not any(y.strides))
    return bool(y == 0.5)


def where(condition: Any, x: Any, y: Any) -> Any:
    """``np.where``; a condition that is one number decides without a pass over the arrays."""
    if isinstance(condition, (bool, np.bool_)):
        taken, other = (x, y) if condition else (y, x)
        # A number in place of an array is spread out: the result has the shape and dtype of both.
        numpys = (np.ndarray, np.generic)
        if not isinstance(other, numpys):
            return taken
        if isinstance(taken, numpys) and taken.shape == other.shape:
            return taken
    return np.where(condition, x, y)


def fraction(x: Array) -> Array:
    """What stands after the point, with the sign of x."""
    return np.modf(x)[0]


def sinc(x: Array) -> Array:
    """sin(πx) / (πx); 1 at 0, and exactly 0 at every other whole number."""
    return sinc_derivative(x, 0)


def sinc_derivative(x: Array, order: Any) -> Array:
    """The derivative of some order of sinc(x) = sin(πx) / (πx), to the last digits.

    With s_n the n-th derivative, differentiating x·s_0 = sin(πx)/π n times gives
    x·s_n + n·s_(n-1) = π^(n-1)·sin(πx + nπ/2). This recursion loses digits where π|x| is less than
    about n; the power series of the cosine in s_0 = ∫ cos(πxu) du, u from 0 to 1, serves there.
    """
    n = int(order)
    kind = np.result_type(x, np.float32)  # floating, and no narrower than x
    x = np.asarray(x, dtype=np.result_type(kind, np.float64))
    near = np.abs(x) < (1 + n) / 3
    result = np.empty(x.shape)
    z = np.where(near, x, 0.0)
    total = np.zeros(x.shape)
    for k in range((n + 1) // 2, (n + 1) // 2 + 14 + 4 * n)[::-1]:
        # x^(2k-n) (-1)^k π^2k / (2k+1) / (2k-n)!, by Horner's scheme in x²
        c = (-1.0) ** k * pi ** (2 * k) / ((2 * k + 1) * float(factorial(2 * k - n)))
        total = total * (z * z) + c
    series = total * z if n % 2 else total
    z = np.where(near, 1.0, x)
    turn = z - 2 * np.rint(z / 2)  # exact, so that π·turn loses nothing of πz
    sine, cosine = _sine_and_cosine(turn)
    waves = (sine, cosine, -sine, -cosine)
    far = sine / (pi * z)
    for k in range(1, n + 1):
        far = (pi ** (k - 1) * waves[k % 4] - k * far) / z
    result = np.where(near, series, far)
    return result.astype(kind, copy=False)[()]


def _sine_and_cosine(turn: Array) -> tuple[Array, Array]:
    """sin(πt) and cos(πt) for -1 <= t <= 1, exactly 0 where they are."""
    whole = np.rint(2 * turn)  # quarters of a turn
    rest = pi * (turn - whole / 2)
    sine, cosine = np.sin(rest), np.cos(rest)
    quarter = np.nan_to_num(whole).astype(int) % 4
    choices = (quarter == 0, quarter == 1, quarter == 2)
    return (
        np.select(choices, (sine, cosine, -sine), -cosine),
        np.select(choices, (cosine, -sine, -cosine), sine),
    )
