"""Linear algebra: the functions of ``numpy.linalg``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points
from numpy.linalg import LinAlgError

import autodiff as ad
from autodiff import Tensor, linalg
from autodiff.graph import Node, bare

Shape = tuple[int, ...]
T = ad.matrix_transpose
STACKS: tuple[Shape, ...] = ((), (2,), (0,))


def regular(n: int, *stack: int, seed: int = 0) -> Any:
    """Well-conditioned matrices with eigenvalues and singular values far from each other."""
    generator = np.random.default_rng([seed, n, *stack])
    shape = (*stack, n, n)
    turns = [np.linalg.qr(generator.normal(size=shape))[0] for _ in range(2)]
    values = np.arange(1, n + 1) + generator.uniform(0, 0.3, shape[:-1])
    return (turns[0] * values[..., None, :]) @ turns[1]


def tall(m: int, n: int, *stack: int) -> Any:
    """Matrices of full rank with singular values far from each other, wide ones if m < n."""
    return np.ascontiguousarray(regular(max(m, n), *stack)[..., :m, :n])


def symmetric(x: Any) -> Any:
    return x + T(x)


def definite(x: Any) -> Any:
    return x @ T(x)


def of(name: str, *given: Any, **options: Any) -> Function:
    """A function of linalg with its options, as a function of its operands."""
    return lambda *x: getattr(linalg, name)(*x, *given, **options)


def along_vectors(name: str, part: int, change: Function = lambda x: x, **options: Any) -> Function:
    """One part of a decomposition; made independent of the vectors' signs by a square."""

    def function(x: Any) -> Any:
        vectors = getattr(linalg, name)(change(x), **options)[part]
        return vectors * vectors

    return function


def system_rows() -> Iterator[Row]:
    for a, b in (
        ((), (3,)), ((), (3, 2)), ((2,), (3,)), ((2,), (3, 1)), ((2,), (2, 3, 2)), ((), (2, 3, 1)),
        ((2, 1), (2, 3, 1)), ((0,), (3,)), ((), (3, 0)),
    ):  # fmt: skip
        yield "solve", f"{a} {b}", linalg.solve, (regular(3, *a), points(*b))
    yield "solve", "x x", lambda x: linalg.solve(x, x * x), (regular(2),)
    yield "solve", "constant left", lambda b: linalg.solve(regular(2), b), (points(2),)
    yield "solve", "constant right", lambda a: linalg.solve(a, np.ones(2)), (regular(2),)
    yield "solve", "nothing", linalg.solve, (points(0, 0), points(0, 2))
    yield "tensorsolve", "", (
        lambda a, b: linalg.tensorsolve(a.reshape(2, 2, 4), b)
    ), (regular(4), points(2, 2))  # fmt: skip
    yield "tensorsolve", "axes", (
        lambda a, b: linalg.tensorsolve(a.reshape(4, 2, 2), b, axes=(0,))
    ), (regular(4), points(2, 2))  # fmt: skip
    for stack in STACKS:
        yield "inv", f"{stack}", linalg.inv, (regular(3, *stack),)
        for n in (-3, -1, 0, 1, 2, 3, 6):
            yield "matrix_power", f"{n} {stack}", of("matrix_power", n), (regular(2, *stack),)
        for m, n in ((2, 2), (3, 2), (2, 3)):
            yield "pinv", f"{m} {n} {stack}", linalg.pinv, (tall(m, n, *stack),)
        yield "expm", f"{stack}", linalg.expm, (0.3 * regular(3, *stack),)
    yield "pinv", "not of full rank", lambda x: linalg.pinv(x @ x.T, 1e-5), (tall(3, 2),)
    yield "pinv", "cutoff", lambda x: linalg.pinv(x, rtol=1e-3), (tall(3, 2),)
    yield "tensorinv", "", (
        lambda x: linalg.tensorinv(x.reshape(2, 2, 4))
    ), (regular(4),)  # fmt: skip
    yield "tensorinv", "ind 1", (
        lambda x: linalg.tensorinv(x.reshape(4, 2, 2), ind=1)
    ), (regular(4),)  # fmt: skip
    for a, b in (((3, 2), (3,)), ((3, 2), (3, 2)), ((2, 3), (2,)), ((2, 2), (2, 1))):
        for part in (0, 1):
            yield "lstsq", f"{a} {b} part {part}", (
                lambda a, b, part=part: linalg.lstsq(a, b)[part]
            ), (tall(*a), points(*b))  # fmt: skip


