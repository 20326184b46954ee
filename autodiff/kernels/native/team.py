"""How threads come by their work: a job lies in memory that all of them see, and each takes a part.

A thread that waits for a job looks at that memory again and again for a moment, outside of Python's
lock, so that it begins within a microsecond; to wake one that sleeps takes a hundred times as long.
Nobody waits for a thread that has not begun: the others do its parts. A job is a compiled function
with its arguments, called through a bridge whose own signature is always the same.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from autodiff.arrays import Array
from autodiff.kernels.native.compiler import compiled, written
from autodiff.kernels.native.vectors import INT

_LINE = 8
"""Whole numbers in a line of the cache: each cell has one to itself."""
STATE, NEXT, COUNT, GRAIN, MOST, FAILED, FUNCTION, ARGUMENTS = range(0, 8 * _LINE, _LINE)
"""Where the cells are: who is at work, which part comes next, how many there are, how many are
taken at once, how many threads may help, whether one failed, and the job itself."""

_HELPERS = (1 << 15) - 1
_OPEN = 1 << 15
_JOB = 16
"""Of the state: how many threads help, whether they may, and where the number of the job begins."""

_STATUS = ir.IntType(32)
_POINTER = ir.IntType(8).as_pointer()
_PAUSE = "llvm.x86.sse2.pause" if platform.machine() in ("x86_64", "AMD64") else ""

_OFTEN = 32
"""After so many looks a thread offers its core to others."""


def cells() -> Array:
    """The memory of a team, as it is before the first job."""
    room = np.zeros(9 * _LINE, np.int64)
    begin = -room.ctypes.data // room.itemsize % _LINE
    return room[begin : begin + 8 * _LINE]


# --- what no other thread can come between --------------------------------------------------------


def _cell(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array, index, *_ = arguments
    data = context.make_array(signature.args[0])(context, builder, array).data
    return builder.gep(data, [index])


@written
def _read(typing: Any, cells: Any, index: Any) -> Any:
    """What a cell holds now."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cell = _cell(context, builder, signature, arguments)
        return builder.load_atomic(cell, "acquire", 8)

    return types.intp(cells, types.intp), emit


@written
def _add(typing: Any, cells: Any, index: Any, number: Any) -> Any:
    """Add to a cell; what it held before."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cell = _cell(context, builder, signature, arguments)
        return builder.atomic_rmw("add", cell, arguments[2], "acq_rel")

    return types.intp(cells, types.intp, types.intp), emit


@written
def _replace(typing: Any, cells: Any, index: Any, expected: Any, number: Any) -> Any:
    """Write to a cell, if it still holds what is expected; whether it did."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cell = _cell(context, builder, signature, arguments)
        pair = builder.cmpxchg(cell, *arguments[2:], "acq_rel", "acquire")
        return builder.extract_value(pair, 1)

    return types.boolean(cells, types.intp, types.intp, types.intp), emit


@written
def _pause(typing: Any) -> Any:
    """Let the processor know that this is a loop that waits."""
    return types.void(), _calling(_PAUSE, ir.VoidType())


@written
def _yield(typing: Any) -> Any:
    """Let another thread have the core, if there is one that waits for it."""
    return types.void(), _calling("sched_yield" if hasattr(os, "sched_yield") else "", _STATUS)


def _calling(name: str, result: Any) -> Any:
    """What writes a call of a function without arguments; nothing without a name."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if name:
            kind = ir.FunctionType(result, [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return emit


@compiled
def _look_away(times: int) -> None:
    """Wait a little before looking again, for the so-manieth time."""
    if times % _OFTEN:
        _pause()
    else:
        _yield()


# --- a job ----------------------------------------------------------------------------------------


def _bridge_kind(builder: Any) -> Any:
    """A function of numba's own kind: (result, error, arguments, first, end) to a status."""
    error = builder.function.args[1].type
    return ir.FunctionType(_STATUS, [_POINTER, error, _POINTER, INT, INT])


