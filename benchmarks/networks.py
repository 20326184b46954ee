"""Training and running small networks, and their parts, side by side with other libraries.

    pip install -e '.[compare]' 'jax[cpu]'
    python -m benchmarks.networks                    prints the table
    python -m benchmarks.networks --page             writes it into docs/benchmarks.md, too
    python -m benchmarks.networks --only lenet mlp   the rows whose names have one of these words

Each library runs in a process of its own with as many threads, in turns with the others, in each of
its configurations; the best of them is the one that counts. Quoted are medians of the ratios round
by round: how many times longer the other one takes.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.contest import Contestant, compete, machine, middle, versions
from benchmarks.timing import ratios

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
LAYOUTS = ("eager", "channels_last")
COMPILED = (*LAYOUTS, "compiled", "compiled channels_last")


@dataclass(frozen=True)
class Task:
    """A row of the table.

    Attributes:
        name: what is done.
        function: of the modules in ``benchmarks.peers``.
        arguments: of the function.
        torch: the configurations in which PyTorch takes part.
        others: modules of the other libraries that do.
        threads: of each.
        operations: multiplications with additions, each counted as two; 0 where they say little.
        goal: how many times longer the best of the others is to take.
    """

    name: str
    function: str
    arguments: tuple[Any, ...]
    torch: tuple[str, ...]
    others: tuple[str, ...] = ()
    threads: int = 1
    operations: float = 0.0
    goal: float = 1.0

    def contestants(self) -> dict[str, Contestant]:
        """This library first, by name."""
        peers = "benchmarks.peers."
        found = {"this library": Contestant(f"{peers}ours:{self.function}", self.arguments)}
        for how in self.torch:
            place = f"{peers}torch_peer:{self.function}"
            found[f"torch {how}"] = Contestant(place, (*self.arguments, how))
        for other in self.others:
            found[other] = Contestant(f"{peers}{other}_peer:{self.function}", self.arguments)
        return found


def tasks(most_threads: int) -> Iterator[Task]:
    """All rows."""
    lenet = 2 * 2_293_000
    for threads in sorted({1, most_threads}):
        for batch in (64, 256):
            yield Task(
                f"LeNet, training step, batch {batch}", "lenet_step", (batch,), COMPILED, ("jax",),
                threads, 3 * lenet * batch, 2.0,
            )  # fmt: skip
        for batch in (1, 64, 1000):
            yield Task(
                f"LeNet, inference, batch {batch}", "lenet_inference", (batch,), COMPILED,
                ("jax", "onnx"), threads, lenet * batch,
            )  # fmt: skip
        yield Task("MLP 784-128-10, training step, batch 64", "mlp_step", (64,),
                   ("eager", "compiled"), ("jax", "numpy"), threads)  # fmt: skip
    threads = most_threads
    for kind in ("max", "average"):
        yield Task(f"{kind}-pooling 2×2, 32×64×112×112, and back", "pooling", (kind,), LAYOUTS,
                   threads=threads, goal=4.0)  # fmt: skip
    for name, text, goal in (
        ("depthwise", "depthwise convolution 3×3, 32×64×56×56, and back", 1.5),
        ("vgg", "convolution 3×3, 64→64, 32×64×56×56, and back", 1.0),
        ("wide", "convolution 3×3, 256→256, 32×256×14×14, and back", 1.0),
        ("pointwise", "convolution 1×1, 256→128, 32×256×28×28, and back", 1.0),
    ):
        yield Task(text, "convolution", (name,), LAYOUTS, threads=threads, goal=goal,
                   operations=3 * _operations(name))  # fmt: skip
    yield Task("batch-norm and ReLU, 32×64×56×56, and back", "norm_relu", (), LAYOUTS,
               threads=threads)  # fmt: skip
    yield Task("softmax cross-entropy, 256×1000, and back", "cross_entropy", (256, 1000),
               ("eager",), threads=threads)  # fmt: skip
    yield Task("SGD with momentum, 431 080 parameters", "update", (431_080,), ("eager", "fused"),
               threads=threads, goal=1.5)  # fmt: skip


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


def row(task: Task, rounds: int, peak: float) -> str:
    """Run a task and write its row."""
    times = compete(task.contestants(), rounds, threads=task.threads, check=agree)
    ours = times.pop("this library")
    quotients = {name: ratios(theirs, ours) for name, theirs in times.items()}
    cells = [f"{name} {low:.2f}–**{at:.2f}**–{high:.2f}" for name, (low, at, high) in
             sorted(quotients.items(), key=lambda item: item[1][1])]  # fmt: skip
    best = min((at for _, at, _ in quotients.values()), default=float("nan"))
    share = f"{task.operations / middle(ours) / peak:.0%}" if task.operations else ""
    return (
        f"| {task.name} | {task.threads} | {middle(ours) * 1e3:.2f} | {best:.2f} | {task.goal:g} | "
        f"{share} | {'; '.join(cells)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time networks and their parts.")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2, help="the most; one is measured too")
    parser.add_argument("--only", nargs="*", default=[], help="rows with one of these words")
    parser.add_argument("--page", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    rows = []
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
        rows.append(row(task, options.rounds, peaks[task.threads]))
        print(rows[-1], flush=True)
    if options.page:
        PAGE.write_text(page(head, rows), encoding="utf-8")


def page(head: list[str], rows: list[str]) -> str:
    """The page of the documentation."""
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `python -m benchmarks.networks --page`; to repeat it:",
            "",
            "    pip install -e '.[compare]' 'jax[cpu]'",
            "    python -m benchmarks.networks",
            "",
            "Each library has a process of its own and as many threads, and takes turns with the "
            "others. A number above 1 says how many times longer the other one takes.",
            "",
            *head,
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