def determinant_rows() -> Iterator[Row]:
    for n in (1, 2, 3, 4):
        yield "det", f"{n}", linalg.det, (regular(n),)
        yield "slogdet", f"{n}", lambda x: linalg.slogdet(x).logabsdet, (regular(n),)
    for stack in STACKS:
        yield "det", f"{stack}", linalg.det, (regular(2, *stack),)
        yield "slogdet", f"{stack}", lambda x: linalg.slogdet(x)[1], (regular(3, *stack),)
    yield "det", "nothing", linalg.det, (points(0, 0),)
    u, v = points(3, 2), points(2, 3, seed=1)
    yield "det", "differentiated", ad.grad(linalg.det), (regular(3),)
    yield "det", "rank 1 of 2", linalg.det, (np.outer(u[0], v[:, 0]),)
    yield "det", "rank 2 of 3", linalg.det, (u @ v,)
    yield "det", "rank 1 of 3", linalg.det, (np.outer(u[:, 0], v[0]),)
    yield "det", "rank 0 of 3", linalg.det, (np.zeros((3, 3)),)
    yield "det", "rank 2 of 4", linalg.det, (points(4, 2) @ points(2, 4, seed=1),)
    yield "det", "diagonal, rank 2 of 3", linalg.det, (np.diag([1.5, 0.0, -2.0]),)
    yield "det", "some singular", linalg.det, (np.stack([u @ v, regular(3)]),)


def decomposition_rows() -> Iterator[Row]:
    for stack in STACKS:
        x = regular(3, *stack)
        yield "cholesky", f"{stack}", lambda x: linalg.cholesky(definite(x)), (x,)
        yield "cholesky", f"upper {stack}", (
            lambda x: linalg.cholesky(definite(x), upper=True)
        ), (x,)  # fmt: skip
        for uplo in "LU":
            yield "eigh", f"values {uplo} {stack}", (
                lambda x, uplo=uplo: linalg.eigh(definite(x), uplo).eigenvalues
            ), (x,)  # fmt: skip
            yield "eigvalsh", f"{uplo} {stack}", (
                lambda x, uplo=uplo: linalg.eigvalsh(definite(x), UPLO=uplo)
            ), (x,)  # fmt: skip
        yield "eigh", f"vectors {stack}", along_vectors("eigh", 1, definite), (x,)
        for m, n in ((3, 3), (3, 2), (2, 3)):
            x = tall(m, n, *stack)
            yield "svdvals", f"{m} {n} {stack}", linalg.svdvals, (x,)
            for part in range(3):
                yield "svd", f"part {part} {m} {n} {stack}", (
                    along_vectors("svd", part, full_matrices=False)
                ), (x,)  # fmt: skip
            for part in range(2):
                yield "qr", f"part {part} {m} {n} {stack}", (
                    along_vectors("qr", part)
                ), (x,)  # fmt: skip
    yield "eigh", "all", (
        lambda x: (lambda e: e[1] * e[0] @ T(e[1]))(linalg.eigh(symmetric(x)))
    ), (regular(3),)  # fmt: skip
    yield "svd", "all", (
        lambda x: (lambda d: d.U * ad.sin(d.S) @ d.Vh)(linalg.svd(x))
    ), (regular(3),)  # fmt: skip
    yield "svd", "values", of("svd", compute_uv=False), (tall(3, 2),)
    yield "qr", "r", of("qr", mode="r"), (tall(2, 3),)
    yield "qr", "complete", lambda x: linalg.qr(x, mode="complete").R, (tall(2, 3),)


