"""A derivative as a sum over paths: all are there, and they are counted exactly."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Node, Tensor, Value, path_sum


def test_the_example(example: Callable[[], Node], golden: Callable[[str], str]) -> None:
    f = example()
    x2 = next(node for node in ad.reverse.schedule(f) if node.label == "x2")
    paths = path_sum(f, x2)
    assert str(paths) + "\n" == golden("paths.txt")
    assert paths.latex() + "\n" == golden("paths.tex")
    assert [path.names for path in paths.paths] == [
        ("f", "f3", "f2", "x2"),
        ("f", "f5", "f4", "x2"),
    ]
    for path in paths.paths:
        numbers = [step.number for step in path.steps]
        assert path.product == pytest.approx(np.prod(numbers))  # type: ignore[arg-type]
    assert sum(path.product for path in paths.paths) == pytest.approx(paths.derivative)
    assert paths.derivative == x2.grad


def test_one_operand_used_twice_is_two_paths() -> None:
    x = Value(3.0, label="x")
    paths = path_sum(x * x, x)
    assert [path.names for path in paths.paths] == [("f1", "x")] * 2
    assert paths.derivative == 6.0


@pytest.mark.parametrize("depth", [1, 4, 60, 1000])
def test_diamonds_are_counted_without_going_along_them(depth: int) -> None:
    x = Value(0.5, label="x")
    f: Node = x
    for _ in range(depth):
        f = ad.sin(f) + ad.cos(f)
    paths = path_sum(f, x)
    assert paths.count == 2**depth
    assert len(paths.paths) == (paths.count if depth <= 4 else 0)
    assert paths.edges == 4 * depth
    if depth == 60:
        assert "1,152,921,504,606,846,976 paths" in str(paths)
    if depth == 1000:
        assert "about 1.07·10^301 paths" in str(paths)


def test_a_number_of_any_length_can_be_shown() -> None:
    x = Value(1.0, label="x")
    f: Node = x
    for _ in range(20_000):
        f = f + f
    paths = path_sum(f, x)
    assert paths.count == 2**20_000
    assert paths.count.bit_length() > sys.get_int_max_str_digits()
    for text in (str(paths), paths.markdown(), paths.latex(), paths.html()):
        assert "about 3.98·10^6020 paths" in text


def paths_by_recursion(node: Node, leaf: Node) -> int:
    if node is leaf:
        return 1
    return sum(paths_by_recursion(x, leaf) for x in node.operands if isinstance(x, Node))


@pytest.mark.parametrize("seed", range(20))
def test_counts_and_sums_of_random_graphs(seed: int) -> None:
    choose = random.Random(seed)
    x = Value(0.7, label="x")
    nodes: list[Any] = [x, Value(1.3)]
    for _ in range(12):
        a, b = choose.choice(nodes[-4:]), choose.choice(nodes)
        nodes.append(choose.choice([lambda a, b: a * b, lambda a, b: a - b, ad.hypot])(a, b))
    f = nodes[-1] + x
    paths = path_sum(f, x, limit=10**6)
    assert paths.count == paths_by_recursion(f, x)
    if paths.paths:
        assert len(paths.paths) == paths.count
        assert len({(path.names, i) for i, path in enumerate(paths.paths)}) == paths.count
        assert sum(path.product for path in paths.paths) == pytest.approx(paths.derivative)
    f.backward()
    assert paths.derivative == pytest.approx(x.grad)


def test_paths_of_arrays_have_arrays_for_products() -> None:
    W = Tensor(np.arange(6.0).reshape(2, 3) / 7, label="W")
    x = Tensor([1.0, 2.0, 3.0], label="x")
    f = (ad.tanh(W @ x) * (W @ (x * 2.0))).sum()
    paths = path_sum(f, x)
    assert paths.count == 2
    np.testing.assert_allclose(sum(path.product for path in paths.paths), paths.derivative)
    assert "(∂f3/∂x)ᵀ (∂f4/∂f3)ᵀ (∂f5/∂f4)ᵀ (∂f6/∂f5)ᵀ" in str(paths)


def test_a_path_through_a_branch_not_taken_brings_nothing() -> None:
    x = Value(0.0, label="x")
    paths = path_sum(ad.where(True, x, ad.log(x)), x)
    assert sorted(path.product for path in paths.paths) == [0.0, 1.0]
    X = Tensor([0.0, 2.0], label="X")
    arrays = path_sum(ad.where(X.data > 0, ad.sqrt(X), X).sum(), X)
    total = np.sum([path.product for path in arrays.paths], axis=0)
    np.testing.assert_allclose(total, [1.0, 0.5 / 2**0.5])


def test_of_itself_and_of_what_lies_between() -> None:
    x = Value(2.0, label="x")
    y = x * x
    f = ad.exp(y) * y
    assert path_sum(f, f).derivative == path_sum(f, f).paths[0].product == 1.0
    assert path_sum(f, y).count == 2
    assert path_sum(f, y, seed=2.0).derivative == pytest.approx(2 * path_sum(f, y).derivative)


def test_long_paths_are_not_listed() -> None:
    x = Value(1.0, label="x")
    f: Node = x
    for _ in range(3000):
        f = f * 1.0
    assert path_sum(f, x).count == 1
    assert not path_sum(f, x).paths
    short: Node = x
    for _ in range(100):
        short = short * 1.0
    assert len(str(path_sum(short, x))) < 500


def test_nothing_changes(
    layer: Node, unchanged: Callable[[Node, Callable[[Node], object]], bool]
) -> None:
    W = next(node for node in ad.reverse.schedule(layer) if node.label == "W")
    assert unchanged(layer, lambda node: str(path_sum(node, W)))


def test_nonsense_is_refused() -> None:
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    with pytest.raises(ValueError, match="Value 1 was not computed from 'y' Value 2"):
        path_sum(x * x, y)
    with pytest.raises(TypeError, match="leaf is a node, a Value or a Tensor, got float"):
        path_sum(x * x, 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a node, a Value or a Tensor, got float"):
        path_sum(1.0, x)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="never negative, got -1"):
        path_sum(x * x, x, limit=-1)
    t = Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="give a seed"):
        path_sum(t, t)
