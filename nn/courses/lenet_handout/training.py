"""The learning rate, and the step that follows a gradient."""

from __future__ import annotations

from collections.abc import Mapping

from nn.courses.lenet_handout.blobs import Dict, numbers
from nn.courses.lenet_handout.network import Params


def get_lr(step: int, epsilon: float, gamma: float, power: float) -> float:
    """The learning rate epsilon / (1 + gamma · step)^power at a step counted from 0."""
    return epsilon / (1 + gamma * step) ** power  # type: ignore[no-any-return]


def sgd_momentum(
    w_rate: float,
    b_rate: float,
    mu: float,
    decay: float,
    params: Mapping[int, Dict],
    param_winc: Mapping[int, Dict],
    param_grad: Mapping[int, Dict],
) -> tuple[Params, Params]:
    """One step of gradient descent with momentum; what is given stays as it is.

    winc ← mu · winc + w_rate · (grad + decay · w), then w ← w - winc. Biases likewise, with
    ``b_rate`` and without decay.

    Args:
        w_rate: the learning rate of weights.
        b_rate: that of biases.
        mu: the momentum.
        decay: the weight decay.
        params: the parameters.
        param_winc: the last step, shaped like them; zeros at first.
        param_grad: the gradient.

    Returns:
        New ``params`` and new ``param_winc``.

    Raises:
        ValueError: the three are not shaped alike.
    """
    for name, group in (("param_winc", param_winc), ("param_grad", param_grad)):
        if group.keys() != params.keys():
            raise ValueError(
                f"sgd_momentum: expected {name} to have the keys {list(params)} of params, got "
                f"{list(group)}"
            )
    moved: Params = {}
    wincs: Params = {}
    for i, param in params.items():
        moved[i], wincs[i] = {}, {}
        for name, rate, shrink in (("w", w_rate, decay), ("b", b_rate, 0.0)):
            x, winc, grad = (numbers(of[name]) for of in (param, param_winc[i], param_grad[i]))
            if not x.shape == winc.shape == grad.shape:
                raise ValueError(
                    f"sgd_momentum: params[{i}]['{name}'], param_winc and param_grad have the "
                    f"shapes {x.shape}, {winc.shape} and {grad.shape}; expected one shape"
                )
            step = mu * winc + rate * (grad + shrink * x)
            moved[i][name], wincs[i][name] = x - step, step
    return moved, wincs