VECTOR_ORDERS = (None, 2, 1, 3, 1.5, -1, 0, np.inf, -np.inf)
MATRIX_ORDERS = (None, "fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)


def norm_rows() -> Iterator[Row]:
    for order in VECTOR_ORDERS:
        for shape, axis in (((3,), None), ((2, 3), 0), ((2, 3), -1)):
            yield "norm", f"{order} {shape} axis={axis}", of("norm", order, axis), (points(*shape),)
        yield "norm", f"{order} keepdims", of("norm", order, 1, True), (points(2, 3),)
    for order in VECTOR_ORDERS[1:]:
        for axis in (None, (0, -1)):
            yield "vector_norm", f"{order} axis={axis}", (
                of("vector_norm", axis=axis, ord=order, keepdims=axis is None)
            ), (points(2, 2, 2),)  # fmt: skip
    for order in MATRIX_ORDERS:
        for shape, axis in (((3, 2), None), ((2, 3, 3), (1, 2)), ((3, 2, 2), (-1, 0))):
            x = np.moveaxis(tall(3, 3, 2), 0, 1)[: shape[0]] if axis == (-1, 0) else (
                tall(*shape[-2:], *shape[:-2])
            )  # fmt: skip
            yield "norm", f"{order} {shape} axes={axis}", of("norm", order, axis), (x,)
        yield "matrix_norm", f"{order}", of("matrix_norm", ord=order or "fro"), (tall(3, 2, 2),)
        yield "matrix_norm", f"{order} keepdims {order is None}", (
            of("matrix_norm", ord=order or "fro", keepdims=True)
        ), (tall(3, 2),)  # fmt: skip
        p = None if order == "nuc" else order
        yield "cond", f"{order}", of("cond", p), (regular(3),)
    yield "norm", "all axes", linalg.norm, (points(2, 2, 2),)
    yield "norm", "all axes keepdims", of("norm", keepdims=True), (points(2, 2),)
    yield "norm", "number", linalg.norm, (points(),)
    yield "norm", "none", of("norm", axis=1), (points(0, 2),)
    yield "cond", "stack of tall ones", linalg.cond, (tall(3, 2, 2),)


def product_rows() -> Iterator[Row]:
    for shapes in (
        ((2, 3), (3, 2)), ((3,), (3, 2)), ((2, 3), (3,)), ((3,), (3,)), ((2, 3), (3, 1), (1, 2)),
        ((2,), (2, 3), (3, 2), (2,)), ((1, 2), (2, 3), (3, 1), (1, 2), (2, 1)),
    ):  # fmt: skip
        yield "multi_dot", f"{shapes}", (
            lambda *x: linalg.multi_dot(x)
        ), tuple(points(*shape, seed=i) for i, shape in enumerate(shapes))  # fmt: skip
    for offset in (0, 1, -1, 2, 4):
        yield "diagonal", f"{offset}", of("diagonal", offset=offset), (points(2, 2, 3),)
        yield "trace", f"{offset}", of("trace", offset=offset), (points(2, 3, 3),)
    yield "outer", "", linalg.outer, (points(2), points(3))
    yield "cross", "axis 0", of("cross", axis=0), (points(3, 2), points(3, 2, seed=1))
    yield "cross", "", linalg.cross, (points(2, 3), points(3, seed=1))


TABLE: list[Row] = [
    *system_rows(), *determinant_rows(), *decomposition_rows(), *norm_rows(), *product_rows()
]  # fmt: skip


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- values ---------------------------------------------------------------------------------------

A, B, WIDE = regular(3), regular(3, 2), tall(2, 3)
S = definite(A)

# fmt: off
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    # name, operands and positional arguments, options
    ("solve", (A, points(3)), {}), ("solve", (A, points(3, 2)), {}), ("solve", (B, points(3)), {}),
    ("solve", (B, points(2, 3, 1)), {}), ("solve", (B, points(3, 2)), {}),
    ("tensorsolve", (regular(4).reshape(2, 2, 4), points(2, 2)), {}),
    ("tensorsolve", (regular(4).reshape(4, 2, 2), points(2, 2)), {"axes": (0,)}),
    ("inv", (A,), {}), ("inv", (B,), {}), ("inv", (np.array([[2, 1], [1, 1]]) * 1.0,), {}),
    ("tensorinv", (regular(4).reshape(2, 2, 4),), {}),
    ("tensorinv", (regular(4).reshape(4, 2, 2),), {"ind": 1}),
    *((("matrix_power"), (x, n), {}) for x in (A, B) for n in (-2, 0, 1, 5)),
    ("pinv", (WIDE,), {}), ("pinv", (B,), {}), ("pinv", (WIDE, 0.9), {}),
    ("pinv", (WIDE,), {"rtol": 0.9}),
    ("lstsq", (WIDE.T, points(3)), {}), ("lstsq", (WIDE.T, points(3, 2)), {}),
    ("lstsq", (WIDE, points(2)), {}), ("lstsq", (np.ones((3, 2)), points(3)), {}),
    ("lstsq", (A, points(3)), {"rcond": 0.5}),
    ("det", (A,), {}), ("det", (B,), {}), ("det", (np.zeros((0, 0)),), {}),
    ("slogdet", (A,), {}), ("slogdet", (-B,), {}), ("slogdet", (np.zeros((2, 2)),), {}),
    ("cholesky", (S,), {}), ("cholesky", (definite(B),), {}), ("cholesky", (S,), {"upper": True}),
    ("cholesky", (S + np.triu(A, 1),), {}), ("cholesky", (S + np.tril(A, -1),), {"upper": True}),
    ("qr", (A,), {}), ("qr", (B,), {}), ("qr", (WIDE,), {}), ("qr", (WIDE.T,), {}),
    ("qr", (WIDE.T, "r"), {}), ("qr", (WIDE,), {"mode": "complete"}),
    ("eigh", (A,), {}), ("eigh", (A, "U"), {}), ("eigh", (B,), {"UPLO": "L"}),
    ("eigvalsh", (A,), {}), ("eigvalsh", (B, "U"), {}), ("eigvalsh", (np.zeros((0, 0)),), {}),
    ("svd", (A,), {}), ("svd", (WIDE, False), {}), ("svd", (WIDE.T,), {"full_matrices": False}),
    ("svd", (B,), {"compute_uv": False}), ("svd", (WIDE, True, False), {}),
    ("svdvals", (WIDE,), {}),
    *(("norm", (points(2, 3), order, axis), {"keepdims": True})
      for order in VECTOR_ORDERS for axis in (0, -1)),
    *(("norm", (points(3), order), {}) for order in VECTOR_ORDERS),
    *(("norm", (points(3, 2), order), {}) for order in MATRIX_ORDERS),
    *(("norm", (points(2, 3, 2), order), {"axis": axis, "keepdims": kept})
      for order in MATRIX_ORDERS[1:] for axis in ((0, 2), (2, 0), (-1, -2))
      for kept in (False, True)),
    ("norm", (points(2, 2, 2),), {}), ("norm", (points(2, 2, 2),), {"keepdims": True}),
    ("norm", (np.array([0.0, 3.0, 0.0]), 0), {}), ("norm", (np.zeros(3),), {}),
    ("vector_norm", (points(2, 3),), {}), ("vector_norm", (points(2, 3),), {"axis": 0, "ord": 3}),
    ("vector_norm", (points(2, 3, 2),), {"axis": (0, -1), "keepdims": True, "ord": 1}),
    ("matrix_norm", (points(2, 3, 2),), {}), ("matrix_norm", (B,), {"ord": 2, "keepdims": True}),
    *(("cond", (B, order), {}) for order in (None, 2, -2, 1, -1, np.inf, -np.inf, "fro")),
    ("cond", (WIDE,), {}), ("cond", (np.ones((2, 2)), 1), {}),
    ("cond", (np.diag([1.0, 0.0]), 1), {}),
    ("diagonal", (points(2, 2, 3),), {"offset": 1}), ("trace", (points(2, 3, 3),), {"offset": -1}),
    ("outer", (points(2), points(3)), {}),
    ("cross", (points(3, 2), points(3, 2, seed=1)), {"axis": 0}),
    ("matmul", (A, B), {}), ("matrix_transpose", (B,), {}), ("vecdot", (A, A + 1.0), {"axis": 0}),
    ("tensordot", (A, A + 1.0), {"axes": 1}),
]
# fmt: on


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [pytest.param(*call, id=f"{i} {call[0]}") for i, call in enumerate(CALLS)],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_values_are_those_of_numpy(name: str, arguments: Any, options: Any) -> None:
    theirs = getattr(np.linalg, name)
    expected = theirs(*arguments, **options)
    nodes = [Tensor(x) if isinstance(x, np.ndarray) else x for x in arguments]
    for result in (
        getattr(linalg, name)(*arguments, **options),
        getattr(linalg, name)(*nodes, **options),
        theirs(*nodes, **options),
        theirs(nodes[0], *arguments[1:], **options),
    ):
        assert isinstance(result, tuple) == isinstance(expected, tuple)
        if hasattr(expected, "_fields"):
            assert result._fields == expected._fields
        pairs = zip(result, expected, strict=True) if isinstance(result, tuple) else (
            [(result, expected)]
        )  # fmt: skip
        for ours, numbers in pairs:
            assert np.shape(bare(ours)) == np.shape(numbers)
            np.testing.assert_allclose(bare(ours), numbers, rtol=1e-11, atol=1e-13)


