from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
from autodiff import Node, Tensor, Value
from autodiff.view.description import Description, Edge, Kind


def test_the_example(example: Callable[[], Node]) -> None:
    entries = list(Description(example()))
    assert [(e.id, e.kind.value, e.name, e.expression) for e in entries] == [
        ("n1", "leaf", "θ", None),
        ("n2", "leaf", "x1", None),
        ("n3", "leaf", "x2", None),
        ("n4", "operation", "f1", "θ·x1"),
        ("n5", "operation", "f2", "f1 + x2"),
        ("n6", "operation", "f3", "sin(f2)"),
        ("n7c1", "constant", "2", None),
        ("n7", "operation", "f4", "x2²"),
        ("n8", "operation", "f5", "θ·f4"),
        ("n9", "output", "f", "f3 + f5"),
    ]


def test_edges_carry_the_local_partials(example: Callable[[], Node]) -> None:
    entries = {entry.name: entry for entry in Description(example())}
    assert entries["f4"].edges == (
        Edge("n3", "n7", 0, "2·x2", "2·x2", 6.0),
        Edge("n7c1", "n7", 1, None, None, None),
    )
    (edge,) = entries["f3"].edges
    assert edge.partial == "cos(f2)"
    assert edge.number == np.cos(4.0)


def test_a_repeated_operand_has_two_edges() -> None:
    x = Value(3.0, label="x")
    description = Description(x * x)
    assert [(e.source, e.position, e.number) for e in description.edges(description.output)] == [
        ("n1", 0, 3.0),
        ("n1", 1, 3.0),
    ]


def test_operands_keep_their_order() -> None:
    x, y = Value(3.0, label="x"), Value(4.0, label="y")
    description = Description(y / x)
    assert description.entry(description.output).expression == "y/x"
    assert [e.source for e in description.edges(description.output)] == ["n2", "n1"]


@pytest.mark.parametrize(
    ("build", "partial", "number"),
    [
        (lambda x: ad.relu(x), "[x > 0]", 1.0),
        (lambda x: ad.relu(-x), "[f1 > 0]", 0.0),
        (lambda x: ad.maximum(x, 1.0), "[x > 1]", 1.0),
        (lambda x: ad.maximum(x, 2.0), "0.5", 0.5),
        (lambda x: ad.where(True, x, 0.0), None, 1.0),
        (lambda x: ad.where(False, x, 0.0), None, 0.0),
        (lambda x: x ** Value(3.0, label="n"), "n·x**(n - 1)", 12.0),
        (lambda x: x**3, "3·x²", 12.0),
        (lambda x: x**0, "0", 0.0),
        (lambda x: x**1, "1", 1.0),
        (lambda x: ad.tanh(x), "sech(x)²", 1 - np.tanh(2.0) ** 2),
        (lambda x: ad.sigmoid(x), "sigmoid(x)·sigmoid(-x)", 0.10499358540350652),
        (lambda x: ad.arctan(x), "1/(1 + x²)", 0.2),
        (lambda x: ad.arctanh(x), "1/(1 - x²)", -1 / 3),
        (lambda x: ad.arctan2(x, 1.0), "1/(1 + x²)", 0.2),
        (lambda x: ad.hypot(x, 1.0), "x/hypot(x, 1)", 2 / 5**0.5),
        (lambda x: ad.logaddexp(x, 1.0), "sigmoid(x - 1)", 0.7310585786300049),
        (lambda x: 1 - x, "-1", -1.0),
        (lambda x: ad.sign(x), "0", 0.0),
        (lambda x: ad.log(x * 0), "1/f1", np.inf),
    ],
)  # fmt: skip
def test_local_partials(build: Callable[[Value], Node], partial: str | None, number: float) -> None:
    output = build(Value(2.0, label="x"))
    edges = [edge for edge in Description(output).edges(output) if edge.number is not None]
    assert edges[0].partial == partial
    assert edges[0].number == pytest.approx(number)


def test_factors_are_ready_for_a_product() -> None:
    output = ad.tan(Value(1.0))
    (edge,) = Description(output).edges(output)
    assert (edge.partial, edge.factor) == ("1 + f1·f1", "(1 + f1·f1)")


