"""Every public function of NumPy is in one class, and does on a node what its class says."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Node, Tensor, Value
from autodiff.ops import coverage
from autodiff.ops.numpy_protocol import ANSWERS, FAMILIES, load

Function = Callable[..., Any]


def public_functions() -> Iterator[tuple[str, Any]]:
    """NumPy's public functions and ufuncs, with their names relative to ``np``."""
    for prefix, namespace in (("", np), ("linalg.", np.linalg), ("fft.", np.fft)):
        for name in dir(namespace):
            thing = getattr(namespace, name)
            if name[0] != "_" and callable(thing) and not isinstance(thing, type):
                yield prefix + name, thing


FUNCTIONS = dict(public_functions())


def named(groups: tuple[coverage.Group, ...]) -> dict[str, Any]:
    return {name: function for group in groups for name, function in group.functions()}


BARE, REFUSED, PLAIN, OUTSIDE = map(
    named, (coverage.BARE, coverage.REFUSED, coverage.PLAIN, coverage.OUTSIDE)
)
for _family in FAMILIES:
    load(_family)  # so that ANSWERS is complete
CLASSES: dict[str, set[Any]] = {
    "differentiable": set(ANSWERS),
    "bare": set(BARE.values()),
    "refused": set(REFUSED.values()),
    "of plain numbers": set(PLAIN.values()),
    "no function of arrays": set(OUTSIDE.values()),
}


# --- the classes ----------------------------------------------------------------------------------


def test_there_is_something_to_walk() -> None:
    assert len(FUNCTIONS) > 350
    assert {"sin", "where", "linalg.inv", "fft.rfft"} <= set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_is_in_one_class(name: str) -> None:
    classes = [about for about, functions in CLASSES.items() if FUNCTIONS[name] in functions]
    assert len(classes) == 1, f"np.{name} is in {classes or 'no class'}: see coverage.py"


def test_no_name_is_declared_twice() -> None:
    every = (coverage.BARE, coverage.REFUSED, coverage.PLAIN, coverage.OUTSIDE)
    names = [name for groups in every for group in groups for name in group.names.split()]
    assert len(set(names)) == len(names)


@pytest.mark.skipif(np.__version__ < "2.3", reason="an older NumPy has not all of the names")
def test_every_declared_name_is_numpys() -> None:
    gone = {"row_stack", "in1d", "trapz"}
    every = (coverage.BARE, coverage.REFUSED, coverage.PLAIN, coverage.OUTSIDE)
    for groups in every:
        for group in groups:
            assert set(group.names.split()) - gone <= set(FUNCTIONS)


def test_what_reasons_recommend_exists() -> None:
    for group in coverage.REFUSED:
        assert group.why
        for name in re.findall(r"autodiff\.(\w+)", group.why):
            assert hasattr(ad, name)
        for name in re.findall(r"np\.([\w.]*\w)", group.why):
            assert FUNCTIONS[name] in CLASSES["differentiable"] | CLASSES["of plain numbers"]


# --- bare results ---------------------------------------------------------------------------------

A = np.array([[0.3, -0.7, np.nan], [1.9, 0.0, -np.inf]])
MOVED = np.array([0.0, 1.0, 0.0])
ROW = np.array([0.1, 0.4, 0.4, 1.2])
WHOLE = np.array([1, 0])
UNARY = """logical_not all any isfinite isinf isnan isneginf isposinf signbit iscomplex iscomplexobj
    isreal isrealobj argmax argmin argsort nonzero flatnonzero argwhere count_nonzero shape ndim
    size result_type min_scalar_type common_type zeros_like ones_like imag angle array2string
    array_repr array_str"""
BINARY = """equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor
    allclose isclose array_equal array_equiv isin"""