def test_every_function_of_numpy_is_answered_or_refused() -> None:
    bare_ones = {"LinAlgError", "matrix_rank"}
    refused = {"eig", "eigvals"}
    assert set(np.linalg.__all__) <= set(linalg.__all__) | bare_ones | refused
    assert np.linalg.matrix_rank(Tensor(np.ones((2, 2)))) == 1
    for name in refused:
        with pytest.raises(TypeError, match=rf"linalg\.{name} .*complex.*eigh"):
            getattr(np.linalg, name)(Tensor(A))


def test_multi_dot_is_that_of_numpy_and_takes_the_cheap_way() -> None:
    x = [points(*shape, seed=i) for i, shape in enumerate(((20, 2), (2, 20), (20, 2), (2,)))]
    result = linalg.multi_dot([Tensor(a) for a in x])
    np.testing.assert_allclose(result.data, np.linalg.multi_dot(x), rtol=1e-13)
    np.testing.assert_allclose(np.linalg.multi_dot([Tensor(a) for a in x]).data, result.data)  # type: ignore[arg-type]
    shapes = {operand.shape for operand in ad.reverse.schedule(result)}
    assert (20, 20) not in shapes


def test_the_exponential_is_that_of_known_matrices() -> None:
    turn = linalg.expm(Tensor([[0.0, -0.7], [0.7, 0.0]]))
    cos, sin = np.cos(0.7), np.sin(0.7)
    np.testing.assert_allclose(turn.data, [[cos, -sin], [sin, cos]], rtol=1e-14)


