"""Expressions in writing: what they mean, and that nothing else gets in."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
from autodiff.expressions import ExpressionError, functions, grammar, parse, tokens

X = {"x": 0.7, "y": -1.3, "θ": 2.0, "x₁": 3.0, "v": np.array([1.0, -2.0, 3.0])}

# --- what it means --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2*3 - 4/8", 6.5),
        ("-x**2", -(0.7**2)),
        ("2**3**2", 512.0),
        ("7 // 2 + 7 % 4 + +1", 7.0),
        ("1e-3 + .5 + 2. + 007", 9.501),
        ("θ·x₁² − 1", 17.0),
        ("θ×x₁ ÷ 2", 3.0),
        ("x⁻¹", 1 / 0.7),
        ("pi + π + τ + e", 4 * math.pi + math.e),
        ("sin(x) + ln(θ) + erf(0)", math.sin(0.7) + math.log(2.0)),
        ("max(x, y, θ) + min(x, y) + max(v)", 2.0 - 1.3 + 3.0),
        ("x if x > y else y", 0.7),
        ("1 if y < 0 < x and not x > 1 or 0 else 2", 1),
        ("log(x) if x ≥ 1 else 0", 0),
        ("1 if x ≠ x else 2", 2),
        ("sum(v if v > 0 else 0)", 4.0),
        ("sum(v if v > -5 and v < 2 else 10*v)", 29.0),
        ("sum(v if not v > 0 else 0)", -2.0),
        ("v @ [1, 2, 3] + v[0] - v[-1]", 4.0),
        ("det([[1, 2], [3, 5]])", -1.0),
        ("where(x > 0, 5, 6) + clip(9, 0, 1)", 6.0),
    ],
)
def test_value(text: str, value: float) -> None:
    assert float(parse(text)(X)) == pytest.approx(value, rel=1e-14)


def test_a_graph_comes_of_nodes() -> None:
    θ, x1, x2 = (ad.Value(v, label=n) for v, n in ((0.5, "θ"), (2.0, "x1"), (3.0, "x2")))
    f = parse("sin(θ*x1 + x2) + θ*x2**2")({"θ": θ, "x1": x1, "x2": x2})
    same = ad.sin(θ * x1 + x2) + θ * x2**2
    assert f.data == same.data
    assert str(ad.explain(f)) == str(ad.explain(same))


def test_the_branch_that_is_not_taken_leaves_no_trace() -> None:
    x = ad.Value(0.0)
    f = parse("sqrt(x) if x > 0 else 2*x")({"x": x})
    f.backward()
    assert x.grad == 2.0


@pytest.mark.parametrize("name", functions.COUNTS)
def test_every_function_is_one_of_the_library(name: str) -> None:
    pytest.importorskip("scipy") if name in ad.special.__all__ else None
    least, _ = functions.COUNTS[name]
    inspect.signature(functions.function(name)).bind(*range(least))


def test_names_are_in_the_order_of_writing_and_constants_apart() -> None:
    f = parse("b*pi + a*b + sin(c)")
    assert f.names == ("b", "pi", "a", "c")
    assert f.unknowns == ("b", "a", "c")
    assert parse("pi * 2")({"pi": 3.0}) == 6.0


@pytest.mark.parametrize(("first", "second"), [("θ", "ϑ"), ("x1", "x₁"), ("ﬁ", "fi"), ("µ", "μ")])
def test_names_that_python_confuses_differ(first: str, second: str) -> None:
    assert parse(f"{first} - 2*{second}")({first: 5.0, second: 1.0}) == 3.0
    with pytest.raises(ExpressionError, match="written with other letters"):
        parse(first)({second: 1.0})


@pytest.mark.parametrize("name", ["x₁", "lambda", "None", "_", "x′", "décalé", "שלום", "β₁₂"])
def test_names_that_python_does_not_have(name: str) -> None:
    assert parse(f"2*{name}+1")({name: 3.0}) == 7.0
    assert tokens.is_name(name)


def test_accents_may_be_composed_or_not() -> None:
    assert parse("e\u0301*2").names == parse("\u00e9*2").names == ("\u00e9",)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("", 1, "empty"),
        ("   ", 1, "empty"),
        ("x.real", 2, "attributes"),
        ("(1).__class__", 4, "attributes"),
        ("__import__('os')", 12, "text"),
        ("__import__(os)", 1, "there is no function __import__"),
        ("eval(x)", 1, "there is no function eval"),
        ("sni(x)", 1, "did you mean sin?"),
        ("x(3)", 1, r"x\*\(…\)"),
        ("(x)(3)", 4, "an operator is missing"),
        ("v[0](3)", 5, "an operator is missing"),
        ("2x", 2, "an operator is missing"),
        ("2 (x)", 3, "an operator is missing"),
        ("lambda q: q", 8, "an operator is missing"),
        ("[q for q in v]", 4, "an operator is missing"),
        ("x := 3", 3, "not part"),
        ("x = 3", 3, "compare with '=='"),
        ("x^2", 2, r"\*\*"),
        ("{x}", 1, "not part"),
        ("x; y", 2, "not part"),
        ("x\\", 2, "not part"),
        ("x # y", 3, "not part"),
        ("x\x1b[31m", 2, "U\\+001B"),
        ("x\u202e", 2, "U\\+202E"),
        ("\udc80", 1, "U\\+DC80"),
        ("sin(x", 4, "never closed"),
        ("x)", 2, "no bracket is open"),
        ("(x]", 3, "no bracket is open"),
        ("x +", 4, "missing at the end"),
        ("x + * y", 5, "not an expression"),
        ("x, y", 1, "comma"),
        ("()", 1, "comma"),
        ("sin(*v)", 5, "no place"),
        ("v[x]", 3, "whole number"),
        ("v[0, 1]", 3, "whole number"),
        ("[]", 1, "empty"),
        ("sin(x, y)", 1, "takes 1 argument, not 2"),
        ("where(x)", 1, "takes 3 arguments, not 1"),
        ("max()", 1, "at least 1 argument, not 0"),
        ("x**1001", 4, "exponents go up to 1,000"),
        ("x**-1e9", 5, "exponents go up to 1,000"),
        ("power(x, 5000)", 10, "exponents go up to 1,000"),
        ("1e999", 1, "too large"),
        ("9" * 400, 1, "too large"),
        ("(" * 60 + "x" + ")" * 60, 51, "50 deep"),
        ("-" * 400 + "x", 151, "150 deep"),
        ("x" + "+x" * 300, None, "150 deep"),
        ("not " * 300 + "x", None, "150 deep"),
        ("x**" * 300 + "x", None, "150 deep"),
        ("1 if x else " * 160 + "x", None, "150 deep"),
        ("x+" * 1001, 2001, "at most 2,000 characters"),
    ],
)
def test_refused_when_read(text: str, column: int | None, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason) as caught:
        parse(text)
    assert column in (None, caught.value.column + 1)


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("x + q", 5, "q has no value: known are x, y"),
        ("x + sin", 5, r"called as sin\(…\)"),
        ("(1 + 2)/(1 - 1)", 8, "division by zero"),
        ("9**9**9", 2, "too large"),
        ("(-8)**(1/3)", None, "not a real number"),
        ("x[0]", 1, "only an array has elements"),
        ("v[3]", 1, "out of bounds"),
        ("v + [1, 2]", 3, "broadcast"),
        ("x @ y", 3, "matmul"),
        ("[[1, 2], [3]]", 1, "same length"),
        ("v > 0 and [1, 2] > 0", 11, "broadcast"),
        ("1 if v > [1, 2] else 2", 6, "broadcast"),
    ],
)
def test_refused_when_computed(text: str, column: int | None, reason: str) -> None:
    values: dict[str, Any] = {n: ad.Value(x) if np.ndim(x) == 0 else ad.Tensor(x)
                              for n, x in X.items()}  # fmt: skip
    expression = parse(text)
    with pytest.raises(ExpressionError, match=reason) as caught:
        expression(values)
    assert column in (None, caught.value.column + 1)


def test_a_division_of_nodes_by_zero_is_infinite_as_everywhere() -> None:
    assert parse("x/0")({"x": ad.Value(1.0)}).data == math.inf


def test_a_list_holds_no_names() -> None:
    with pytest.raises(ExpressionError, match="a name in it has no place"):
        parse("[x, 1]")({"x": ad.Value(1.0)})


def test_the_place_is_marked_below_wide_and_combining_characters() -> None:
    for text in ("日本 $", "ẍ̣ + $"):
        with pytest.raises(ExpressionError) as caught:
            parse(text)
        _, line, mark = str(caught.value).splitlines()
        assert line.endswith("$")
        assert len(mark) == 2 + {"日": 5, "ẍ": 4}[line.strip()[0]] + 1


def test_of_a_long_text_the_neighbourhood_is_shown() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("x + " * 200 + "$" + " + x" * 200)
    _, line, mark = str(caught.value).splitlines()
    assert len(line) < 80
    assert line[len(mark) - 1] == "$"
    assert line.strip()[0] == line[-1] == "…"


# --- random text ----------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [*"()[],.+-*/%@<>=!^xyv θ₁²·'\"\\\x00{}:;#&|~", "**", "//", "<=", "==", " if ", " else ",
     " and ", " or ", " not ", "lambda", "sin(", "max(", "sum(", "where(", "0", "7", "1e9",
     "1e-300", "999", "pi", "__import__", "\n", "\ud800", "\u202e"]
)  # fmt: skip


def outcome(text: str, values: dict[str, Any]) -> Any:
    """The value of a text, or the error; any other error gets through."""
    try:
        expression = parse(text)
        with np.errstate(all="ignore"):
            return expression({**dict.fromkeys(expression.unknowns, 0.5), **values})
    except ExpressionError as error:
        return error


@settings(max_examples=400, deadline=2000)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join)))
def test_random_text_gives_a_value_or_the_own_error(text: str) -> None:
    found = outcome(text, X)
    if isinstance(found, ExpressionError):
        assert 0 <= found.column <= len(found.text)
        assert len(str(found).splitlines()) == 3


LEAVES = st.sampled_from(["x", "y", "θ", "2", "0.5", "pi"])
RANDOM = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner).map(
            lambda t: f"({t[0]}{t[1]}{t[2]})"
        ),
        st.tuples(st.sampled_from(["sin", "exp", "tanh", "-"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]}<{t[2]} else {t[0]})"),
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=2000)
@given(RANDOM)
def test_the_value_is_that_of_python(text: str) -> None:
    """On a whitelist of their own, these texts are safe to run."""
    names = {"sin": np.sin, "exp": np.exp, "tanh": np.tanh, "pi": math.pi}
    values = {name: np.float64(X[name]) for name in ("x", "y", "θ")}
    with np.errstate(all="ignore"):
        try:
            expected = eval(text, {"__builtins__": {}, **names, **values})
        except (ArithmeticError, ValueError):
            return
        if isinstance(expected, complex):
            return
    found = outcome(text, values)
    if isinstance(found, ExpressionError):
        assert re.search("exponents|float|real|zero", found.reason)
        return
    assert float(found) == pytest.approx(float(expected), rel=1e-12, nan_ok=True)


def test_the_limits_are_those_of_the_messages() -> None:
    assert (tokens.LONGEST, tokens.DEEPEST) == (2000, 50)
    assert (grammar.DEEPEST, grammar.LARGEST_POWER) == (150, 1000)
