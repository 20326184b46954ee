"""``autodiff check``: its numbers are independent, and it finds what is wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import mpmath
import numpy as np
import pytest

import autodiff as ad
from autodiff.commands import precision, problem
from autodiff.commands.precision import MissingFunctionError
from autodiff.commands.problem import Element, Problem
from autodiff.commands.program import run
from autodiff.expressions import functions, parse


def checked(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> dict[str, Any]:
    """What the command finds, as data; it must end with the status."""
    assert run(["check", "--json", *arguments]) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["agrees"] == (status == 0)
    return found


# --- derivatives of known value -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "elements", "expected"),
    [
        ("exp(x)*y", "", "2*e"),
        ("exp(x)*y", "x", "2*e"),
        ("exp(x)*y", "y", "e"),
        ("exp(x)*y", "xx", "2*e"),
        ("exp(x)*y", "xy", "e"),
        ("exp(x)*y", "yx", "e"),
        ("x**y", "yy", "0"),
        ("log(y)", "yy", "-1/mpf(4)"),
    ],
)
def test_arbitrary_precision_has_its_digits(text: str, elements: str, expected: str) -> None:
    with mpmath.workdps(60):
        found = precision.derivative(
            Problem(parse(text), {"x": 1.0, "y": 2.0}), [Element(name) for name in elements]
        )
        exact = eval(expected, {"e": +mpmath.e, "mpf": mpmath.mpf})
        assert abs(found - exact) < mpmath.mpf(10) ** -40


def test_arbitrary_precision_of_arrays() -> None:
    v = np.array([[1.0, 2.0], [3.0, 5.0]])
    case = Problem(parse("sum(v*v*v) + v[0][1]*v[1][1]"), {"v": v})
    a, b = Element("v", (0, 1)), Element("v", (1, 1))
    assert float(precision.derivative(case, [a])) == 3 * 4 + 5
    assert float(precision.derivative(case, [a, b])) == 1.0
    assert [str(e) for e in case.elements(["v"])][1] == "v[0,1]" == str(a)


@pytest.mark.parametrize("name", sorted(precision.functions()))
def test_its_functions_are_those_of_the_library(name: str) -> None:
    """The same values at points of three kinds, as numbers and as arrays, wherever there is one."""
    if name in ad.special.__all__:
        pytest.importorskip("scipy")
    count = int(functions.COUNTS[name][0])
    ours, theirs = functions.function(name), precision.functions()[name]
    compared = 0
    for numbers in ((0.3, 0.6, 0.9), (-0.4, 0.7, 1.5), (2.5, 1.5, 3.0), (-2.5, -0.75, 1.0)):
        arguments: tuple[Any, ...] = numbers[:count]
        if name in ("iv", "jv", "kv", "yv"):
            arguments = (2.0, abs(numbers[1]))
        if name in ("dot", "inner", "vdot", "matmul", "cumsum", "cumprod", "diff", "sort", "trace",
                    "transpose", "softmax", "log_softmax"):  # fmt: skip
            arguments = tuple(np.array([[x, 0.2], [1.0, -x]]) for x in arguments)
            if name in ("softmax", "log_softmax", "cumsum", "cumprod", "sort", "vdot"):
                arguments = tuple(x[0] for x in arguments)
        with np.errstate(all="ignore"):
            expected = np.asarray(ours(*arguments))
        if not np.isfinite(expected.astype(float)).all():
            continue
        exact = [np.vectorize(mpmath.mpf, otypes=[object])(x)[()] if name != "where" else x
                 for x in arguments]  # fmt: skip
        found = np.asarray(theirs(*exact)).astype(float)
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
        compared += 1
    assert compared


def test_of_arrays_reductions_are_those_of_the_library() -> None:
    x = [0.5, -1.5, 2.0]
    exact = np.array([mpmath.mpf(number) for number in x], dtype=object)
    for name in ("sum", "prod", "mean", "var", "std", "norm", "max", "min", "logsumexp"):
        expected = functions.function(name)(np.array(x))
        assert float(precision.functions()[name](exact)) == pytest.approx(float(expected), 1e-14)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("beta(x, erfcinv(x))", MissingFunctionError),
        ("exp(-exp(exp(exp(exp(9*x)))))", ArithmeticError),
        ("sqrt(x - 3)*0", ArithmeticError),
        ("(x - 1)**0.5", ArithmeticError),
        ("2**-(9**-(4/x)**999)**-999", ArithmeticError),
        ("y1(x + 1e300)", ArithmeticError),
    ],
)
def test_what_is_not_to_be_had_in_arbitrary_precision(text: str, error: type[Exception]) -> None:
    with pytest.raises(Exception, match=r"not to be had|too large|real number") as caught:
        precision.derivative(Problem(parse(text), {"x": 0.5}), [Element("x")])
    assert isinstance(caught.value, (error, ValueError))


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("sin(θ*x1+x2)+θ*x2**2", "θ=0.5", "x1=2", "x2=3"),
        ("x**y", "x=2", "y=3.5"),
        ("sum(softmax(v)*[1,2,3])", "v=[0.1,0.2,0.3]"),
        ("x*log(x) if x > 0 else x", "x=0.3"),
        ("sigmoid(x)*tanh(x)/hypot(x, 2)", "x=-1.5"),
        ("gammaln(x) + erf(x)", "x=2.5"),
        ("max(x, y, 1) + min(v)", "x=2", "y=3", "v=[1,2]"),
        ("1e-20*sin(x) + 1e-20*x**2", "x=0.5"),
        ("1 + 1",),
    ],
)
def test_right_derivatives_agree(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    pytest.importorskip("scipy")
    found = checked(capsys, 0, *arguments)
    assert not found["notes"]
    for row in found["derivatives"]:
        assert row["digits"]["arbitrary_precision"] > 13
        assert row["digits"]["differences"] > 7


def test_each_derivative_is_there_once(capsys: pytest.CaptureFixture[str]) -> None:
    found = checked(capsys, 0, "x*y**2", "x=2", "y=3")
    assert {row["name"]: row["value"] for row in found["derivatives"]} == {
        "∂f/∂x": 9.0,
        "∂f/∂y": 12.0,
        "∂²f/∂x²": 0.0,
        "∂²f/∂y∂x": 6.0,
        "∂²f/∂y²": 4.0,
    }
    assert len(checked(capsys, 0, "x*y**2", "x=2", "y=3", "--order", "1")["derivatives"]) == 2
    assert len(checked(capsys, 0, "x*y**2", "x=2", "y=3", "--wrt", "y")["derivatives"]) == 2


@pytest.mark.parametrize("wrong", [1 + 1e-9, 1 + 1e-3, -1.0, 0.0])
def test_a_wrong_gradient_is_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    right = problem.value_and_grad

    def planted(function: Any) -> Any:
        def differentiated(point: Any) -> Any:
            value, gradient = right(function)(point)
            return value, {name: wrong * g for name, g in gradient.items()}

        return differentiated

    monkeypatch.setattr(problem, "value_and_grad", planted)
    found = checked(capsys, 1, "sin(x)", "x=1", "--order", "1")
    assert found["derivatives"][0]["digits"]["arbitrary_precision"] < 10


def test_a_wrong_hessian_is_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = problem.hessian

    def planted(function: Any) -> Any:
        return lambda point: {
            a: {b: h * (1 + 1e-3 * (a != b)) for b, h in row.items()}
            for a, row in right(function)(point).items()
        }

    monkeypatch.setattr(problem, "hessian", planted)
    found = checked(capsys, 1, "sin(x*y)", "x=1", "y=2")
    wrong = [row["name"] for row in found["derivatives"] if not row["agrees"]]
    assert wrong == ["∂²f/∂y∂x"]


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        (("abs(x)", "x=0"), "f has no derivative by x here, where its slope is -1 to the left"),
        (("floor(x)", "x=2"), "f has no derivative by x here, where it jumps"),
        (("sqrt(x)", "x=0"), "f has no derivative by x here, where it is not finite just below"),
    ],
)
def test_kinks_are_named(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], note: str
) -> None:
    assert note in " ".join(checked(capsys, 1, *arguments)["notes"])


def test_without_a_function_in_mpmath_differences_remain(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("scipy")
    found = checked(capsys, 0, "erfcx(x)", "x=1")
    assert found["notes"][0] == "no arbitrary precision: erfcx is not to be had in it"
    assert {row["digits"]["arbitrary_precision"] for row in found["derivatives"]} == {None}


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "x**3", "x=2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "f = x**3 = 8.0"
    assert lines[2].split() == [
        "derivative",
        "value",
        "digits:",
        "finite",
        "differences",
        "50-digit",
        "arithmetic",
    ]
    assert re.fullmatch(r"∂f/∂x        12\.0 +1\d\.\d +all", lines[3])
    assert re.fullmatch(r"All agree: in 1\d\.\d digits with finite differences, "
                        r"in all digits with 50-digit arithmetic\.", lines[-1])  # fmt: skip
    assert run(["check", "abs(x)", "x=0"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "The derivatives do not agree."
