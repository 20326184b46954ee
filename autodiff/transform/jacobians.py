"""Jacobians, Hessians and their products with vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from math import prod
from typing import Any

import numpy as np

from autodiff.adjoint import ABSENT, dense
from autodiff.graph import Node, Tensor, Value, bare
from autodiff.ops.joining import stack
from autodiff.ops.shapes import astype, reshape, shape_of
from autodiff.transform.containers import flatten, require_numbers, unflatten
from autodiff.transform.forward import pushforward
from autodiff.transform.gradient import ArgNames, ArgNums, grad
from autodiff.transform.tape import Tape
from autodiff.transform.trace import as_leaf, places, trace

MODES = ("auto", "reverse", "forward")


def jacobian(
    function: Callable[..., Any],
    argnums: ArgNums = None,
    argnames: ArgNames = None,
    *,
    mode: str = "auto",
    has_aux: bool = False,
) -> Callable[..., Any]:
    """All partial derivatives of a function of arrays to arrays.

    The function is called once. Its graph is then walked back once for each element of the output
    ("reverse"), or swept forward once for each element of the arguments ("forward").

    Args:
        function: of scalars, arrays and containers of them, to a scalar, an array or a container.
        argnums: as for ``value_and_grad``.
        argnames: likewise.
        mode: "reverse", "forward", or "auto" for the one that takes fewer walks.
        has_aux: the function returns a pair (output, aux), and the result is (Jacobian, aux).

    Returns:
        A function of the same arguments. It returns an array of shape ``(*output, *argument)``; a
        float if both are scalars. For containers, each leaf of the output becomes what the gradient
        of that leaf would be: a container of such arrays. A block has its argument's dtype.

    Raises:
        TypeError: an argument is not of real numbers, or an output is neither number nor array.
        ValueError: there is no such mode.

    Example:
        >>> import numpy as np
        >>> import autodiff as ad
        >>> ad.jacobian(lambda x: x[:2] * x[2])(np.array([1.0, 2.0, 3.0]))
        array([[3., 0., 1.],
               [0., 3., 2.]])
    """
    if mode not in MODES:
        raise ValueError(f"jacobian: mode is one of {', '.join(MODES)}; got {mode!r}")
    where, several = places(argnums, argnames)

    @wraps(function)
    def differentiated(*arguments: Any, **options: Any) -> Any:
        run = trace(function, arguments, where, options, has_aux)
        outputs, structure = flatten(run.output)
        for output in outputs:
            require_numbers(output)
        tape = Tape(outputs, run.inputs)
        m, n = (sum(np.size(bare(x)) for x in side) for side in (outputs, run.inputs))
        backwards = mode == "reverse" or (mode == "auto" and m <= n)
        blocks = (_by_rows if backwards else _by_columns)(tape, run.recorded)
        if run.nested and not run.recorded:
            blocks = [[as_leaf(block) for block in row] for row in blocks]
        rows = [run.arranged(row) for row in blocks]
        result = unflatten(structure, [tuple(row) if several else row[0] for row in rows])
        return (result, run.aux) if has_aux else result

    return differentiated


def hessian(
    function: Callable[..., Any],
    argnums: ArgNums = None,
    argnames: ArgNames = None,
    *,
    mode: str = "auto",
    has_aux: bool = False,
) -> Callable[..., Any]:
    """The second derivatives of a function that returns one number: the Jacobian of its gradient.

    The function is called once and its gradient recorded once; arguments are as for ``jacobian``.

    Returns:
        A function of the same arguments. For an array x it returns an array of shape
        ``(*x.shape, *x.shape)``; for several arguments or containers, the gradient's structure with
        the gradient's structure at each leaf.

    Example:
        >>> import numpy as np
        >>> import autodiff as ad
        >>> ad.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
        array([[4., 2.],
               [2., 0.]])
    """
    gradient = grad(function, argnums, argnames, has_aux=has_aux)
    return jacobian(gradient, argnums, argnames, mode=mode, has_aux=has_aux)


def hvp(
    function: Callable[..., Any], argnums: ArgNums = None, argnames: ArgNames = None
) -> Callable[..., Any]:
    """The product of a function's Hessian with a vector, without the Hessian: forward over reverse.

    For many vectors at one point, ``linearize(grad(function), x)`` records the gradient once.

    Args:
        function: returns one real number.
        argnums: as for ``value_and_grad``.
        argnames: likewise.

    Returns:
        A function of the same arguments and, last, the vector: of the structure of the gradient, a
        tuple if that is a tuple. It costs a small multiple of one evaluation.

    Example:
        >>> import numpy as np
        >>> import autodiff as ad
        >>> x, v = np.array([1.0, 2.0]), np.array([1.0, 0.0])
        >>> ad.hvp(lambda x: x[0] ** 2 * x[1])(x, v)
        array([4., 2.])
    """
    where, several = places(argnums, argnames)
    gradient = grad(function, argnums, argnames)

    @wraps(function)
    def product(*given: Any, **options: Any) -> Any:
        if not given or (len(given) == 1 and not options):
            raise ValueError("hvp: expected the function's arguments and, last, a vector")
        *arguments, vector = given
        if several and (not isinstance(vector, (tuple, list)) or len(vector) != len(where)):
            raise ValueError(
                f"hvp: expected a tuple of {len(where)} vectors, one for each argument that is "
                "differentiated"
            )
        run = trace(gradient, arguments, where, options)
        return pushforward(run)[1](*(vector if several else (vector,)))

    return product


# --- blocks ---------------------------------------------------------------------------------------


def _unit_vectors(x: Any) -> Iterator[Any]:
    """One tangent, or cotangent, for each element of a node."""
    if isinstance(x, Value):
        yield 1.0
        return
    data = bare(x)
    for k in range(np.size(data)):
        unit = np.zeros(np.size(data), dtype=np.asarray(data).dtype)
        unit[k] = 1
        yield unit.reshape(np.shape(data))


def _by_rows(tape: Tape, recorded: bool) -> list[list[Any]]:
    """∂output/∂input for each output and each input, by one reverse walk per output element."""
    blocks = []
    for k, output in enumerate(tape.outputs):
        seeds: list[Any] = [None] * len(tape.outputs)
        rows: list[list[Any]] = [[] for _ in tape.inputs]
        if isinstance(output, Node):
            for unit in _unit_vectors(output):
                seeds[k] = unit
                for row, t in zip(rows, tape.pull(seeds, recorded), strict=True):
                    row.append(None if t is ABSENT else dense(t))
        blocks.append([_block(row, output, x, 0) for row, x in zip(rows, tape.inputs, strict=True)])
    return blocks


def _by_columns(tape: Tape, recorded: bool) -> list[list[Any]]:
    """The same, by one forward sweep per input element."""
    blocks: list[list[Any]] = [[] for _ in tape.outputs]
    for k, x in enumerate(tape.inputs):
        tangents: list[Any] = [None] * len(tape.inputs)
        columns: list[list[Any]] = [[] for _ in tape.outputs]
        for unit in _unit_vectors(x):
            tangents[k] = unit
            for column, t in zip(columns, tape.push(tangents, recorded), strict=True):
                column.append(t)
        for block, column, output in zip(blocks, columns, tape.outputs, strict=True):
            block.append(_block(column, output, x, 1))
    return blocks


def _block(slices: Sequence[Any | None], output: Any, x: Node, axis: int) -> Any:
    """Rows or columns of derivatives, None for zeros, as one array of shape (*output, *x)."""
    shape = (*shape_of(output), *shape_of(x))
    of_scalars = not isinstance(x, Tensor) and not isinstance(bare(output), np.ndarray)
    weak = output if isinstance(x, Value) else x
    dtype = getattr(bare(weak), "dtype", np.dtype(float))
    if dtype.kind != "f":
        dtype = np.dtype(float)
    across = prod(shape_of(x) if axis == 0 else shape_of(output))
    if all(part is None for part in slices):
        return 0.0 if of_scalars else np.zeros(shape, dtype)
    if of_scalars:
        return slices[0] if isinstance(slices[0], Node) else float(slices[0])  # type: ignore[arg-type]
    if any(isinstance(part, Node) for part in slices):
        zero = np.zeros(across, dtype)
        flat = [zero if part is None else reshape(part, (across,)) for part in slices]
        block = reshape(stack(flat, axis), shape)
        return block if block.dtype == dtype else astype(block, dtype)
    array = np.zeros((len(slices), across), dtype)
    for k, part in enumerate(slices):
        if part is not None:
            array[k] = np.reshape(part, across)
    return np.ascontiguousarray(array.T if axis else array).reshape(shape)
