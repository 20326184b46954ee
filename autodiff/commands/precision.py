"""Derivatives by arithmetic of arbitrary precision, which knows nothing of this library's rules.

mpmath takes difference quotients with so many digits that what is lost to cancellation does not
matter (``mpmath.diff``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from autodiff.commands.problem import Element, Problem

DIGITS = 50
# The largest numbers that a function is computed of; exp(exp(exp(100))) would never end.
_LARGEST = 1e300
_LARGEST_OF_BESSEL = 1e6


_SAME = (
    "sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "expm1", "log", "log1p", "sqrt",
    "floor", "ceil", "sign", "erf", "erfc", "erfinv", "gamma", "digamma",
)  # fmt: skip
_INVERSE = ("sin", "cos", "tan", "sinh", "cosh", "tanh")


class MissingFunctionError(ValueError):
    """A function that mpmath does not have, or that is not listed here."""


def derivative(problem: Problem, elements: Sequence[Element]) -> Any:
    """The derivative with respect to one element or two, an ``mpmath.mpf``; the value for none.

    Raises:
        MissingFunctionError: a function of the expression is not to be had.
        ArithmeticError: there is no real number of reasonable size.
    """
    import mpmath

    with mpmath.workdps(DIGITS):
        point = {name: _exact(value, mpmath.mpf) for name, value in problem.values.items()}
        distinct = list(dict.fromkeys(elements))

        def function(*numbers: Any) -> Any:
            moved = {name: value.copy() for name, value in point.items()}
            for element, number in zip(distinct, numbers, strict=True):
                moved[element.name][element.place] = number
            values = {name: value if value.ndim else value[()] for name, value in moved.items()}
            return mpmath.mpf(problem.expression(values, _function))

        if not elements:
            return function()
        at = tuple(point[element.name][element.place] for element in distinct)
        return mpmath.diff(function, at, tuple(elements.count(element) for element in distinct))


def _exact(value: Any, convert: Callable[[Any], Any]) -> Any:
    """An array of numbers of arbitrary precision, with no dimensions for a scalar."""
    array = np.empty(np.shape(value), dtype=object)
    for place in np.ndindex(array.shape):
        array[place] = convert(float(np.asarray(value)[place]))
    return array


def _function(name: str) -> Callable[..., Any]:
    """A function of the expression, on arrays of mpmath's numbers."""
    if name not in functions():
        raise MissingFunctionError(f"{name} is not to be had in it")
    return functions()[name]


