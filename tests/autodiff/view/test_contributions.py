"""What views write about a rule is what the rule computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from derivatives import FILES, table_of

import autodiff as ad
from autodiff import Node, Tensor, Value
from autodiff.adjoint import dense
from autodiff.graph import bare
from autodiff.ops.rules import Explicit, Linear
from autodiff.reverse import fit, schedule
from autodiff.view import explain
from autodiff.view.contributions import contribution, recorded
from autodiff.view.inlining import MOST, inlined

Edge = tuple[Node, int, Any]
"""A node, which of its operands, and an adjoint."""


def edges(path: Path) -> Iterator[Edge]:
    """Uses of operands by what is no pointwise formula, in the table of a family."""
    generator = np.random.default_rng(0)
    for _, _, function, arguments in table_of(path):
        result = function(*(Tensor(a) if np.ndim(a) else Value(a) for a in arguments))
        for output in result if isinstance(result, (list, tuple)) else [result]:
            for node in schedule(output) if isinstance(output, Node) else ():
                if isinstance(node.primitive, (Linear, Explicit)):
                    shape = np.shape(node.data)
                    t = generator.normal(size=shape) if shape else generator.normal()
                    for i, operand in enumerate(node.operands):
                        if isinstance(operand, Node):
                            yield node, i, t


def computed(node: Node, i: int, t: Any) -> Any:
    """What the rule itself contributes, on bare numbers."""
    assert node.primitive is not None
    with np.errstate(all="ignore"):
        given = node.primitive.vjp(
            i, t, bare(node), [bare(x) for x in node.operands], node.parameters
        )
        given = None if given is None else fit(dense(given), node.operands[i])
    return None if given is None else np.asarray(dense(given))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_written_is_recorded_from_the_rule_and_gives_its_numbers(path: Path) -> None:
    for node, i, t in edges(path):
        given, _ = recorded(node, i, t)
        expected = computed(node, i, t)
        if expected is None:
            assert given is None
        else:
            np.testing.assert_allclose(bare(given), expected, rtol=1e-9, atol=1e-12)


class Scatter:
    """``scatter[index](t)`` as it is written."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def __getitem__(self, index: Any) -> Callable[[Any], Any]:
        def scattered(t: Any) -> Any:
            array = np.zeros(self.shape)
            np.add.at(array, index, t)
            return array

        return scattered


class Names(dict[str, Any]):
    """What names mean; the word that is the value of a parameter, such as an order, is itself."""

    def __missing__(self, name: str) -> str:
        assert not name.startswith("_")
        return name


def written(node: Node) -> str:
    """The name under which an operation is written: ``sum_to`` is the sum over axes that it is."""
    name = str(node.primitive)
    return "sum" if name == "sum_to" else name


def meanings(output: Node, known: dict[Node, str]) -> dict[str, Any]:
    """The operations of a recorded rule by name; a parameter that is not written is as recorded."""
    found: dict[str, Any] = {"inf": np.inf, "nan": np.nan, "range": range}
    for node in schedule(output):
        primitive = node.primitive
        if primitive is None or node in known:
            continue
        if primitive.name == "scatter":
            found["scatter"] = Scatter(np.shape(node.data))
        else:
            sums = primitive.name == "sum_to"

            def call(*x: Any, _node: Node = node, _sums: bool = sums, **given: Any) -> Any:
                operation: Any = _node.primitive
                x = tuple(operand for operand in x if not isinstance(operand, str))  # subscripts
                return operation(*x, **_node.parameters | ({} if _sums else given))

            found[written(node)] = call
    return found


def evaluated(path: Path) -> int:
    """Compute all formulas that Python can read, and compare; how many they were."""
    count = 0
    for node, i, t in edges(path):
        given, known = recorded(node, i, t)
        if not isinstance(given, Node):
            continue
        values = {name: np.asarray(bare(stand_in)) for stand_in, name in known.items()}

        def array(x: Any, values: dict[str, Any] = values) -> tuple[str, str]:
            values[f"_c{len(values)}"] = bare(x)
            return f"_c{len(values) - 1}", "constant"

        formula = inlined(given, known, {}, array)
        names = [written(n) for n in schedule(given) if n.primitive is not None]
        # As it is written, a product of vectors is that of a column and a row; and where an
        # operation is there twice, it can't be told which has the parameters that aren't written.
        if formula is None or "_u" in formula.text or {"outer"} & {*names}:
            continue
        if len({*names}) < len(names):
            continue
        with np.errstate(all="ignore"):
            result = eval(formula.text, {}, Names(meanings(given, known) | values))
        np.testing.assert_allclose(
            np.asarray(result, dtype=float), bare(given), rtol=1e-4, atol=1e-5, err_msg=formula.text
        )
        count += 1
    return count


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_formula_that_python_can_read_computes_what_the_rule_does(path: Path) -> None:
    assert evaluated(path) >= 5


def test_a_text_that_says_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    (family,) = (path for path in FILES if path.stem == "test_products")
    matmul: Any = ad.matmul
    monkeypatch.setattr(matmul.primitive, "_text", lambda x, y: f"{x} @ {y} * 1.001")
    with pytest.raises(AssertionError, match="@"):
        evaluated(family)


