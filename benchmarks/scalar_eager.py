"""Scalar graphs, recorded and differentiated on the spot, side by side with other libraries.

    pip install -e '.[compare]'
    python -m benchmarks.scalar_eager

A random program of about as many operations as asked for is written as straight Python code and run
by every library: record, one reverse pass, read the gradient of the inputs, drop the graph. Mix A
has + - * / ** and relu, mix B sin, exp, tanh and log besides. The program is made of blocks of 100
operations whose results are added in pairs: deep enough to be a graph, shallow enough for
libraries that recurse. Each library runs in a process of its own, in turns with the others.
Python's garbage collector stays as it is.
"""

from __future__ import annotations

import argparse
import gc
import math
import platform
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Value
from benchmarks.contest import Contestant, compete
from benchmarks.timing import Step, report

Program = Callable[..., Any]
POINT = (0.7, 1.3, -0.4, 2.1, 0.9)
BLOCK = 100
OPERATORS = {
    "{x} + {y}": lambda x, y: x + y,
    "{x} - {y}": lambda x, y: x - y,
    "{x} * {y}": lambda x, y: x * y,
    "{x} / {y}": lambda x, y: x / y,
    "{x} ** 2": lambda x, y: x**2,
    "relu({x})": lambda x, y: max(x, 0.0),
}
FUNCTIONS = {
    "sin({x})": lambda x, y: math.sin(x),
    "exp({x})": lambda x, y: math.exp(x),
    "tanh({x})": lambda x, y: math.tanh(x),
    "log({x})": lambda x, y: math.log(x) if x > 0 else math.nan,
}
FUNCTIONS_OF_OURS = (ad.relu, ad.sin, ad.exp, ad.tanh, ad.log)
MIXES = {"A": OPERATORS, "B": OPERATORS | FUNCTIONS}


def program(mix: str, size: int) -> Program:
    """A function of ``POINT`` and of the namespace of a library's functions."""
    generator = np.random.default_rng(0)
    forms = list(MIXES[mix].items())
    lines, ends, count = [], [], 0
    while count + len(ends) < size:
        known = {f"p{i}": value for i, value in enumerate(POINT)}
        last = f"p{generator.integers(len(POINT))}"
        for _ in range(BLOCK):
            while True:  # until an operation is found that leaves the numbers of moderate size
                form, function = forms[generator.integers(len(forms))]
                other = list(known)[generator.integers(len(known))]
                value = function(known[last], known[other])
                if 0.05 < abs(value) < 20:
                    break
            name = f"v{count}"
            lines.append(f"    {name} = {form.format(x=last, y=other)}")
            known[name] = value
            last = name
            count += 1
        ends.append(last)
    while len(ends) > 1:  # a balanced tree of sums
        first, second, *ends = ends
        lines.append(f"    v{count} = {first} + {second}")
        ends.append(f"v{count}")
        count += 1
    arguments = ", ".join(f"p{i}" for i in range(len(POINT)))
    source = f"def run({arguments}, relu, sin, exp, tanh, log):\n" + "\n".join(lines)
    defined: dict[str, Any] = {}
    exec(f"{source}\n    return {ends[0]}\n", defined)
    return defined["run"]  # type: ignore[no-any-return]


# --- the contestants: each gives a step that returns the gradient at POINT ------------------------


def ours(run: Program) -> Step:
    def step() -> list[float]:
        inputs = [Value(x) for x in POINT]
        run(*inputs, *FUNCTIONS_OF_OURS).backward()
        return [x.grad for x in inputs]

    return step


def micrograd(run: Program) -> Step:
    from micrograd.engine import Value

    def step() -> list[float]:
        inputs = [Value(x) for x in POINT]
        run(*inputs, Value.relu, None, None, None, None).backward()
        return [x.grad for x in inputs]

    return step


def xad(run: Program) -> Step:
    import xad.math as functions
    from xad.adj_1st import Real, Tape

    def relu(x: Any) -> Any:
        return functions.max(x, 0.0)

    def step() -> list[float]:
        with Tape() as tape:
            inputs = [Real(x) for x in POINT]
            for x in inputs:
                tape.registerInput(x)
            tape.newRecording()
            y = run(*inputs, relu, functions.sin, functions.exp, functions.tanh, functions.log)
            tape.registerOutput(y)
            y.derivative = 1.0
            tape.computeAdjoints()
            return [x.derivative for x in inputs]

    return step