@written
def _publish(typing: Any, cells: Any, kernel: Any, arguments: Any) -> Any:
    """Make ``kernel(first, end, *arguments)`` the job.

    The arguments are held by the function that publishes them: it must not return before the job is
    done.
    """
    called = kernel.get_call_type(typing, (types.intp, types.intp, *arguments.types), {})

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        target = context.get_function(kernel, called)
        context.add_linking_libs(getattr(target, "libs", ()))
        held = cgutils.alloca_once_value(builder, values[2])
        name = builder.module.get_unique_name("bridge")
        bridge = ir.Function(builder.module, _bridge_kind(builder), name)
        bridge.linkage = "internal"
        inside = ir.IRBuilder(bridge.append_basic_block())
        _, _, place, first, end = bridge.args
        given = inside.load(inside.bitcast(place, held.type))
        given = cgutils.unpack_tuple(inside, given, len(arguments.types))
        target(inside, [first, end, *given])  # what it raises, the bridge returns as a status
        inside.ret(_STATUS(0))
        for index, pointer in ((FUNCTION, bridge), (ARGUMENTS, held)):
            cell = _cell(context, builder, signature, (values[0], INT(index)))
            builder.store(builder.ptrtoint(pointer, INT), cell)
        return context.get_dummy_value()

    return types.void(cells, kernel, arguments), emit


@written
def _call(typing: Any, cells: Any, first: Any, end: Any) -> Any:
    """Do some parts of the job; anything but 0 is a failure."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, first, end = arguments
        kind = _bridge_kind(builder)
        bridge, held = (
            builder.inttoptr(
                builder.load(_cell(context, builder, signature, (array, INT(index)))), pointer
            )
            for index, pointer in ((FUNCTION, kind.as_pointer()), (ARGUMENTS, _POINTER))
        )
        nothing = builder.bitcast(cgutils.alloca_once(builder, INT), _POINTER)
        error = cgutils.alloca_once(builder, kind.args[1].pointee)
        return builder.call(bridge, [nothing, error, held, first, end])

    return types.int32(cells, types.intp, types.intp), emit


@compiled
def _work(cells: Any) -> None:
    """Take parts of the job until there are none."""
    grain, count = cells[GRAIN], cells[COUNT]
    while True:
        first = _add(cells, NEXT, grain)
        if first >= count:
            return
        if _call(cells, first, min(first + grain, count)):
            cells[FAILED] = 1


@compiled
def _begin(cells: Any, count: int, grain: int) -> None:
    cells[NEXT], cells[COUNT], cells[GRAIN], cells[FAILED] = 0, count, grain, 0
    _add(cells, STATE, (1 << _JOB) + _OPEN)


@compiled
def _finish(cells: Any) -> None:
    """Let nobody begin any more, and wait for those who did."""
    _add(cells, STATE, -_OPEN)
    looked = 0
    while _read(cells, STATE) & _HELPERS:
        looked += 1
        _look_away(looked)
    if cells[FAILED]:
        raise MemoryError("there is not enough memory for a compiled kernel")


@compiled
def help_out(cells: Any, last: int, patience: int) -> int:
    """Help with every job that comes.

    Args:
        cells: of the team.
        last: the job with which this thread helped last.
        patience: how often it looks for a new one before it returns.

    Returns:
        The job with which it helped last.
    """
    looked = 0
    while looked < patience:
        state = _read(cells, STATE)
        new = state & _OPEN and state >> _JOB != last and state & _HELPERS < cells[MOST]
        if new and _replace(cells, STATE, state, state + 1):
            _work(cells)
            _add(cells, STATE, -1)
            last, looked = state >> _JOB, 0
        else:
            looked += 1
            _look_away(looked)
    return last


class Shared:
    """A compiled kernel that does the parts of its work from ``first`` to ``end``.

    Attributes:
        alone: ``alone(first, end, *arguments)``, in the thread that calls it.
        together: ``together(cells, count, grain, *arguments)``, shared out among a team.
    """

    def __init__(self, function: Callable[..., None]) -> None:
        self.alone = compiled(function)
        self.together = _launcher(function, self.alone)


def shared(function: Callable[..., None]) -> Shared:
    """A kernel (first, end, ...), compiled; what it computes must not depend on the division."""
    return Shared(function)


_kernel: Any = None
"""What stands here for the kernel, in the function below."""


def _together(cells: Any, count: int, grain: int, *arguments: Any) -> None:
    """Make the kernel the job of a team, and help."""
    _publish(cells, _kernel, arguments)
    _begin(cells, count, grain)
    _work(cells)
    _finish(cells)


def _launcher(function: Callable[..., None], kernel: Any) -> Any:
    """The function above for a kernel.

    numba keeps programs on disk by the place where a function is written, and sees global names
    only: so it is told that this one stands where the kernel does, and has globals of its own.
    """
    there = function.__code__
    code = _together.__code__.replace(
        co_filename=there.co_filename,
        co_firstlineno=there.co_firstlineno,
        co_name=f"{there.co_name}_together",
    )
    names = globals() | {"_kernel": kernel, "__name__": function.__module__}
    made = FunctionType(code, names)
    made.__qualname__ = code.co_name
    return compiled(made)