# --- what is written ------------------------------------------------------------------------------


def tensor(label: str, *shape: int) -> Tensor:
    return Tensor(np.random.default_rng(len(label)).normal(size=shape), label=label)


W, X, b, x, y = tensor("W", 3, 4), tensor("X", 5, 3), tensor("b", 4), tensor("x", 4), tensor("y", 3)
image, kernel = tensor("image", 2, 1, 6, 6), tensor("kernel", 2, 1, 3, 3)
s = Value(2.0, label="s")

WRITTEN: list[tuple[Callable[[], Any], list[str]]] = [
    (lambda: W @ x, ["t_f xᵀ", "Wᵀ t_f"]),
    (lambda: y @ W, ["W t_f", "y t_fᵀ"]),
    (lambda: X @ W, ["t_f Wᵀ", "Xᵀ t_f"]),
    (lambda: y @ y, ["t_f·y", "y·t_f"]),
    (lambda: ad.affine(X, W, b), ["t_f Wᵀ", "Xᵀ t_f", "sum(t_f, axis=0)"]),
    (lambda: np.outer(y, x), ["t_f const", "t_fᵀ const"]),
    (lambda: W.T, ["t_fᵀ"]),
    (lambda: ad.reshape(W, (2, 6)), ["reshape(t_f, shape=(3, 4))"]),
    (lambda: W.sum(), ["broadcast_to(t_f, shape=(3, 4))"]),
    (lambda: W.mean(axis=0), ["broadcast_to(reshape(t_f/3, shape=(1, 4)), shape=(3, 4))"]),
    (lambda: W.max(), ["t_f·winners"]),
    (lambda: W[1:], ["scatter[1:](t_f)"]),
    (lambda: ad.softmax(x), ["t_f·f - f·sum(t_f·f, axis=0, keepdims=True)"]),
    (lambda: ad.logsumexp(x), ["t_f·softmax(x, axis=0)"]),
    (
        lambda: ad.cross_entropy(X, [0, 1, 2, 0, 1]),
        ["reshape(t_f, shape=(5, 1))·(softmax(X, axis=1) - onehot)"],
    ),
    (lambda: ad.conv(image, kernel), ["conv_input(t_f, kernel)", "conv_kernel(image, t_f)"]),
    (
        lambda: ad.conv(image, kernel, stride=2),
        ["conv_input(t_f, kernel, stride=(2, 2))", "conv_kernel(image, t_f, stride=(2, 2))"],
    ),
    (lambda: ad.max_pool(image, 2), ["unpool(t_f, winners)"]),
    (lambda: ad.where(W.data > 0, W, 0.0), ["where(taken, t_f, 0)"]),
    (lambda: W.std(), ["t_f·((W - mean(W, axis=(0, 1), keepdims=True))·0.0833333/f)"]),
    (lambda: ad.average_pool(image, 2), ["unpool(t_f, size=(2, 2), weight=0.25)"]),
    (lambda: ad.concatenate([x, b]), ["t_f[0:4]", "t_f[4:8]"]),
    (lambda: ad.cross(y, y.data).operands[0], ["(const × t_f)"]),
    (lambda: np.linalg.inv(X.T @ X), ["-(fᵀ t_f fᵀ)"]),
]


@pytest.mark.parametrize(("make", "expected"), WRITTEN)
def test_it_is_written_as_people_would(make: Callable[[], Any], expected: list[str]) -> None:
    f = make()
    names = {f"_{i}": getattr(operand, "label", None) or "const"
             for i, operand in enumerate(f.operands)}  # fmt: skip
    found = [
        contribution(f, i, np.ones(f.shape) if f.shape else 1.0, names | {"_f": "f"})
        for i, operand in enumerate(f.operands)
        if isinstance(operand, Node)
    ]
    assert list(map(str, found)) == expected


def test_a_rule_of_many_steps_is_not_written_out() -> None:
    A = Tensor(np.eye(3) + 0.1, label="A")
    node = A.prod(axis=(0, 1))
    for _ in range(MOST):
        node = node * node
    assert inlined(node, {A: "_0"}, {"_0": "A"}, lambda array: ("_c0", "c")) is None


def test_a_users_own_rule_is_not_read() -> None:
    @ad.custom_rule(vjp=lambda t, f, x: pytest.fail("was called") if isinstance(t, Node) else t * 2)
    def twice(x: Any) -> Any:
        return 2 * x

    explained = explain(twice(tensor("x", 3)).sum())
    assert explained.reverse[-1].terms[0].passed is None
    assert "(∂f1/∂x)ᵀ t_f1" in str(explained)


def test_nothing_is_recorded_for_others() -> None:
    with ad.no_grad():
        assert str(explain(f := (W @ x).sum())).count("xᵀ") == 0  # a leaf: nothing was recorded
        assert f.is_leaf
    f = (W @ x).sum()
    with ad.no_grad():
        assert "t_f1 xᵀ" in str(explain(f))
