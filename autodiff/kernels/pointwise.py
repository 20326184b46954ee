"""Functions on arrays, element by element, that NumPy does not have, or not to the last digit."""

from __future__ import annotations

from math import copysign, factorial, inf, pi
from sys import getrefcount
from typing import Any

import numpy as np

from autodiff.arrays import Array
from autodiff.kernels import buffers, replay
from autodiff.kernels.dispatch import elementwise, worth_it

_LARGE = 1 << 12
"""Numbers: with fewer a pass over them costs no more than to look for one that can be left out."""


_FEW = 1 << 8
"""Numbers: NumPy has chosen between fewer before one has looked how they lie in memory."""


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), without overflow and without loss of digits far from zero."""
    compiled = elementwise("sigmoid", x)
    if compiled is not None:
        return compiled
    e = np.exp(-np.abs(x))
    result: Array = np.where(np.greater_equal(x, 0), 1, e) / (1 + e)
    return result


def sigmoid_slope(x: Array) -> Array:
    """e^-x / (1 + e^-x)², the derivative of the sigmoid."""
    compiled = elementwise("sigmoid_slope", x)
    if compiled is not None:
        return compiled
    e = np.exp(-np.abs(x))
    result: Array = e / ((1 + e) * (1 + e))
    return result


def softplus(x: Array) -> Array:
    """log(1 + e^x), without overflow and without loss of digits far from zero."""
    compiled = elementwise("softplus", x)
    if compiled is not None:
        return compiled
    result: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return result


def sech(x: Array) -> Array:
    """1 / cosh(x), without overflow."""
    e = np.exp(-np.abs(x))
    result: Array = 2 * e / (1 + e * e)
    return result


def relu(x: Array) -> Array:
    """max(x, 0)."""
    compiled = elementwise("relu", x)
    return np.maximum(x, 0, out=buffers.room(x)) if compiled is None else compiled


def sign(x: Any) -> Any:
    """``np.sign``, which takes a branch at each element."""
    compiled = elementwise("sign", x)
    return np.sign(x) if compiled is None else compiled


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


def factor(x: Any, y: Any) -> Any:
    """``pow(x, y)`` that is only multiplied with: it may be ``x`` itself."""
    if y.__class__ in (int, float) and y == 1 and isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return x
    return pow(x, y)


def _is_half(y: Any) -> bool:
    """Whether all of ``y`` is one number 0.5, possibly spread over an array."""
    if isinstance(y, np.ndarray):
        return y.size > 0 and bool(y.flat[0] == 0.5) and (y.size == 1 or not any(y.strides))
    return bool(y == 0.5)


def where(condition: Any, x: Any, y: Any) -> Any:
    """``np.where`` as formulas use it, ``x`` being for few elements: it may return ``y`` itself.

    A condition that is one number decides without a pass over the arrays.
    """
    if isinstance(condition, (bool, np.bool_)):
        taken, other = (x, y) if condition else (y, x)
        # A number in place of an array takes on the shape and the dtype of the other branch.
        numpys = (np.ndarray, np.generic)
        if not isinstance(other, numpys):
            return taken
        if isinstance(taken, numpys) and taken.shape == other.shape:
            return taken
    elif isinstance(y, np.ndarray) and y.shape == condition.shape and not np.ndim(x):
        if not condition.any():
            return y
        if x == 0:
            return select(~condition, y, x)
    return np.where(condition, x, y)


_BITS: dict[np.dtype[Any], Any] = {
    np.dtype(np.float64): np.int64,
    np.dtype(np.float32): np.int32,
    np.dtype(np.float16): np.int16,
}


def select(condition: Any, x: Any, y: Any) -> Any:
    """``np.where``, several times faster for large arrays, or where the number 0 is chosen from.

    NumPy's own choice takes a branch at each element, and the processor guesses half of them wrong.
    """
    if isinstance(condition, np.ndarray) and condition.dtype == bool:
        if _is_zero(x) and isinstance(y, np.ndarray):
            opposite = np.logical_not(condition, out=buffers.room(condition, bool))
            condition, x, y = opposite, y, x
        if isinstance(x, np.ndarray):
            if _is_zero(y):
                return _kept(condition, x)
            if isinstance(y, np.ndarray):
                chosen = elementwise("chosen", condition, x, y)
                if chosen is not None:
                    return chosen
    return np.where(condition, x, y)


def greater(x: Any, y: Any) -> Any:
    """Where x > y."""
    if isinstance(x, np.ndarray) and y.__class__ in (int, float):
        return np.greater(x, y, out=buffers.room(x, bool))
    return x > y


def gate(x: Any, t: Any) -> Any:
    """``t`` where x > 0, elsewhere 0."""
    if t.__class__ is np.ndarray and worth_it(t) and _number_everywhere(t) is None:
        compiled = elementwise("gate", x, t)
        if compiled is not None:
            return compiled
    return select(greater(x, 0), t, 0.0)


def times(t: Any, partial: Any) -> Any:
    """The adjoint ``t`` times a partial derivative; True selects it, and ones are left out.

    What is summed up has the adjoint 1 everywhere. The result may be ``partial`` itself.
    """
    if t.__class__ is np.ndarray and partial.__class__ is np.ndarray:
        if partial.dtype == bool:
            return select(partial, t, 0.0)
        if replay.recorder() is not None:
            compiled = elementwise("product", t, partial)
            if compiled is not None:
                return compiled
        if t.size >= _LARGE and partial.shape == t.shape and partial.dtype == t.dtype:
            if _number_everywhere(t) == 1:
                return partial
            if getrefcount(partial) == _TEMPORARY and partial.flags.writeable:
                return np.multiply(t, partial, out=partial)
    return t * partial


def _number_everywhere(x: Array) -> Any:
    """The number that all elements of a large array are, if it shows without a pass over them."""
    return None if any(x.strides) or replay.recorder() else x.item(0)


def _references(x: Any) -> int:
    return getrefcount(x)


_TEMPORARY = _references(np.empty(0))
"""References to an argument that only the function holds that was given it."""


def _is_zero(x: Any) -> bool:
    return x.__class__ in (int, float) and x == 0 and copysign(1, x) > 0


def _kept(condition: Array, x: Array) -> Array:
    """``x`` where the condition holds, elsewhere 0.

    An element's bits, as a whole number, times 1 are the element, inf and nan too.
    """
    if not worth_it(x, _FEW):
        return np.where(condition, x, 0)
    if x.size >= _LARGE and x.shape == condition.shape:
        number = _number_everywhere(x)
        if number is not None and 0 < number < inf:
            ones = buffers.copied(condition.view(np.int8), x.dtype)
            return ones if number == 1 else np.multiply(ones, number, out=ones)
    kept = elementwise("kept", condition, x)
    if kept is None and x.dtype in _BITS:
        bits = _BITS[x.dtype]
        ones = buffers.copied(condition, bits)
        out = ones if ones.shape == x.shape else None
        return np.asarray(np.multiply(ones, x.view(bits), out)).view(x.dtype)
    return np.where(condition, x, 0) if kept is None else kept


def _either(condition: Any, x: Array, y: Array) -> Array:
    """``np.where`` of two arrays of numbers, by ``select``; it doesn't keep the sign of a zero."""
    chosen: Array = select(condition, x, 0.0) + select(~condition, y, 0.0)
    return chosen


