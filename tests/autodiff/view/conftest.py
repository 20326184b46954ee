"""The example of the course, and graphs with something special to show."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import autodiff as ad
from autodiff import Node, Tensor, Value


@pytest.fixture
def example() -> Callable[[], Node]:
    def build() -> Node:
        θ, x1, x2 = Value(0.5, label="θ"), Value(2.0, label="x1"), Value(3.0, label="x2")
        f = ad.sin(θ * x1 + x2) + θ * x2**2
        f.label = "f"
        f.backward()
        return f

    return build


@pytest.fixture
def layer() -> Node:
    W = Tensor(np.arange(12.0).reshape(3, 4) - 5, label="W")
    b = Tensor(np.zeros(3, dtype=np.float32), label="b")
    f = (ad.relu(W @ np.array([1.0, 2.0, 0.0, -1.0]) + b)).sum()
    f.backward()
    return f


@pytest.fixture
def golden() -> Callable[[str], str]:
    folder = Path(__file__).parent / "golden"
    return lambda name: (folder / name).read_text(encoding="utf-8")


def snapshot(output: Node) -> list[tuple[object, ...]]:
    """Everything that a view could change."""
    nodes = ad.reverse.schedule(output)
    return [
        (id(n), n.number, n.label, np.array(n.data).tobytes(), n.has_adjoint,
         None if n.grad is None else np.array(n.grad).tobytes(), n.operands, n.primitive)
        for n in nodes
    ]  # fmt: skip


@pytest.fixture
def unchanged() -> Callable[[Node, Callable[[Node], object]], bool]:
    def check(output: Node, view: Callable[[Node], object]) -> bool:
        before = snapshot(output)
        view(output)
        return snapshot(output) == before

    return check