@pytest.mark.parametrize("name", ["inv", "det", "cholesky", "eigvalsh", "svdvals", "norm", "pinv"])
def test_single_precision_stays(name: str) -> None:
    assert getattr(linalg, name)(Tensor(S.astype(np.float32))).dtype == np.float32


# --- errors ---------------------------------------------------------------------------------------

ZEROS = np.zeros((2, 2))
# fmt: off
ERRORS: list[tuple[str, type[Exception], Function, str]] = [
    ("singular solve", LinAlgError, lambda x: linalg.solve(x, ZEROS[0]),
     r"solve\('x' Tensor.*Singular"),
    ("singular inv", LinAlgError, lambda x: linalg.inv(x), r"inv\('x' Tensor.*Singular"),
    ("no Cholesky", LinAlgError, lambda x: linalg.cholesky(x - 1),
     r"cholesky\(.*positive definite"),
    ("not square", LinAlgError, lambda x: linalg.inv(x[:1]), r"inv\(.*\(1, 2\).*square"),
    ("det of what", LinAlgError, lambda x: linalg.det(x[0]), r"det\(.*\(2,\).*two-dim"),
    ("power of what", LinAlgError, lambda x: linalg.matrix_power(x[:1], 2),
     r"matrix_power.*\(1, 2\)"),
    ("svd of what", LinAlgError, lambda x: linalg.svd(x[0]), r"svd.*\(2,\)"),
    ("qr of what", LinAlgError, lambda x: linalg.qr(x[0]), r"qr.*\(2,\)"),
    ("lstsq", LinAlgError, lambda x: linalg.lstsq(x, np.ones(3)), r"lstsq.*'x'.*\(3,\)"),
    ("tensorsolve", LinAlgError, lambda x: linalg.tensorsolve(x[:1], x[0]),
     r"tensorsolve.*\(1, 2\)"),
    ("multi_dot", LinAlgError, lambda x: linalg.multi_dot([x, x[0], x]), r"operand 1.*\(2,\)"),
    ("multi_dot of 1", ValueError, lambda x: linalg.multi_dot([x]), "at least two"),
    ("right side", ValueError, lambda x: linalg.solve(x, np.ones((3, 1))), r"solve\('x'.*\(3, 1\)"),
    ("power", TypeError, lambda x: linalg.matrix_power(x, 0.5), "whole numbers"),
    ("full svd", TypeError, lambda x: linalg.svd(x[:1]), "full_matrices=False"),
    ("complete qr", TypeError, lambda x: linalg.qr(x[:, :1], mode="complete"), "mode='reduced'"),
    ("raw qr", TypeError, lambda x: linalg.qr(x, mode="raw"), "mode='raw'"),
    ("hermitian", TypeError, lambda x: np.linalg.svd(x, hermitian=True), "hermitian"),
    ("UPLO", ValueError, lambda x: linalg.eigh(x, "M"), "UPLO"),
    ("order", ValueError, lambda x: linalg.norm(x, 3), "ord=3"),
    ("text", ValueError, lambda x: linalg.norm(x[0], "fro"), "ord='fro'"),
    ("axes", ValueError, lambda x: linalg.norm(x.reshape(1, 2, 2), 2), r"\(1, 2, 2\)"),
    ("axis", ValueError, lambda x: linalg.norm(x, axis=2), "axis"),
    ("axes twice", ValueError, lambda x: linalg.norm(x, axis=(1, -1)), "axis"),
    ("outer", ValueError, lambda x: linalg.outer(x, x), r"vector.*\(2, 2\)"),
    ("diagonal", ValueError, lambda x: linalg.diagonal(x[0]), "axis -2"),
    ("ind", ValueError, lambda x: linalg.tensorinv(x, 0), "ind"),
    ("both cutoffs", ValueError, lambda x: linalg.pinv(x, 1e-3, rtol=1e-3), "not both"),
]
# fmt: on


