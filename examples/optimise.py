"""Calibrate a model to data with SciPy's optimisers, and derivatives from this library.

python -m examples.optimise

The model is logistic growth, y(t) = K / (1 + e^(-r (t - m))). SciPy is an optional dependency.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import autodiff as ad

TRUTH = np.array([10.0, 0.8, 5.0])
START = np.array([6.0, 0.4, 3.0])
TIMES = np.linspace(0.0, 12.0, 40)
DATA = TRUTH[0] / (1 + np.exp(-TRUTH[1] * (TIMES - TRUTH[2])))
DATA = DATA + 0.1 * np.random.default_rng(0).normal(size=TIMES.size)


def residuals(x: Any) -> Any:
    """What the model with parameters x = (K, r, m) leaves unexplained, time by time."""
    return x[0] * ad.sigmoid(x[1] * (TIMES - x[2])) - DATA


def cost(x: Any) -> Any:
    """Half the sum of squares of the residuals."""
    return 0.5 * ad.sum(residuals(x) ** 2)


def main() -> None:
    """Fit in four ways and print what each found, and at what price."""
    try:
        from scipy.optimize import least_squares, minimize
    except ImportError:
        sys.exit("error: this example needs SciPy: pip install scipy")
    both = ad.value_and_grad(cost)
    fits = {
        "BFGS, value_and_grad": minimize(both, START, jac=True, method="BFGS"),
        "Newton-CG, hvp": minimize(
            both, START, jac=True, hessp=ad.hvp(cost), method="trust-ncg", tol=1e-8
        ),
        "trust region, hessian": minimize(
            both, START, jac=True, hess=ad.hessian(cost), method="trust-exact", tol=1e-8
        ),
        "least squares, jacobian": least_squares(
            residuals, START, jac=ad.jacobian(residuals), xtol=1e-12
        ),
    }
    print(f"{'method':<26}{'K':>10}{'r':>10}{'m':>10}{'cost':>12}{'calls':>8}")
    print(f"{'the truth':<26}" + "".join(f"{x:>10.5f}" for x in TRUTH))
    for name, fit in fits.items():
        found = "".join(f"{x:>10.5f}" for x in fit.x)
        print(f"{name:<26}{found}{cost(fit.x):>12.8f}{fit.nfev:>8}")
    best = fits["least squares, jacobian"].x
    variance = 2 * cost(best) / (TIMES.size - TRUTH.size)
    errors = np.sqrt(np.diag(np.linalg.inv(ad.hessian(cost)(best))) * variance)
    print(f"{'standard errors':<26}" + "".join(f"{e:>10.5f}" for e in errors))


if __name__ == "__main__":
    main()
