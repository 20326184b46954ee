"""Ten thousand random graphs against differences of exact values, up to the third order.

The default run has a fixed seed. ``pytest -m thorough`` tests ten times as many, others every time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from random_graphs import (
    LEAVES,
    LIBRARY,
    OPERATIONS,
    SCALAR_OPERATIONS,
    Graph,
    Step,
    build,
    sensitivity,
)

import autodiff as ad
from autodiff import Primitive, Tensor
from autodiff.ops import pointwise
from autodiff.ops.rules import Pointwise

TOLERANCE = 1e-11
"""How far a derivative may be off, relative to what the output adds up. Rounding leaves 1e-13 on
almost all graphs; on the few that enlarge errors, those of 1e-13 in every result excuse more."""

# --- what is drawn --------------------------------------------------------------------------------

TENSORS = sorted(kind for kind in LEAVES if kind.startswith("Tensor"))
SCALARS = ["Value", "float", "int"]
# Four bytes are a step: its operation, its operands, its variant. One draw of many bytes is quick.
PROGRAMS = st.binary(min_size=16, max_size=48)


def decoded(program: bytes, operations: Iterable[str]) -> list[Step]:
    names = sorted(operations)
    names += 2 * [name for name in names if name not in SCALAR_OPERATIONS]  # there are fewer
    return [
        (names[program[k] % len(names)], program[k + 1], program[k + 2], program[k + 3])
        for k in range(0, len(program) - 3, 4)
    ]


@st.composite
def graphs(draw: Any, scalars: bool = False, first: str | None = None, order: int = 2) -> Graph:
    """Graphs of leaves of all kinds, or scalars; the first step may have a chosen operation."""
    leaves = draw(st.lists(st.sampled_from(SCALARS if scalars else sorted(LEAVES)), max_size=2))
    leaves += ["Value", "Value" if scalars else draw(st.sampled_from(TENSORS))]
    steps = decoded(draw(PROGRAMS), SCALAR_OPERATIONS if scalars else OPERATIONS)
    if first is not None:
        steps[0] = (first, *steps[0][1:])
    graph = build(leaves, steps, draw(st.integers(0, 2**32 - 1)), order)
    assume(graph.steps)
    return graph


def run(examples: int, **options: Any) -> settings:
    """Settings for a number of examples: a fixed seed, unless something else is said."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    phases = [Phase.generate, Phase.shrink]
    options = {"derandomize": True, "suppress_health_check": checks, "phases": phases} | options
    return settings(max_examples=examples, deadline=None, **options)


# --- what is checked ------------------------------------------------------------------------------


def along(gradients: Any, directions: Any) -> Any:
    """The derivative along the line, from gradients."""
    terms = [ad.sum(d * g) for d, g in zip(directions, gradients, strict=True)]
    return sum(terms[1:], terms[0])


def compare(graph: Graph, order: int, how: str, got: Any) -> None:
    """Hold a derivative to the exact one."""
    error = abs(float(got) - graph.exact[order])
    allowed = TOLERANCE * (1 + graph.scale[: order + 1].sum())
    if not error <= allowed:
        allowed += sensitivity(graph, 1e-13)[order]
    assert error <= allowed, f"{how}: {float(got)!r}, and exactly {graph.exact[order]!r}\n{graph}"


def check(graph: Graph) -> None:
    """Value and derivatives, reverse and forward, up to the order of the exact ones."""
    inputs, directions = graph.inputs(), graph.directions
    nodes = graph.nodes()
    output = graph(*nodes)
    output.backward()
    compare(graph, 0, "value", output.data)
    gradients = [0.0 if node.grad is None else node.grad for node in nodes]
    for node in nodes:
        if node.grad is not None:
            assert type(node.grad) is type(node.data)
            assert np.shape(node.grad) == np.shape(node.data)
    compare(graph, 1, "backward()", along(gradients, directions))
    compare(graph, 1, "jvp", ad.jvp(graph, inputs, directions)[1])

    everything = tuple(range(len(inputs)))

    def slope(*x: Any) -> Any:
        return along(ad.grad(graph, everything)(*x), directions)

    def tangent(*x: Any) -> Any:
        return ad.jvp(graph, x, directions)[1]

    def curvature(*x: Any) -> Any:
        return ad.jvp(slope, x, directions)[1]

    def reverse(function: Any) -> Any:
        return along(ad.grad(function, everything)(*inputs), directions)

    every_way = len(graph.exact) > 3
    if every_way or len(graph.steps) % 2:
        compare(graph, 2, "forward over reverse", curvature(*inputs))
    if every_way or not len(graph.steps) % 2:
        compare(graph, 2, "reverse over reverse", reverse(slope))
    if every_way:
        compare(graph, 2, "reverse over forward", reverse(tangent))
        compare(graph, 3, "reverse over forward over reverse", reverse(curvature))


