"""What a module's computation depends on besides input and parameters, and may change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from nn.module import Module, evaluating, evaluation


class Snapshot:
    """The state of a module at a moment, parameters aside: modes, attributes, buffers, generators.

    Args:
        model: the module, and all below it.
    """

    def __init__(self, model: Module) -> None:
        self._model = model
        self._evaluating = evaluating.get()
        self._attributes = [
            (vars(module), dict(vars(module))) for _, module in model.named_modules()
        ]
        self._buffers = [(x, x.copy()) for _, x in model.named_buffers() if x.flags.writeable]
        self._generators = [(source.bit_generator, source.bit_generator.state)
                            for _, source in model.named_generators()]  # fmt: skip

    def restore(self) -> None:
        """Put all of it back."""
        for present, before in self._attributes:
            present.update(before)  # at no time is an attribute missing that others may need
            for name in present.keys() - before.keys():
                del present[name]
        for buffer, numbers in self._buffers:
            np.copyto(buffer, numbers)
        for bits, state in self._generators:
            bits.state = state

    @contextmanager
    def again(self) -> Iterator[None]:
        """Be back at that moment in this block; afterwards nothing has happened."""
        now = Snapshot(self._model)
        self.restore()
        try:
            with evaluation(self._evaluating):
                yield
        finally:
            now.restore()
