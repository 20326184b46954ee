"""What several files of tests about the engine use."""

from __future__ import annotations

from typing import Any

import pytest

from autodiff.ops.rules import Explicit


def _broken(t: Any, *_: Any, **__: Any) -> Any:
    raise ArithmeticError("a rule that always fails")


@pytest.fixture
def breaks() -> Explicit:
    """A primitive that is computed, and raises ArithmeticError when differentiated."""
    return Explicit("breaks", lambda x: x * 1.0, vjp=_broken, jvp=_broken, pattern=_broken)