@pytest.mark.parametrize(
    ("kind", "call", "message"), [pytest.param(*row, id=name) for name, *row in ERRORS]
)
def test_what_does_not_fit_is_named(kind: Any, call: Function, message: str) -> None:
    with pytest.raises(kind, match=message):
        call(Tensor(ZEROS, label="x"))


def test_expm_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "scipy.linalg", None)
    with pytest.raises(ImportError, match="expm needs SciPy"):
        linalg.expm(Tensor(ZEROS))


# --- conventions and limits -----------------------------------------------------------------------


@pytest.mark.parametrize("order", [None, 2, 1, 3, 1.5, np.inf, 0])
def test_the_derivative_of_a_norm_at_zero_is_zero(order: Any) -> None:
    def f(x: Any) -> Any:
        return linalg.norm(x, order)

    x = np.zeros(3)
    np.testing.assert_array_equal(ad.grad(f)(x), x)
    assert ad.jvp(f, (x,), (np.ones(3),))[1] == 0.0
    np.testing.assert_array_equal(ad.grad(lambda x: ad.sum(ad.grad(f)(x)))(x), x)
    rows = ad.grad(lambda x: ad.sum(linalg.norm(x, order, 1)))(np.array([[0.0, 0.0], [3.0, 4.0]]))
    np.testing.assert_array_equal(rows[0], 0.0)
    assert order == 0 or rows[1].any()


