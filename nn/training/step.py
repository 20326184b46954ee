"""One step of a training, done again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from weakref import ref

from autodiff.graph import Node, bare, describe
from autodiff.kernels.replay import UnrepeatableError
from autodiff.ops.shapes import shape_of
from autodiff.recording import is_recording
from autodiff.settings import config
from autodiff.transform.repeat import Gradients, Leaves, Repeated
from nn.module import Array, Module, Parameter
from nn.optimisers import Optimiser
from nn.optimisers.optimiser import Moving
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
    ``ReLU``, ``Sigmoid``, ``Softplus`` and ``SoftmaxCrossEntropy`` with labels, and for modules and
    functions that say that they are ``steady`` (see ``Module``), as far as they are made of these.
    Where there is anything else, the lines above are what is done each time. Changes to the model,
    to what is frozen, and to the optimiser are noticed.

    Args:
        model: from inputs to outputs.
        loss: of outputs and targets, a single number; a module or a function.
        optimiser: of the model's parameters. The steps of ``SGD``, unless its momentum is
            Nesterov's or one of gradients, of ``Adam`` and of ``AdamW`` are repeated too; those of
            others, and of classes derived from these, are taken as ever.
        name: what messages call it.

    Attributes:
        outputs: of the model for the last batch.
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
        self._outputs: Any = None
        self._none_recorded()

    def _none_recorded(self) -> None:
        self._recordings: Recordings[_Step] = Recordings(partial(_Step, self._name))
        self._made: _Step | None = None  # what computed the last gradients

    @property
    def outputs(self) -> Any:
        return self._outputs if self._made is None else self._made.gradients.more.copy()

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
        if made is not None:
            return float(made.gradients.value)
        try:
            cost, self._outputs = _cost(self._name, self.model, self.loss, inputs, targets)
            cost.backward(keep_adjoints=False)
            return float(bare(cost))
        except Exception:
            self._recordings.forget_obstacles()
            raise

    def move(self) -> None:
        """Take the optimiser's step.

        Raises:
            ValueError: no parameter can move, or a rate is negative or not finite.
        """
        if self._made is None or not self._made.take_step(self.optimiser):
            self.optimiser.step()

    def __getstate__(self) -> dict[str, Any]:
        """What a copy needs: recordings stay with the memory in which they compute."""
        return {**vars(self), "_outputs": self.outputs, "_recordings": None, "_made": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._none_recorded()

    def _repeated(self, inputs: Any, targets: Any) -> _Step | None:
        """What has computed the gradients by jobs that can be repeated."""
        recordings = self._recordings
        recordings.look_at(self.model, self.loss)
        if not is_recording():
            recordings.obstacle = "nothing is recorded here"
        elif any(p.has_adjoint for p in recordings.structure.parameters):
            recordings.obstacle = "there are gradients already, to which these are to be added"
        else:
            return recordings.of(inputs, targets)
        return None


def _cost(
    name: str, model: Module, loss: Callable[..., Any], inputs: Any, targets: Any
) -> tuple[Node, Any]:
    """The cost as a node, and the outputs."""
    outputs = model(inputs)
    cost = loss(outputs, targets)
    if shape_of(cost):
        raise ValueError(
            f"{name}: the loss gives {describe(cost)}; training needs a single number, such as "
            "the mean"
        )
    if not isinstance(cost, Node):
        raise ValueError(
            f"{name}: the loss does not depend on any parameter that can learn; are all of them "
            "frozen, or was an array taken out of the graph on the way?"
        )
    return cost, bare(outputs)


class _Step:
    """The jobs of a step for batches of one shape.

    Args:
        name: what messages call it.
        structure: of the model and the loss.
        inputs: of the first batch.
        targets: likewise.

    Raises:
        UnrepeatableError: a part of it is not done by compiled kernels.
    """

    def __init__(self, name: str, structure: Structure, inputs: Array, targets: Array) -> None:
        if structure.generators:
            raise UnrepeatableError("a layer draws random numbers")
        if structure.buffers:
            raise UnrepeatableError("a layer keeps averages")
        cost = partial(_cost, name, *structure.parts)
        self.gradients = Gradients(cost, (inputs, targets), structure.parameters)
        self._update: _Update | None = None

    def repeat(self, inputs: Array, targets: Array) -> bool:
        """See ``Recording``: the gradients of a batch."""
        if not self.gradients.leaves.hold() or self.gradients.are_held():
            return False
        try:
            self.gradients(inputs, targets)
        except UnrepeatableError:  # the loss says what is wrong
            return False
        return True

    def take_step(self, optimiser: Optimiser) -> bool:
        """Take the optimiser's step; False, with nothing done, if that is no mere repetition."""
        constants = optimiser.constants
        if constants is None or config.backend != "native":
            return False
        moving = optimiser.moving()
        update = self._update
        if update is None or not update.is_of(optimiser, constants):
            update = self._update = _Update(optimiser, constants)
        return update.take(moving)


class _Update:
    """The jobs of an optimiser's step.

    Args:
        optimiser: whose.
        constants: of the optimiser.
    """

    def __init__(self, optimiser: Optimiser, constants: tuple[Any, ...]) -> None:
        self._optimiser = optimiser
        self._constants = constants
        self._jobs: Repeated | None = None
        self._moving: list[Parameter] = []
        self._gradients: list[ref[Array]] = []
        self._leaves = Leaves([])

    def is_of(self, optimiser: Optimiser, constants: tuple[Any, ...]) -> bool:
        """Whether it takes the steps of this optimiser, as it is now."""
        return self._optimiser is optimiser and self._constants == constants

    def take(self, moving: list[Moving]) -> bool:
        """Take a step; False, with nothing done, if that is no mere repetition.

        Args:
            moving: of the optimiser.
        """
        if any(w.is_shared() for _, w, _ in moving):
            return False
        if self._jobs is None:
            return self._record(moving)
        if not self._leaves.hold() or not self._are_same(moving):
            return False
        self._optimiser.set_rates(moving)
        self._jobs()
        for w in self._moving:
            w.rewritten()
        self._optimiser.end_step()
        return True

    def _are_same(self, moving: list[Moving]) -> bool:
        return len(moving) == len(self._moving) and all(
            w is own and gradient is held()
            for (_, w, gradient), own, held in zip(
                moving, self._moving, self._gradients, strict=True
            )
        )

    def _record(self, moving: list[Moving]) -> bool:
        optimiser = self._optimiser

        def used() -> Iterator[Array]:  # nobody holds the parameters' data, or they could not move
            yield from optimiser.arrays()
            for _, w, gradient in moving:
                yield gradient
                yield bare(w)

        if not moving or not all(map(_is_plain, used())):
            return False
        optimiser.set_rates(moving)

        def move() -> list[Array]:
            optimiser.move(moving)
            return []

        self._jobs = Repeated(move, state=used())
        self._moving = [w for _, w, _ in moving]
        self._gradients = [ref(gradient) for _, _, gradient in moving]
        self._leaves = Leaves(self._moving)
        optimiser.end_step()
        return True


def _is_plain(x: Array) -> bool:
    """Whether compiled kernels take an array as it is."""
    return x.flags.c_contiguous and x.dtype.char in "fd" and x.dtype.isnative
