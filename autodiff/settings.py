"""What a user may choose about how numbers are computed; the numbers do not depend on it."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Literal, TypeAlias

Backend: TypeAlias = Literal["native", "numpy"]


class Config:
    """The choices, as ``autodiff.config``.

    Attributes:
        threads: how many the library's own kernels compute with; as many as there are cores that
            this process may use, unless set here or by the environment variable AUTODIFF_THREADS.
            Some of the work is left to NumPy's BLAS, which has threads of its own: products with
            vectors, of stacks, and of matrices that are small, thin or long.
        backend: "native" for kernels compiled by numba, where there are any; "numpy" for the
            compositions of NumPy's functions that define them. Without numba it is "numpy".
        deterministic: always True. Results are reproducible, bit for bit, on one machine with one
            backend, whatever ``threads`` is: the library's own sums are always taken in the same
            order. How many threads BLAS has is not the library's to say.

    Example:
        >>> from autodiff.settings import Config
        >>> config = Config()  # like autodiff.config
        >>> config.threads, config.backend = 1, "numpy"
        >>> config
        config(threads=1, backend='numpy', deterministic=True)
    """

    def __init__(self) -> None:
        self._threads = self._of_machine()
        self._backend: Backend | None = None

    @staticmethod
    def _of_machine() -> int:
        given = os.environ.get("AUTODIFF_THREADS", "")
        if given.isdecimal() and int(given):
            return int(given)
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    @property
    def threads(self) -> int:
        """How many threads the library's own kernels compute with."""
        return self._threads

    @threads.setter
    def threads(self, count: int) -> None:
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ValueError(f"config.threads is a positive whole number, got {count!r}")
        self._threads = count

    @property
    def backend(self) -> Backend:
        """Who computes: "native" or "numpy"."""
        if self._backend is None:
            self._backend = "native" if find_spec("numba") else "numpy"
        return self._backend

    @backend.setter
    def backend(self, backend: Backend) -> None:
        if backend not in ("native", "numpy"):
            raise ValueError(f"config.backend is 'native' or 'numpy', got {backend!r}")
        if backend == "native" and not find_spec("numba"):
            raise ValueError("config.backend = 'native' needs numba: pip install numba")
        self._backend = backend

    @property
    def deterministic(self) -> bool:
        """Whether the same program gives the same bits each time."""
        return True

    @deterministic.setter
    def deterministic(self, wanted: bool) -> None:
        if wanted is not True:
            raise ValueError(
                f"config.deterministic is always True, got {wanted!r}: sums are taken in the same "
                "order for any number of threads, and nothing would be faster in another one"
            )

    def __repr__(self) -> str:
        return (
            f"config(threads={self.threads}, backend={self.backend!r}, "
            f"deterministic={self.deterministic})"
        )


config = Config()
