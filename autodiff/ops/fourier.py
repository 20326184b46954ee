"""Discrete Fourier transforms, as linear maps of real and imaginary parts.

Nodes are real, so a complex array is a pair of real ones: ``Complex``. To the primitives the pair
is one array with a first axis of length 2, and a transform is a real linear map of it. Its
transpose is the inverse transform, up to the factor that ``norm`` says. Transforms of real signals
leave out the half of the spectrum that mirrors the other one; their transposes make up for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from autodiff.arrays import Array
from autodiff.graph import Node, bare
from autodiff.ops.complex_numbers import FUNCTIONS, Complex, as_complex, joined, parted
from autodiff.ops.indexing import getitem
from autodiff.ops.joining import concatenate
from autodiff.ops.padding import pad
from autodiff.ops.rules import Linear
from autodiff.ops.shapes import normal_axes, shape_of, whole_numbers
from autodiff.primitive import Operands, Parameters

__all__ = [
    "fft",
    "fft2",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftn",
]

# --- the primitives -------------------------------------------------------------------------------

Norm: TypeAlias = Literal["backward", "ortho", "forward"]
_DUAL: dict[Norm, Norm] = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


class _Transform(Linear):
    """Along its axes every element influences every other, whatever cancels in a sum."""

    def reach(self, i: int, mask: Any, f: Any, operands: Operands, parameters: Parameters) -> Any:
        parted = mask if self.name == "irfft" else mask.any(axis=0)
        reached = parted.any(axis=parameters["axes"], keepdims=True)
        return np.broadcast_to(reached, np.shape(operands[i]))


def _fft_of(z: Array, *, axes: tuple[int, ...], norm: Norm, inverse: bool) -> Array:
    transform = np.fft.ifftn if inverse else np.fft.fftn
    return parted(transform(joined(z), axes=axes, norm=norm))


def _shares(n: int, axis: int, ndim: int, like: Any) -> Array:
    """How the inverse transform's double counting is undone: 1 at the ends, 1/2 in between."""
    shares = np.full(n // 2 + 1, 0.5, dtype=bare(like).dtype)
    shares[0] = 1
    if n % 2 == 0:
        shares[-1] = 1
    return shares.reshape(-1, *(1,) * (ndim - axis - 1))


_fft: Linear = _Transform(
    "fft",
    _fft_of,
    lambda t, f, z, *, axes, norm, inverse: _fft(
        t, axes=axes, norm=_DUAL[norm], inverse=not inverse
    ),
)
_rfft: Linear = _Transform(
    "rfft",
    lambda x, *, axes, norm: parted(np.fft.rfft(x, axis=axes[0], norm=norm)),
    lambda t, f, x, *, axes, norm: _irfft(
        t * _shares(shape_of(x)[axes[0]], axes[0], len(shape_of(x)), t),
        n=shape_of(x)[axes[0]],
        axes=axes,
        norm=_DUAL[norm],
    ),
)
_irfft: Linear = _Transform(
    "irfft",
    lambda z, *, n, axes, norm: np.fft.irfft(joined(z), n, axis=axes[0], norm=norm),
    lambda t, f, z, *, n, axes, norm: (
        _rfft(t, axes=axes, norm=_DUAL[norm]) / _shares(n, axes[0], len(shape_of(t)), t)
    ),
)


# --- the transforms -------------------------------------------------------------------------------


def fft(a: Any, n: int | None = None, axis: int = -1, norm: Norm | None = None) -> Any:
    """The discrete Fourier transform along an axis: f_k = Σ over j of a_j · exp(-2πi jk / n).

    Args:
        a: real or complex: a node, a ``Complex``, or an array.
        n: the length to which the axis is cut, or filled up with zeros; its own if not given.
        axis: along which.
        norm: "backward" (default) divides the inverse by n, "forward" the transform, "ortho" both
            by √n.

    Returns:
        A ``Complex`` of a node or a ``Complex``; NumPy's complex array of an array.

    Raises:
        ValueError: there is no such axis, the length is not positive, or the norm is unknown.
    """
    return fftn(a, None if n is None else (n,), (axis,), norm)


def ifft(a: Any, n: int | None = None, axis: int = -1, norm: Norm | None = None) -> Any:
    """The inverse of ``fft``, with its arguments."""
    return ifftn(a, None if n is None else (n,), (axis,), norm)


def fft2(
    a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: Norm | None = None
) -> Any:
    """``fft`` along two axes."""
    return fftn(a, s, axes, norm)


def ifft2(
    a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: Norm | None = None
) -> Any:
    """``ifft`` along two axes."""
    return ifftn(a, s, axes, norm)


def fftn(
    a: Any,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: Norm | None = None,
) -> Any:
    """``fft`` along several axes, all if not given, to the lengths ``s``."""
    return _of_complex(np.fft.fftn, a, s, axes, norm, inverse=False)


def ifftn(
    a: Any,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: Norm | None = None,
) -> Any:
    """``ifft`` along several axes, all if not given, to the lengths ``s``."""
    return _of_complex(np.fft.ifftn, a, s, axes, norm, inverse=True)


def _of_complex(numpys: Any, a: Any, s: Any, axes: Any, norm: Norm | None, *, inverse: bool) -> Any:
    if not isinstance(a, (Node, Complex)):
        return numpys(a, s, axes, norm)
    z = as_complex(a)
    lengths, along = _lengths(z.shape, s, axes)
    parts = z.parts
    for n, axis in zip(lengths, along, strict=True):
        parts = _fitted(parts, n, axis + 1)
    return Complex(_along(parts, along, _norm(norm), inverse=inverse))


def rfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm | None = None) -> Any:
    """``fft`` of real numbers: the first n // 2 + 1 of its elements, which tell the others.

    Example:
        >>> import numpy as np
        >>> from autodiff import Tensor
        >>> a, b = Tensor([1.0, 2.0, 3.0]), np.array([0.0, 1.0])
        >>> n = 3 + 2 - 1  # a product of transforms is the transform of a convolution
        >>> np.round(np.fft.irfft(np.fft.rfft(a, n) * np.fft.rfft(b, n), n).data, 12)
        array([0., 1., 2., 3.])
    """
    return rfftn(a, None if n is None else (n,), (axis,), norm)


def irfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm | None = None) -> Any:
    """The inverse of ``rfft``: a real node of length n, 2 (length - 1) if not given."""
    return irfftn(a, None if n is None else (n,), (axis,), norm)


def rfft2(
    a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: Norm | None = None
) -> Any:
    """``rfft`` along the last of two axes, ``fft`` along the other."""
    return rfftn(a, s, axes, norm)


def irfft2(
    a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: Norm | None = None
) -> Any:
    """The inverse of ``rfft2``."""
    return irfftn(a, s, axes, norm)


def rfftn(
    a: Any,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: Norm | None = None,
) -> Any:
    """``rfft`` along the last of several axes, ``fft`` along the others."""
    if isinstance(a, Complex):
        raise TypeError("rfft takes real numbers: use fft, or the .real part")
    if not isinstance(a, Node):
        return np.fft.rfftn(a, s, axes, norm)
    lengths, along = _lengths(shape_of(a), s, axes)
    for n, axis in zip(lengths, along, strict=True):
        a = _fitted(a, n, axis)
    parts = _rfft(a, axes=along[-1:], norm=_norm(norm))
    return Complex(_along(parts, along[:-1], _norm(norm), inverse=False))


def irfftn(
    a: Any,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: Norm | None = None,
) -> Any:
    """The inverse of ``rfftn``."""
    if not isinstance(a, (Node, Complex)):
        return np.fft.irfftn(a, s, axes, norm)
    z = as_complex(a)
    lengths, along = _lengths(z.shape, s, axes)
    n = 2 * (lengths[-1] - 1) if s is None or s[-1] == -1 else lengths[-1]
    if n < 1:
        raise ValueError(f"the length of a Fourier transform is positive, got {n}")
    parts = z.parts
    for length, axis in zip((*lengths[:-1], n // 2 + 1), along, strict=True):
        parts = _fitted(parts, length, axis + 1)
    parts = _along(parts, along[:-1], _norm(norm), inverse=True)
    return _irfft(parts, n=n, axes=along[-1:], norm=_norm(norm))


def hfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm | None = None) -> Any:
    """``fft`` of a signal that mirrors itself, given by half of it: a real node."""
    if not isinstance(a, (Node, Complex)):
        return np.fft.hfft(a, n, axis, norm)
    return irfft(as_complex(a).conj(), n, axis, _DUAL[_norm(norm)])


def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm | None = None) -> Any:
    """The inverse of ``hfft``."""
    if not isinstance(a, Node):
        return np.fft.ihfft(a, n, axis, norm)
    return rfft(a, n, axis, _DUAL[_norm(norm)]).conj()


