"""What the gradient of a large array expression costs, in evaluations of the expression.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.gradient_cost
    OPENBLAS_NUM_THREADS=1 python -m benchmarks.gradient_cost --only chain softmax --rounds 21

An evaluation is the same Python function on bare arrays, that is NumPy. Its value and gradient cost
at most about four times as many operations in reverse mode (Baur & Strassen 1983; Griewank &
Walther, Evaluating Derivatives, §3.4); what a record and its memory cost comes on top. The two take
turns, so that a noisy machine slows both alike, and CPU time is measured: one thread is calmer.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import autodiff as ad
from benchmarks.timing import interleaved, ratios

BOUND = 4.0


class Expression(NamedTuple):
    """A function that gives one number, and the arrays it is differentiated with respect to."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


def expressions(n: int) -> list[Expression]:
    """The expressions, on arrays of about ``n`` elements; matrices are of smaller, fixed sizes."""
    rng = np.random.default_rng(0)
    side = int(n**0.5)
    x, y = rng.normal(size=n), rng.normal(size=n)
    positive, single = np.abs(x) + 0.5, x.astype(np.float32)
    table = rng.normal(size=(side, side))
    near_one = 1 + 1e-3 * x
    column, line = rng.normal(size=(side, 1)), rng.normal(size=side)
    a, b = rng.normal(size=(500, 500)), rng.normal(size=(500, 500))
    square = rng.normal(size=(200, 200)) + 20 * np.eye(200)
    definite = square @ square.T
    right = rng.normal(size=200)
    mask = y > 0
    places = rng.integers(0, n, n)
    distinct = rng.permutation(n)
    images = rng.normal(size=(64, 784))
    first, second = rng.normal(size=(784, 128)) * 0.05, rng.normal(size=(128, 10)) * 0.1
    bias, target = np.zeros(128), rng.normal(size=(64, 10))
    grid, heights = np.linspace(-4, 4, 1000), rng.normal(size=1000)
    signal, kernel = rng.normal(size=n // 10), rng.normal(size=64)
    tensor = rng.normal(size=(16, 40, 60))
    weights, frequencies = rng.normal(size=n), np.arange(n // 2 + 1.0)

    def power_spectrum(x: Any) -> Any:
        spectrum = np.fft.rfft(x)
        return np.sum((spectrum.real**2 + spectrum.imag**2) * frequencies)

    def network(first: Any, bias: Any, second: Any) -> Any:
        return np.mean((np.tanh(images @ first + bias) @ second - target) ** 2)

    rows: list[tuple[Any, ...]] = [
        # elementwise chains
        ("chain", lambda x: np.sum(np.sin(x) * np.exp(-x * x) + np.tanh(x)), x),
        ("chain, float32", lambda x: np.sum(np.sin(x) * np.exp(-x * x) + np.tanh(x)), single),
        ("polynomial", lambda x: np.sum(((x * 2 + 1) * x - 3) * x + 0.5), x),
        ("x * y + x", lambda x, y: np.sum(x * y + x), x, y),
        ("quotient", lambda x, y: np.sum(x / y), x, positive),
        ("x ** 2", lambda x: np.sum(x**2), x),
        ("x ** 3", lambda x: np.sum(x**3), positive),
        ("x ** 1.5", lambda x: np.sum(x**1.5), positive),
        ("x ** y", lambda x, y: np.sum(x**y), positive, y),
        ("log, sqrt", lambda x: np.sum(np.log(x) * np.sqrt(x)), positive),
        ("log1p(exp)", lambda x: np.sum(np.log1p(np.exp(x))), x),
        ("sigmoid", lambda x: np.sum(1 / (1 + np.exp(-x))), x),
        ("ad.sigmoid", lambda x: ad.sum(ad.sigmoid(x)), x),
        ("ad.softplus", lambda x: ad.sum(ad.softplus(x)), x),
        ("arctan2, hypot", lambda x, y: np.sum(np.arctan2(x, y) + np.hypot(x, y)), x, y),
        ("angles", lambda x: np.sum(np.arctan(x) + np.arcsin(np.tanh(x))), x),
        ("tan, sinh", lambda x: np.sum(np.tan(x) * np.sinh(x)), x),
        ("abs", lambda x: np.sum(np.abs(x)), x),
        ("maximum", lambda x, y: np.sum(np.maximum(x, y)), x, y),
        ("ad.relu", lambda x: ad.sum(ad.relu(x)), x),
        ("clip", lambda x: np.sum(np.clip(x, -1, 1)), x),
        ("where", lambda x, y: np.sum(np.where(mask, np.exp(x), y * y)), x, y),
        ("logaddexp", lambda x, y: np.sum(np.logaddexp(x, y)), x, y),
        ("sinc", lambda x: np.sum(np.sinc(x)), x),
        # reductions
        ("sum", np.sum, x),
        ("mean", np.mean, x),
        ("sum of squares", lambda x: np.sum(x * x), x),
        ("dot", lambda x, y: x @ y, x, y),
        ("norm", np.linalg.norm, x),
        ("norm by rows", lambda x: np.sum(np.linalg.norm(x, axis=1)), table),
        ("norm of order 3", lambda x: np.linalg.norm(x, 3), x),
        ("norm of order 1", lambda x: np.linalg.norm(x, 1), x),
        ("var", np.var, x),
        ("std", np.std, x),
        ("std by columns", lambda x: np.sum(np.std(x, axis=0)), table),
        ("max", np.max, x),
        ("max by rows", lambda x: np.sum(np.max(x, axis=1)), table),
        ("ad.logsumexp", ad.logsumexp, x),
        ("logsumexp", lambda x: np.log(np.sum(np.exp(x - np.max(x)))) + np.max(x), x),
        ("ad.logsumexp rows", lambda x: ad.sum(ad.logsumexp(x, axis=1)), table),
        ("ad.softmax rows", lambda x: ad.sum(ad.softmax(x, axis=1) * line), table),
        ("ad.log_softmax rows", lambda x: ad.sum(ad.log_softmax(x, axis=1) * line), table),
        ("prod", np.prod, near_one),
        ("prod by rows", lambda x: np.sum(np.prod(x, axis=1)), table),
        ("cumsum", lambda x: np.sum(np.cumsum(x) * weights), x),
        ("cumprod", lambda x: np.sum(np.cumprod(x) * weights), near_one),
        ("cumprod by rows", lambda x: np.sum(np.cumprod(x, axis=1) * line), table),
        ("average", lambda x, y: np.average(x, weights=y), x, positive),
        ("trapezoid", lambda x: ad.trapezoid(x, dx=0.1), x),
        ("diff", lambda x: np.sum(np.diff(x) ** 2), x),
        # order
        ("sort", lambda x: np.sum(np.sort(x) * weights), x),
        ("median", np.median, x),
        ("quantile", lambda x: np.quantile(x, 0.9), x),
        # places
        ("slice", lambda x: np.sum(x[1:] * x[:-1]), x),
        ("every other", lambda x: np.sum(x[::2] ** 2), x),
        ("take, repeated", lambda x: np.sum(x[places] * weights), x),
        ("take, distinct", lambda x: np.sum(np.take(x, distinct) * weights), x),
        ("mask", lambda x: np.sum(x[mask] ** 2), x),
        ("rows", lambda x: np.sum(x[places[:side] % side] ** 2), table),
        ("concatenate", lambda x, y: np.sum(np.concatenate([x, y]) ** 2), x, y),
        ("stack", lambda x, y: np.sum(np.stack([x, y]) ** 2), x, y),
        ("pad", lambda x: np.sum(np.pad(x, 10) ** 2), table),
        ("pad, reflect", lambda x: np.sum(np.pad(x, 10, mode="reflect") ** 2), table),
        ("roll", lambda x: np.sum(np.roll(x, 3) * x), x),
        ("transpose", lambda x: np.sum(x.T * x), table),
        ("tril", lambda x: np.sum(np.tril(x) ** 2), table),
        ("repeat", lambda x: np.sum(np.repeat(x, 2) ** 2), x),
        ("tile", lambda x: np.sum(np.tile(x, 2) ** 2), x),
        # broadcasting, products
        ("outer sum", lambda x, y: np.sum((x + y) ** 2), column, line),
        ("outer product", lambda x, y: np.sum(np.tanh(x * y)), column, line),
        ("np.outer", lambda x, y: np.sum(np.outer(x, y) ** 2), line, line),
        ("standardise", lambda x: np.sum(((x - x.mean(0)) / x.std(0)) ** 3), table),
        ("cov", lambda x: np.sum(np.cov(x) ** 2), table[:200]),
        ("corrcoef", lambda x: np.sum(np.corrcoef(x) ** 2), table[:200]),
        ("matmul", lambda x, y: np.sum(x @ y), a, b),
        ("matmul chain", lambda x, y: np.sum(np.tanh(x @ y) @ x), a, b),
        ("einsum ij,jk->ik", lambda x, y: np.sum(np.einsum("ij,jk->ik", x, y) ** 2), a, b),
        ("einsum, batches",
         lambda x: np.sum(np.einsum("bij,bkj->bik", x, x) ** 2), tensor),
        ("network", network, first, bias, second),
        ("convolve", lambda x, y: np.sum(np.convolve(x, y) ** 2), signal, kernel),
        ("power spectrum", power_spectrum, x),
        ("interp", lambda x, y: np.sum(np.interp(x, grid, y)), x, heights),
        # matrices
        ("solve", lambda x, y: np.sum(np.linalg.solve(x, y)), square, right),
        ("inv", lambda x: np.sum(np.linalg.inv(x) ** 2), square),
        ("cholesky", lambda x: np.sum(np.linalg.cholesky(x)), definite),
        ("det", lambda x: np.linalg.det(x / 20), square),
        ("slogdet", lambda x: np.linalg.slogdet(x)[1], square),
        ("eigvalsh", lambda x: np.sum(np.linalg.eigvalsh(x) ** 2), definite),
        ("eigh", lambda x: np.sum(np.linalg.eigh(x)[1] ** 4), definite),
        ("svdvals", lambda x: np.sum(np.linalg.svd(x, compute_uv=False)), square),
        ("pinv", lambda x: np.sum(np.linalg.pinv(x) ** 2), square),
    ]  # fmt: skip
    return [Expression(name, function, tuple(arguments)) for name, function, *arguments in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time gradients in evaluations.")
    parser.add_argument("--elements", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", nargs="*", default=[], help="expressions with these in the name")
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, "
        f"{os.cpu_count()} cores; medians of {options.rounds} interleaved rounds, CPU "
        "time; ratios round by round (quartiles)"
    )
    for n in options.elements:
        print(f"{n} elements            evaluation   with gradient      ratio")
        above = 0
        for name, function, arguments in expressions(n):
            if options.only and not any(part in name for part in options.only):
                continue
            gradient = ad.value_and_grad(function, argnums=tuple(range(len(arguments))))
            value = gradient(*arguments)[0]
            np.testing.assert_allclose(value, function(*arguments), rtol=1e-4, err_msg=name)
            times = interleaved(
                {
                    "evaluation": lambda f=function, x=arguments: f(*x),  # type: ignore[misc]
                    "gradient": lambda g=gradient, x=arguments: g(*x),  # type: ignore[misc]
                },
                options.rounds,
                warm_up=1,
                clock=time.process_time,
            )
            low, middle, high = ratios(times["gradient"], times["evaluation"])
            above += middle > BOUND
            medians = [statistics.median(measured) * 1e3 for measured in times.values()]
            print(
                f"  {name:20s} {medians[0]:9.3f} ms {medians[1]:12.3f} ms   {middle:7.2f} "
                f"({low:.2f} to {high:.2f}){'  *' if middle > BOUND else ''}",
                flush=True,
            )
        print(f"  above {BOUND:g}: {above}")


if __name__ == "__main__":
    main()
