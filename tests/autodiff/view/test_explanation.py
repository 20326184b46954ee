from collections.abc import Callable

import numpy as np
import pytest

import autodiff as ad
from autodiff import Node, Tensor, Value
from autodiff.view import explain
from autodiff.view.notation import width


def test_the_example(example: Callable[[], Node], golden: Callable[[str], str]) -> None:
    text = str(explain(example()))
    assert text + "\n" == golden("example.txt")
    assert max(map(width, text.splitlines())) <= 100


def test_the_same_graph_gives_the_same_text(example: Callable[[], Node]) -> None:
    f = example()
    assert str(explain(f)) == str(explain(f)) == str(explain(example()))


def test_the_numbers_are_those_of_backward(example: Callable[[], Node]) -> None:
    for row in explain(example()).reverse:
        assert row.adjoint == row.entry.adjoint
        if row.terms:
            terms = [term.number * term.adjoint for term in row.terms]  # type: ignore[operator]
            assert sum(terms) == pytest.approx(row.adjoint)


def test_backward_is_not_needed_and_not_done() -> None:
    x = Value(3.0, label="x")
    f = x * x
    assert explain(f).reverse[-1].adjoint == 6.0
    assert not x.has_adjoint


def test_accumulated_gradients_do_not_get_in(example: Callable[[], Node]) -> None:
    f = example()
    f.backward()
    assert explain(f).reverse[-1].adjoint == pytest.approx(9 + 2 * np.cos(4.0))


def test_with_respect_to_one_node_only_its_descendants_count(example: Callable[[], Node]) -> None:
    f = example()
    x1 = f.operands[0].operands[0].operands[0].operands[1]
    explanation = explain(f, x1)
    assert explanation.schedule == ("f", "f3", "f2", "f1", "x1")
    assert explanation.reverse[-1].adjoint == x1.grad


def test_with_respect_to_one_node_it_is_the_algorithm_as_it_is_taught(
    example: Callable[[], Node], golden: Callable[[str], str]
) -> None:
    f = example()
    θ = next(node for node in ad.reverse.schedule(f) if node.label == "θ")
    explanation = explain(f, θ)
    assert str(explanation) + "\n" == golden("one_node.txt")
    assert explanation.wrt == "θ"
    assert explanation.reverse[0].adjoint == 1.0
    assert explanation.reverse[-1].children == ("f5", "f1")
    assert explanation.derivative == explanation.reverse[-1].adjoint == θ.grad
    for row in explanation.reverse:
        assert all(child in explanation.schedule for child in row.children)


def test_latex_and_markdown_of_the_example(
    example: Callable[[], Node], golden: Callable[[str], str]
) -> None:
    f = example()
    θ = next(node for node in ad.reverse.schedule(f) if node.label == "θ")
    assert explain(f, θ).latex() + "\n" == golden("one_node.tex")
    assert explain(f, θ).markdown() == golden("one_node.md")


def test_all_is_there_in_the_whole_of_a_million_nodes() -> None:
    x = Value(1.0, label="x")
    f: Node = x
    for _ in range(100_000):
        f = f * 1.0 + x
    explanation = explain(f, x, limit=10)
    assert len(explanation.reverse) == 10
    assert explanation.derivative == 100_001.0
    for text in (str(explanation), explanation.markdown(), explanation.latex(), explanation.html()):
        assert len(text) < 20_000


def test_a_repeated_operand_has_two_terms() -> None:
    x = Value(3.0, label="x")
    row = explain(x * x).reverse[-1]
    assert [(term.child, term.factor, term.number) for term in row.terms] == [
        ("f1", "x", 3.0),
        ("f1", "x", 3.0),
    ]


def test_a_seed_is_the_first_adjoint() -> None:
    explanation = explain(ad.exp(Value(0.0, label="x")), seed=3)
    assert [row.adjoint for row in explanation.reverse] == [3.0, 3.0]
    assert "= seed" in str(explanation)


def test_tensors_show_shapes(layer: Node, golden: Callable[[str], str]) -> None:
    explanation = explain(layer)
    assert str(explanation) + "\n" == golden("layer.txt")
    for row in explanation.reverse:
        np.testing.assert_array_equal(row.adjoint, row.entry.adjoint)


def test_what_was_broadcast_is_summed_back() -> None:
    s = Value(2.0, label="s")
    f = (s * Tensor([1.0, 2.0], label="T")).sum()
    assert "= sum(T·t_f1)" in str(explain(f))


def test_a_branch_not_taken_brings_nothing() -> None:
    x = Value(0.0, label="x")
    f = ad.where(True, x, ad.log(x))
    rows = {row.entry.name: row.adjoint for row in explain(f).reverse}
    assert rows["f1"] == 0.0
    assert rows["x"] == 1.0


def test_a_leaf_explains_itself() -> None:
    assert str(explain(Value(3.0, label="x"))).splitlines()[-1] == "  t_x  = ∂x/∂x      = 1"


def test_wide_labels_keep_the_columns() -> None:
    text = str(explain(Value(1.0, label="日本") * Value(2.0, label="e\u0301\n")))
    forward = text.splitlines()[1:4]
    assert len({width(line[: line.rindex("=")]) for line in forward}) == 1


def test_nothing_changes(
    layer: Node, unchanged: Callable[[Node, Callable[[Node], object]], bool]
) -> None:
    assert unchanged(layer, lambda node: str(explain(node)))


def test_a_long_chain_needs_no_recursion() -> None:
    y: Node = Value(1.0)
    for _ in range(5_000):
        y = y * 1.0
    assert explain(y).reverse[-1].adjoint == 1.0


@pytest.mark.parametrize("wrt", [3.0, "x"])
def test_wrt_is_a_node(wrt: object) -> None:
    with pytest.raises(TypeError, match="wrt is a node"):
        explain(Value(1.0), wrt)  # type: ignore[arg-type]


def test_wrt_must_be_in_the_graph() -> None:
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    with pytest.raises(ValueError, match="was not computed from 'y' Value 2"):
        explain(x * x, y)


def test_an_array_needs_a_seed() -> None:
    x = Tensor([1.0, 2.0], label="x")
    with pytest.raises(ValueError, match="give a seed"):
        explain(x * x)
    assert explain(x * x, seed=[1.0, 1.0]).reverse[-1].terms[0].factor == "x"


def test_a_long_explanation_stops_at_its_limit() -> None:
    x = Value(0.5, label="x")
    f: Node = x
    for _ in range(10):
        f = f * 2.0 + x
    for explained in (explain(f, limit=3), explain(f, x, limit=3)):
        assert (len(explained.forward), len(explained.reverse)) == (3, 3)
        assert explained.omitted == 18
        assert "… and 18 more steps (9 × mul, 8 × add, 1 × leaf): see limit=" in str(explained)
        assert "… 9 × mul, 8 × add, 1 × leaf before" in str(explained)
        assert [row.adjoint for row in explained.reverse] == [1.0, 1.0, 2.0]
    assert explain(f, limit=21).omitted == 0
    assert len(explain(f, limit=21).reverse) == 21
    assert explain(f, x).reverse[-1].adjoint == 2.0**11 - 1
    assert explain(f, x, limit=3).derivative == 2.0**11 - 1
    assert str(explain(f, x, limit=3)).endswith("df4/dx = t_x = 2047")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        explain(f, limit=0)
