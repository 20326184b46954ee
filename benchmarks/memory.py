"""The memory that a training step of LeNet holds at its peak, beyond what is there before it.

    python -m benchmarks.memory

Measured with ``tracemalloc``, which sees NumPy's arrays.
"""

from __future__ import annotations

import argparse
import tracemalloc

from autodiff.kernels import buffers
from benchmarks.peers import ours
from benchmarks.timing import Step


def peak(step: Step) -> int:
    """The most bytes that a step holds at a time, beyond what is there before it."""
    step()
    buffers.release()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    step()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most - before


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the memory of a training step of LeNet.")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[64, 256])
    options = parser.parse_args()
    for batch in options.batch_sizes:
        print(f"batch {batch}: {peak(ours.lenet_step(batch, 1)) / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
