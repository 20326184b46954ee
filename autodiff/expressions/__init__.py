"""Expressions in writing, such as ``sin(θ*x1 + x2) + θ*x2²``, read without running them as code.

>>> from autodiff import Value
>>> from autodiff.expressions import parse
>>> f = parse("sin(θ·x₁ + x₂) + θ·x₂²")
>>> f.names
('θ', 'x₁', 'x₂')
>>> f({"θ": Value(0.5), "x₁": Value(2.0), "x₂": Value(3.0)})
Value(3.7431975046920716, op='add')

``tokens`` takes the text apart, ``grammar`` looks that there is nothing in it but arithmetic,
``functions`` lists what may be called, ``expression`` computes.
"""

from autodiff.expressions.errors import ExpressionError
from autodiff.expressions.expression import Expression, parse

__all__ = ["Expression", "ExpressionError", "parse"]