def fftshift(x: Any, axes: int | Sequence[int] | None = None) -> Any:
    """The frequency zero moved to the middle of each axis."""
    return _shifted(np.fft.fftshift, x, axes, lambda n: n - n // 2)


def ifftshift(x: Any, axes: int | Sequence[int] | None = None) -> Any:
    """The inverse of ``fftshift``."""
    return _shifted(np.fft.ifftshift, x, axes, lambda n: n // 2)


def _shifted(numpys: Any, x: Any, axes: Any, start: Any) -> Any:
    if isinstance(x, Complex):
        along = normal_axes(axes if axes is None else _axes(axes), len(x.shape))
        return Complex(_shifted(numpys, x.parts, tuple(a + 1 for a in along), start))
    if not isinstance(x, Node):
        return numpys(x, axes)
    shape = shape_of(x)
    for axis in normal_axes(axes if axes is None else _axes(axes), len(shape)):
        k = start(shape[axis])
        before = (slice(None),) * axis
        x = concatenate(
            [getitem(x, (*before, slice(k, None))), getitem(x, (*before, slice(k)))], axis
        )
    return x


def _axes(axes: int | Sequence[int]) -> tuple[int, ...]:
    return whole_numbers("axes", axes)


def _along(parts: Any, axes: tuple[int, ...], norm: Norm, *, inverse: bool) -> Any:
    return _fft(parts, axes=axes, norm=norm, inverse=inverse) if axes else parts


def _norm(norm: Norm | None) -> Norm:
    if norm is not None and norm not in _DUAL:
        raise ValueError(f"norm is one of {', '.join(_DUAL)}, got {norm!r}")
    return norm or "backward"


def _lengths(
    shape: tuple[int, ...], s: Sequence[int] | None, axes: Sequence[int] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The lengths of a transform, and its axes counted from the front, in the order given."""
    ndim = len(shape)
    if axes is None:
        axes = range(ndim) if s is None else range(-len(s), 0)
    given = _axes(tuple(axes))
    normal_axes(given, ndim)  # says what is wrong
    along = tuple(axis % ndim for axis in given)
    wanted = (-1,) * len(along) if s is None else whole_numbers("s", tuple(s))
    if len(wanted) != len(along):
        raise ValueError(f"a Fourier transform takes a length for each axis: got {s} for {axes}")
    lengths = tuple(shape[axis] if n == -1 else n for n, axis in zip(wanted, along, strict=True))
    if not along or min(lengths) < 1:
        raise ValueError(f"the length of a Fourier transform is positive, got {lengths}")
    return lengths, along


def _fitted(x: Any, n: int, axis: int) -> Any:
    """The axis cut to a length, or filled up with zeros."""
    shape = shape_of(x)
    if shape[axis] > n:
        return getitem(x, (*(slice(None),) * axis, slice(n)))
    if shape[axis] < n:
        return pad(x, [(0, n - shape[axis] if i == axis else 0) for i in range(len(shape))])
    return x


FUNCTIONS |= {getattr(np.fft, name): globals()[name] for name in __all__}
