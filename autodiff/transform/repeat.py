"""Computations that are done again and again on arrays of the same shapes, without Python between.

Where kernels are small, most of the time goes into what happens from one to the next: nodes are
made, rules looked up, arrays taken apart. All of that is the same each time. So it is done once,
the jobs of the kernels are kept, and repeated on other numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from sys import getrefcount
from typing import Any
from weakref import ref

import numpy as np

from autodiff.adjoint import ABSENT, dense
from autodiff.arrays import Array, locked
from autodiff.graph import Node, Tensor
from autodiff.kernels import replay
from autodiff.kernels.dispatch import module
from autodiff.kernels.replay import UnrepeatableError
from autodiff.primitive import Primitive
from autodiff.recording import Block, State
from autodiff.reverse import schedule, walk
from autodiff.settings import config


class Repeated:
    """A computation on arrays, whose jobs can be done again on other numbers.

    Args:
        compute: from arrays to arrays, all of them computed by compiled kernels. It may change some
            of what it reads in place; it is called once.
        inputs: the arrays of the first time.
        state: arrays that it reads besides. They are to stay where they are in memory.
        lasting: more of them, of which is told when they change.

    Attributes:
        results: of the last time, until the next one.

    Raises:
        UnrepeatableError: something else than compiled kernels was needed, or what is done depends
            on the numbers.
    """

    def __init__(
        self,
        compute: Callable[..., Sequence[Array]],
        inputs: Sequence[Array] = (),
        state: Iterable[Array] = (),
        lasting: Iterable[Array] = (),
    ) -> None:
        if config.backend != "native":
            raise UnrepeatableError("there are no compiled kernels: config.backend is 'numpy'")
        # Labels come in many dtypes, and kernels know one.
        kinds = [np.dtype(np.intp) if x.dtype.kind in "iu" else x.dtype for x in inputs]
        self._inputs = [
            locked(np.array(x, kind, order="K")) for x, kind in zip(inputs, kinds, strict=True)
        ]
        recorder = module("replay").Recorder([*self._inputs, *state], lasting)
        with replay.recording(recorder), _Steadily():
            results = compute(*self._inputs)
        for result in results:
            if not recorder.knows(result):
                raise UnrepeatableError(
                    f"an array of shape {result.shape} that no compiled kernel made"
                )
        self.results: list[Array] = [*results]
        self._places = recorder.places
        self._replay = recorder.replay()

    def __call__(self, *inputs: Array, as_before: bool = False) -> list[Array]:
        """The results for other inputs, of the same shapes and dtypes.

        Args:
            inputs: arrays.
            as_before: whether what lasts is what it was the last time.

        Raises:
            UnrepeatableError: labels are out of range. Nothing has been computed.
        """
        for own, x in zip(self._inputs, inputs, strict=True):
            own.flags.writeable = True
            np.copyto(own, x)
            own.flags.writeable = False
        for places, count in self._places:
            if places.size and not places.max() < count:
                raise UnrepeatableError(f"labels that are not all in range({count})")
        self._replay.run(as_before)
        return self.results

    @property
    def jobs(self) -> int:
        """How many jobs of kernels it takes."""
        return len(self._replay)


class _Steadily(Block):
    """Refuse what may do something else with other numbers."""

    def _changed(self, state: State) -> State:
        return state._replace(watch=self, plain=False)

    def examiner(self, way: str) -> None:
        """Nobody looks at derivatives."""

    def note(self, node: Node, primitive: Primitive, *_: Any) -> None:
        """Look at a node that has just been made."""
        if not primitive.steady:
            raise UnrepeatableError(f"'{primitive}' may do something else with other numbers")


class Leaves:
    """Nodes, and where in memory their elements are.

    Nobody holds the elements for it: who does would keep them from being changed in place.

    Args:
        nodes: leaves.
    """

    def __init__(self, nodes: Sequence[Tensor]) -> None:
        self._nodes = nodes
        self._data = [ref(node._data) for node in nodes]
        self._numbers = [node.number for node in nodes]

    def data(self) -> list[Array]:
        """The elements."""
        return [node._data for node in self._nodes]

    def are_as_before(self) -> bool:
        """Whether none has new elements since the last time that this was asked."""
        before, self._numbers = self._numbers, [node.number for node in self._nodes]
        return before == self._numbers

    def hold(self) -> bool:
        """Whether they all still have their elements where they were."""
        return all(node._data is data() for node, data in zip(self._nodes, self._data, strict=True))


class Gradients:
    """The value of a function and the gradients of the leaves that it reads, again and again.

    Args:
        function: from arrays to a node of one number, and an array of what else is wanted.
        inputs: of the first time.
        leaves: nodes that it reads; those that it differentiates keep their gradients in ``grad``.

    Attributes:
        leaves: those that it reads.
        reached: those of them that have a gradient.

    Raises:
        UnrepeatableError: see ``Repeated``.
    """

    def __init__(
        self,
        function: Callable[..., tuple[Node, Array]],
        inputs: Sequence[Array],
        leaves: Sequence[Tensor],
    ) -> None:
        self.reached: list[Tensor] = []

        def compute(*arrays: Array) -> list[Array]:
            f, more = function(*arrays)
            nodes = schedule(f)
            self.reached = [node for node in nodes if node.primitive is None]  # type: ignore[misc]
            seed = replay.fixed(np.ones(np.shape(f._data), f._data.dtype))
            adjoints = walk(nodes, seed, keep=set())
            gradients = [adjoints[leaf] for leaf in self.reached]
            if any(t is ABSENT for t in gradients):
                raise UnrepeatableError("a leaf without any influence")
            return [f._data, more, *map(dense, gradients)]

        self.leaves = Leaves(leaves)
        self._repeated = Repeated(compute, inputs, lasting=self.leaves.data())
        self._gradients = [_writeable(x) for x in self._repeated.results[2:]]
        self._hand_out()

    def __call__(self, *inputs: Array) -> None:
        """Compute for other inputs."""
        self._repeated(*inputs)
        self._hand_out()

    def _hand_out(self) -> None:
        for leaf, gradient in zip(self.reached, self._gradients, strict=True):
            leaf._grad = gradient

    def are_held(self) -> bool:
        """Whether somebody holds a gradient of the last time, which would change beneath him.

        It is known only while the leaves themselves have none.
        """
        return any(map(_ALONE.__lt__, map(getrefcount, self._gradients)))

    @property
    def value(self) -> Array:
        """Of the function, the last time."""
        return self._repeated.results[0]

    @property
    def more(self) -> Array:
        """What else was wanted, the last time."""
        return self._repeated.results[1]


_ALONE = max(map(getrefcount, [np.empty(0)]))
"""References to an array that only a list holds, as they are counted there."""


def _writeable(x: Array) -> Array:
    """Who is handed a gradient may change it."""
    return module("replay").writeable(x)  # type: ignore[no-any-return]