@pytest.mark.parametrize("order", ["fro", "nuc", 2, 1, np.inf])
def test_the_derivative_of_a_matrix_norm_at_zero_is_zero(order: Any) -> None:
    gradient = ad.grad(lambda x: linalg.norm(x, order))(np.zeros((3, 2)))
    np.testing.assert_array_equal(gradient, 0.0)


def test_equal_largest_elements_share_the_derivative_of_a_norm() -> None:
    gradient = ad.grad(lambda x: linalg.norm(x, np.inf))(np.array([2.0, -2.0, 1.0]))
    np.testing.assert_array_equal(gradient, [0.5, -0.5, 0.0])
    gradient = ad.grad(lambda x: linalg.norm(x, 2))(np.eye(2))
    np.testing.assert_allclose(gradient, np.eye(2) / 2, atol=1e-15)


def test_elements_that_are_zero_have_no_derivative_in_a_norm() -> None:
    for order in (1, 1.5, 3, 0):
        gradient = ad.grad(lambda x, order=order: linalg.norm(x, order))(np.array([0.0, 2.0]))
        np.testing.assert_allclose(gradient, [0.0, float(order != 0)])


def test_the_gradient_of_a_function_of_symmetric_matrices_is_symmetric() -> None:
    for f in (
        lambda x: ad.sum(linalg.cholesky(x)[1]),
        lambda x: linalg.eigvalsh(x)[0],
        lambda x: linalg.eigh(x).eigenvectors[0, 0] ** 2,
        lambda x: ad.sum(linalg.cholesky(x, upper=True)[0]),
    ):
        gradient = ad.grad(f)(S)
        np.testing.assert_allclose(gradient, gradient.T, rtol=1e-14)
        assert np.abs(gradient).max() > 1e-3


def test_equal_eigenvalues_have_a_gradient_and_their_vectors_none() -> None:
    gradient = ad.grad(lambda x: ad.sum(linalg.eigvalsh(x) ** 2))(2 * np.eye(3))
    np.testing.assert_allclose(gradient, 4 * np.eye(3), atol=1e-14)
    gradient = ad.grad(lambda x: ad.sum(linalg.eigh(x)[1][:, 0]))(np.eye(3))
    assert np.isnan(gradient).any()


def test_equal_singular_values_have_a_gradient_and_their_vectors_none() -> None:
    gradient = ad.grad(lambda x: linalg.norm(x, "nuc"))(2 * np.eye(3))
    np.testing.assert_allclose(gradient, np.eye(3), atol=1e-14)
    gradient = ad.grad(lambda x: ad.sum(linalg.svd(x)[0][:, 0]))(np.eye(3))
    assert np.isnan(gradient).any()


def test_derivatives_of_det_up_to_the_fourth() -> None:
    ad.check_gradients(linalg.det, regular(4), order=4)


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1e-5])
def test_the_gradient_of_det_is_exact_near_singular_matrices(scale: float) -> None:
    u, vh = regular(3), regular(3, seed=1)
    u, vh = np.linalg.qr(u)[0], np.linalg.qr(vh)[0]
    x = u @ np.diag([2.0, 1.0, scale]) @ vh
    expected = np.linalg.det(u) * np.linalg.det(vh) * u @ np.diag([0, 0, 2.0]) @ vh
    np.testing.assert_allclose(ad.grad(linalg.det)(x), expected, atol=4 * scale + 1e-14)


def test_det_of_a_large_matrix_with_a_gradient_by_its_inverse() -> None:
    x = np.eye(60) + 0.01 * points(60, 60)
    np.testing.assert_allclose(
        ad.grad(linalg.det)(x) / np.linalg.det(x), np.linalg.inv(x).T, rtol=1e-12, atol=1e-13
    )


