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
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.contest import machine, versions
from benchmarks.timing import limit_threads, ratios

OURS, TORCH = "this library", "torch"
LAYOUTS = ("channels_last", "contiguous")
STEPS = 10_000
GOAL = 2.0
"""How many times longer PyTorch is to take."""
LEAST_ACCURACY = {STEPS: 0.991}
"""What has to be reached, by the number of steps."""


def run(module: str, *arguments: object) -> tuple[float, float]:
    """Run a script; its seconds from start to exit, and the accuracy that it prints."""
    command = [sys.executable, "-m", f"benchmarks.peers.{module}", *map(str, arguments)]
    started = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    return time.perf_counter() - started, float(done.stdout)


def race(
    folder: Path, steps: int, threads: int, rounds: int, layout: str
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds and accuracies of the two, round by round.

    Args:
        folder: with the data.
        steps: of the training.
        threads: of each.
        rounds: each with other first weights.
        layout: of PyTorch's arrays: one of ``LAYOUTS``.
    """
    limit_threads(threads)  # inherited by the scripts
    scripts = {OURS: ("train_ours",), TORCH: ("train_torch", layout)}
    times: dict[str, list[float]] = {name: [] for name in scripts}
    accuracies: dict[str, list[float]] = {name: [] for name in scripts}
    for seed in range(-1, rounds):
        for name, (module, *rest) in scripts.items():
            steps_now = steps if seed >= 0 else 1
            seconds, accuracy = run(module, folder, steps_now, threads, max(seed, 0), *rest)
            if seed >= 0:
                times[name].append(seconds)
                accuracies[name].append(accuracy)
                print(f"  {name:12}  {seconds:7.2f} s   test accuracy {accuracy:.2%}", flush=True)
    return times, accuracies


def section(folder: Path, threads: Iterable[int]) -> list[str]:
    """What the page of benchmarks says about the whole training."""
    lines = [
        "## From start to end",
        "",
        f"LeNet on MNIST, {STEPS:,} steps of batch 64, as a script: imports, reading the data, "
        f"training, and an evaluation on the 10,000 test images every 500 steps; PyTorch "
        f"{LAYOUTS[0]}; one run each (`python -m benchmarks.end_to_end --data-dir DIR`).",
        "",
        "| threads | this library | accuracy | torch | accuracy | torch / this | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    for n in threads:
        times, accuracies = race(folder, STEPS, n, 1, LAYOUTS[0])
        cells = [f"{times[name][0]:.1f} s | {accuracies[name][0]:.2%}" for name in (OURS, TORCH)]
        quotient = times[TORCH][0] / times[OURS][0]
        lines.append(f"| {n} | {' | '.join(cells)} | {quotient:.2f} | {GOAL:g} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the whole training of LeNet on MNIST.")
    parser.add_argument("--data-dir", default=os.environ.get("AUTODIFF_DATA_DIR"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=1, help="of each")
    parser.add_argument("--rounds", type=int, default=1, help="each with other first weights")
    parser.add_argument("--layout", choices=LAYOUTS, default=LAYOUTS[0], help="of PyTorch")
    options = parser.parse_args()
    if options.data_dir is None:
        parser.error("--data-dir, or the environment variable AUTODIFF_DATA_DIR, is needed")
    print(
        f"{machine()}; Python {platform.python_version()}, {versions('numpy', 'numba', 'torch')}; "
        f"{datetime.now(timezone.utc):%Y-%m-%d}; {options.steps} steps, {options.threads} "
        f"thread(s), torch {options.layout}"
    )
    times, accuracies = race(
        Path(options.data_dir).resolve(), options.steps, options.threads, options.rounds,
        options.layout,
    )  # fmt: skip
    low, middle, high = ratios(times[TORCH], times[OURS])
    print(f"torch / this library: {low:.2f}–{middle:.2f}–{high:.2f} (quartile, median, quartile)")
    least = LEAST_ACCURACY.get(options.steps, 0.0)
    for name, reached in accuracies.items():
        if statistics.median(reached) < least:
            sys.exit(f"{name}: a test accuracy of {least:.1%} was to be reached")


if __name__ == "__main__":
    main()
