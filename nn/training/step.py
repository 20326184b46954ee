"""One step of a training, done again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from autodiff.graph import Node, bare, describe
from autodiff.kernels.replay import UnrepeatableError
from autodiff.ops.shapes import shape_of
from autodiff.recording import is_recording
from autodiff.transform.repeat import Gradients, Repeated
from nn.module import Array, Module, Parameter
from nn.optimisers import Optimiser
from nn.recordings import Recordings
from nn.structure import Structure


class TrainingStep:
    """A step of a training: the cost of a batch, its gradients, and how the parameters move.

    It computes what these lines do, to rounding::

        cost = loss(model(inputs), targets)
        cost.backward()
        optimiser.step()

    For each shape of a batch that happens once. Where all of it is done by compiled kernels, their
    jobs are kept and from then on repeated on the numbers of other batches, without a graph and
    without Python from one kernel to the next. That goes for convolutions, pooling, dense layers,
    ``ReLU``, ``Sigmoid`` and ``SoftmaxCrossEntropy`` with labels; where there is something else, or
    a layer draws random numbers or keeps averages, the lines above are what is done each time.
    Changes to the model, to what is frozen, and to the rate of the optimiser are noticed.

    Args:
        model: from inputs to outputs.
        loss: of outputs and targets, a single number; a module or a function.
        optimiser: of the model's parameters. The steps of ``SGD`` are repeated too, unless its
            momentum is Nesterov's or one of gradients; those of others are taken as ever.
        name: what messages call it.

    Attributes:
        outputs: of the model for the last batch; the next step writes its own in their place.
        obstacle: why the last step was no repetition of kernels; None if it was, or can be.

    Raises:
        ValueError: in a step, if the loss is no single number, or does not depend on a parameter
            that can learn.

    Example:
        >>> import numpy as np
        >>> from nn import SGD, Dense, ReLU, Sequential, SoftmaxCrossEntropy, TrainingStep
        >>> rng = np.random.default_rng(0)
        >>> net = Sequential(Dense(4, 8, generator=rng), ReLU(), Dense(8, 3, generator=rng))
        >>> step = TrainingStep(net, SoftmaxCrossEntropy(), SGD(net.parameters(), 0.1))
        >>> x, labels = rng.normal(size=(6, 4)).astype(np.float32), np.array([0, 1, 2, 0, 1, 2])
        >>> costs = [step(x, labels) for _ in range(50)]
        >>> costs[-1] < costs[0]
        True
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Any],
        optimiser: Optimiser,
        *,
        name: str = "TrainingStep",
    ) -> None:
        self.model = model
        self.loss = loss
        self.optimiser = optimiser
        self._name = name
        self.outputs: Any = None
        self._recordings = self._none_yet()
        self._made: _Step | None = None  # what computed the last gradients

    @property
    def obstacle(self) -> str | None:
        return self._recordings.obstacle

    def __call__(self, inputs: Any, targets: Any) -> float:
        """Take a step; the cost before it."""
        for parameter in self.optimiser.parameters:
            parameter.grad = None
        cost = self.differentiate(inputs, targets)
        self.move()
        return cost

    def differentiate(self, inputs: Any, targets: Any) -> float:
        """The cost of a batch, whose gradients are left in ``grad`` of the parameters."""
        self._made = made = self._repeated(inputs, targets)
        if made is None:
            try:
                return self._differentiate_eagerly(inputs, targets)
            except Exception:
                self._recordings.forget_obstacles()
                raise
        self.outputs = made.gradients.more
        return float(made.gradients.value)

    def move(self) -> None:
        """Take the optimiser's step.

        Raises:
            ValueError: no parameter can move, or a rate is negative or not finite.
        """
        if self._made is None or not self._made.take_step(self.optimiser):
            self.optimiser.step()

    def __getstate__(self) -> dict[str, Any]:
        """What a copy needs: recordings stay with the memory in which they compute."""
        return {**vars(self), "_recordings": None, "_made": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._recordings = self._none_yet()

    def _none_yet(self) -> Recordings[_Step]:
        def record(structure: Structure, inputs: Array, targets: Array) -> _Step:
            return _Step(self._cost, structure, inputs, targets)

        return Recordings(self.model, self.loss, record=record)

    # --- computing --------------------------------------------------------------------------------

    def _cost(self, inputs: Any, targets: Any) -> tuple[Node, Any]:
        """The cost as a node, and the outputs."""
        outputs = self.model(inputs)
        cost = self.loss(outputs, targets)
        if shape_of(cost):
            raise ValueError(
                f"{self._name}: the loss gives {describe(cost)}; training needs a single number, "
                "such as the mean"
            )
        if not isinstance(cost, Node):
            raise ValueError(
                f"{self._name}: the loss does not depend on any parameter that can learn; are all "
                "of them frozen, or was an array taken out of the graph on the way?"
            )
        return cost, bare(outputs)

    def _repeated(self, inputs: Any, targets: Any) -> _Step | None:
        """What has computed the gradients by jobs that can be repeated."""
        if not is_recording() or any(p.grad is not None for p in self.optimiser.parameters):
            return None  # then there is nothing to compute, or something to add to
        return self._recordings.of(inputs, targets)

    def _differentiate_eagerly(self, inputs: Any, targets: Any) -> float:
        cost, self.outputs = self._cost(inputs, targets)
        cost.backward(keep_adjoints=False)
        return float(bare(cost))


class _Step:
    """The jobs of a step for batches of one shape.

    Args:
        cost: of inputs and targets, as a node, and the outputs.
        structure: of what computes it.
        inputs: of the first batch.
        targets: likewise.

    Raises:
        UnrepeatableError: a part of it is not done by compiled kernels.
    """

    def __init__(
        self,
        cost: Callable[..., tuple[Node, Any]],
        structure: Structure,
        inputs: Array,
        targets: Array,
    ) -> None:
        if structure.generators:
            raise UnrepeatableError("a layer draws random numbers")
        if structure.buffers:
            raise UnrepeatableError("a layer keeps averages")
        self.gradients = Gradients(cost, (inputs, targets), structure.parameters)
        self._update: Repeated | None = None
        self._moving: list[Parameter] = []

    def repeat(self, inputs: Array, targets: Array) -> bool:
        """See ``Recording``: the gradients of a batch."""
        if not self.gradients.leaves.hold() or not self._may_be_labels(targets):
            return False
        self.gradients(inputs, targets)
        return True

    def _may_be_labels(self, targets: Array) -> bool:
        """Whether all whole numbers are classes; the loss says it if they had to be."""
        if targets.dtype.kind == "f":
            return True
        classes = self.gradients.more.shape[-1]
        return bool(targets.min() >= 0 and targets.max() < classes)

    def take_step(self, optimiser: Optimiser) -> bool:
        """Take the optimiser's step; False, with nothing done, if that is no mere repetition."""
        if not optimiser.is_steady or not self.gradients.are_handed_out():
            return False
        if self._update is None:
            return self._record_step(optimiser)
        if any(w.is_shared() for w in self._moving):
            return False
        optimiser.set_rates()
        self._update()
        for w in self._moving:
            w.rewritten()
        optimiser.end_step()
        return True

    def _record_step(self, optimiser: Optimiser) -> bool:
        moving = optimiser.moving()

        def used() -> Iterator[Array]:  # nobody holds the parameters' data, or they could not move
            yield from optimiser.arrays()
            for _, w, gradient in moving:
                yield gradient
                yield bare(w)

        fitting = all(x.flags.c_contiguous and x.dtype.char in "fd" for x in used())
        if not moving or not fitting or any(w.is_shared() for _, w, _ in moving):
            return False
        optimiser.set_rates()

        def move() -> list[Array]:
            optimiser.move(moving)
            return []

        self._update = Repeated(move, state=used())
        self._moving = [w for _, w, _ in moving]
        optimiser.end_step()
        return True