def _sum_of_squares(x: Array, y: Array) -> Array | None:
    """The squares x² + y² to the last digits; None where some leave the range of normal numbers."""
    with np.errstate(all="ignore"):
        squares = np.asarray(x * x + y * y)
    limits = np.finfo(squares.dtype)
    # Neither square overflows; if one loses digits, it is too small to count beside the other.
    low, high = limits.tiny / limits.eps**2, limits.max
    usual = squares.size and low <= squares.min() and squares.max() <= high
    return squares if usual else None


def radius(x: Array, y: Array) -> Array:
    """``np.hypot``, to a unit in the last place: several times faster for numbers of usual size."""
    squares = _sum_of_squares(x, y)
    r: Array = np.hypot(x, y) if squares is None else np.sqrt(squares)
    return r


def polar(x: Array, y: Array) -> Array:
    """The function x / (x² + y²), without overflow; 0 where x is 0."""
    squares = _sum_of_squares(x, y)
    if squares is not None:
        quotient: Array = x / squares
        return quotient
    r = np.hypot(x, y)
    return where(np.equal(x, 0), 0.0, x / r / r)  # type: ignore[no-any-return]


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
    z = select(near, x, 0.0)
    square = z * z
    total = np.zeros(x.shape)
    for k in range((n + 1) // 2, (n + 1) // 2 + 14 + 4 * n)[::-1]:
        # x^(2k-n) (-1)^k π^2k / (2k+1) / (2k-n)!, by Horner's scheme in x²
        c = (-1.0) ** k * pi ** (2 * k) / ((2 * k + 1) * float(factorial(2 * k - n)))
        total *= square
        total += c
    series = total * z if n % 2 else total
    z = select(~near, x, 0.0) + near
    turn = z - 2 * np.rint(z / 2)  # exact, so that π·turn loses nothing of πz
    far = _wave(turn, 0) / (pi * z)
    for k in range(1, n + 1):
        far = (pi ** (k - 1) * _wave(turn, k) - k * far) / z
    result = _either(near, series, far)
    return result.astype(kind, copy=False)[()]


def _wave(turn: Array, quarters: int) -> Array:
    """sin(πt + kπ/2) for -1 <= t <= 1 and a whole k, exactly 0 where it is.

    What is subtracted here leaves no rounding error where it would show.
    """
    size = np.abs(turn)
    angle = 0.5 - size if quarters % 2 else np.copysign(np.minimum(size, 1 - size), turn)
    wave: Array = np.sin(pi * angle)
    return -wave if quarters % 4 > 1 else wave
