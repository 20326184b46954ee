"""Inverses of triangular matrices."""

from __future__ import annotations

import numpy as np
import pytest

from autodiff.kernels.triangular import inverse_of_lower


@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (33, 33), (2, 70, 70), (0, 40, 40), (0, 0)])
def test_inverses_of_all_sizes(shape: tuple[int, ...]) -> None:
    n = shape[-1]
    full = np.random.default_rng(n).uniform(-0.5, 0.5, shape) / max(n, 1) + np.eye(n)
    lower = np.tril(full)
    for x in (lower, full):
        inverse = inverse_of_lower(x)
        assert inverse.shape == shape
        np.testing.assert_array_equal(inverse, np.tril(inverse))
        np.testing.assert_allclose(inverse @ lower, np.broadcast_to(np.eye(n), shape), atol=1e-13)


def test_a_zero_on_the_diagonal_has_no_inverse() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        inverse_of_lower(np.diag([1.0, 0.0]))