ROWS: list[tuple[str, Function, tuple[Any, ...]]] = [
    *((name, FUNCTIONS[name], (A,)) for name in UNARY.split()),
    *((name, FUNCTIONS[name], (A, A + MOVED)) for name in BINARY.split()),
    ("nanargmax", lambda x: np.nanargmax(x, axis=0), (A[:, :2],)),
    ("nanargmin", lambda x: np.nanargmin(x, 1), (A[:, :2],)),
    ("argpartition", lambda x: np.argpartition(x, 1), (ROW,)),
    ("lexsort", lambda x: np.lexsort((x, -ROW)), (ROW,)),
    ("lexsort", np.lexsort, (A,)),
    ("searchsorted", np.searchsorted, (ROW, A)),
    ("searchsorted", lambda x: np.searchsorted(ROW, x, side="right"), (ROW,)),
    ("digitize", np.digitize, (A, ROW)),
    ("linalg.matrix_rank", np.linalg.matrix_rank, (np.outer(ROW, ROW),)),
    ("ravel_multi_index", lambda x: np.ravel_multi_index((x, x), (2, 2)), (WHOLE,)),
    ("unravel_index", lambda x: np.unravel_index(x, (2, 2)), (WHOLE,)),
    ("ix_", np.ix_, (WHOLE, WHOLE)),
    ("diag_indices_from", np.diag_indices_from, (A[:, :2],)),
    ("tril_indices_from", np.tril_indices_from, (A,)),
    ("triu_indices_from", np.triu_indices_from, (A,)),
    ("can_cast", lambda x: np.can_cast(x.dtype, np.float32), (A,)),
    ("may_share_memory", np.may_share_memory, (A, ROW)),
    ("shares_memory", np.shares_memory, (A, ROW)),
    ("einsum_path", lambda x: np.einsum_path("ij,jk", x, x.T), (A,)),
    ("empty_like", lambda x: np.empty_like(x, shape=(0, 2)), (A,)),
    ("all", lambda x: np.all(x, axis=0), (A,)),
    ("any", lambda x: np.logical_or.reduce(x, axis=1), (A,)),
    ("isfinite", lambda x: np.isfinite(x, out=np.empty((2, 3), bool)), (A,)),
    ("less", np.less.outer, (ROW, ROW)),
    ("imag", np.imag, (1.5,)),
    ("equal", np.equal, (1.5, ROW)),
    ("array2string", lambda x: np.array2string(x, precision=2, separator=", "), (A,)),
]


def without_nodes(result: Any) -> bool:
    if isinstance(result, (tuple, list)):
        return all(map(without_nodes, result))
    return not isinstance(result, Node)


def test_every_bare_function_has_a_row() -> None:
    assert set(BARE) <= {name for name, *_ in ROWS}


@pytest.mark.parametrize(
    ("function", "arguments"),
    [pytest.param(function, arguments, id=name) for name, function, arguments in ROWS],
)
def test_bare_results(function: Function, arguments: tuple[Any, ...]) -> None:
    nodes = [Tensor(a) if np.ndim(a) else Value(a) for a in arguments]
    result = function(*nodes)
    expected = function(*arguments)
    assert without_nodes(result)
    assert type(result) is type(expected)
    np.testing.assert_equal(result, expected)


# --- refusals -------------------------------------------------------------------------------------

X = np.array([0.3, 0.7, 1.1])
ON_ONE = """linalg.eig linalg.eigvals sort_complex packbits unpackbits datetime_as_string is_busday
    unique unique_all unique_counts unique_inverse unique_values histogram histogram_bin_edges
    polyder polyint trim_zeros bincount"""
ON_TWO = """busday_count busday_offset intersect1d setdiff1d setxor1d union1d histogram2d polyadd
    polydiv polymul polysub"""
ON_X = {
    name: (lambda x, f=function: f(x))
    for name, function in REFUSED.items()
    if isinstance(function, np.ufunc) and function.nin == 1
} | {
    name: (lambda x, f=function: f(x, x))
    for name, function in REFUSED.items()
    if isinstance(function, np.ufunc) and function.nin == 2
}  # fmt: skip
ON_X |= {name: (lambda x, f=REFUSED[name]: f(x)) for name in ON_ONE.split()} | {
    name: (lambda x, f=REFUSED[name]: f(x, x)) for name in ON_TWO.split()
}
ON_X |= {
    "copyto": lambda x: np.copyto(np.empty(3), x),
    "fill_diagonal": lambda x: np.fill_diagonal(x, 1.0),
    "poly": lambda x: np.poly([x, x]),
    "roots": lambda x: np.roots([x, x]),
    "histogramdd": lambda x: np.histogramdd([x, x]),
    "place": lambda x: np.place(np.empty(3), X > 1, x),
    "put": lambda x: np.put(np.empty(3), [0], x),
    "put_along_axis": lambda x: np.put_along_axis(np.empty(3), np.array([0]), x, 0),
    "putmask": lambda x: np.putmask(np.empty(3), X > 1, x),
    "apply_along_axis": lambda x: np.apply_along_axis(np.sum, 0, x),
    "apply_over_axes": lambda x: np.apply_over_axes(np.sum, x, [0]),
    "polyfit": lambda x: np.polyfit(X, x, 1),
    "save": lambda x: np.save("no file", x),
    "savetxt": lambda x: np.savetxt("no file", x),
    "savez": lambda x: np.savez("no file", x),
    "savez_compressed": lambda x: np.savez_compressed("no file", x),
}


