"""What all optimisers share: groups, rates, weight decay, state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from autodiff.graph import bare, describe
from autodiff.kernels.buffers import zeros_beside
from nn.checks import need_fitting, number
from nn.module import Array, Parameter
from nn.schedules import Rate, need_rate, rate_at


@dataclass(frozen=True, eq=False)
class Group:
    """Parameters that are trained with settings of their own.

    Args:
        parameters: at least one.
        rate: a number or a function of the step; that of the optimiser when not given.
        rate_factor: how much faster the group learns than its rate says.
        weight_decay: λ; that of the optimiser when not given.

    Raises:
        TypeError: there is something else than parameters.
        ValueError: a setting is out of range, or there is no parameter.

    Example:
        >>> from nn import SGD, CosineDecay, Group, Parameter
        >>> first, last = Parameter([1.0]), Parameter([2.0])
        >>> groups = [Group([first], rate_factor=0.1), Group([last], weight_decay=0.0)]
        >>> optimiser = SGD(groups, CosineDecay(0.1, steps=1000), weight_decay=1e-4)
    """

    parameters: Iterable[Parameter]
    rate: Rate | None = None
    rate_factor: float = 1.0
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.parameters, Parameter):
            raise TypeError("expected several parameters; put a single one into a list")
        if not isinstance(self.parameters, Iterable):
            raise TypeError(f"expected a list of parameters, got {describe(self.parameters)}")
        parameters = tuple(self.parameters)
        for parameter in parameters:
            if not isinstance(parameter, Parameter):
                raise TypeError(
                    f"expected parameters, such as net.parameters(), got {describe(parameter)}"
                )
        if not parameters:
            raise ValueError("there are no parameters to train")
        if self.rate is not None:
            need_rate("Group: rate", self.rate)
        number("Group: rate_factor", self.rate_factor, least=0)
        if self.weight_decay is not None:
            number("Group: weight_decay", self.weight_decay, least=0)
        object.__setattr__(self, "parameters", parameters)


Moving: TypeAlias = tuple[int, Parameter, Array]
"""The number of a parameter, itself, and its gradient."""


class Optimiser:
    """Moves parameters step by step; a subclass says how far.

    Parameters that are frozen, or have no gradient, stay where they are, and so does what the
    optimiser remembers of them.

    Args:
        parameters: what to train: parameters, or groups of them, which have none in common.
        rate: α, a number or a function of the step such as ``InverseDecay``.
        weight_decay: λ, how strongly parameters are drawn to 0. Coupled, λ w is added to the
            gradient: the gradient of the penalty ½ λ Σ w². Decoupled, w ← w - α λ w goes before the
            step, which knows nothing of it (Loshchilov & Hutter 2019, Decoupled Weight Decay
            Regularization). For plain gradient descent the two are the same.
        decay_biases: whether biases decay too, and the scales of normalisation: not weights only.
        bias_rate_factor: how much faster biases learn; a group's factor comes on top.

    Attributes:
        parameters: all of them, in order.
        groups: as given; bare parameters are one group.
        rate: α, which may be changed between two steps.
        steps: how many have been taken.

    Raises:
        TypeError: there is something else than parameters to train.
        ValueError: a setting is out of range, there is nothing to train, or a parameter is given
            twice.
    """

    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[Group],
        rate: Rate,
        *,
        weight_decay: float = 0.0,
        decay_biases: bool = False,
        bias_rate_factor: float = 1.0,
    ) -> None:
        self._name: Final = type(self).__name__
        self.groups: Final = _groups(parameters, self._name)
        self.parameters: Final = [p for group in self.groups for p in group.parameters]
        seen: set[int] = set()
        for i, parameter in enumerate(self.parameters):
            if id(parameter) in seen:
                raise ValueError(
                    f"{self._name}: parameter {i}, {describe(parameter)}, is given twice; "
                    "groups have no parameter in common"
                )
            seen.add(id(parameter))
        self.rate = need_rate(f"{self._name}: rate", rate)
        self.weight_decay: Final = self._number("weight_decay", weight_decay, least=0)
        self.decay_biases: Final = decay_biases
        self.bias_rate_factor: Final = self._number("bias_rate_factor", bias_rate_factor, least=0)
        self.steps = 0
        settings = [
            self._settings_of(i, p) for i, g in enumerate(self.groups) for p in g.parameters
        ]
        self._group_of, self._rate_factors, self._decays = zip(*settings, strict=True)
        self._rates = np.zeros(len(self.parameters))  # of the last step
        self._memory: dict[str, list[Array]] = {}
        self._scratch = self._room()

    def _settings_of(self, i: int, parameter: Parameter) -> tuple[int, float, float]:
        """The number of a parameter's group, the factor of its rate, and its λ."""
        group = self.groups[i]
        decay = self.weight_decay if group.weight_decay is None else float(group.weight_decay)
        if parameter.role != "weight" and not self.decay_biases:
            decay = 0.0
        factor = self.bias_rate_factor if parameter.role == "bias" else 1.0
        return i, factor * float(group.rate_factor), decay

    # --- steps ------------------------------------------------------------------------------------

    def step(self) -> None:
        """Move every parameter that has a gradient and is not frozen, and forget all gradients.

        Raises:
            ValueError: no parameter can move, for want of a backward pass, or a rate is negative or
                not finite. Nothing has changed then.
        """
        moving = self.moving()
        if not moving:
            raise ValueError(
                f"{self._name}.step: no parameter has a gradient; call backward() on the loss"
                + (", of parameters that are not frozen" * any(w.frozen for w in self.parameters))
            )
        self.set_rates(moving)
        self.move(moving)
        self.end_step()

    # Who takes the same step again and again has the parts of it.

    def moving(self) -> list[Moving]:
        """The parameters that have a gradient and are not frozen."""
        return [
            (i, w, gradient)
            for i, w in enumerate(self.parameters)
            if (gradient := w.grad) is not None and not w.frozen
        ]

    def move(self, moving: Iterable[Moving]) -> None:
        """Move parameters, at the rates that have been set."""
        for i, w, gradient in moving:
            self._move(i, w, gradient, float(self._rates[i]), self._decays[i])

    def set_rates(self, moving: Iterable[Moving]) -> None:
        """Work out the rates of the next step.

        Args:
            moving: the parameters that will move.

        Raises:
            ValueError: a rate is negative or not finite.
        """
        rates = [self._rate_of(group) for group in self.groups]
        for i, group in enumerate(self._group_of):
            self._rates[i] = rates[group] * self._rate_factors[i]

    def end_step(self) -> None:
        """Forget all gradients, and count the step."""
        for w in self.parameters:
            w.grad = None
        self.steps += 1

    @property
    def constants(self) -> tuple[Any, ...] | None:
        """What a step takes for granted that is always the same jobs; None if it is not.

        Rates are not: jobs read them anew.
        """
        return None

    def arrays(self) -> list[Array]:
        """What jobs read and write besides parameters and gradients; they stay where they are."""
        return [self._rates, *(array for arrays in self._memory.values() for array in arrays)]

    def _rate_of(self, group: Group) -> float:
        rate = rate_at(self.rate if group.rate is None else group.rate, self.steps)
        return number(f"{self._name}.step: the rate at step {self.steps}", rate, least=0)

    def _move(self, i: int, w: Parameter, g: Array, rate: float, decay: float) -> None:
        scratch = self._scratch[i]
        if decay and self.decoupled:
            w.move(np.multiply(w.data, -rate * decay, out=scratch))
        elif decay:
            g = np.add(g, np.multiply(w.data, decay, out=scratch), out=scratch)
        w.move(self._step(i, g, rate))

    def _step(self, i: int, g: Array, rate: float) -> Array:
        """The step that parameter number ``i`` takes, given its gradient and its rate.

        ``g`` is not to be changed. With coupled weight decay it lies in ``self._scratch[i]``. Who
        moves parameters in another way overrides ``_move``.
        """
        raise NotImplementedError(
            f"{self._name} does not say how far parameters move: define _step(i, g, rate), or _move"
        )

    # --- memory -----------------------------------------------------------------------------------

    def _remember(self, name: str) -> list[Array]:
        """Zeros like each parameter, which are part of the state."""
        return self._keep(name, [zeros_beside(p.data) for p in self.parameters])

    def _count(self, name: str) -> list[Array]:
        """A whole number for each parameter, which is part of the state."""
        return self._keep(name, [np.zeros((), np.int64) for _ in self.parameters])

    def _keep(self, name: str, arrays: list[Array]) -> list[Array]:
        self._memory[name] = arrays
        return arrays

    def _room(self) -> list[Array]:
        """An array like each parameter to compute in; all lie in the same memory."""
        sizes: dict[np.dtype[Any], int] = {}
        for p in self.parameters:
            sizes[p.dtype] = max(p.size, sizes.get(p.dtype, 0))
        rooms = {dtype: np.empty(size, dtype) for dtype, size in sizes.items()}
        return [rooms[p.dtype][: p.size].reshape(p.shape) for p in self.parameters]

    def _number(self, name: str, x: Any, **bounds: float) -> float:
        return number(f"{self._name}: {name}", x, **bounds)

    def _shares(self, name: str, pair: Any) -> tuple[float, float]:
        """Two numbers, each at least 0 and below 1."""
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"{self._name}: {name} are two numbers, got {pair!r}")
        first, second = (self._number(f"each of {name}", x, least=0, below=1) for x in pair)
        return first, second

    def _epsilon(self, epsilon: Any) -> float:
        """A positive number, also in the parameters' own precision: 0 would give 0 / 0."""
        checked = self._number("epsilon", epsilon, above=0)
        for p in self.parameters:
            if not p.dtype.type(checked) > 0:
                raise ValueError(
                    f"{self._name}: epsilon={epsilon} is 0 in the {p.dtype} of {describe(p)}: "
                    "give a larger one"
                )
        return checked

    # --- state ------------------------------------------------------------------------------------

    def _own_state(self) -> dict[str, Array]:
        own = {"steps": np.array(self.steps, np.int64)}
        for name, arrays in self._memory.items():
            own |= {f"{name}.{i}": array for i, array in enumerate(arrays)}
        return own

    def state(self) -> dict[str, Array]:
        """Copies of all that the optimiser remembers between steps, by name.

        "steps" is their number; "velocity.3" is the velocity of parameter number 3. Settings are
        not in it: an optimiser made in the same way takes it over and goes on with the same bits.
        """
        return {name: array.copy() for name, array in self._own_state().items()}

    def load_state(self, state: Mapping[str, ArrayLike]) -> None:
        """Take over what ``state()`` gave.

        Raises:
            ValueError: names, shapes or dtypes differ; the message lists all that do. Nothing is
                changed then.
        """
        own = self._own_state()
        given = {name: np.asarray(bare(x)) for name, x in state.items()}
        need_fitting(f"{self._name} of {len(self.parameters)} parameters", own, given)
        if given["steps"] < 0:
            raise ValueError(f"steps: expected a number of steps, got {given['steps']}")
        for name, array in own.items():
            np.copyto(array, given[name])
        self.steps = int(given["steps"])


def _groups(parameters: Iterable[Parameter] | Iterable[Group], name: str) -> list[Group]:
    """The groups as given, or one of the bare parameters."""
    try:
        members: list[Any] = (
            list(parameters)
            if isinstance(parameters, Iterable) and not isinstance(parameters, Parameter)
            else [Group(parameters)]  # which says what it is instead
        )
        if members and all(isinstance(member, Group) for member in members):
            return members
        return [Group(members)]
    except (TypeError, ValueError) as fault:
        raise type(fault)(f"{name}: {fault}") from None
