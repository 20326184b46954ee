"""Joining operands, and splitting them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from derivatives import Function, Row, cases, check, points

import autodiff as ad
from autodiff import Tensor, Value


def joining_rows() -> Iterator[Row]:
    constant = np.array([[1.0, 2.0, 3.0]])
    for axis in (0, -2):
        yield (
            "concatenate", f"axis={axis}", lambda x, y, a=axis: ad.concatenate([x * x, y, x], a),
            (points(2, 3), points(1, 3, seed=1)),
        )  # fmt: skip
    yield (
        "concatenate", "axis=1", lambda x, y: ad.concatenate([x, y * x], axis=1),
        (points(2, 1), points(2, 3, seed=1)),
    )  # fmt: skip
    yield (
        "concatenate", "axis=None", lambda x, y, z: ad.concatenate([x * z, y, z, 2.0], axis=None),
        (points(2, 1), points(3, seed=1), points()),
    )  # fmt: skip
    yield (
        "concatenate", "constant and node",
        lambda x: ad.concatenate([constant, x * x, [[4, 5, 6]], x]), (points(2, 3),),
    )  # fmt: skip
    yield "concatenate", "alone", lambda x: ad.concatenate([x * x]), (points(2),)
    yield "concatenate", "of one operand", lambda x: ad.concatenate(x * x), (points(2, 3),)
    yield "concatenate", "empty part", lambda x: ad.concatenate([x * x, np.zeros(0)]), (points(2),)
    yield "concat", "repeated", lambda x: ad.concat([x * x, x, x * x]), (points(2),)
    yield "stack", "scalars", lambda x, y: ad.stack([x, 2.0, x * y]), (points(), points(seed=1))
    yield "stack", "generator", lambda x: ad.stack([row * row for row in x]), (points(2, 3),)
    for axis in (0, 1, -1):
        yield (
            "stack", f"axis={axis}", lambda x, y, a=axis: ad.stack([x * y, y, np.ones(3)], a),
            (points(3), points(3, seed=1)),
        )  # fmt: skip
    for name in ("vstack", "hstack", "dstack", "column_stack"):
        join = getattr(ad, name)
        yield (
            name, "vectors", lambda x, y, f=join: f([x * y, y, x]),
            (points(3), points(3, seed=1)),
        )  # fmt: skip
        yield (
            name, "matrices", lambda x, y, f=join: f([x * y, [[1.0, 2.0]] * 2, y]),
            (points(2, 2), points(2, 2, seed=1)),
        )  # fmt: skip
        yield name, "scalars", lambda x, y, f=join: f([x * y, 3.0, x]), (points(), points(seed=1))
        yield name, "cubes", lambda x, f=join: f([x, x * x]), (points(2, 1, 2),)
    yield (
        "column_stack", "vector and matrix", lambda x, y: ad.column_stack([x * x, y]),
        (points(2), points(2, 3, seed=1)),
    )  # fmt: skip
    for axis in (None, 0, -1):
        yield (
            "append", f"axis={axis}", lambda x, y, a=axis: ad.append(x * y, y, a),
            (points(2, 2), points(2, 2, seed=1)),
        )  # fmt: skip
    yield "append", "scalar", lambda x, y: ad.append(x * y, y), (points(2, 2), points(seed=1))
    yield (
        "block", "matrix", lambda x, y, z: ad.block([[x * z, np.ones((2, 1))], [y, z]]),
        (points(2, 2), points(1, 2, seed=1), points()),
    )  # fmt: skip
    yield "block", "row", lambda x, y: ad.block([x * y, y, 1.0]), (points(2), points(3, seed=1)[:2])
    yield "block", "cube", lambda x: ad.block([[[x, x * x]], [[x, 2 * x]]]), (points(1, 2, 2),)
    yield "block", "alone", lambda x: ad.block(x * x), (points(2),)
    for indexing in ("xy", "ij"):
        for sparse in (False, True):
            yield (
                "meshgrid", f"{indexing} sparse={sparse}",
                lambda x, y, z, i=indexing, s=sparse: product(
                    ad.meshgrid(x * x, y, z, indexing=i, sparse=s)
                ),
                (points(2), points(3, seed=1), points()),
            )  # fmt: skip
    yield "meshgrid", "alone", lambda x: ad.meshgrid(x * x)[0], (points(2),)


def product(factors: Any) -> Any:
    result = 1.0
    for factor in factors:
        result = result * factor
    return result


def splitting_rows() -> Iterator[Row]:
    """Of all parts together; what differs in shape is summed first."""

    def sums(parts: Any) -> Any:
        return ad.stack([i * ad.sum(part * part) for i, part in enumerate(parts, start=1)])

    for shape, places, axis in (
        ((5,), 2, 0), ((5,), 7, 0), ((5,), [1, 3], 0), ((5,), (-2,), 0), ((5,), [3, 1, 9], -1),
        ((2, 5), 3, 1), ((2, 5), [2], -1), ((2, 0), 2, 1),
    ):  # fmt: skip
        yield (
            "array_split", f"{shape} at {places} along {axis}",
            lambda x, p=places, a=axis: sums(ad.array_split(x * x, p, a)), (points(*shape),),
        )  # fmt: skip
    for shape, places, axis in (((4,), 2, 0), ((2, 4), 4, -1), ((3, 2), [1, 1], 0)):
        yield (
            "split", f"{shape} at {places} along {axis}",
            lambda x, p=places, a=axis: sums(ad.split(x * x, p, a)), (points(*shape),),
        )  # fmt: skip
    yield "split", "parts with each other", lambda x: product(ad.split(x, 3)), (points(6),)
    yield "hsplit", "vector", lambda x: sums(ad.hsplit(x * x, 2)), (points(4),)
    yield "hsplit", "matrix", lambda x: sums(ad.hsplit(x * x, [1])), (points(2, 3),)
    yield "vsplit", "matrix", lambda x: sums(ad.vsplit(x * x, 2)), (points(2, 3),)
    yield "dsplit", "cube", lambda x: sums(ad.dsplit(x * x, [1])), (points(1, 2, 3),)
    for axis in (0, -1):
        yield (
            "unstack", f"axis={axis}", lambda x, a=axis: product(ad.unstack(x * x, axis=a)),
            (points(2, 3),),
        )  # fmt: skip


TABLE: list[Row] = [*joining_rows(), *splitting_rows()]


@cases(TABLE)
def test_derivatives(function: Function, arguments: tuple[Any, ...]) -> None:
    check(function, arguments)


# --- against NumPy --------------------------------------------------------------------------------

A, B, V, W = (np.random.default_rng(i).normal(size=s) for i, s in enumerate(
    [(2, 4), (2, 4), (4,), (4,)]))  # fmt: skip

# fmt: off
CALLS: list[tuple[str, Function, tuple[Any, ...]]] = [
    ("concatenate",    lambda x, y: np.concatenate([x, y], axis=1), (A, B)),
    ("flattened",      lambda x, y: np.concatenate((x, y, 2.0), axis=None), (A, V)),
    ("concat",         lambda x, y: np.concat([x, y]), (A, B)),
    ("stack",          lambda x, y: np.stack([x, y], axis=-1), (A, B)),
    ("of scalars",     lambda x, y: np.stack([x, y, 1.0]), (2.0, 3.0)),
    ("vstack",         lambda x, y: np.vstack([x, y]), (A, V)),
    ("vstack vectors", lambda x, y: np.vstack((x, y)), (V, W)),
    ("vstack scalars", lambda x, y: np.vstack((x, y)), (2.0, 3.0)),
    ("hstack",         lambda x, y: np.hstack([x, y]), (A, B)),
    ("hstack vectors", lambda x, y: np.hstack([x, y]), (V, 3.0)),
    ("dstack",         lambda x, y: np.dstack([x, y]), (A, B)),
    ("dstack vectors", lambda x, y: np.dstack([x, y]), (V, W)),
    ("column_stack",   lambda x, y: np.column_stack([x, y.T]), (V, A)),
    ("append",         lambda x, y: np.append(x, y, axis=0), (A, B)),
    ("append all",     lambda x, y: np.append(x, y), (A, V)),
    ("append number",  lambda x: np.append(x, 3.0), (V,)),
    ("block",          lambda x, y: np.block([[x, y], [y, x]]), (A, B)),
    ("block of row",   lambda x, y: np.block([x, y, 1.0]), (V, W)),
    ("block depths",   lambda x: np.block([[x], [np.ones((1, 4))]]), (A[None],)),
    ("block alone",    lambda x: np.block(x), (A,)),
    ("array_split",    lambda x: np.array_split(x, 3, axis=1), (A,)),
    ("array_split at", lambda x: np.array_split(x, [1, 3, 9], 1), (A,)),
    ("array_split many", lambda x: np.array_split(x, 6), (V,)),
    ("backwards",      lambda x: np.array_split(x, np.array([3, 1])), (V,)),
    ("split",          lambda x: np.split(x, 2, axis=-1), (A,)),
    ("hsplit",         lambda x: np.hsplit(x, 2), (A,)),
    ("hsplit vector",  lambda x: np.hsplit(x, [1]), (V,)),
    ("vsplit",         lambda x: np.vsplit(x, 2), (A,)),
    ("dsplit",         lambda x: np.dsplit(x, [2, 3]), (A[None],)),
    ("meshgrid",       lambda x, y: np.meshgrid(x, y), (V, W[:2])),
    ("meshgrid ij",    lambda x, y: np.meshgrid(x, y, 3.0, indexing="ij"), (V, W[:2])),
    ("meshgrid sparse", lambda x, y: np.meshgrid(x, y, sparse=True), (V, A)),
]
# fmt: on


@pytest.mark.parametrize(
    ("call", "arguments"), [pytest.param(call, given, id=name) for name, call, given in CALLS]
)
def test_values_are_those_of_numpy(call: Function, arguments: Any) -> None:
    nodes = [Tensor(a) if np.ndim(a) else Value(a) for a in arguments]
    got, expected = call(*nodes), call(*arguments)
    if isinstance(expected, np.ndarray):
        got, expected = [got], [expected]
    assert type(got) in (list, tuple)
    assert len(got) == len(expected)
    for part, wanted in zip(got, expected, strict=True):
        np.testing.assert_array_equal(getattr(part, "data", part), wanted)
    assert all(type(part) is Tensor for part in got[: len(arguments)])


def test_unstack() -> None:
    y = Tensor(np.arange(6.0).reshape(2, 3))
    assert [part.tolist() for part in ad.unstack(y)] == [[0, 1, 2], [3, 4, 5]]
    assert [part.tolist() for part in ad.unstack(y, axis=-1)] == [[0, 3], [1, 4], [2, 5]]


def test_dtypes() -> None:
    single, whole = Tensor(np.ones(2, np.float32)), np.arange(2)
    for join in (np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack):
        assert join([single, single]).dtype == np.float32
        assert join([single, np.ones(2)]).dtype == np.float64
        assert join([single, whole]).dtype == np.float64
        double, other = Tensor(np.ones(2)), Tensor(np.ones(2, np.float32))
        ad.sum(join([double, other])).backward()
        assert double.grad is not None
        assert other.grad is not None
        assert (double.grad.dtype, other.grad.dtype) == (np.float64, np.float32)


def test_scalars_are_weak() -> None:
    single, value = Tensor(np.ones(2, np.float32)), Value(2.0)
    for joined in (
        ad.hstack([single, value]), ad.hstack([1.0, single]), ad.append(single, value),
        ad.concatenate([value, single, 3], axis=None), ad.stack([single[0], value, 2.0]),
        ad.block([single, value]),
    ):  # fmt: skip
        assert joined.dtype == np.float32
    ad.sum(ad.hstack([single, value]) * [1.0, 2.0, 3.0]).backward()
    assert value.grad == 3.0


def test_parts_are_views() -> None:
    x = Tensor(np.arange(6.0))
    for part in (*ad.split(x, 2), *ad.array_split(x, 4), *ad.unstack(x.reshape(2, 3))):
        assert np.shares_memory(part.data, x.data)
        assert not part.data.flags.writeable


# fmt: off
ERRORS: list[tuple[str, Function, str]] = [
    ("nothing",        lambda x: ad.hstack([]),               "at least one operand"),
    ("depths",         lambda x: ad.block([[x], x]),          "different depths.*(2, 4)"),
    ("depths inside",  lambda x: ad.block([x, [x]]),          "different depths.*list"),
    ("empty block",    lambda x: ad.block([[x], []]),         "at least one block"),
    ("no block",       lambda x: ad.block([]),                "at least one block"),
    ("unequal", lambda x: ad.split(x, 3, 1), "axis 1.*(2, 4).*3 equal.*array_split"),
    ("no parts",       lambda x: ad.array_split(x, 0),        "positive.*0"),
    ("minus parts",    lambda x: ad.split(x, -1),             "-1"),
    ("split axis",     lambda x: ad.split(x, 2, 2),           "axis 2"),
    ("vsplit vector",  lambda x: ad.vsplit(x[0], 2),          "vsplit.*2 axes.*(4,)"),
    ("hsplit scalar",  lambda x: ad.hsplit(Value(1.0), 1),    "hsplit.*1 axes.*Value"),
    ("dsplit matrix",  lambda x: ad.dsplit(x, 2),             "dsplit.*3 axes.*(2, 4)"),
    ("unstack scalar", lambda x: ad.unstack(Value(1.0)),      "axis 0"),
    ("meshgrid",       lambda x: ad.meshgrid(x, indexing="yx"), "'xy' or 'ij'.*yx"),
    ("hstack",         lambda x: ad.hstack([x, x[0]]),        "concatenate.*(2, 4).*(4,)"),
]
# fmt: on


@pytest.mark.parametrize(
    ("call", "message"), [pytest.param(call, text, id=name) for name, call, text in ERRORS]
)
def test_errors(call: Function, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")):
        call(Tensor(A))


def test_options_without_a_rule_are_refused() -> None:
    for call in (
        lambda x: np.concatenate([x], dtype=np.float32), lambda x: np.stack([x], out=A),
        lambda x: np.split(x, 1.5), lambda x: np.concatenate([x], out=A),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            call(Tensor(A))
