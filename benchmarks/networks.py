"""Training and running small networks, and their parts, side by side with other libraries.

    pip install -e '.[compare]' 'jax[cpu]'
    python -m benchmarks.networks                    prints the table
    python -m benchmarks.networks --page --data-dir DIR
    python -m benchmarks.networks --only lenet mlp   the rows whose names have one of these words

``--page`` writes docs/benchmarks.md: the table, a whole training on MNIST, whose files are in DIR
(``end_to_end.py``), and the memory that training takes (``memory.py``).

Each library runs in a process of its own with as many threads, in turns with the others, in each of
its configurations; the best of them is the one that counts. Quoted are medians of the ratios round
by round: how many times longer the other one takes. Below the table stands what bounds each row
that is far from the peak, or below its goal.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks import end_to_end, memory
from benchmarks.contest import Contestant, compete, machine, middle, versions
from benchmarks.timing import ratios

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
OURS = "this library"
REPEATED = ("repeated", "eager")
"""``nn.TrainingStep`` and ``nn.Predictor``; or the graph anew each time."""
LAYOUTS = ("eager", "channels_last")
COMPILED = (*LAYOUTS, "compiled", "compiled channels_last")
FAR = 0.4
"""A row is far from the peak below this share of it."""


@dataclass(frozen=True)
class Task:
    """A row of the table.

    Attributes:
        name: what is done.
        function: of the modules in ``benchmarks.peers``.
        arguments: of the function.
        torch: the configurations in which PyTorch takes part.
        bound: what keeps it from being faster, whatever the run: a sentence.
        others: modules of the other libraries that do.
        threads: of each.
        ours: the configurations in which this library takes part, the best one first.
        operations: multiplications with additions, each counted as two; 0 where they say little.
        goal: how many times longer the best of the others is to take.
    """

    name: str
    function: str
    arguments: tuple[Any, ...]
    torch: tuple[str, ...]
    bound: str
    others: tuple[str, ...] = ()
    threads: int = 1
    ours: tuple[str, ...] = ()
    operations: float = 0.0
    goal: float = 1.0

    def contestants(self) -> dict[str, Contestant]:
        """This library first, by name."""
        peers = "benchmarks.peers."
        place = f"{peers}ours:{self.function}"
        found = {OURS: Contestant(place, (*self.arguments, *self.ours[:1]))}
        for how in self.ours[1:]:
            found[f"{OURS}, {how}"] = Contestant(place, (*self.arguments, how))
        for how in self.torch:
            place = f"{peers}torch_peer:{self.function}"
            found[f"torch {how}"] = Contestant(place, (*self.arguments, how))
        for other in self.others:
            found[other] = Contestant(f"{peers}{other}_peer:{self.function}", self.arguments)
        return found


def tasks(most_threads: int) -> Iterator[Task]:
    """All rows."""
    for threads in sorted({1, most_threads}):
        yield from _networks(threads)
    yield from _parts(most_threads)


def _networks(threads: int) -> Iterator[Task]:
    small = (
        "Small products: the first convolution has sums of 25 terms and 20 outputs, which fill no "
        "whole number of registers of 8 or 16, and pooling, ReLU, loss and update are no products."
    )
    single = (
        "Kernels of a few microseconds, between which threads meet again and again: an image takes "
        "4.6 million operations, and 1.6 of its 1.7 MB of weights are read for two operations each."
    )
    lenet, lenet_first, mlp, mlp_first = 2_293_000, 288_000, 101_632, 100_352
    for batch in (64, 256):
        yield Task(
            f"LeNet, training step, batch {batch}", "lenet_step", (batch,), COMPILED, small,
            ("jax",), threads, REPEATED, _step_operations(lenet, lenet_first, batch), 2.0,
        )  # fmt: skip
    for batch in (1, 64, 1000):
        yield Task(
            f"LeNet, inference, batch {batch}", "lenet_inference", (batch,), COMPILED,
            single if batch == 1 else small, ("jax", "onnx"), threads, REPEATED,
            2.0 * lenet * batch,
        )  # fmt: skip
    yield Task(
        "MLP 784-128-10, training step, batch 64", "mlp_step", (64,), ("eager", "compiled"),
        "Products too small to be shared out evenly: nearly all operations are in two of 13 "
        "million, and other kernels take a few microseconds each.",
        ("jax", "numpy"), threads, REPEATED, _step_operations(mlp, mlp_first, 64),
    )  # fmt: skip


def _parts(threads: int) -> Iterator[Task]:
    for kind, bytes_ in (("max", 12), ("average", 10)):
        yield Task(
            f"{kind}-pooling 2×2, 32×64×112×112, and back", "pooling", (kind,), LAYOUTS,
            f"Memory traffic: for each number of the images {bytes_} bytes are read or written, "
            "and about two operations are done.", threads=threads, goal=4.0,
        )  # fmt: skip
    for name, text, goal, bound in (
        ("depthwise", "depthwise convolution 3×3, 32×64×56×56, and back", 1.5,
         "Memory traffic: nine multiplications for each number that is read on the way there, "
         "eighteen on the way back; the product that sets the peak does 1024."),
        ("vgg", "convolution 3×3, 64→64, 32×64×56×56, and back", 1.0,
         "Arithmetic: each number that is read takes part in 576 multiplications."),
        ("wide", "convolution 3×3, 256→256, 32×256×14×14, and back", 1.0,
         "Arithmetic, and kernels of 2.4 MB, which are read anew for every block of positions."),
        ("pointwise", "convolution 1×1, 256→128, 32×256×28×28, and back", 1.0,
         "Arithmetic and memory traffic: each number that is read takes part in 128 or 256 "
         "multiplications, and images of 26 MB don't stay in a core's caches between passes."),
    ):  # fmt: skip
        yield Task(text, "convolution", (name,), LAYOUTS, bound, threads=threads, goal=goal,
                   operations=3 * _operations(name))  # fmt: skip
    yield Task(
        "batch-norm and ReLU, 32×64×56×56, and back", "norm_relu", (), LAYOUTS,
        "Memory traffic: in seven passes more than 50 bytes are read or written for each number.",
        threads=threads,
    )  # fmt: skip
    yield Task(
        "softmax cross-entropy, 256×1000, and back", "cross_entropy", (256, 1000), ("eager",),
        "The exponential function, once for each number, and Python between the kernels: a quarter "
        "of the time with one thread.", threads=threads,
    )  # fmt: skip
    yield Task(
        "SGD with momentum, 431 080 parameters", "update", (431_080,), ("eager", "fused"),
        "Memory traffic: for each number 20 bytes are read or written, and three multiplications "
        "are done.", threads=threads, goal=1.5,
    )  # fmt: skip


def _step_operations(forward: int, first: int, batch: int) -> float:
    """Of a training step: each layer's product three times, but the first one's only twice.

    Nobody asks for the gradient of the images.
    """
    return 2.0 * batch * (3 * forward - first)


def _operations(name: str) -> float:
    from benchmarks.peers import work

    batch, channels, high, wide = work.SHAPES[name]
    outputs, size, groups = work.KERNELS[name]
    return 2.0 * batch * high * wide * outputs * size * size * channels / groups


def sgemm_peak(threads: int) -> float:
    """Operations a second of a product of 1024×1024 matrices in float32, the best of several."""
    times = compete(
        {"sgemm": Contestant("benchmarks.networks:sgemm")}, 30, threads=threads
    )["sgemm"]  # fmt: skip
    return 2 * 1024**3 / min(times)


def sgemm(threads: int) -> Any:
    """A step of the measurement of the peak."""
    import numpy as np

    a = np.ones((1024, 1024), np.float32)
    out = np.empty_like(a)

    def step() -> float:
        np.matmul(a, a, out=out)
        return 0.0

    return step


def agree(got: Any, expected: Any) -> None:
    """The first results of two libraries are the same to float32's rounding."""
    import numpy as np

    np.testing.assert_allclose(got, expected, rtol=2e-3, atol=2e-3)


