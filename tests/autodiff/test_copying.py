"""Nodes are copied and pickled with the graph they were computed from, models with their leaves."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Node, Primitive, Tensor, Value, explain, reverse
from autodiff.anomaly import lines_of
from autodiff.ops.rules import Linear
from nn import Dense, Flatten, Parameter, Sequential

COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
}
LEAVES: dict[str, Callable[[], Node]] = {
    "value": lambda: Value(2.0, label="v"),
    "tensor": lambda: Tensor([1.0, 2.0], label="t"),
    "parameter": lambda: Parameter([1.0, 2.0], "bias", label="p"),
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("name", LEAVES)
def test_a_copy_is_equal_and_lives_its_own_life(name: str, how: str) -> None:
    original = LEAVES[name]()
    (original * 3.0).backward(np.ones(np.shape(original.data)))
    twin = COPIES[how](original)
    assert type(twin) is type(original)
    assert twin.label == original.label
    assert getattr(twin, "role", None) == getattr(original, "role", None)
    np.testing.assert_array_equal(twin.data, original.data)
    np.testing.assert_array_equal(twin.grad, original.grad)
    before = np.array(original.data)
    twin.data = before * 5
    np.testing.assert_array_equal(original.data, before)
    (twin * original).backward(np.ones(np.shape(before)))


@pytest.mark.parametrize("how", COPIES)
def test_a_copied_array_is_read_only(how: str) -> None:
    twin = COPIES[how](Tensor([1.0, 2.0]))
    with pytest.raises(ValueError, match="read-only"):
        twin.data[0] = 3.0


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_model(how: str) -> None:
    net = Sequential(Flatten(), Dense(4, 2, generator=np.random.default_rng(0)))
    twin = COPIES[how](net)
    x = np.ones((1, 2, 2))
    np.testing.assert_array_equal(twin.predict(x), net.predict(x))
    twin(x).backward(np.ones((1, 2)))
    assert net[1].weight.grad is None
    assert twin[1].weight.grad is not None


def test_a_leaf_from_another_process_can_be_used(tmp_path: Path) -> None:
    """Creation numbers begin anew in every process; a large one from elsewhere must not stay."""
    for _ in range(100):
        leaf = Value(3.0)
    path = tmp_path / "leaf"
    path.write_bytes(pickle.dumps(leaf))
    program = (
        "import pickle, sys; x = pickle.load(open(sys.argv[1], 'rb'));"
        "y = x * x; y.backward(); print(x.grad)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "6.0"


# --- what was computed ----------------------------------------------------------------------------


def scalars() -> tuple[Node, list[Node]]:
    x, y = Value(2.0, label="x"), Value(3.0)
    product = x * y
    product.label = "p"
    return ad.sin(product) + product**2 / 7 - 1, [x, y]


def arrays() -> tuple[Node, list[Node]]:
    x, w = Tensor(np.arange(6.0).reshape(2, 3), label="x"), Tensor(np.ones((3, 2), np.float32))
    y = ad.concatenate([x @ w, x[:, [0, 0]] * [[1.0, 2.0]]], axis=1).T
    return ad.sum(ad.where(y > 1, y, y * y), axis=0, keepdims=True) / y[0, 1], [x, w]


def mixed() -> tuple[Node, list[Node]]:
    v, x, n = Value(2.0), Tensor([1.0, 2.0]), Tensor([3, 4])
    return ad.logsumexp(v * x * n) + ad.stack([v, v * 3])[1], [v, x]


GRAPHS = {"scalars": scalars, "arrays": arrays, "mixed": mixed}
WHOLE = ["deepcopy", "pickle"]


def leaves_of(node: Node) -> list[Node]:
    """Those that have a gradient, oldest first."""
    return [n for n in reverse.schedule(node)[::-1] if n.is_leaf]


@pytest.mark.parametrize("how", WHOLE)
@pytest.mark.parametrize("name", GRAPHS)
def test_a_whole_graph(name: str, how: str) -> None:
    output, inputs = GRAPHS[name]()
    seed = np.cos(np.arange(float(np.size(output.data)))).reshape(np.shape(output.data))
    output.backward(seed)
    twin = COPIES[how](output)
    ours, theirs = reverse.schedule(output), reverse.schedule(twin)
    assert len(ours) == len(theirs)
    assert not set(ours) & set(theirs)
    for node, other in zip(ours, theirs, strict=True):
        assert type(node) is type(other)
        assert node.primitive is other.primitive
        assert node.label == other.label
        assert list(node.parameters) == list(other.parameters)
        assert np.asarray(node.data).dtype == np.asarray(other.data).dtype
        np.testing.assert_array_equal(node.data, other.data)
        np.testing.assert_array_equal(node.grad, other.grad)
        if isinstance(other, Tensor):
            assert not other._data.flags.writeable
    # A second pass doubles the gradients of the copy's leaves, and leaves the original's alone.
    before = [np.array(x.grad) for x in inputs]
    twin.backward(seed)
    for x, other, grad in zip(leaves_of(output), leaves_of(twin), before, strict=True):
        np.testing.assert_array_equal(x.grad, grad)
        np.testing.assert_array_equal(other.grad, 2 * grad)
    assert str(explain(twin, seed=seed)) == str(explain(output, seed=seed))


@pytest.mark.parametrize("how", WHOLE)
def test_leaves_stay_shared_by_what_is_copied_together(how: str) -> None:
    net = Sequential(Dense(2, 2, generator=np.random.default_rng(0)))
    cost = ad.sum(net(np.ones((1, 2))) ** 2)
    net, cost = COPIES[how]((net, cost))
    cost.backward()
    assert all(parameter.has_adjoint for parameter in net.parameters())
    net[0].weight.data = net[0].weight.data * 2
    with pytest.raises(ValueError, match="new data"):
        cost.backward()


def test_inner_nodes_stay_shared_in_one_deep_copy() -> None:
    x = Value(2.0)
    y = x * x
    f, y, g, x = copy.deepcopy([y + 1, y, y * 2, x])
    assert f.operands[0] is y
    assert g.operands[0] is y
    assert y.operands == (x, x)
    assert y.operands[0] is x


def test_a_shallow_copy_is_a_second_result_of_the_same_operation() -> None:
    x = Value(3.0)
    y = x * x
    y.label = "y"
    y.backward()
    twin = copy.copy(y)
    assert (twin.data, twin.label, twin.grad, twin.primitive) == (9.0, "y", 1.0, y.primitive)
    assert twin.operands[0] is x
    (y * twin).backward()
    assert x.grad == 6.0 + 2 * 9.0 * 6.0
    twin.grad = 5.0
    assert y.grad == 9.0


def test_a_shallow_copy_has_a_gradient_of_its_own() -> None:
    x = Tensor([1.0, 2.0])
    x.sum().backward()
    twin = copy.copy(x)
    twin.grad *= 7.0  # type: ignore[operator]
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad, [1.0, 1.0])


@pytest.mark.parametrize("how", COPIES)
def test_a_graph_of_old_data_is_not_copied(how: str) -> None:
    x = Value(3.0, label="x")
    y = x * x
    x.data = 4.0
    with pytest.raises(ValueError, match="'x' Value 4 was given new data"):
        COPIES[how](y)


class Named(Tensor):
    """A subclass with attributes of its own."""

    def __init__(self, data: Any, about: list[str]) -> None:
        super().__init__(data)
        self.about = about


@pytest.mark.parametrize("how", COPIES)
def test_attributes_of_a_subclass(how: str) -> None:
    leaf = Named([1.0, 2.0], ["a"])
    output = COPIES[how](leaf if how == "copy" else leaf.sum())
    (twin,) = leaves_of(output)
    assert type(twin) is Named
    assert twin.about == ["a"]
    assert (twin.about is leaf.about) == (how == "copy")
    assert type(twin + 1.0) is Tensor


def test_lines_noted_by_detect_anomaly_stay_behind() -> None:
    with ad.detect_anomaly():
        y = Value(2.0) * 3.0
    assert type(pickle.loads(pickle.dumps(y)).parameters) is not type(y.parameters)
    assert lines_of(y) == lines_of(copy.deepcopy(y))


def test_every_primitive_is_itself_after_pickling() -> None:
    primitives = {
        thing
        for path, module in list(sys.modules.items())
        if path.split(".")[0] in ("autodiff", "nn")
        for value in vars(module).values()
        for thing in (value, getattr(value, "primitive", None))
        if isinstance(thing, Primitive)
    }
    assert len(primitives) > 30
    for primitive in primitives:
        assert COPIES["pickle"](primitive) is primitive
        assert copy.deepcopy(primitive) is primitive
        assert copy.copy(primitive) is primitive


doubled = Linear("doubled", lambda x: 2 * x, lambda t, f, x: doubled(t))


def test_a_primitive_of_a_users_module() -> None:
    y = pickle.loads(pickle.dumps(doubled(Value(2.0)) + 1))
    y.backward()
    assert leaves_of(y)[0].grad == 2.0
    nameless = Linear("nameless", lambda x: 2 * x, lambda t, f, x: 2 * t)
    y = nameless(Value(2.0))
    assert copy.deepcopy(y).primitive is nameless
    with pytest.raises(pickle.PicklingError, match=r"'nameless' .*a name in a module"):
        pickle.dumps(y)


def test_a_graph_from_another_process(tmp_path: Path) -> None:
    path = tmp_path / "graph"
    path.write_bytes(pickle.dumps(mixed()[0]))
    program = (
        "import pickle, sys; y = pickle.load(open(sys.argv[1], 'rb'));"
        "y.backward(); print(float(y.data))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
    )
    assert float(done.stdout) == mixed()[0].data


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(protocol: int) -> None:
    for name in GRAPHS:
        output, _ = GRAPHS[name]()
        twin = pickle.loads(pickle.dumps(output, protocol))
        np.testing.assert_array_equal(twin.data, output.data)
    for name in LEAVES:
        assert type(pickle.loads(pickle.dumps(LEAVES[name](), protocol))) is type(LEAVES[name]())
