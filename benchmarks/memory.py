"""The memory that training LeNet takes, beside PyTorch's.

    python -m benchmarks.memory

Each library trains in a fresh process, first with a single image: what its code takes, and what it
compiles, is not counted. What was freed then is given back to the system. From there on, through
some steps with the whole batch, the high-water mark of the resident memory counts: parameters,
images, velocities, activations, adjoints, and whatever the library keeps for later. Code that is
read from files meanwhile is left out. It is Linux that keeps these books.

For this library, ``tracemalloc`` tells more, for it sees NumPy's arrays: what a step holds at its
peak beyond what is there before it, and how much of that is new memory when others went before.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import sys
import tracemalloc
from collections.abc import Sequence
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.contest import Contestant, NotHereError
from benchmarks.timing import Step, limit_threads

STEPS = 10
PROCESSES = 3
BATCHES = (64, 256)
LIBRARIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "this library": ("ours", ("repeated",)),
    "this library, eager": ("ours", ("eager",)),
    "torch eager": ("torch_peer", ("eager",)),
    "torch channels_last": ("torch_peer", ("channels_last",)),
}


def section(batches: Sequence[int] = BATCHES) -> list[str]:
    """What is written about it: how it is measured, a table, and what ``tracemalloc`` says."""
    lines = [
        "## Memory",
        "",
        "By how much a process grows in which LeNet is trained, in one thread: the high-water mark "
        f"of its resident memory over {STEPS} steps, net and images included, beyond what it held "
        "after steps with a single image; pages of code don't count; the least of "
        f"{PROCESSES} processes (`python -m benchmarks.memory`).",
        "",
        "| library | batch | MiB | it / this library |",
        "|---|---|---|---|",
    ]
    for batch in batches:
        grown = {library: growth(library, batch) for library in LIBRARIES}
        ours = grown["this library"]
        assert ours is not None
        lines += [
            f"| {library} | {batch} | {size / 2**20:.1f} | {size / ours:.2f} |"
            for library, size in grown.items()
            if size is not None
        ]
    lines.append("")
    for batch in batches:
        peer = import_module("benchmarks.peers.ours")
        step = peer.lenet_step(batch, "eager", 1)
        lines.append(
            f"With a batch of {batch}, an eager step of this library holds "
            f"{peak(step) / 2**20:.1f} MiB at its peak beyond what was there before, of which "
            f"{peak(step, warm=True) / 2**10:.0f} KiB are new when others went before; the rest "
            "lies in memory that is used again."
        )
    return lines


def peak(step: Step, warm: bool = False) -> int:
    """The most bytes that a step of this library takes, beyond what is there before it.

    Args:
        step: what is measured.
        warm: leave out the memory that the steps before it have left to be used again.
    """
    tracemalloc.start()
    for _ in range(3):
        step()
    gc.collect()
    if not warm:
        _give_back()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    step()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most - before


def growth(library: str, batch: int) -> int | None:
    """By how many bytes a process grows while LeNet is trained in it; None without the library."""
    limit_threads(1)  # inherited, and read when libraries are imported
    module, how = LIBRARIES[library]
    place = f"benchmarks.peers.{module}:lenet_step"
    spawn = get_context("spawn")
    least = None
    for _ in range(PROCESSES):
        here, there = spawn.Pipe()
        contestants = [Contestant(place, (n, *how, 1)) for n in (1, batch)]
        process = spawn.Process(target=_grow, args=(there, *contestants), daemon=True)
        process.start()
        grown = here.recv()
        process.join()
        if isinstance(grown, NotHereError):
            print(f"  {library}: {grown}", file=sys.stderr)
            return None
        least = grown if least is None else min(least, grown)
    return least


def _grow(connection: Connection, first: Contestant, trained: Contestant) -> None:
    """Train twice; send by how much the process has grown the second time."""
    try:
        for contestant in (first, trained):
            _give_back()
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the mark starts anew
            before = _books()
            module, _, function = contestant.place.partition(":")
            step = getattr(import_module(module), function)(*contestant.arguments)
            for _ in range(STEPS):
                step()
            after = _books()
            del step
    except ImportError as fault:
        connection.send(NotHereError(str(fault)))
        return
    code = after["RssFile"] - before["RssFile"]
    connection.send(after["VmHWM"] - before["VmRSS"] - code)


def _give_back() -> None:
    """Let the system have the memory that nobody uses."""
    gc.collect()
    if "autodiff" in sys.modules:
        import_module("autodiff.kernels.buffers").release()
    ctypes.CDLL(None).malloc_trim(0)


def _books() -> dict[str, int]:
    """What the system knows about this process's memory, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    entries = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(number) << 10 for name, number, _ in entries}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the memory of training LeNet.")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=BATCHES)
    options = parser.parse_args()
    print("\n".join(section(options.batch_sizes)))


if __name__ == "__main__":
    main()
