"""LeNet on MNIST from the start of the program to its end, side by side with PyTorch.

    pip install -e '.[compare]'
    python -m benchmarks.end_to_end --data-dir DIR                       10 000 steps of batch 64
    python -m benchmarks.end_to_end --data-dir DIR --layout contiguous
    python -m benchmarks.end_to_end --data-dir DIR --steps 200 --rounds 5

Two scripts that do the same, ``benchmarks/peers/train_ours.py`` and ``train_torch.py``, run one
after the other in turns. Each is timed as a whole: imports, reading the data, training, and an
evaluation on the 10 000 test images every 500 steps. Before that both run for a single step, so
that there are bytecode and compiled kernels, and the data are in the system's memory. DIR has the
four files of MNIST as they are published, or a folder ``mnist`` that has them.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.contest import machine, versions
from benchmarks.timing import limit_threads, ratios

OURS, TORCH = "this library", "torch"
LEAST_ACCURACY = {10_000: 0.991}
"""What has to be reached, by the number of steps."""


def run(module: str, *arguments: object) -> tuple[float, float]:
    """Run a script; its seconds from start to exit, and the accuracy that it prints."""
    command = [sys.executable, "-m", f"benchmarks.peers.{module}", *map(str, arguments)]
    started = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    return time.perf_counter() - started, float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the whole training of LeNet on MNIST.")
    parser.add_argument("--data-dir", default=os.environ.get("AUTODIFF_DATA_DIR"))
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=1, help="of each")
    parser.add_argument("--rounds", type=int, default=1, help="each with other first weights")
    layouts = ["channels_last", "contiguous"]
    parser.add_argument("--layout", choices=layouts, default=layouts[0], help="of PyTorch")
    options = parser.parse_args()
    if options.data_dir is None:
        parser.error("--data-dir, or the environment variable AUTODIFF_DATA_DIR, is needed")
    folder = Path(options.data_dir).resolve()
    limit_threads(options.threads)  # inherited by the scripts
    scripts = {OURS: ("train_ours",), TORCH: ("train_torch", options.layout)}
    print(
        f"{machine()}; Python {platform.python_version()}, {versions('numpy', 'numba', 'torch')}; "
        f"{datetime.now(timezone.utc):%Y-%m-%d}; {options.steps} steps, {options.threads} "
        f"thread(s), torch {options.layout}"
    )
    times: dict[str, list[float]] = {name: [] for name in scripts}
    accuracies: dict[str, list[float]] = {name: [] for name in scripts}
    for seed in range(-1, options.rounds):
        for name, (module, *rest) in scripts.items():
            steps = options.steps if seed >= 0 else 1
            seconds, accuracy = run(module, folder, steps, options.threads, max(seed, 0), *rest)
            if seed >= 0:
                times[name].append(seconds)
                accuracies[name].append(accuracy)
                print(f"  {name:12}  {seconds:7.2f} s   test accuracy {accuracy:.2%}", flush=True)
    low, middle, high = ratios(times[TORCH], times[OURS])
    print(f"torch / this library: {low:.2f}–{middle:.2f}–{high:.2f} (quartile, median, quartile)")
    least = LEAST_ACCURACY.get(options.steps, 0.0)
    for name, reached in accuracies.items():
        if statistics.median(reached) < least:
            sys.exit(f"{name}: a test accuracy of {least:.1%} was to be reached")


if __name__ == "__main__":
    main()
