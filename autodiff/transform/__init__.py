"""Functions of functions: derivatives of every kind, and their numerical check."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from autodiff.transform.constant import stop_gradient
from autodiff.transform.forward import jvp, linearize
from autodiff.transform.gradient import elementwise_grad, grad, value_and_grad
from autodiff.transform.pullback import vjp

if TYPE_CHECKING:
    from autodiff.transform.check import GradientError, KinkError, check_gradients, gradcheck
    from autodiff.transform.custom_rules import CustomRule, custom_rule
    from autodiff.transform.jacobians import hessian, hvp, jacobian
    from autodiff.transform.recompute import checkpoint

LAZY = {
    "CustomRule": "custom_rules",
    "GradientError": "check",
    "KinkError": "check",
    "check_gradients": "check",
    "checkpoint": "recompute",
    "custom_rule": "custom_rules",
    "gradcheck": "check",
    "hessian": "jacobians",
    "hvp": "jacobians",
    "jacobian": "jacobians",
}
"""What loads when it is first used, and the module that it is in."""

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
    """The less used transforms load when they are first used."""
    if name in LAZY:
        return getattr(import_module(f"autodiff.transform.{LAZY[name]}"), name)
    raise AttributeError(f"module 'autodiff.transform' has no attribute {name!r}")
