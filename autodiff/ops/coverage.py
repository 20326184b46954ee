"""Which of NumPy's functions do what on a node: the declared side of the coverage table.

A public function of NumPy is in exactly one of these classes:

* *differentiable*: it has an operation in ``numpy_protocol.ANSWERS``, and is not listed here;
* *bare*: its result has no derivative, being a boolean, a whole number, a text or a constant; it is
  computed on bare data and is no node (``BARE``);
* *refused*: it raises TypeError, with the reason given here (``REFUSED``);
* *of plain numbers*: it makes arrays and takes no nodes, which NumPy or ``Node.__array__`` refuses
  (``PLAIN``);
* *no function of arrays*: settings, files, types (``OUTSIDE``).

The protocol reads these tables, so they say what happens. Names are relative to ``np``; a name that
the installed NumPy doesn't have is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, reduce
from typing import Any, NamedTuple

import numpy as np


class Group(NamedTuple):
    """Functions that are treated alike.

    Attributes:
        about: what they have in common, a heading of the coverage table.
        names: their names, relative to ``np`` and separated by blanks.
        why: the reason, as the end of an error message; empty where nothing is refused.
    """

    about: str
    names: str
    why: str = ""

    def functions(self) -> Iterator[tuple[str, Any]]:
        """Name and function for each name that the installed NumPy has."""
        start: Any = np
        for name in self.names.split():
            found = reduce(lambda part, word: getattr(part, word, None), name.split("."), start)
            if found is not None:
                yield name, found


BARE: tuple[Group, ...] = (
    Group(
        "comparisons and logic",
        "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_not "
        "logical_xor all any allclose isclose array_equal array_equiv isin",
    ),
    Group(
        "questions about numbers",
        "isfinite isinf isnan isneginf isposinf signbit iscomplex iscomplexobj isreal isrealobj",
    ),
    Group(
        "positions and counts",
        "argmax argmin nanargmax nanargmin argsort argpartition lexsort searchsorted digitize "
        "nonzero flatnonzero argwhere count_nonzero linalg.matrix_rank ravel_multi_index "
        "unravel_index ix_ diag_indices_from tril_indices_from triu_indices_from",
    ),
    Group(
        "shapes, types and memory",
        "shape ndim size result_type can_cast common_type min_scalar_type may_share_memory "
        "shares_memory einsum_path",
    ),
    Group("constants", "zeros_like ones_like empty_like imag angle"),
    Group("text", "array2string array_repr array_str"),
)

REFUSED: tuple[Group, ...] = (
    Group(
        "writing into an array",
        "copyto fill_diagonal place put put_along_axis putmask",
        "it writes into an array, and what a graph holds never changes: "
        "autodiff.index_update(x, index, values) gives a new one",
    ),
    Group(
        "complex eigenvalues",
        "linalg.eig linalg.eigvals",
        "eigenvalues of a general matrix are complex, and nodes are real: for a symmetric matrix "
        "use np.linalg.eigh",
    ),
    Group(
        "complex numbers",
        "sort_complex",
        "its result is complex, and nodes are real: work on the real and the imaginary part",
    ),
    Group(
        "whole numbers and their bits",
        "bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_invert bitwise_count "
        "bitwise_left_shift bitwise_right_shift invert left_shift right_shift gcd lcm packbits "
        "unpackbits",
        "it is defined on whole numbers, which have no derivative: apply it to the .data",
    ),
    Group(
        "the grid of floating-point numbers",
        "nextafter spacing",
        "it shows how numbers are stored, and is no function of real numbers: apply it to the "
        ".data",
    ),
    Group(
        "dates",
        "busday_count busday_offset is_busday isnat datetime_as_string",
        "dates have no derivative: apply it to the .data",
    ),
    Group(
        "functions that call a function",
        "apply_along_axis apply_over_axes",
        "it writes what a function returns into an array: call the function on the parts, and join "
        "the results with autodiff.stack",
    ),
    Group(
        "sets, and numbers left out",
        "unique unique_all unique_counts unique_inverse unique_values intersect1d setdiff1d "
        "setxor1d union1d trim_zeros",
        "what it keeps depends on which numbers are equal: find their positions in the .data, and "
        "index the node",
    ),
    Group(
        "histograms",
        "histogram histogram2d histogramdd histogram_bin_edges",
        "its counts jump, so they have no derivative: apply it to the .data",
    ),
    Group(
        "polynomials",
        "poly polyadd polyder polydiv polyfit polyint polymul polysub roots",
        "of polynomials only the value has a rule, np.polyval: use arithmetic on the coefficients "
        "(np.convolve multiplies; np.linalg.lstsq of np.vander fits)",
    ),
    Group(
        "weighted counts",
        "bincount",
        "autodiff.index_add(np.zeros(n), positions, weights) adds up weights at positions",
    ),
    Group(
        "files",
        "save savetxt savez savez_compressed",
        "a file holds numbers without their graph: save the .data",
    ),
)

PLAIN: tuple[Group, ...] = (
    Group(
        "arrays from lengths and numbers",
        "zeros ones empty full eye identity tri arange indices fromfunction fromiter frombuffer "
        "fromstring from_dlpack diag_indices mask_indices tril_indices triu_indices "
        "broadcast_shapes",
    ),
    Group(
        "conversions to arrays",
        "array asarray asanyarray ascontiguousarray asfortranarray asarray_chkfinite require "
        "asmatrix bmat frompyfunc nested_iters isfortran",
    ),
    Group("window functions", "bartlett blackman hamming hanning kaiser"),
    Group("frequencies", "fft.fftfreq fft.rfftfreq"),
)

OUTSIDE: tuple[Group, ...] = (
    Group("deprecated names of vstack, isin and trapezoid", "row_stack in1d trapz"),
    Group("files", "fromfile fromregex genfromtxt load loadtxt"),
    Group(
        "types",
        "datetime_data isdtype isscalar issubdtype iterable mintypecode promote_types typename",
    ),
    Group("text", "base_repr binary_repr format_float_positional format_float_scientific"),
    Group(
        "settings and information",
        "get_include get_printoptions getbufsize geterr geterrcall info printoptions "
        "set_printoptions setbufsize seterr seterrcall show_config show_runtime test linalg.test "
        "fft.test",
    ),
)


@cache
def reasons() -> dict[Any, str]:
    """Why each refused function is."""
    return {function: group.why for group in REFUSED for _, function in group.functions()}
