"""JAX on the CPU, compiled by ``jit``."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.peers import work
from benchmarks.timing import Step


def _jax(threads: int) -> Any:
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if threads == 1:
        os.environ["XLA_FLAGS"] = flags
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # or it takes them all
    import jax

    return jax


def _lenet(jax: Any) -> tuple[Any, Any]:
    """Parameters, and the scores of images with channels last, its best layout."""
    jnp, lax = jax.numpy, jax.lax
    first, second, dense, last = work.lenet_weights()
    parameters = [
        jnp.asarray(first.transpose(2, 3, 1, 0)), jnp.zeros(20),
        jnp.asarray(second.transpose(2, 3, 1, 0)), jnp.zeros(50),
        jnp.asarray(dense), jnp.zeros(500), jnp.asarray(last), jnp.zeros(10),
    ]  # fmt: skip

    def pooled(x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def convolved(x: Any, w: Any) -> Any:
        layout = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=layout)

    def scores(p: Any, x: Any) -> Any:
        x = pooled(convolved(x, p[0]) + p[1])
        x = pooled(convolved(x, p[2]) + p[3])
        x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
        return jnp.maximum(x @ p[4] + p[5], 0) @ p[6] + p[7]

    return parameters, scores


def _cost(jax: Any, scores: Any) -> Any:
    def cost(p: Any, x: Any, y: Any) -> Any:
        logs = jax.nn.log_softmax(scores(p, x))
        return -logs[jax.numpy.arange(len(y)), y].mean()

    return cost


def lenet_step(batch: int, threads: int) -> Step:
    jax = _jax(threads)
    images, labels = work.digits(batch)
    x, y = jax.numpy.asarray(images.transpose(0, 2, 3, 1)), jax.numpy.asarray(labels)
    parameters, scores = _lenet(jax)
    velocities = [jax.numpy.zeros_like(p) for p in parameters]

    @jax.jit
    def update(p: Any, v: Any) -> Any:
        cost, gradients = jax.value_and_grad(_cost(jax, scores))(p, x, y)
        rates = [work.LENET_RATE * (1 if w.ndim > 1 else 2) for w in p]
        v = [
            work.MOMENTUM * u - rate * (g + (work.DECAY * w if w.ndim > 1 else 0))
            for u, g, w, rate in zip(v, gradients, p, rates, strict=True)
        ]
        return cost, [w + u for w, u in zip(p, v, strict=True)], v

    state = [parameters, velocities]

    def step() -> float:
        cost, *state[:] = update(*state)
        jax.block_until_ready(state)
        return float(cost)

    return step


def lenet_inference(batch: int, threads: int) -> Step:
    jax = _jax(threads)
    x = jax.numpy.asarray(work.digits(batch)[0].transpose(0, 2, 3, 1))
    parameters, scores = _lenet(jax)
    compiled = jax.jit(scores)

    def step() -> Any:
        import numpy as np

        return np.asarray(compiled(parameters, x))

    return step


def mlp_step(batch: int, threads: int) -> Step:
    jax = _jax(threads)
    jnp = jax.numpy
    images, labels = work.digits(batch)
    x, y = jnp.asarray(images.reshape(batch, 784)), jnp.asarray(labels)
    first, second = map(jnp.asarray, work.mlp_weights())
    parameters = [first, jnp.zeros(128), second, jnp.zeros(10)]

    def scores(p: Any, x: Any) -> Any:
        return jnp.maximum(x @ p[0] + p[1], 0) @ p[2] + p[3]

    @jax.jit
    def update(p: Any) -> Any:
        cost, gradients = jax.value_and_grad(_cost(jax, scores))(p, x, y)
        return cost, [w - 0.01 * g for w, g in zip(p, gradients, strict=True)]

    state = [parameters]

    def step() -> float:
        cost, state[0] = update(state[0])
        jax.block_until_ready(state[0])
        return float(cost)

    return step
