"""Sums of products over labelled axes."""

from __future__ import annotations

import numpy as np
import pytest

from autodiff.kernels.contraction import contract


@pytest.mark.parametrize(
    ("x", "y", "out"),
    [
        ("ij", "jk", "ik"), ("ij", "jk", "ki"), ("ij", "ij", ""), ("ij", "ij", "ji"),
        ("ij", "kl", "ljik"), ("", "ij", "ji"), ("ij", "", "ij"), ("bij", "bj", "ib"),
        ("bij", "kjb", "kbi"), ("ijab", "bak", "jki"), ("ab", "ab", "b"), ("αij", "jα", "iα"),
    ],
)  # fmt: skip
def test_contractions_are_those_of_numpy(x: str, y: str, out: str) -> None:
    sizes = {letter: 2 + i % 3 for i, letter in enumerate("abijklα")}
    generator = np.random.default_rng(0)
    a, b = (generator.normal(size=[sizes[c] for c in letters]) for letters in (x, y))
    expected = np.einsum(f"{x},{y}->{out}".replace("α", "z"), a, b)
    for operand in (b, np.asfortranarray(b)):
        result = contract(a, operand, x, y, out)
        assert np.shape(result) == np.shape(expected)
        np.testing.assert_allclose(result, expected, rtol=1e-13)
