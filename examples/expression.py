"""Differentiate sin(θ·x1 + x2) + θ·x2², show how, and draw its graph.

python -m examples.expression            writes expression.svg and expression.png here
"""

from __future__ import annotations

from pathlib import Path

import autodiff as ad
from autodiff import Value


def main(folder: Path = Path()) -> list[Path]:
    """Print value, gradient and reverse schedule; write the drawing into ``folder``.

    Returns:
        The files written.
    """
    θ, x1, x2 = Value(0.5, label="θ"), Value(2.0, label="x1"), Value(3.0, label="x2")
    f = ad.sin(θ * x1 + x2) + θ * x2**2
    f.label = "f"
    f.backward()
    print("f = sin(θ*x1 + x2) + θ*x2**2  at  θ = 0.5, x1 = 2, x2 = 3\n")
    print(f"  f      = {f.data:.12f}")
    for variable in (θ, x1, x2):
        print(f"  ∂f/∂{variable.label:<2} = {variable.grad:.12f}")
    print()
    print(ad.explain(f))
    drawing = ad.draw(f)
    return [drawing.write(folder / f"expression.{kind}") for kind in ("svg", "png")]


if __name__ == "__main__":
    print("\nwritten:", *main())