def torch(run: Program) -> Step:
    import torch

    torch.set_num_threads(1)

    def step() -> list[float]:
        inputs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in POINT]
        run(*inputs, torch.relu, torch.sin, torch.exp, torch.tanh, torch.log).backward()
        return [float(x.grad) for x in inputs]

    return step


def casadi(run: Program) -> Step:
    import casadi

    def relu(x: Any) -> Any:
        return casadi.fmax(x, 0)

    def step() -> list[float]:
        x = casadi.SX.sym("x", len(POINT))
        inputs = casadi.vertsplit(x)
        y = run(*inputs, relu, casadi.sin, casadi.exp, casadi.tanh, casadi.log)
        gradient = casadi.Function("gradient", [x], [casadi.gradient(y, x)])
        return [float(g) for g in gradient(POINT).full().ravel()]

    return step


def autograd(run: Program) -> Step:
    import autograd.numpy as anp
    from autograd import grad

    def relu(x: Any) -> Any:
        return anp.maximum(x, 0.0)

    gradient = grad(
        lambda x: run(*x, relu, anp.sin, anp.exp, anp.tanh, anp.log)
    )  # of a tuple of floats
    return lambda: [float(g) for g in gradient(POINT)]


def mygrad(run: Program) -> Step:
    import mygrad as mg

    def relu(x: Any) -> Any:
        return mg.maximum(x, 0.0)

    def step() -> list[float]:
        inputs = [mg.tensor(x) for x in POINT]
        run(*inputs, relu, mg.sin, mg.exp, mg.tanh, mg.log).backward()
        return [float(x.grad) for x in inputs]

    return step


CONTESTANTS: dict[str, Callable[[Program], Step]] = {
    contestant.__name__: contestant
    for contestant in (ours, micrograd, xad, torch, casadi, autograd, mygrad)
}
ONLY_A = {"micrograd"}  # it has neither sin nor log


def contestant(name: str, mix: str, size: int, threads: int) -> Step:
    """A step of a library; all of them have one thread here."""
    return CONTESTANTS[name](program(mix, size))


def agree(gradient: list[float], expected: list[float]) -> None:
    """Two libraries have the same gradient."""
    largest = max(map(abs, expected))
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-9 * largest)


def bytes_per_node(run: Program) -> float:
    """Memory of a recorded and differentiated graph of ours, per node."""
    run(*map(Value, POINT), *FUNCTIONS_OF_OURS).backward()  # what is loaded and made at first use
    tracemalloc.start()
    inputs = [Value(x) for x in POINT]
    before, _ = tracemalloc.get_traced_memory()
    f = run(*inputs, *FUNCTIONS_OF_OURS)
    f.backward()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(ad.reverse.schedule(f))


def main() -> None:
    parser = argparse.ArgumentParser(description="Record and differentiate scalar graphs.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--mixes", nargs="+", choices=sorted(MIXES), default=sorted(MIXES))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--against", nargs="*", default=[], help="only these libraries")
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, {platform.machine()}; medians of {options.rounds} "
        "interleaved rounds, a process each, CPU time; ratios round by round (quartiles)"
    )
    for mix in options.mixes:
        for size in options.sizes:
            run = program(mix, size)
            nodes = len(ad.reverse.schedule(run(*map(Value, POINT), *FUNCTIONS_OF_OURS)))
            print(f"mix {mix}, {nodes} nodes, {bytes_per_node(run):.0f} bytes a node")
            names = [
                name
                for name in CONTESTANTS
                if (not options.against or name in {"ours", *options.against})
                and not (mix == "B" and name in ONLY_A)
            ]
            contestants = {
                name: Contestant("benchmarks.scalar_eager:contestant", (name, mix, size))
                for name in names
            }
            times = compete(contestants, options.rounds, cpu_time=True, check=agree)
            report(times, "ns a node", 1e9 / nodes)


if __name__ == "__main__":
    main()