@run(8_000)
@given(graph=graphs())
def test_graphs_of_scalars_and_arrays(graph: Graph) -> None:
    check(graph)


@run(1_000)
@given(graph=graphs(scalars=True, order=3))
def test_graphs_of_scalars(graph: Graph) -> None:
    check(graph)


@run(1_000)
@given(graph=graphs(order=3))
def test_third_derivatives(graph: Graph) -> None:
    check(graph)


@pytest.mark.thorough
@run(100_000, derandomize=False)
@given(graph=graphs() | graphs(scalars=True, order=3) | graphs(order=3))
def test_many_more_graphs(graph: Graph) -> None:
    check(graph)


# --- the check finds what is wrong ----------------------------------------------------------------


def primitive_of(operation: str) -> Primitive:
    """The primitive that an operation ends in."""
    x = Tensor([[1.1, 0.7], [0.4, 0.6]])
    for variant in range(60):
        result = OPERATIONS[operation](LIBRARY, x, x, variant)
        if result.primitive is not None and result is not x:
            return result.primitive  # type: ignore[no-any-return]
    raise AssertionError(f"{operation} makes no node")


def search(operation: str) -> None:
    """Check graphs that begin with an operation."""

    @run(60, phases=[Phase.generate])
    @given(graph=graphs(first=operation))
    def searched(graph: Graph) -> None:
        check(graph)

    searched()


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@pytest.mark.parametrize("factor", [1.001, 0.0], ids=["scaled", "missing"])
def test_errors_planted_in_rules_are_found(
    operation: str, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    primitive = primitive_of(operation)
    right = primitive.vjp
    place = 0 if operation == "copysign" else -1  # a sign has no influence in the small

    def wrong(i: int, t: Any, f: Any, operands: Any, parameters: Any) -> Any:
        planted = i == range(len(operands))[place]
        return right(i, t * factor if planted else t, f, operands, parameters)

    monkeypatch.setattr(primitive, "vjp", wrong)
    with pytest.raises(AssertionError, match="exactly"):
        search(operation)


@pytest.mark.parametrize("operation", ["sum", "max", "getitem", "matmul", "concatenate", "where"])
def test_errors_planted_in_forward_rules_are_found(
    operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    primitive = primitive_of(operation)
    right = primitive.jvp
    monkeypatch.setattr(primitive, "jvp", lambda *given: right(*given) * 1.001)
    with pytest.raises(AssertionError, match="jvp"):
        search(operation)


@pytest.mark.parametrize("operation", ["x * y", "x - y", "sin", "tanh", "maximum", "sqrt"])
def test_errors_planted_in_the_sweep_over_scalars_are_found(
    operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    primitive = primitive_of(operation)
    right = primitive.scalar_pull
    assert right is not None
    monkeypatch.setattr(primitive, "scalar_pull", lambda f, t, *rest: right(f, t * 1.001, *rest))

    @run(60, phases=[Phase.generate])
    @given(graph=graphs(scalars=True, first=operation))
    def search_scalars(graph: Graph) -> None:
        check(graph)

    with pytest.raises(AssertionError, match="backward"):
        search_scalars()


# --- nothing is left out --------------------------------------------------------------------------


def test_every_smooth_pointwise_function_has_a_counterpart() -> None:
    constant_pieces = {
        "ceil", "floor", "floor_divide", "heaviside", "rint", "round", "sign", "trunc",
    }  # fmt: skip
    operators = {"add", "sub", "mul", "div", "pow", "neg"}
    primitives = {
        getattr(getattr(pointwise, name), "primitive", None) for name in pointwise.__all__
    }
    rows = {primitive.name for primitive in primitives if isinstance(primitive, Pointwise)}
    assert rows - constant_pieces - operators <= set(OPERATIONS)
    assert {"sin", "tanh", "maximum"} <= rows
