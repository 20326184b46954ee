"""The pointwise primitives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points, positive, zero_d

import autodiff as ad
from autodiff import Tensor


def near_zero(*shape: int, seed: int = 0) -> Any:
    """Numbers that round to zero."""
    return 0.4 * points(*shape, seed=seed)


def above_one(*shape: int, seed: int = 0) -> Any:
    return 1.0 + positive(*shape, seed=seed)


UNARY: dict[str, Function] = {
    "neg": points, "abs": points, "exp": points, "log": positive, "sqrt": positive, "sin": points,
    "cos": points, "tan": points, "tanh": points, "sigmoid": points, "relu": points, "sign": points,
    "square": points, "reciprocal": points, "cbrt": points, "exp2": points, "expm1": points,
    "log2": positive, "log10": positive, "log1p": points, "softplus": points, "sinh": points,
    "cosh": points, "arctan": points, "arcsinh": points, "sinc": points, "deg2rad": points,
    "rad2deg": points, "floor": points, "ceil": points, "trunc": points, "positive": points,
    "nan_to_num": points, "real_if_close": points, "rint": near_zero, "round": near_zero,
}  # fmt: skip
RESTRICTED: dict[str, Function] = {
    "arcsin": near_zero, "arccos": near_zero, "arctanh": near_zero, "arccosh": above_one,
}  # fmt: skip
BINARY: dict[str, tuple[Function, Function]] = {
    "add": (points, points), "sub": (points, points), "mul": (points, points),
    "div": (points, points), "pow": (positive, points),
    "maximum": (points, points), "minimum": (points, points), "fmax": (points, points),
    "fmin": (points, points), "copysign": (points, points), "heaviside": (points, points),
    "hypot": (points, points), "arctan2": (points, points), "logaddexp": (points, points),
    "logaddexp2": (points, points),
}  # fmt: skip
OTHER_NAMES = {
    "absolute": "abs", "fabs": "abs", "subtract": "sub", "multiply": "mul", "divide": "div",
    "true_divide": "div", "negative": "neg", "power": "pow", "float_power": "pow",
    "remainder": "mod", "fix": "trunc", "around": "round", "degrees": "rad2deg",
    "radians": "deg2rad", "real": "positive", "conj": "positive",
    "conjugate": "positive", "acos": "arccos", "acosh": "arccosh", "asin": "arcsin",
    "asinh": "arcsinh", "atan": "arctan", "atan2": "arctan2", "atanh": "arctanh",
}  # fmt: skip
SHAPES: tuple[tuple[int, ...], ...] = ((), (1,), (3,), (2, 3), (2, 1, 2), (0, 3))
PAIRS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()), ((), (3,)), ((3,), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)),
    ((2, 1), (1, 3)), ((2, 1), (3,)), ((1,), (2, 2)), ((2, 1, 2), (3, 1)), ((0, 3), (1, 3)),
)  # fmt: skip


def unary_rows() -> Iterator[Row]:
    for name, where in UNARY.items():
        operation = getattr(ad, name)
        for shape in SHAPES:
            yield name, f"x{list(shape)}", operation, (where(*shape),)
        yield name, "0-d", zero_d(operation), (where(1),)
        yield name, "of itself", lambda x, f=operation: f(f(x) * f(x) + 1.7), (where(2),)
    for name, where in RESTRICTED.items():
        for shape in SHAPES:
            yield name, f"x{list(shape)}", getattr(ad, name), (where(*shape),)
        yield name, "0-d", zero_d(getattr(ad, name)), (where(1),)
    for name in ("log", "sqrt", "log2", "log10", "log1p", "cbrt", "reciprocal"):
        yield name, "far from one", getattr(ad, name), (np.array([0.05, 30.0]),)
    for name in ("sigmoid", "tanh", "exp", "softplus", "expm1", "arctan", "sinc"):
        yield name, "far from zero", getattr(ad, name), (np.array([-20.3, -5.2, 0.0, 5.2]),)
    for name in ("floor", "ceil", "trunc", "rint"):
        yield name, "far", getattr(ad, name), (np.array([-2.7, -1.3, 1.3, 2.7]),)
    for decimals in (-1, 1, 2):
        yield (
            "round", f"{decimals} decimals", lambda x, n=decimals: ad.round(x, n),
            (np.array([-0.123, 0.678]),),
        )  # fmt: skip
    for name in ("relu", "abs"):
        yield name, "both sides", getattr(ad, name), (np.array([-2.0, -0.5, 0.5, 2.0]),)


def binary_rows() -> Iterator[Row]:
    for name, (left, right) in BINARY.items():
        operation = getattr(ad, name)
        for x, y in PAIRS:
            yield name, f"x{list(x)} y{list(y)}", operation, (left(*x), right(*y, seed=1))
        yield name, "0-d", zero_d(operation), (left(1), right(1, seed=1))
        for shape in ((), (3,)):
            x = left(*shape)
            both = positive(*shape)
            yield name, f"x x{list(shape)}", lambda x, f=operation: f(x, x), (both,)
            for kind, c in (("int", 2), ("float", 1.5), ("array", np.array([[0.5], [2.5]]))):
                yield name, f"x{list(shape)} {kind}", lambda x, f=operation, c=c: f(x, c), (x,)
                yield (
                    name, f"{kind} x{list(shape)}", lambda x, f=operation, c=c: f(c, x),
                    (right(*shape, seed=1),),
                )  # fmt: skip
    for exponent in (-2, -0.5, 0, 1, 2, 3):
        yield "pow", f"x**{exponent}", lambda x, n=exponent: x**n, (positive(3),)
    for exponent in (-1, 0, 1, 2, 3):
        yield "pow", f"(-x)**{exponent}", lambda x, n=exponent: x**n, (-positive(3),)
        yield "pow", f"float (-x)**{exponent}", lambda x, n=exponent: x**n, (-0.7,)


def modulo_rows() -> Iterator[Row]:
    """Quotients stay away from whole numbers."""
    for name in ("floor_divide", "mod", "fmod", "divmod"):
        operation = (lambda x, y: ad.divmod(x, y)[1]) if name == "divmod" else getattr(ad, name)
        for x, y in PAIRS:
            divisor = 0.1 * points(*y, seed=1) + np.where(points(*y) > 0, 2.0, -2.0)
            yield (
                name, f"x{list(x)} y{list(y)}", operation,
                (points(*x) + 5.0 * np.sign(points(*x)), divisor if y else float(divisor)),
            )  # fmt: skip
        yield name, "0-d", zero_d(operation), (np.array([-5.3]), np.array([2.1]))
        yield name, "constant", lambda x, f=operation: f(x, 2) * f(7.0, x), (np.array([5.3, 3.1]),)
        yield name, "float", lambda x, f=operation: f(x, 2) * f(7.0, x), (-5.3,)
    yield "floor_divide", "operators", lambda x: (x // 2 + 9 // x) * x, (np.array([5.3, -3.1]),)
    yield "mod", "operators", lambda x: (x % 2) * (9 % x), (np.array([5.3, -3.1]),)
    for x in (np.array([5.3, -3.1]), 5.3):
        kind = f"x{list(np.shape(x))}"
        yield "divmod", f"operators {kind}", lambda x: ad.add(*divmod(x, 2)) * divmod(9, x)[1], (x,)
        yield "modf", kind, lambda x: ad.modf(x)[0] ** 2 * ad.modf(x)[1], (x,)
        yield "frexp", kind, lambda x: ad.frexp(x)[0] ** 2, (x,)
        yield "ldexp", kind, lambda x: ad.ldexp(x, 3) ** 2, (x,)
        yield "ldexp", f"{kind} exponents", lambda x: ad.ldexp(x, np.array([[1], [-2]])) ** 2, (x,)


def clip_rows() -> Iterator[Row]:
    for x, y, z in (
        ((), (), ()), ((3,), (), ()), ((3,), (3,), (1,)), ((2, 3), (3,), (2, 1)), ((), (3,), ()),
        ((0, 3), (3,), ()),
    ):  # fmt: skip
        yield (
            "clip", f"x{list(x)} y{list(y)} z{list(z)}", ad.clip,
            (2 * points(*x), points(*y, seed=1) - 0.4, positive(*z, seed=3)),
        )  # fmt: skip
    for name, f in {
        "between": lambda x: ad.clip(x, -1.0, 1),
        "below": lambda x: ad.clip(x, None, 1.0) ** 2,
        "above": lambda x: ad.clip(x, -1.0) ** 2,
        "new names": lambda x: ad.clip(x, max=1.0, min=-1.0) ** 2,
        "no bounds": lambda x: ad.clip(x, None, None) ** 2,
        "bounds that cross": lambda x: ad.clip(x, 1.0 * x, -1.0),
        "of its own bound": lambda x: ad.clip(x, 0.5 * x, 2.0 * x) ** 2,
    }.items():
        yield "clip", name, f, (np.array([-2.3, -0.3, 0.4, 1.7]),)
        yield "clip", f"{name}, float", f, (1.7,)
    yield "clip", "a method", lambda x: x.clip(-1.0, 1.0) * x, (np.array([-2.3, -0.3, 0.4, 1.7]),)


def other_rows() -> Iterator[Row]:
    for alias, name in OTHER_NAMES.items():
        assert getattr(ad, alias) is getattr(ad, name)
        if name == "mod":
            arguments: tuple[Any, ...] = (5.0 + points(2), 2.0 + 0.1 * points(2))
        elif name in BINARY:
            arguments = tuple(where(2, seed=i) for i, where in enumerate(BINARY[name]))
        else:
            arguments = ((UNARY | RESTRICTED)[name](2),)
        yield alias, f"is {name}", getattr(ad, alias), arguments
    wild = np.array([np.nan, 1.5, np.inf, -0.5])
    yield (
        "nan_to_num", "replaces",
        lambda x: ad.nan_to_num(ad.where(np.isfinite(wild), x, wild), nan=2.0, posinf=3.0) ** 2,
        (points(4),),
    )  # fmt: skip


HOLDS = np.array([[True], [False]])


def where_rows() -> Iterator[Row]:
    for condition in (True, False):
        for x, y in (((), ()), ((2,), (2,)), ((2, 1), (3,))):
            yield (
                "where", f"{condition} x{list(x)} y{list(y)}",
                lambda x, y, c=condition: ad.where(c, x * y, ad.sin(y)),
                (points(*x), points(*y, seed=1)),
            )  # fmt: skip
    for x, y in (((2, 3), (2, 3)), ((3,), ()), ((), (3,)), ((), ()), ((1, 3), (2, 1))):
        yield (
            "where", f"array x{list(x)} y{list(y)}",
            lambda x, y: ad.where(HOLDS, x * y, ad.exp(x) * y),
            (points(*x), points(*y, seed=1)),
        )  # fmt: skip
    yield "where", "of a node", lambda x: ad.where(x > 0, x**2, -(x**3)), (points(4),)
    yield "where", "condition a tensor", lambda x: ad.where(Tensor([1, 0]), x**2, x), (points(2),)
    yield "where", "of a constant", lambda x: ad.where(HOLDS, x**2, 3.0), (points(3),)
    yield "where", "constant first", lambda x: ad.where(HOLDS, np.ones(3), x**2), (points(3),)
    yield "where", "x x", lambda x: ad.where(HOLDS, x, x) ** 2, (points(3),)
    yield (
        "where", "nested",
        lambda x: ad.where(x > 0.4, ad.where(x > 0.48, x**2, ad.sin(x)), ad.exp(x)),
        (points(6),),
    )  # fmt: skip


TABLE: list[Row] = [
    *unary_rows(), *binary_rows(), *modulo_rows(), *clip_rows(), *other_rows(), *where_rows(),
]  # fmt: skip


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


@pytest.mark.parametrize(
    ("function", "first", "second"), [(ad.hypot, 0.0, 1.5), (ad.arctan2, 1.5, 0.0)]
)
def test_a_scalar_of_zero_with_an_array(function: Function, first: float, second: float) -> None:
    def f(x: Any) -> Any:
        return ad.sum(function(x, np.array([1.0, 2.0])))

    assert (ad.grad(f)(0.0), ad.grad(ad.grad(f))(0.0)) == (first, second)
    assert ad.jvp(ad.grad(f), (0.0,), (1.0,)) == (first, second)
