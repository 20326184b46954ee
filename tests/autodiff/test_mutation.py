"""What a graph holds for its backward pass can't be changed under it unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, Value

Function = Callable[..., Any]

# --- leaves ---------------------------------------------------------------------------------------


def set_data(x: Tensor) -> None:
    x.data = np.full(x.shape, 9.0)


def assign(x: Tensor) -> None:
    x.assign(np.full(x.shape, 9.0))


def assign_the_same(x: Tensor) -> None:
    x.assign(x.data)


# Expressions that reach x through a node made before the change.
EXPRESSIONS: dict[str, Function] = {
    "itself": lambda x: ad.sum(x * x), "a view": lambda x: ad.sum(x.reshape(3, 1) ** 2),
    "a slice": lambda x: ad.sum(x[1:] * x[:1]), "transposed": lambda x: ad.sum(x.T * 2),
    "broadcast": lambda x: ad.sum(ad.broadcast_to(x, (2, 3)) * 2),
    "a view of a view": lambda x: ad.sum(x.reshape(3, 1)[::-1].T ** 2),
    "windows": lambda x: ad.sum(ad.windows(x, 2) ** 2), "linear": lambda x: ad.sum(x),
}  # fmt: skip


@pytest.mark.parametrize("change", [set_data, assign, assign_the_same])
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_leaf_changed_after_recording_is_named(name: str, change: Function) -> None:
    x, other = Tensor([1.0, 2.0, 3.0], label="weights"), Tensor([1.0])
    y = EXPRESSIONS[name](x) * other.sum()
    change(x)
    with pytest.raises(ValueError, match=r"'weights' Tensor of shape \(3,\).*new data"):
        y.backward()
    assert x.grad is None
    assert other.grad is None
    EXPRESSIONS[name](x).backward()
    assert x.grad is not None


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_data_handed_out_before_a_change_stays_as_it_was(name: str) -> None:
    x = Tensor([1.0, 2.0, 3.0])
    y = EXPRESSIONS[name](x)
    kept = [x.data, y.data, x.data[1:], *(n.data for n in y.operands if isinstance(n, Tensor))]
    copies = [np.array(array) for array in kept]
    for _ in range(3):
        x.assign(x.data * 2.0 + 1.0)
    for array, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert x.data.tolist() == [15.0, 23.0, 31.0]


def test_a_scalar_leaf_changed_after_recording_is_named() -> None:
    x = Value(3.0, label="theta")
    y = ad.sin(x * x)
    x.data = 4.0
    with pytest.raises(ValueError, match=r"'theta' Value 4.*new data"):
        y.backward()
    assert x.grad == 0.0
    ad.sin(x * x).backward()
    assert x.grad == pytest.approx(8 * np.cos(16.0))


def test_a_leaf_changed_before_recording_is_fine() -> None:
    x = Tensor([1.0, 2.0])
    for step in range(3):
        y = ad.sum(x * x)
        y.backward()
        assert x.grad is not None
        x.assign(x.data - 0.1 * x.grad)
        x.grad = None
        assert x.data[0] == pytest.approx(0.8 ** (step + 1))


@pytest.mark.parametrize("change", [set_data, assign])
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_leaf_changed_inside_a_function_is_noticed(name: str, change: Function) -> None:
    weights = Tensor([1.0, 2.0, 3.0], label="weights")
    made_before = EXPRESSIONS[name](weights)

    def f(x: Any) -> Any:
        y = x * made_before * EXPRESSIONS[name](weights)
        change(weights)
        return y

    with pytest.raises(ValueError, match=r"'weights'.*new data"):
        ad.grad(f)(2.0)


def test_a_view_made_before_a_function_and_changed_inside_it_is_noticed_or_harmless() -> None:
    weights = Tensor([1.0, 2.0, 3.0], label="weights")
    view = weights.reshape(3, 1)

    def f(x: Any) -> Any:
        y = ad.sum(x * view)
        weights.assign([10.0, 20.0, 30.0])
        return y

    for transformed in (ad.grad(f), lambda x: ad.jvp(f, (x,), (1.0,))[1]):
        weights.assign([1.0, 2.0, 3.0])
        view = weights.reshape(3, 1)
        with suppress(ValueError):
            assert transformed(2.0) == 6.0


def test_forward_mode_notices_a_changed_leaf() -> None:
    weights = Value(3.0, label="weights")

    def f(x: Any) -> Any:
        y = x * weights
        weights.data = 4.0
        return y

    with pytest.raises(ValueError, match=r"'weights'.*new data"):
        ad.jvp(f, (2.0,), (1.0,))


def test_only_leaves_are_given_data() -> None:
    x = Tensor([1.0, 2.0])
    y = x * x
    for attempt in (lambda: y.assign([1.0, 1.0]), lambda: setattr(y, "data", [1.0, 1.0])):
        with pytest.raises(ValueError, match=r"only a leaf.*mul"):
            attempt()
    with pytest.raises(ValueError, match=r"only a leaf.*mul"):
        (Value(1.0) * 2).data = 3.0


@pytest.mark.parametrize(
    ("data", "error"),
    [([1.0], ValueError), (np.ones((2, 1)), ValueError), (1.0, ValueError),
     (["a", "b"], TypeError), ([1j, 1j], TypeError), ([[1.0], [1.0, 2.0]], TypeError)],
)  # fmt: skip
def test_a_refused_assignment_changes_nothing(data: Any, error: type[Exception]) -> None:
    x = Tensor([1.0, 2.0])
    y = ad.sum(x * x)
    with pytest.raises(error):
        x.assign(data)
    assert x.data.tolist() == [1.0, 2.0]
    y.backward()  # the graph is as good as before
    np.testing.assert_array_equal(x.grad, [2.0, 4.0])


def test_assignment_keeps_dtype_and_copies() -> None:
    x, new = Tensor(np.ones(2, np.float32)), np.array([2.0, 3.0])
    x.assign(new)
    new[0] = 7.0
    assert x.dtype == np.float32
    assert x.data.tolist() == [2.0, 3.0]
    x.assign(x.data[::-1])
    assert x.data.tolist() == [3.0, 2.0]
    with pytest.raises(TypeError):
        Tensor([1, 2]).assign([0.5, 0.5])


# --- constants and indices ------------------------------------------------------------------------

CONSTANTS: dict[str, tuple[Any, Function]] = {
    "array": (np.array([2.0, 3.0]), lambda x, c: x * c),
    "reflected": (np.array([2.0, 3.0]), lambda x, c: c / x),
    "list": ([2.0, 3.0], lambda x, c: x * c),
    "view": (np.array([[2.0, 3.0]])[0], lambda x, c: x * c),
    "read-only view": (np.broadcast_to(np.array([2.0]), (2,)), lambda x, c: x * c),
    "matrix": (np.eye(2), lambda x, c: x @ c),
    "vector": (np.ones(2), lambda x, c: c @ x),
    "kernel": (np.ones((1, 1, 1)), lambda x, c: ad.conv(x.reshape(1, 1, 2), c)),
    "condition": (np.array([True, False]), lambda x, c: ad.where(c, x * x, x)),
    "integer tensor": (Tensor([2, 3]), lambda x, c: x * c),
    "its data": (Tensor([2.0, 3.0]), lambda x, c: x * c.data),
    "index": (np.array([0, 0, 1]), lambda x, c: x[c] ** 2),
    "index list": ([0, 0, 1], lambda x, c: x[c] ** 2),
    "index in a tuple": (np.array([0, 0, 1]), lambda x, c: x[(c, None)] ** 2),
    "list in a tuple": ([0, 0, 1], lambda x, c: x[(c,)] ** 2),
    "index tensor": (Tensor([0, 0, 1]), lambda x, c: x[c] ** 2),
    "mask": (np.array([True, False]), lambda x, c: x[c] ** 2),
}  # fmt: skip


def overwrite(constant: Any) -> None:
    """Change a constant in whatever way its owner can."""
    if isinstance(constant, list):
        constant[:] = constant[::-1]
    elif isinstance(constant, Tensor):
        constant.assign(constant.data[::-1])
    else:
        owner = constant if constant.base is None else constant.base
        owner[...] = 1 - owner if owner.dtype != bool else ~owner


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_changed_after_recording_changes_no_gradient(name: str) -> None:
    made, f = CONSTANTS[name]
    constant = Tensor(made.data) if isinstance(made, Tensor) else np.copy(made)
    if isinstance(made, list):
        constant = list(made)
    elif name == "read-only view":
        constant = np.broadcast_to(np.array([2.0]), (2,))
    elif name == "view":
        constant = np.array([[2.0, 3.0]])[0]
    x, expected = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    ad.sum(f(expected, constant)).backward()
    y = ad.sum(f(x, constant))
    before = repr(constant)
    overwrite(constant)
    assert repr(constant) != before
    y.backward()
    np.testing.assert_array_equal(x.grad, expected.grad)


def test_a_seed_is_copied() -> None:
    x, seed = Tensor([1.0, 2.0]), np.array([1.0, 1.0])
    y = x * 1.0
    y.backward(seed)
    seed[:] = 9.0
    for node in (x, y):
        np.testing.assert_array_equal(node.grad, [1.0, 1.0])


# --- what is handed out ---------------------------------------------------------------------------

NODES: dict[str, Function] = {
    "leaf": lambda x: x, "result": lambda x: x * 2, "view": lambda x: x.reshape(2, 1),
    "slice": lambda x: x[:1], "sum": lambda x: x.sum(), "element": lambda x: x[0],
    "windows": lambda x: ad.windows(x, 1), "conv": lambda x: ad.conv(x.reshape(1, 1, 2), [[[1.0]]]),
    "max_pool": lambda x: ad.max_pool(x.reshape(1, 1, 2), 2),
}  # fmt: skip


@pytest.mark.parametrize("name", NODES)
def test_data_is_read_only(name: str) -> None:
    x = Tensor([1.0, 2.0])
    node = NODES[name](x)
    with pytest.raises(ValueError, match="read-only"):
        node.data[...] = 7.0
    assert x.data.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", [name for name in NODES if name != "leaf"])
def test_results_without_recording_do_not_change_with_a_parameter(name: str) -> None:
    x = Tensor([1.0, 2.0])
    with ad.no_grad():
        y = NODES[name](x)
        other = NODES[name](x)
    before = y.data.copy()
    other.assign(before * 3)
    assert x.data.tolist() == [1.0, 2.0]
    x.assign([7.0, 8.0])
    np.testing.assert_array_equal(y.data, before)
    y.assign(before * 2)
    assert x.data.tolist() == [7.0, 8.0]


def test_results_of_integers_share_nothing_either() -> None:
    x = Tensor([1, 2])
    y = x.reshape(2, 1)
    x.assign([7, 8])
    assert y.data.tolist() == [[1], [2]]


def test_gradients_of_different_nodes_share_nothing() -> None:
    x, y = Tensor([[1.0, 2.0]]), Tensor([[3.0, 4.0]])
    seed = np.ones((1, 2))
    total = x + y
    nodes = [x, y, total, a := total.T, b := a.reshape(2), c := b[::-1], d := c + 0.0, e := d - 0]
    e.backward(seed[0])
    for i, node in enumerate(nodes):
        assert node.grad is not None
        assert node.grad.flags.writeable
        assert not np.shares_memory(node.grad, seed)
        for other in nodes[:i]:
            assert not np.shares_memory(node.grad, other.grad)
            assert not np.shares_memory(node.grad, other.data)
    x.grad[...] = 99.0  # type: ignore[index]
    np.testing.assert_array_equal(y.grad, [[1.0, 1.0]])
    assert [b.grad.tolist(), c.grad.tolist(), d.grad.tolist()] == [[1.0, 1.0]] * 3


def test_a_part_read_from_an_operand_is_added_to_its_gradient_alone() -> None:
    """The adjoint of a sum goes to both operands; one of them has had another contribution."""
    x, w = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    total = x + w
    doubled = total * 2.0
    for part in (x[:1], x[[0]]):
        output = doubled.sum() + part.sum()
        x.grad = w.grad = None
        output.backward()
        np.testing.assert_array_equal(x.grad, [3.0, 2.0])
        np.testing.assert_array_equal(w.grad, [2.0, 2.0])
        np.testing.assert_array_equal(total.grad, [2.0, 2.0])


def test_functional_gradients_share_nothing() -> None:
    a = np.array([1.0, 2.0])
    gradients = ad.grad(lambda x, y, z: ad.sum(x + y + z.T), (0, 1, 2))(a, a, a)
    gradients[0][:] = 9.0
    np.testing.assert_array_equal(gradients[1], [1.0, 1.0])
    np.testing.assert_array_equal(gradients[2], [1.0, 1.0])
    gradient = ad.grad(lambda x: ad.sum(x * a))(a)
    gradient[:] = 9.0
    assert a.tolist() == [1.0, 2.0]


def test_functions_leave_their_arguments_alone() -> None:
    a = np.array([1.0, 2.0])
    value, tangent = ad.jvp(lambda x: x, (a,), (a,))
    value, tangent = np.array(value), np.array(tangent)
    value[:], tangent[:] = 7.0, 8.0
    assert a.tolist() == [1.0, 2.0]
    _, tangent = ad.jvp(lambda x: x, (a,), (a,))
    tangent[:] = 7.0
    assert a.tolist() == [1.0, 2.0]


def test_a_gradient_kept_from_before_is_not_changed_by_the_next_pass() -> None:
    x = Tensor([1.0, 2.0])
    ad.sum(x * x).backward()
    kept = x.grad
    ad.sum(x * x).backward()
    np.testing.assert_array_equal(kept, [2.0, 4.0])
    np.testing.assert_array_equal(x.grad, [4.0, 8.0])


def test_a_gradient_is_given_as_a_copy_of_the_right_shape() -> None:
    x, given = Tensor(np.ones(2, np.float32)), np.array([1.0, 2.0])
    x.grad = given
    given[0] = 7.0
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 2.0]
    assert x.grad.dtype == np.float32
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        x.grad = np.ones(3)
    x.grad = None
    assert x.grad is None


@pytest.mark.parametrize("name", NODES)
def test_read_only_data_can_not_be_unlocked(name: str) -> None:
    node = NODES[name](Tensor([1.0, 2.0]))
    with pytest.raises(ValueError, match="WRITEABLE"):
        node.data.flags.writeable = True


def test_moving_a_leaf_adds_in_place_unless_somebody_else_holds_its_array() -> None:
    x = Tensor([1.0, 2.0])
    held = x.data
    x.move([0.5, -1.0])
    np.testing.assert_array_equal(x.data, [1.5, 1.0])
    np.testing.assert_array_equal(held, [1.0, 2.0])
    del held
    place = x.data.__array_interface__["data"]
    x.move(np.array([1.0, 1.0], np.float32))
    assert x.data.__array_interface__["data"] == place
    np.testing.assert_array_equal(x.data, [2.5, 2.0])
    assert not x.data.flags.writeable
    y = x * x
    x.move([1.0, 0.0])
    with pytest.raises(ValueError, match="new data"):
        y.backward(np.ones(2))
    with pytest.raises(ValueError, match="only a leaf"):
        y.move([1.0, 1.0])
    with pytest.raises(ValueError, match="shape"):
        x.move([1.0])
    np.testing.assert_array_equal(x.data, [3.5, 2.0])


def test_rewriting_a_leaf_leaves_others_the_old_elements_and_makes_graphs_stale() -> None:
    x = ad.Tensor([1.0, 2.0])
    held = x.data
    f = (x * x).sum()
    x.rewrite(lambda own: np.multiply(own, 10, out=own))
    assert x.data.tolist() == [10.0, 20.0]
    assert held.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="new data"):
        f.backward()
    with pytest.raises(ValueError, match="leaf"):
        f.rewrite(lambda own: None)
    with pytest.raises(ZeroDivisionError):
        x.rewrite(lambda own: 1 / 0)
    assert not x._data.flags.writeable
