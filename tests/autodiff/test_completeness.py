"""Every public operation, and every primitive, is in the table of derivatives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from derivatives import FILES, Function, table_of

import autodiff as ad
from autodiff import late, ops, reverse
from autodiff.graph import Node, Tensor, Value
from autodiff.ops.numpy_protocol import FAMILIES, load
from autodiff.primitive import Primitive
from autodiff.transform import trace

LOADED = [load(family) for family in FAMILIES]
TABLE = [row for path in FILES for row in table_of(path)]


@pytest.mark.parametrize("family", LOADED)
def test_every_public_operation_has_rows(family: Any) -> None:
    missing = set(family.__all__) - {name for name, *_ in TABLE}
    assert not missing


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_row_is_told_apart(path: Path) -> None:
    names = [f"{name} {about}" for name, about, *_ in table_of(path)]
    assert len(set(names)) == len(names)


def test_every_primitive_is_used_in_a_row() -> None:
    defined = {
        thing
        for module in (*LOADED, trace)
        for value in vars(module).values()
        for thing in (value, getattr(value, "primitive", None))
        if isinstance(thing, Primitive)
    }
    used: set[Primitive | None] = set()
    for _, _, function, arguments in TABLE:
        nodes: list[Node] = [
            Tensor(argument) if np.ndim(argument) else Value(argument) for argument in arguments
        ]

        def total(*x: Any, f: Function = function) -> Any:
            y = f(*x)
            return ad.sum(y * y)  # so that the adjoints that arrive are nodes too

        results = [function(*nodes), *ad.grad(total, tuple(range(len(nodes))))(*nodes)]
        for result in results:
            if isinstance(result, Node):
                used |= {node.primitive for node in reverse.schedule(result)}
    assert defined <= used, defined - used


def test_public_names_are_those_of_the_families() -> None:
    late_names = {name for name, module in late.PLACES.items() if "autodiff.ops." in module}
    assert {*ops.__all__, *late_names} == {
        name
        for family, module in zip(FAMILIES, LOADED, strict=True)
        for name in module.__all__
        if FAMILIES[family] == "numpy" and family != "special"
    }