@pytest.mark.filterwarnings("ignore:invalid value")
def test_det_of_a_matrix_that_is_not_finite_harms_nobody_else() -> None:
    for rest in (regular(2), ZEROS):
        x = np.stack([np.full((2, 2), np.nan), rest])
        gradient = ad.grad(lambda x: ad.sum(linalg.det(x)))(x)
        assert np.isnan(gradient[0]).all()
        np.testing.assert_allclose(gradient[1], ad.grad(linalg.det)(rest), rtol=1e-12)


FORWARD: dict[str, tuple[Function, Any]] = {
    "solve": (lambda x: linalg.solve(x, x[0]), regular(2)),
    "inv": (linalg.inv, regular(2)),
    "pinv": (linalg.pinv, tall(3, 2)),
    "det": (linalg.det, regular(3)),
    "slogdet": (lambda x: linalg.slogdet(x)[1], regular(3)),
    "cholesky": (lambda x: linalg.cholesky(definite(x)), regular(3)),
    "qr": (lambda x: linalg.qr(x).Q ** 2, tall(3, 2)),
    "eigh": (lambda x: linalg.eigh(definite(x))[1] ** 2, regular(3)),
    "eigvalsh": (lambda x: linalg.eigvalsh(definite(x)), regular(3)),
    "svd": (lambda x: linalg.svd(x, False)[2] ** 2, tall(2, 3)),
    "svdvals": (linalg.svdvals, tall(2, 3)),
    "expm": (linalg.expm, 0.3 * regular(2)),
    "norm": (linalg.norm, points(2, 2)),
    "einsum": (lambda x: ad.einsum("ij,kj,ik->k", x, x, x), points(2, 2)),
}


@pytest.mark.parametrize("name", FORWARD)
def test_forward_over_forward_is_reverse_over_reverse(name: str) -> None:
    function, x = FORWARD[name]
    d = np.cos(np.arange(x.size)).reshape(x.shape)

    def total(x: Any) -> Any:
        y = function(x)
        return ad.sum(y * np.sin(1.0 + np.arange(np.size(bare(y)))).reshape(np.shape(bare(y))))

    forward = ad.jvp(lambda x: ad.jvp(total, (x,), (d,))[1], (x,), (d,))[1]
    reverse = ad.grad(lambda x: ad.sum(ad.grad(total)(x) * d))(x)
    np.testing.assert_allclose(forward, np.sum(reverse * d), rtol=1e-9)


def test_slogdet_of_a_singular_matrix_harms_nobody_else() -> None:
    x = np.stack([ZEROS, 2 * np.eye(2)])

    def f(x: Any) -> Any:
        sign, log = linalg.slogdet(x)
        assert isinstance(log, Node)
        assert type(sign) is np.ndarray
        return ad.sum(ad.where(sign != 0, log, 0.0))

    np.testing.assert_array_equal(ad.grad(f)(x), [ZEROS, np.eye(2) / 2])


def test_where_hides_other_matrices_of_a_stack_and_other_right_hand_sides() -> None:
    def of_stack(x: Any) -> Any:
        return ad.sum(ad.where([[[True]], [[False]]], linalg.inv(ad.sqrt(x)), 0.0))

    x = np.stack([np.array([[4.0, 0.25], [0.25, 1.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])])
    gradient = ad.grad(of_stack)(x)
    assert np.isfinite(gradient).all()
    assert gradient[0].all()
    np.testing.assert_array_equal(gradient[1], 0.0)

    def of_columns(b: Any) -> Any:
        return ad.sum(ad.where([True, False], linalg.solve(2 * np.eye(2), ad.sqrt(b)), 0.0))

    gradient = ad.grad(of_columns)(np.array([[1.0, 0.0], [4.0, 0.0]]))
    np.testing.assert_array_equal(gradient, [[0.25, 0.0], [0.125, 0.0]])


def test_matrix_power_zero_hides_its_operand() -> None:
    gradient = ad.grad(lambda x: ad.sum(linalg.matrix_power(ad.sqrt(x), 0)))(ZEROS)
    np.testing.assert_array_equal(gradient, 0.0)