@cache
def functions() -> dict[str, Callable[..., Any]]:
    """The functions that mpmath has, by the library's names, on its numbers and arrays of them."""
    import mpmath as m

    def modulo(x: Any, y: Any) -> Any:
        return x - y * m.floor(x / y)

    def truncated(x: Any) -> Any:
        return m.sign(x) * m.floor(abs(x))

    one = {
        **{name: getattr(m, name) for name in _SAME},
        **{f"{a}{name}": getattr(m, f"a{name}") for name in _INVERSE for a in ("a", "arc")},
        "abs": abs, "absolute": abs, "fabs": abs,
        "exp2": lambda x: m.mpf(2) ** x,
        "log2": lambda x: m.log(x, 2), "log10": m.log10, "ln": m.log,
        "cbrt": lambda x: m.sign(x) * m.cbrt(abs(x)),
        "square": lambda x: x * x, "reciprocal": lambda x: 1 / x,
        "deg2rad": m.radians, "radians": m.radians, "rad2deg": m.degrees, "degrees": m.degrees,
        "relu": lambda x: max(x, m.mpf(0)),
        "sigmoid": lambda x: 1 / (1 + m.exp(-x)), "expit": lambda x: 1 / (1 + m.exp(-x)),
        "log_expit": lambda x: -m.log1p(m.exp(-x)),
        "softplus": lambda x: m.log1p(m.exp(x)),
        "logit": lambda x: m.log(x / (1 - x)),
        "sinc": m.sincpi, "trunc": truncated,
        "rint": m.nint, "round": m.nint,
        "gammaln": lambda x: m.log(abs(m.gamma(x))),
        "psi": m.digamma, "ndtr": m.ncdf, "entr": lambda x: -x * m.log(x),
    }  # fmt: skip
    two = {
        "arctan2": m.atan2, "atan2": m.atan2, "hypot": m.hypot, "beta": m.beta,
        "maximum": max, "fmax": max, "minimum": min, "fmin": min,
        "pow": lambda x, y: x**y, "power": lambda x, y: x**y,
        "mod": modulo, "remainder": modulo, "fmod": lambda x, y: x - y * truncated(x / y),
        "copysign": lambda x, y: abs(x) * (1 if y >= 0 else -1),
        "heaviside": lambda x, y: m.mpf(x > 0) if x else y,
        "logaddexp": lambda x, y: max(x, y) + m.log1p(m.exp(-abs(x - y))),
        "logaddexp2": lambda x, y: max(x, y) + m.log1p(m.mpf(2) ** -abs(x - y)) / m.log(2),
        "xlogy": lambda x, y: x * m.log(y) if x else x,
        "xlog1py": lambda x, y: x * m.log1p(y) if x else x,
    }  # fmt: skip
    by_element = {
        **{name: _by_element(f, 1) for name, f in one.items()},
        **{name: _by_element(f, 2) for name, f in two.items()},
        **{
            f"{kind}v": _by_element(getattr(m, f"bessel{kind}"), 2, _LARGEST_OF_BESSEL)
            for kind in "ijky"
        },
        **{
            f"{kind}{order}": _by_element(
                partial(getattr(m, f"bessel{kind}"), order), 1, _LARGEST_OF_BESSEL
            )
            for kind in "ijky"
            for order in (0, 1)
        },
        "clip": _by_element(lambda x, low, high: min(max(x, low), high), 3),
    }
    exp, log, sqrt = (by_element[name] for name in ("exp", "log", "sqrt"))

    def logsumexp(x: Any) -> Any:
        largest = np.max(x)
        return largest + log(np.sum(exp(x - largest)))

    def variance(x: Any) -> Any:
        return np.mean((x - np.mean(x)) ** 2)

    def extreme(of_array: Any, of_several: Any) -> Any:
        return lambda *x: (
            _by_element(of_several, len(x))(*x) if x[1:] else of_array(np.asarray(x[0]))
        )

    return {
        **by_element,
        "where": _where,
        "sum": np.sum, "prod": np.prod, "mean": np.mean, "cumsum": np.cumsum,
        "cumprod": np.cumprod, "dot": np.dot, "inner": np.inner, "vdot": np.dot,
        "matmul": np.matmul, "transpose": np.transpose, "trace": np.trace, "diff": np.diff,
        "max": extreme(np.max, max), "min": extreme(np.min, min), "sort": np.sort,
        "norm": lambda x: sqrt(np.sum(x * x)),
        "var": variance, "std": lambda x: sqrt(variance(x)),
        "logsumexp": logsumexp,
        "log_softmax": lambda x: x - logsumexp(x), "softmax": lambda x: exp(x - logsumexp(x)),
    }  # fmt: skip


def _where(condition: Any, x: Any, y: Any) -> Any:
    chosen: Any = np.where(condition, x, y)
    return chosen[()]  # of numbers, a number


def _by_element(
    function: Callable[..., Any], count: int, largest: float = _LARGEST
) -> Callable[..., Any]:
    """A function of numbers as one of arrays, too; refuses what is no real number or too large."""
    import mpmath

    def checked(*numbers: Any) -> Any:
        if any(abs(number) > largest for number in numbers):
            raise OverflowError("a number is too large for arbitrary precision")
        try:
            result = function(*numbers)
        except mpmath.NoConvergence as fault:
            raise ArithmeticError(str(fault)) from None
        if getattr(result, "imag", 0):
            raise ArithmeticError("there is no real number here")
        return result

    by_element: Callable[..., Any] = np.frompyfunc(checked, count, 1)
    return by_element
