"""What tests of several packages use."""

from __future__ import annotations

import pytest

from autodiff import config


@pytest.fixture
def compiled_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels are the compiled ones, whatever the environment has chosen."""
    monkeypatch.setattr(config, "backend", "native")
