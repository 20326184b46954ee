"""Several networks at once: in threads, and in forked processes that workers for data may be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    "case", ["in_threads", "in_children", "in_children_meanwhile", "with_workers"]
)
@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_networks_train_side_by_side_as_one_after_the_other(case: str, backend: str) -> None:
    if case != "in_threads" and not hasattr(os, "fork"):
        pytest.skip("there is no fork")
    if backend == "native":
        pytest.importorskip("numba")
    # OpenBLAS ends its threads before a fork, and waits for ever if one of them is at work.
    blas = {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(HERE / "training_side_by_side.py"), case, backend],
        env={**os.environ, **blas, "PYTHONPATH": str(HERE.parents[1])},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "the same\n"), done.stderr[-2000:]
