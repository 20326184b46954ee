"""The compiled product of matrices against that of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from autodiff.kernels import matrices
from autodiff.kernels.native import matrices as native
from autodiff.settings import config

SHAPES = [
    (8, 1, 8), (64, 800, 500), (64, 500, 800), (500, 64, 800), (9, 1000, 47), (48, 5, 48),
    (49, 5, 97), (95, 3, 96), (96, 33, 7), (97, 64, 65), (1, 5, 1),
    (7, 11, 300), (300, 11, 7), (130, 130, 130),
]  # fmt: skip


def operands(m: int, k: int, n: int, layout: str, dtype: Any) -> tuple[Any, Any, Any]:
    generator = np.random.default_rng(m + k + n)
    x, y = (
        {
            "C": lambda x: x,
            "F": np.asfortranarray,
            "strided": lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3],
            "backwards": lambda x: x[::-1, ::-1],
            "locked": _locked,
        }[name](generator.normal(size=shape).astype(dtype))
        for name, shape in zip(layout.split(), ((m, k), (k, n)), strict=True)
    )
    return x, y, generator.normal(size=n).astype(dtype)


def _locked(x: Any) -> Any:
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "layout", ["C C", "C F", "F C", "F F", "strided backwards", "locked locked"]
)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products(shape: tuple[int, int, int], layout: str, dtype: Any) -> None:
    x, y, b = operands(*shape, layout, dtype)
    exact = x.astype(np.longdouble) @ y.astype(np.longdouble)
    size = np.abs(x) @ np.abs(y) + np.abs(b)
    for bias, expected in ((None, exact), (b, exact + b)):
        got = native.product(x, y, bias)
        assert got.flags.c_contiguous
        assert (got.dtype, got.shape) == (dtype, expected.shape)
        assert (np.abs(got - expected) <= np.finfo(dtype).eps * (shape[1] + 1) * size).all()


def test_what_is_not_finite_spreads_along_its_row_and_column_only() -> None:
    x, y, _ = operands(50, 40, 70, "C C", np.float32)
    x[7, 3], y[5, 11] = np.nan, np.inf
    got = native.product(x, y)
    finite = np.ones_like(got, bool)
    finite[7], finite[:, 11] = False, False
    assert (np.isfinite(got) == finite).all()


@pytest.mark.parametrize("shape", [(64, 800, 500), (500, 64, 800), (97, 300, 65)])
def test_bits_depend_neither_on_threads_nor_on_the_other_rows(
    shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y, b = operands(*shape, "C C", np.float32)
    seen = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(config, "_threads", threads)
        seen.append(native.product(x, y, b).tobytes())
    assert len({*seen}) == 1
    assert native.product(x[:20], y, b).tobytes() == native.product(x, y, b)[:20].tobytes()


@pytest.mark.parametrize(
    ("x", "y"), [((64, 800), (800, 500)), ((64, 800), (800,)), ((2, 64, 80), (80, 70)),
                 ((64, 5000), (5000, 50)), ((4, 800), (800, 500)), ((3, 4), (4, 5))],
    ids=str,
)  # fmt: skip
def test_whoever_computes_it_the_product_is_that_of_numpy(x: Any, y: Any) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=x), generator.normal(size=y)
    b = generator.normal(size=np.shape(x @ y)[-1:])
    np.testing.assert_allclose(matrices.product(x, y), x @ y, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(matrices.product(x, y, b), x @ y + b, rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match="mismatch"):
        matrices.product(x, np.ones((7, 800)))


def test_a_matrix_times_itself_transposed_is_symmetric() -> None:
    x = np.random.default_rng(0).normal(size=(120, 90))
    for y in (x, x.T, x[:, ::-1], x[::2]):
        product = matrices.product(y, y.T)
        np.testing.assert_array_equal(product, product.T)
        np.testing.assert_array_equal(product, y @ y.T)
        np.testing.assert_allclose(product, matrices.product(y, y.T.copy()), rtol=1e-10, atol=1e-12)