class Result:
    """What a task has come to.

    Args:
        task: what was done.
        times: seconds of each step of each contestant.
        peak: see ``sgemm_peak``.

    Attributes:
        best: how many times longer the best of the others takes; nan if there are none.
        share: of the peak; None if operations say little.
    """

    def __init__(self, task: Task, times: dict[str, list[float]], peak: float) -> None:
        self.task = task
        ours, *_ = times.values()
        self._seconds = middle(ours)
        quotients = {name: ratios(theirs, ours) for name, theirs in [*times.items()][1:]}
        self._quotients = sorted(quotients.items(), key=lambda item: item[1][1])
        others = [at for name, (_, at, _) in quotients.items() if not name.startswith(OURS)]
        self.best = min(others, default=float("nan"))
        self.share = task.operations / self._seconds / peak if task.operations else None

    def row(self) -> str:
        """Of the table."""
        task, share = self.task, "—" if self.share is None else f"{self.share:.0%}"
        cells = [f"{name} {low:.2f}–**{at:.2f}**–{high:.2f}"
                 for name, (low, at, high) in self._quotients]  # fmt: skip
        return (
            f"| {task.name} | {task.threads} | {self._seconds * 1e3:.2f} | {self.best:.2f} | "
            f"{task.goal:g} | {share} | {'; '.join(cells)} |"
        )

    def shortfall(self) -> str:
        """What it lacks; nothing where it lacks nothing."""
        lacks = []
        if self.share is not None and self.share < FAR:
            lacks.append(f"{self.share:.0%} of the peak")
        if self.best < self.task.goal:
            lacks.append(f"the goal of {self.task.goal:g} is not reached ({self.best:.2f})")
        return f"{self.task.threads} thread(s): {', '.join(lacks)}" if lacks else ""


