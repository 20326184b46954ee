"""Functions of functions: derivatives of every kind, and their numerical check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autodiff import late

if TYPE_CHECKING:  # what ``late`` loads when it is first used
    from autodiff.transform.check import GradientError, KinkError, check_gradients, gradcheck
    from autodiff.transform.constant import stop_gradient
    from autodiff.transform.custom_rules import CustomRule, custom_rule
    from autodiff.transform.forward import jvp, linearize
    from autodiff.transform.gradient import elementwise_grad, grad, value_and_grad
    from autodiff.transform.jacobians import hessian, hvp, jacobian
    from autodiff.transform.pullback import vjp
    from autodiff.transform.recompute import checkpoint

__all__ = [
    "CustomRule",
    "GradientError",
    "KinkError",
    "check_gradients",
    "checkpoint",
    "custom_rule",
    "elementwise_grad",
    "grad",
    "gradcheck",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "linearize",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> Any:
    """The transforms load when they are first used; few programs use many of them."""
    return late.found(name, __name__)
