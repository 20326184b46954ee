"""A model for use: what it predicts, again and again."""

from __future__ import annotations

import threading
from typing import Any

from autodiff.arrays import locked
from autodiff.transform.repeat import Leaves, Repeated
from nn.module import Array, Module
from nn.recordings import Recordings
from nn.structure import Structure


class Predictor:
    """What ``model.predict`` gives, to rounding, and sooner where there is little to compute.

    For each shape of inputs the model computes once. Where all of it is done by compiled kernels,
    their jobs are kept, and repeated on other inputs without Python from one kernel to the next;
    see ``TrainingStep``. Else it is ``model.predict`` that computes. Changes to the model are
    noticed. Threads may share a predictor: one repeats, the others compute meanwhile as ever.

    Args:
        model: from one array to another.

    Attributes:
        obstacle: why the last prediction was no repetition of kernels; None if it was, or can be.

    Example:
        >>> import numpy as np
        >>> from nn import LeNet, Predictor
        >>> net = LeNet(generator=np.random.default_rng(0))
        >>> predict = Predictor(net)
        >>> image = np.zeros((1, 1, 28, 28), np.float32)
        >>> np.allclose(predict(image), net.predict(image)), predict(image).shape
        (True, (1, 10))
    """

    def __init__(self, model: Module) -> None:
        self.model = model
        self._lock = threading.Lock()
        self._recordings: Recordings[_Prediction] = Recordings(_Prediction)

    @property
    def obstacle(self) -> str | None:
        return self._recordings.obstacle

    def __call__(self, x: Any) -> Array:
        """The output for ``x``, an array of its own, read-only as that of ``predict``."""
        if self._lock.acquire(blocking=False):
            try:
                self._recordings.look_at(self.model)
                made = self._recordings.of(x)
                if made is not None:
                    return locked(made.output.copy())
            finally:
                self._lock.release()
        return self.model.predict(x)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy makes recordings of its own."""
        return type(self), (self.model,)


class _Prediction:
    """The jobs of a model for inputs of one shape."""

    def __init__(self, structure: Structure, x: Array) -> None:
        (model,) = structure.parts
        self._leaves = Leaves(structure.parameters)
        self._repeated = Repeated(
            lambda x: [model.predict(x)], (x,), structure.buffers, self._leaves.data()
        )

    @property
    def output(self) -> Array:
        return self._repeated.results[0]

    def repeat(self, x: Array) -> bool:
        """See ``Recording``."""
        if not self._leaves.hold():
            return False
        self._repeated(x, as_before=self._leaves.are_as_before())
        return True