def main() -> None:
    parser = argparse.ArgumentParser(description="Time networks and their parts.")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2, help="the most; one is measured too")
    parser.add_argument("--only", nargs="*", default=[], help="rows with one of these words")
    parser.add_argument("--page", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--data-dir", default=os.environ.get("AUTODIFF_DATA_DIR"), help="of MNIST")
    options = parser.parse_args()
    if options.page and options.data_dir is None:
        parser.error("--page needs --data-dir, or the environment variable AUTODIFF_DATA_DIR")
    results = []
    peaks = {n: sgemm_peak(n) for n in sorted({1, options.threads})}
    head = [
        f"{machine()}; Python {platform.python_version()}, "
        + versions("numpy", "numba", "torch", "jax", "onnxruntime")
        + f"; {datetime.now(timezone.utc):%Y-%m-%d}; {options.rounds} rounds. "
        + ", ".join(f"{n} thread(s): {peak / 1e9:.0f} GFLOP/s" for n, peak in peaks.items())
        + " in a product of 1024×1024 matrices in float32, which NumPy's BLAS computes.",
        "",
        "| what | threads | ms | best other / this | goal | of that peak | other / this: quartile, "
        "**median**, quartile |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(head), flush=True)
    for task in tasks(options.threads):
        if options.only and not any(word.lower() in task.name.lower() for word in options.only):
            continue
        times = compete(task.contestants(), options.rounds, threads=task.threads, check=agree)
        results.append(Result(task, times, peaks[task.threads]))
        print(results[-1].row(), flush=True)
    foot = shortfalls(results)
    print("\n".join(foot))
    if options.page:
        rows = [result.row() for result in results]
        held = memory.section()
        print("\n".join(held))
        trained = end_to_end.section(Path(options.data_dir).resolve(), sorted(peaks))
        print("\n".join(trained))
        PAGE.write_text(
            page([*head, *rows, *foot, "", *trained, "", *held]), encoding="utf-8"
        )  # fmt: skip


def shortfalls(results: list[Result]) -> list[str]:
    """What stands below the table."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if lacks := result.shortfall():
            found.setdefault((result.task.name, result.task.bound), []).append(lacks)
    verdict = (
        f"Below {FAR:.0%} of it, or below their goal, are:"
        if found
        else f"No row is below {FAR:.0%} of it or below its goal."
    )
    return [
        "",
        "Operations are counted as the definitions have them, two for a multiplication with its "
        "addition; with the zeros that max-pooling sends back fewer are done. A dash stands where "
        f"there are no products to compare with the peak. {verdict}",
        "",
        *(f"- {name}. {'; '.join(lacks)}. {bound}" for (name, bound), lacks in found.items()),
    ]


def page(measured: list[str]) -> str:
    """The page of the documentation."""
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `python -m benchmarks.networks --page --data-dir DIR`; to repeat the "
            "table, or one row of it, by a word of its name:",
            "",
            "    pip install -e '.[compare]' 'jax[cpu]'",
            "    python -m benchmarks.networks",
            "    python -m benchmarks.networks --only depthwise",
            "",
            "Each library has a process of its own and as many threads. They take turns, in an "
            "order that changes: after a tenth of a second of rest, one takes steps for a "
            "fiftieth, and one more, which is timed. A number above 1 says how many times longer "
            "the other one takes. Of this library a row is repeated (`nn.TrainingStep`, "
            "`nn.Predictor`) where the table also has it eager, with a graph made anew each time.",
            "",
            *measured,
            "",
        ]
    )


if __name__ == "__main__":
    main()
