"""Functions of functions: gradients and directional derivatives, and their numerical check."""

from autodiff.transform.check import GradientError, check_gradients
from autodiff.transform.forward import jvp
from autodiff.transform.gradient import grad, value_and_grad

__all__ = ["GradientError", "check_gradients", "grad", "jvp", "value_and_grad"]
