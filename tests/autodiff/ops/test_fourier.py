"""Fourier transforms, and the complex numbers they give."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Node, Tensor, Value, fft
from autodiff.fft import Complex

NORMS = (None, "backward", "ortho", "forward")


def parts(result: Any) -> Any:
    """A complex result as one real array."""
    return ad.stack([result.real, result.imag]) if np.iscomplexobj(result) else result


def of_pair(x: Any, y: Any) -> Complex:
    return Complex(ad.stack([x, y]))


def rows() -> Iterator[Row]:
    one: list[tuple[tuple[int, ...], dict[str, Any]]] = [
        ((4,), {}), ((5,), {}), ((1,), {"n": 1}), ((2,), {"n": 2}), ((4,), {"n": 6}),
        ((5,), {"n": 4}), ((3, 2), {"axis": 0}), ((2, 3), {"axis": -1, "n": 5}),
        *(((4,), {"norm": norm}) for norm in NORMS),
    ]  # fmt: skip
    several: list[tuple[tuple[int, ...], dict[str, Any]]] = [
        ((2, 3), {}), ((3, 4), {"s": (2, 5), "axes": (0, 1)}), ((2, 3), {"axes": (1, 0)}),
        ((2, 3), {"norm": "ortho"}), ((2, 2, 3), {"s": (3, 3), "axes": (-3, -1)}),
    ]  # fmt: skip
    for suffix, variants in (("", one), ("2", several), ("n", several)):
        for shape, options in variants:
            told = f"{shape} {options}"
            for name in ("rfft", "fft"):
                yield (
                    name + suffix, told,
                    lambda x, f=name + suffix, o=options: parts(getattr(fft, f)(x * x, **o)),
                    (points(*shape),),
                )  # fmt: skip
            for name in ("fft", "ifft", "irfft"):
                yield (
                    name + suffix, f"{told} of complex numbers",
                    lambda x, y, f=name + suffix, o=options: parts(
                        getattr(fft, f)(of_pair(x * x, y), **o)
                    ),
                    (points(*shape), points(*shape, seed=1)),
                )  # fmt: skip
    for shape, options in one:
        yield (
            "hfft", f"{shape} {options}",
            lambda x, y, o=options: fft.hfft(of_pair(x, y), **o),
            (points(*shape), points(*shape, seed=1)),
        )  # fmt: skip
        yield (
            "ihfft", f"{shape} {options}", lambda x, o=options: parts(fft.ihfft(x, **o)),
            (points(*shape),),
        )  # fmt: skip
    yield "irfft", "of real numbers", lambda x: fft.irfft(x, 5), (points(3),)
    for name, shape, axes in product(
        ("fftshift", "ifftshift"), ((4,), (5,), (3, 2)), (None, 0, (-1,))
    ):
        yield (
            name, f"{shape} {axes}", lambda x, f=name, a=axes: getattr(fft, f)(x * x, a),
            (points(*shape),),
        )  # fmt: skip
    yield "fftshift", "complex", lambda x, y: parts(fft.fftshift(of_pair(x, y), 0)), (
        points(3, 2), points(3, 2, seed=1),
    )  # fmt: skip


TABLE: list[Row] = list(rows())


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- numbers --------------------------------------------------------------------------------------

CALLS = [
    *((name, {"n": n, "axis": axis, "norm": norm})
      for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
      for n, axis, norm in product((None, 1, 2, 5, 8), (0, -1), NORMS)),
    *((name, {"s": s, "axes": axes, "norm": norm})
      for name in ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")
      for s, axes, norm in product((None, (2, 5), (-1, 3)), ((0, 1), (-1, 0)), NORMS)),
    *((name, {"axes": axes}) for name in ("fftshift", "ifftshift") for axes in (None, 0, (1, 0))),
]  # fmt: skip


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "options"), CALLS)
def test_numbers_are_numpys(name: str, options: dict[str, Any], kind: Any) -> None:
    function = getattr(np.fft, name)
    x, y = points(4, 3).astype(kind), points(4, 3, seed=1).astype(kind)
    operands: list[tuple[Any, Any]] = [(Tensor(x), x)]
    if not name.startswith(("rfft", "ihfft")):
        operands.append((of_pair(Tensor(x), Tensor(y)), x + 1j * y))
    for operand, of_numpy in operands:
        expected = function(of_numpy, **options)
        result = function(operand, **options)
        assert isinstance(result, Complex) == np.iscomplexobj(expected)
        assert result.data.dtype == expected.dtype
        scale = np.max(np.abs(expected))
        np.testing.assert_allclose(
            result.data, expected, rtol=0, atol=8 * np.finfo(kind).eps * scale
        )


@pytest.mark.parametrize("name", fft.__all__)
def test_of_bare_arrays_the_result_is_numpys(name: str) -> None:
    if name == "Complex":
        return
    x = points(4, 3)
    result = getattr(fft, name)(x)
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, getattr(np.fft, name)(x))


def test_a_filter() -> None:
    """What a spectrum is for: convolution by transforms is convolution."""
    a, v = points(7), points(3, seed=1)

    def filtered(x: Any, y: Any) -> Any:
        return np.fft.irfft(np.fft.rfft(x, 9) * np.fft.rfft(y, 9), 9)

    np.testing.assert_allclose(filtered(Tensor(a), v).data, np.convolve(a, v), atol=1e-14)
    check(filtered, (a, v))


def test_frequencies_of_a_spacing_that_is_a_node() -> None:
    d = Value(0.5)
    np.testing.assert_allclose(np.fft.fftfreq(4, d).data, np.fft.fftfreq(4, 0.5))


def test_what_a_branch_not_taken_leaves_absent_stays_absent() -> None:
    """A row that is not taken has no influence; what is left of one has, on all of its elements."""
    x = Tensor([[0.0, 1.0, 4.0], [1.0, 4.0, 9.0]])
    taken = np.array([[False], [True]])
    z = np.fft.rfft(ad.sqrt(x))
    ad.sum(ad.where(taken, z.real, 0.0)).backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad[0], 0.0)
    assert np.isfinite(x.grad[1]).all()
    assert (x.grad[1] != 0).any()


# --- complex numbers ------------------------------------------------------------------------------

X, Y, U, V = (points(3, seed=i) for i in range(4))
OPERATIONS = [operator.add, operator.sub, operator.mul, operator.truediv]
OTHERS: list[Any] = [U + 1j * V, U, 2.5, 1.5 - 2j, np.float64(0.5)]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_arithmetic_with_bare_numbers(operation: Any, other: Any) -> None:
    z = of_pair(Tensor(X), Tensor(Y))
    for result, expected in (
        (operation(z, other), operation(X + 1j * Y, other)),
        (operation(other, z), operation(other, X + 1j * Y)),
    ):
        assert isinstance(result, Complex)
        assert isinstance(result.real, Node)
        np.testing.assert_allclose(result.data, expected, rtol=1e-14)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_arithmetic_with_nodes(operation: Any) -> None:
    check(lambda x, y, u, v: parts(operation(of_pair(x, y), of_pair(u, v))), (X, Y, U, V))
    check(lambda x, y, u: parts(operation(of_pair(x, y), u)), (X, Y, U))
    check(lambda x, y, u: parts(operation(u, of_pair(x, y))), (X, Y, U))
    result = operation(Value(2.0), of_pair(Tensor(X), Tensor(Y)))
    np.testing.assert_allclose(result.data, operation(2.0, X + 1j * Y), rtol=1e-14)


def test_other_operations() -> None:
    z, expected = of_pair(Tensor(X), Tensor(Y)), X + 1j * Y
    for result, numbers in (
        (-z, -expected), (np.negative(z), -expected), (np.positive(z), expected),
        (z.conj(), expected.conj()), (np.conj(z), expected.conj()), (z[1:], expected[1:]),
        (z[0], expected[0]), (z[..., None], expected[:, None]),
    ):  # fmt: skip
        np.testing.assert_array_equal(result.data, numbers)
        assert result.shape == numbers.shape == np.shape(result)
    np.testing.assert_array_equal(np.real(z).data, X)
    np.testing.assert_array_equal(np.imag(z).data, Y)
    np.testing.assert_allclose(z.power.data, np.abs(expected) ** 2)
    assert np.iscomplexobj(z)
    assert repr(of_pair(Tensor([1.0]), Tensor([2.0]))) == "Complex([1.+2.j])"


def test_what_complex_numbers_refuse() -> None:
    z = of_pair(Tensor(X), Tensor(Y))
    for call in (np.exp, np.add.reduce, lambda z: np.add(z, 1, out=np.empty(3))):
        with pytest.raises(TypeError, match=r"np\.(exp|add).*\.real and \.imag"):
            call(z)
    with pytest.raises(TypeError, match=r"np\.sum.*\.real and \.imag"):
        np.sum(z)
    for convert in (np.asarray, np.array, lambda z: np.array([z])):
        with pytest.raises(TypeError, match="graph"):
            convert(z)
    with pytest.raises(TypeError, match="real numbers"):
        np.fft.rfft(z)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: fft.rfft(x, 0), "positive"),
        (lambda x: fft.irfft(x[:1]), "positive"),
        (lambda x: fft.fft(x, axis=1), "axis"),
        (lambda x: fft.fft(x, norm="half"), "backward, forward, ortho, got 'half'"),
        (lambda x: fft.fftn(x, (2, 2), (0,)), "a length for each axis"),
        (lambda x: fft.fft(Value(1.0)), "axis"),
    ],
)
def test_errors(call: Function, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(Tensor(X))
