"""How long ``import autodiff`` takes, as a multiple of ``import numpy``.

    python -m benchmarks.import_time

Three interpreters take turns: one imports nothing, one NumPy, one the library (and NumPy with it).
What the first needs is taken off the others. The aim is at most 1.6 times NumPy's time.

Installed packages have bytecode, so all files are compiled into a temporary folder first.
``--uncompiled`` shows what a checkout costs where bytecode is never written, because of
``PYTHONDONTWRITEBYTECODE``, while NumPy has its own.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np

from benchmarks.timing import Step, interleaved, report

PROGRAMS = ("pass", "import numpy", "import autodiff")


def run(program: str, environment: Mapping[str, str]) -> None:
    """Run a program in an interpreter of its own."""
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def measure(rounds: int, environment: Mapping[str, str], about: str) -> None:
    """Time the programs in turns, and print what the imports take without the start."""

    def step(program: str) -> Step:
        return lambda: run(program, environment)

    times = interleaved({program: step(program) for program in PROGRAMS}, rounds, warm_up=2)
    start = times.pop("pass")
    net = {
        program: [whole - empty for whole, empty in zip(seconds, start, strict=True)]
        for program, seconds in times.items()
    }
    print(
        f"bytecode {about}, {rounds} rounds, start of {statistics.median(start) * 1e3:.1f} ms off"
    )
    report(net, "ms", 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the import beside NumPy's.")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--uncompiled", action="store_true", help="without bytecode of the library")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    if options.uncompiled:
        spec = find_spec("autodiff")
        if spec is None or spec.cached is None or os.path.exists(spec.cached):
            parser.error("the library is compiled: remove its folders __pycache__ first")
        measure(options.rounds, environment | {"PYTHONDONTWRITEBYTECODE": "1"}, "not written")
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(options.rounds, environment | {"PYTHONPYCACHEPREFIX": folder}, "written")


if __name__ == "__main__":
    main()