def test_every_refused_function_has_a_row() -> None:
    assert set(REFUSED) == set(ON_X)


@pytest.mark.parametrize("name", ON_X)
@pytest.mark.parametrize("node", [Tensor(X), Value(0.5)], ids=["Tensor", "Value"])
def test_refusals_name_the_function_and_say_why(name: str, node: Node) -> None:
    own = REFUSED[name].__name__.rpartition(".")[2]
    why = next(group.why for group in coverage.REFUSED if name in group.names.split())
    with pytest.raises(TypeError, match=rf"\b{own} .*{re.escape(why)}"):
        ON_X[name](node)


# --- functions that take no nodes -----------------------------------------------------------------

TAKEN: dict[str, list[Function]] = {
    name: [lambda x, f=function: f(x)] for name, function in PLAIN.items()
} | {
    "full": [lambda x: np.full(3, x), lambda x: np.full((2, 2), x)],
    "array": [np.array, lambda x: np.array([x]), lambda x: np.array([1.0, x])],
    "kaiser": [lambda x: np.kaiser(3, x)],
    "fromfunction": [lambda x: np.fromfunction(lambda i: i, (x,))],
    "fromiter": [lambda x: np.fromiter([x], float)],
    "bmat": [lambda x: np.bmat([[x]])],
    "frompyfunc": [lambda x: np.frompyfunc(np.sin, 1, 1)(x)],
    "nested_iters": [lambda x: np.nested_iters(x, [[0]])],
    "require": [np.require, lambda x: np.require([x], requirements="C")],
    "mask_indices": [lambda x: np.mask_indices(x, np.triu)],
}
LENGTHS = {"tri", "tril_indices", "triu_indices"}  # NumPy merely compares: a number will do


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # of np.matrix
@pytest.mark.filterwarnings("ignore:Cannot convert Value safely:DeprecationWarning")  # of NumPy 2.5
@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("node", [X, 0.5], ids=["Tensor", "Value"])
def test_what_takes_no_nodes_refuses_them(name: str, node: Any) -> None:
    for call in TAKEN[name]:
        if name in LENGTHS and node is not X:
            assert without_nodes(call(Value(node)))
            continue

        def differentiated(x: Node, call: Function = call) -> Any:
            with pytest.raises((TypeError, ValueError, AttributeError)):
                call(x)
            return ad.sum(x)

        ad.grad(differentiated)(node)


def test_scipys_functions_are_answered_or_refused_by_name() -> None:
    special = pytest.importorskip("scipy.special")
    ufuncs = [f for name in dir(special) if isinstance(f := getattr(special, name), np.ufunc)]
    assert len(ufuncs) > 200
    for ufunc in ufuncs:
        try:
            result = ufunc(*[Value(0.5)] * ufunc.nin)
        except TypeError as fault:
            assert ufunc.__name__ in str(fault)  # noqa: PT017 - the other way is an answer
        else:
            assert isinstance(result, Node)


# --- the table in the docs ------------------------------------------------------------------------


def test_the_table_in_the_docs_is_what_the_library_says() -> None:
    script = Path(__file__).parents[2] / "docs" / "write_coverage.py"
    spec = importlib.util.spec_from_file_location("write_coverage", script)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = module.FILE.read_text(encoding="utf-8")
    (version,) = re.findall(r"with NumPy (\d+\.\d+)", written)
    text = module.text()
    for name, function in FUNCTIONS.items():
        listed = text.count(f"`np.{name}`")
        assert listed == any(function in functions for functions in CLASSES.values()), name
    if np.__version__.startswith(f"{version}."):
        assert written == text, "docs/coverage.md is out of date: make docs"
