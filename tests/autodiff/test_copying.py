"""Leaves, and models made of them, are copied and pickled like other objects."""

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

from autodiff import Node, Tensor, Value
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


@pytest.mark.parametrize("how", COPIES)
def test_what_was_computed_says_that_it_can_not(how: str) -> None:
    f = Value(2.0) * 2.0
    f.label = "f"
    with pytest.raises(TypeError, match=r"'f' Value 4 was computed by 'mul'.*only leaves"):
        COPIES[how](f)
