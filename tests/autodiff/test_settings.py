"""What a user may choose, and what not."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from autodiff import settings
from autodiff.settings import Config


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("threads", 0, "positive whole number, got 0"),
        ("threads", -1, "positive whole number, got -1"),
        ("threads", 1.5, "positive whole number, got 1.5"),
        ("threads", True, "positive whole number, got True"),
        ("threads", "2", "positive whole number, got '2'"),
        ("backend", "gpu", "'native' or 'numpy', got 'gpu'"),
        ("deterministic", False, "always True, got False"),
        ("deterministic", 1, "always True, got 1"),
    ],
)
def test_what_cannot_be_chosen_is_refused_and_changes_nothing(
    name: str, value: Any, message: str
) -> None:
    config = Config()
    before = repr(config)
    with pytest.raises(ValueError, match=message):
        setattr(config, name, value)
    assert repr(config) == before


def test_choices_are_shown() -> None:
    config = Config()
    config.threads, config.backend, config.deterministic = 3, "numpy", True
    assert repr(config) == "config(threads=3, backend='numpy', deterministic=True)"


def test_without_numba_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    config = Config()
    assert config.backend == "numpy"
    with pytest.raises(ValueError, match="needs numba: pip install numba"):
        config.backend = "native"
    assert config.backend == "numpy"


@pytest.mark.parametrize(("given", "expected"), [("3", 3), ("0", None), ("many", None), ("", None)])
def test_threads_may_come_from_the_environment(given: str, expected: int | None) -> None:
    command = [sys.executable, "-c", "import autodiff; print(autodiff.config.threads)"]
    environment = {**os.environ, "AUTODIFF_THREADS": given}
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert int(done.stdout) == (expected or cores)
