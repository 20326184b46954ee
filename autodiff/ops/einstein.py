"""Einstein summation: sums of products over axes named by letters.

Whatever the subscripts say is brought into a form in which the family is closed. Repeated letters
within an operand become one (its diagonal), axes of length 1 that only broadcast are dropped, and
letters that belong to one operand alone, not to the result, are summed out. What remains is a
chain of products of two operands in which every letter belongs to two of x, y and the result f. Its
transposes are of the same kind: for f = einsum("ij,jk->ik", x, y), the adjoint of x is
einsum("ik,jk->ij", t, y).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from string import ascii_letters
from typing import Any, TypeAlias

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Node, describe
from autodiff.kernels.contraction import contract
from autodiff.ops import reductions
from autodiff.ops.rules import Linear
from autodiff.ops.shapes import reshape, shape_of, transpose

__all__ = [
    "einsum",
]

Term: TypeAlias = tuple[Any, str]
"""An operand, and a letter for each of its axes."""


def _split(subscripts: str) -> tuple[str, str, str]:
    inputs, out = subscripts.split("->")
    x, y = inputs.split(",")
    return x, y, out


def _product(x: Any, y: Any, *, subscripts: str) -> Any:
    return contract(x, y, *_split(subscripts))


def _transpose_x(t: Any, f: Any, x: Any, y: Any, *, subscripts: str) -> Any:
    ours, theirs, out = _split(subscripts)
    return product(t, y, subscripts=f"{out},{theirs}->{ours}")


def _transpose_y(t: Any, f: Any, x: Any, y: Any, *, subscripts: str) -> Any:
    ours, theirs, out = _split(subscripts)
    return product(x, t, subscripts=f"{ours},{out}->{theirs}")


def _text(*names: str, subscripts: str) -> str:
    return f"einsum({', '.join([repr(subscripts), *names])})"


product = Linear("einsum", _product, _transpose_x, _transpose_y, text=_text)
"""Of two operands: every letter belongs to at least two of x, y and the result, to each once."""


def _embedded(t: Any, *, subscripts: str, shape: tuple[int, ...]) -> Array:
    array = np.zeros(shape, dtype=np.asarray(t).dtype)
    np.einsum(subscripts, array)[...] = t  # NumPy gives the diagonal as a view to write to
    return array


_diagonal: Linear = Linear(
    "diagonal",
    lambda x, *, subscripts: np.einsum(subscripts, x),
    lambda t, f, x, *, subscripts: _diagonal_matrix(t, subscripts=subscripts, shape=shape_of(x)),
    text=_text,
)
_diagonal_matrix: Linear = Linear(
    "diagonal_matrix",
    _embedded,
    lambda t, f, x, *, subscripts, shape: _diagonal(t, subscripts=subscripts),
)


# --- reading the subscripts -----------------------------------------------------------------------

Labels: TypeAlias = tuple[Any, ...]
"""Of the axes of one operand: letters, and Ellipsis for ``...``."""


def _read(arguments: Sequence[Any]) -> tuple[Sequence[Any], tuple[Labels, ...], Labels | None]:
    """Operands, the labels of each, and those of the result if they are given."""
    if isinstance(arguments[0], str):
        return arguments[1:], *_parsed(arguments[0])
    count = len(arguments) // 2
    labels = tuple(_numbered(numbers) for numbers in arguments[1 : 2 * count : 2])
    out = _numbered(arguments[-1]) if len(arguments) % 2 else None
    return arguments[: 2 * count : 2], labels, out


@lru_cache(maxsize=512)
def _parsed(text: str) -> tuple[tuple[Labels, ...], Labels | None]:
    inputs, arrow, out = text.replace(" ", "").partition("->")
    labels = tuple(_letters(part, text) for part in inputs.split(","))
    return labels, _letters(out, text) if arrow else None


def _letters(part: str, text: str) -> Labels:
    before, dots, after = part.partition("...")
    letters = (*before, *([...] if dots else []), *after)
    if any(letter is not ... and letter not in ascii_letters for letter in letters):
        raise ValueError(
            f"einsum: subscripts are letters, ',', '->' and one '...' each; got {text!r}"
        )
    return letters


def _numbered(numbers: Any) -> Labels:
    """The labels of a list of whole numbers."""
    try:
        return tuple(n if n is ... else ascii_letters[range(52).index(n)] for n in numbers)
    except (TypeError, ValueError):
        raise ValueError(
            f"einsum: a list of labels holds whole numbers from 0 to 51, or ...; got {numbers!r}"
        ) from None


@lru_cache(maxsize=512)
def _spelt_out(
    labels: tuple[Labels, ...], out: Labels | None, shapes: tuple[tuple[int, ...], ...]
) -> tuple[tuple[str, ...], str]:
    """A letter for every axis of operands of these shapes, and for those of the result."""
    if len(shapes) != len(labels):
        raise ValueError(
            f"einsum: the subscripts are for {len(labels)} operand(s), got {len(shapes)}"
        )
    hidden = []  # how many axes each ... stands for
    for shape, its in zip(shapes, labels, strict=True):
        count = len(shape) - sum(label is not ... for label in its)
        if count < 0 or (count and ... not in its):
            raise ValueError(
                f"einsum: subscripts {_shown(its)} do not fit an operand of shape {shape}"
            )
        hidden.append(count)
    used = {label for its in labels for label in its}
    broadcast = _fresh(used, max(hidden, default=0))
    if out is None:
        every = [label for its in labels for label in its if label is not ...]
        out = (..., *sorted(label for label in set(every) if every.count(label) == 1))
    elif broadcast and ... not in out:
        raise ValueError(f"einsum: the axes of ... are missing in the result {_shown(out)}")
    letters = tuple(
        _spelt(its, broadcast[len(broadcast) - count :])
        for its, count in zip(labels, hidden, strict=True)
    )
    result = _spelt(out, broadcast)
    if set(result).difference(*letters) or len(set(result)) < len(result):
        raise ValueError(
            f"einsum: a subscript of the result stands there once, and in an operand; got {result}"
        )
    return letters, result


def _shown(labels: Iterable[Any]) -> str:
    return repr("".join("..." if label is ... else label for label in labels))


def _fresh(used: set[Any], count: int) -> str:
    """Letters that nobody uses."""
    alphabet = (*ascii_letters, *map(chr, range(ord("α"), ord("α") + 52 + 64)))
    return "".join([letter for letter in alphabet if letter not in used][:count])


def _spelt(labels: Iterable[Any], broadcast: str) -> str:
    return "".join(broadcast if label is ... else label for label in labels)


# --- the operation --------------------------------------------------------------------------------


def einsum(*operands: Any, optimize: Any = True) -> Any:
    """Einstein summation, ``einsum("ij,jk->ik", x, y)``, with all that NumPy's knows.

    Args:
        operands: the subscripts and the operands, or operands and lists of whole numbers in turn,
            ``einsum(x, [0, 1], y, [1, 2], [0, 2])``. A letter may be repeated within an operand
            (its diagonal); ``...`` stands for axes that broadcast.
        optimize: in which order more than two operands are multiplied: True or a strategy of
            ``numpy.einsum_path``, a path of it, or False for from left to right. It is always two
            at a time, so that the gradient costs a small multiple of the value.

    Raises:
        ValueError: the subscripts don't fit the operands.

    Example:
        >>> import numpy as np
        >>> from autodiff import Tensor, einsum
        >>> A = Tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> trace = einsum("ii", A)
        >>> trace.backward()
        >>> float(trace), A.grad
        (5.0, array([[1., 0.],
               [0., 1.]]))
    """
    if not operands:
        raise ValueError("einsum: expected subscripts and operands, got nothing")
    given, labels, result = _read(operands)
    letters, out = _spelt_out(labels, result, tuple(map(shape_of, given)))
    terms = _of_equal_lengths(
        [_without_repeats(x, its) for x, its in zip(given, letters, strict=True)]
    )
    for step in _path(terms, out, optimize):
        taken = [terms[i] for i in step]
        terms = [term for i, term in enumerate(terms) if i not in step]
        wanted = set(out).union(*(letters for _, letters in terms))
        terms.append(_multiplied(taken, wanted, out))
    return _arranged(*_summed(*terms[0], set(out)), out)


def _without_repeats(x: Any, letters: str) -> Term:
    """The diagonal along the axes that share a letter."""
    once = "".join(dict.fromkeys(letters))
    if once == letters:
        return x if isinstance(x, Node) or np.isscalar(x) else np.asarray(x), letters
    lengths = dict(zip(letters, shape_of(x), strict=True))
    if any(lengths[letter] != n for letter, n in zip(letters, shape_of(x), strict=True)):
        raise ValueError(f"einsum: the axes {letters!r} of {describe(x)} differ in length")
    plain = dict(zip(once, ascii_letters, strict=False))  # NumPy reads no other letters
    subscripts = "".join(plain[letter] for letter in letters)
    return _diagonal(x, subscripts=f"{subscripts}->{''.join(plain.values())}"), once


def _of_equal_lengths(terms: list[Term]) -> list[Term]:
    """The terms without the axes of length 1 that stand for a greater length elsewhere."""
    lengths: dict[str, int] = {}
    for x, letters in terms:
        for letter, n in zip(letters, shape_of(x), strict=True):
            if lengths.setdefault(letter, n) == 1:
                lengths[letter] = n
            if n not in (1, lengths[letter]):
                raise ValueError(
                    f"einsum: axis {letter!r} has length {lengths[letter]} in one operand, and "
                    f"{n} in {describe(x)} ({letters!r})"
                )
    narrowed = []
    for x, letters in terms:
        kept = [(letter, n) for letter, n in zip(letters, shape_of(x), strict=True)
                if n == lengths[letter]]  # fmt: skip
        if len(kept) < len(letters):
            x = reshape(x, tuple(n for _, n in kept))
        narrowed.append((x, "".join(letter for letter, _ in kept)))
    return narrowed


def _path(terms: list[Term], out: str, optimize: Any) -> list[tuple[int, ...]]:
    """Which terms are multiplied in each step; the product goes to the end of the list."""
    if len(terms) < 3 or optimize is False:
        return [tuple(range(len(terms)))]
    number = {letter: i for i, letter in enumerate({c: 0 for _, its in terms for c in its})}
    arguments: list[Any] = []
    for x, letters in terms:
        arguments += [np.broadcast_to(0.0, shape_of(x)), [number[letter] for letter in letters]]
    path, _ = np.einsum_path(*arguments, [number[letter] for letter in out], optimize=optimize)
    return path[1:]


def _multiplied(terms: list[Term], wanted: set[str], out: str) -> Term:
    """The product of the terms, summed over what is not wanted."""

    def of_two(left: tuple[Term, int], right: tuple[Term, int]) -> tuple[Term, int]:
        (x, x_letters), _ = left
        (y, y_letters), place = right
        kept = wanted.union(*(letters for _, letters in terms[place + 1 :]))
        x, x_letters = _summed(x, x_letters, kept | set(y_letters))
        y, y_letters = _summed(y, y_letters, kept | set(x_letters))
        letters = "".join(letter for letter in dict.fromkeys(x_letters + y_letters)
                          if letter in kept)  # fmt: skip
        if set(letters) == set(out):
            letters = out
        subscripts = f"{x_letters},{y_letters}->{letters}"
        return (product(x, y, subscripts=subscripts), letters), place

    return reduce(of_two, [(term, place) for place, term in enumerate(terms)])[0]


def _summed(x: Any, letters: str, wanted: set[str]) -> Term:
    axes = tuple(i for i, letter in enumerate(letters) if letter not in wanted)
    if not axes:
        return x, letters
    return reductions.sum(x, axes), "".join(letter for letter in letters if letter in wanted)


def _arranged(x: Any, letters: str, out: str) -> Any:
    return x if letters == out else transpose(x, [letters.index(letter) for letter in out])