def test_tensors_have_shape_and_type(layer: Node) -> None:
    entries = {entry.name: entry for entry in Description(layer)}
    W, b, c1, f1, f3 = (entries[name] for name in ("W", "b", "c1", "f1", "f3"))
    assert (W.value, W.shape, W.dtype) == (None, (3, 4), "float64")
    assert (b.shape, b.dtype) == ((3,), "float32")
    assert (c1.kind, c1.value, c1.shape) == (Kind.CONSTANT, None, (4,))
    assert "W" in (f1.expression or "")
    assert "c1" in (f1.expression or "")
    assert (f3.edges[0].partial, f3.edges[0].number) == ("[f2 > 0]", None)
    assert isinstance(W.adjoint, np.ndarray)


def test_a_tensor_of_one_number_shows_it() -> None:
    entry = next(iter(Description(Tensor(2.5, label="s"))))
    assert (entry.value, entry.shape, entry.kind) == (2.5, (), Kind.LEAF)


def test_adjoints_are_there_after_backward_only() -> None:
    x = Value(2.0)
    y = x * x
    assert [entry.adjoint for entry in Description(y)] == [None, None]
    y.backward()
    assert [entry.adjoint for entry in Description(y)] == [4.0, 1.0]


# --- names ----------------------------------------------------------------------------------------


def test_repeated_labels_are_told_apart() -> None:
    a, b, c, d = (Value(1.0, label=label) for label in ("x", "x", "x_2", "x"))
    assert list(Description(a * b * c * d).names.values())[:4] == ["x", "x_2", "x_2_2", "x_3"]


def test_labels_that_look_alike_are_told_apart() -> None:
    assert list(Description(Value(1.0, label="x1") * Value(1.0, label="x₁")).names.values()) == [
        "x1",
        "x₁_2",
        "f1",
    ]


def test_given_names_leave_labels_alone() -> None:
    x = Value(1.0)
    y = ad.sin(x)
    z = ad.cos(y)
    z.label = "f1"
    assert list(Description(z).names.values()) == ["v1", "f2", "f1"]


def test_a_label_that_reads_as_a_number_is_a_name_all_the_same() -> None:
    output = Value(5.0, label="x") ** Value(3.0, label="2")
    assert Description(output).edges(output)[0].partial == "2·x**(2 - 1)"


@pytest.mark.parametrize("label", ["", "  ", "\t", None])
def test_a_label_that_says_nothing_is_none(label: str | None) -> None:
    assert list(Description(Value(1.0, label=label)).names.values()) == ["v1"]


def test_a_label_of_several_words_is_kept_together() -> None:
    output = Value(5.0, label="a + b") * Value(3.0, label="c")
    assert Description(output).entry(output).expression == "(a + b)·c"


@given(st.lists(st.text(max_size=4), min_size=1, max_size=8))
def test_names_are_unique_and_always_the_same(labels: list[str]) -> None:
    def described() -> list[str]:
        output: Node = Value(1.0)
        for label in labels:
            output = output * Value(1.0, label=label)
            output.label = label
        return list(Description(output).names.values())

    names = described()
    assert len(set(names)) == len(names) == 2 * len(labels) + 1
    assert all(names)
    assert names == described()


# --- size, safety, mistakes -----------------------------------------------------------------------


def test_a_long_chain_needs_no_recursion() -> None:
    y: Node = Value(1.0)
    for _ in range(100_000):
        y = y * 1.0
    description = Description(y)
    assert len(description) == 200_001
    assert description.entry(y).name == "f100000"
    assert description.entry(y).edges[0].source == "n100000"


def test_length_is_the_number_of_entries(layer: Node) -> None:
    assert len(Description(layer)) == len(list(Description(layer)))


def test_nothing_changes(
    layer: Node, unchanged: Callable[[Node, Callable[[Node], object]], bool]
) -> None:
    assert unchanged(layer, lambda node: list(Description(node)))


def test_no_node() -> None:
    with pytest.raises(TypeError, match="expected a node, a Value or a Tensor, got float"):
        Description(3.0)  # type: ignore[arg-type]


def test_a_leaf_with_new_data() -> None:
    x = Value(1.0, label="x")
    y = x * x
    x.data = 2.0
    with pytest.raises(ValueError, match="'x' Value 2 was given new data"):
        Description(y)
