"""The table of derivatives: how a row is written, and what every row is held to.

A row names an operation, says how it is used, and gives a function and where to differentiate it.
Points lie away from kinks and ties; what happens there is the subject of ``test_kinks.py``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.graph import Tensor

Function = Callable[..., Any]
Row = tuple[str, str, Function, tuple[Any, ...]]
"""The operation's public name, what the row is about, a function, and its arguments."""


FILES = sorted((Path(__file__).parent / "autodiff" / "ops").glob("test_*.py"))
"""The files that hold a table, one a family."""


def table_of(path: Path) -> list[Row]:
    """The rows of a family."""
    table: list[Row] = module_of(path).TABLE
    return table


def module_of(path: Path) -> Any:
    """A file of tests as a module, for the tables that are in it."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def points(*shape: int, seed: int = 0, positive: bool = False) -> Any:
    """Numbers at least 0.02 from each other and 0.3 from zero; a float for no shape.

    Arrays of an even and of an odd seed have no number in common.
    """
    generator = np.random.default_rng([seed, *shape])
    size = int(np.prod(shape))
    numbers = 0.3 + 0.04 * generator.permutation(size) + 0.02 * (seed % 2)
    if not positive:
        numbers *= generator.choice([-1.0, 1.0], size)
    return numbers.reshape(shape) if shape else float(numbers[0])


def positive(*shape: int, seed: int = 0) -> Any:
    """Like ``points``, and positive."""
    return points(*shape, seed=seed, positive=True)


def zero_d(operation: Function) -> Function:
    """The operation on tensors without axes, from tensors of one element."""
    return lambda *x: operation(*(ad.reshape(operand, ()) for operand in x))


def cases(table: Iterable[Row]) -> Any:
    """The rows as the cases of a test of ``function`` and ``arguments``."""
    return pytest.mark.parametrize(
        ("function", "arguments"),
        [pytest.param(function, arguments, id=f"{name} {about}")
         for name, about, function, arguments in table],
    )  # fmt: skip


def check(function: Function, arguments: tuple[Any, ...]) -> None:
    """Reverse, forward and second order against finite differences; then other dtypes and layouts.

    In float32 the value and the gradients have that dtype, and are what they are in float64 up to
    its rounding. Arrays laid out otherwise in memory give the same.
    """
    ad.check_gradients(function, *arguments, order=2)
    arrays = [i for i, argument in enumerate(arguments) if np.ndim(argument)]
    if not arrays:
        return
    value, gradients = value_and_gradients(function, arguments)
    for name, changed in (
        ("F order", np.asfortranarray),
        ("strided", strided),
        ("reversed", lambda x: np.ascontiguousarray(x[::-1])[::-1]),
    ):
        others = [changed(a) if np.ndim(a) else a for a in arguments]
        same_value, same_gradients = value_and_gradients(function, others)
        np.testing.assert_allclose(same_value, value, rtol=1e-12, atol=1e-12, err_msg=name)
        for same, gradient in zip(same_gradients, gradients, strict=True):
            np.testing.assert_allclose(same, gradient, rtol=1e-9, atol=1e-11, err_msg=name)
    single = [a.astype(np.float32) if np.ndim(a) else a for a in arguments]
    for i, gradient in zip(arrays, value_and_gradients(function, single)[1], strict=True):
        assert gradient.dtype == np.float32, f"a gradient of dtype {gradient.dtype} in float32"
        assert gradient.shape == np.shape(arguments[i])
        expected = gradients[arrays.index(i)]
        scale = float(np.max(np.abs(expected), initial=0.0)) + 1e-3
        np.testing.assert_allclose(gradient, expected, rtol=2e-2, atol=2e-3 * scale)


def value_and_gradients(function: Function, arguments: Iterable[Any]) -> tuple[Any, list[Any]]:
    """The value, and the gradient of its weighted sum with respect to each array."""
    nodes = [Tensor(a) if np.ndim(a) else a for a in arguments]
    inputs = [node for node in nodes if isinstance(node, Tensor)]
    output = function(*nodes)
    if not isinstance(output, ad.Node) or output.is_leaf:
        return getattr(output, "data", output), [np.zeros(x.shape, x.dtype) for x in inputs]
    seed = np.cos(np.arange(np.size(output.data), dtype=float)).reshape(np.shape(output.data))
    output.backward(seed)
    return output.data, [np.zeros(x.shape, x.dtype) if x.grad is None else x.grad for x in inputs]


def strided(x: Any) -> Any:
    """An equal array whose elements lie two apart in memory."""
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]))
    wide[..., ::2] = x
    return wide[..., ::2]
