"""How threads come by their work: a job lies in memory that all of them see, and each takes a part.

A thread that waits for a job looks at that memory again and again for a moment, outside of Python's
lock, so that it begins within a microsecond; to wake one that sleeps takes a hundred times as long.
Nobody waits for a thread that has not begun: the others do its parts. A job is a call of a compiled
function. Others repeat it for their parts, through a bridge whose own signature is always the same.
"""

from __future__ import annotations

import os
import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from autodiff.arrays import Array
from autodiff.kernels.native.compiler import Kernel, compiled, inserted, internal, written
from autodiff.kernels.native.vectors import INT

_LINE = 8
"""Whole numbers in a line of the cache: each cell has one to itself."""
STATE, COUNT, GRAIN, MOST, FAILED, FUNCTION, ARGUMENTS, COPY, LENGTH, NEXT = range(
    0, 10 * _LINE, _LINE
)
"""Where the cells are: who is at work, how many parts there are, how many are taken at once, how
many threads may help, whether one failed, and the job itself: a function, where its arguments are,
where they are to be copied to (nowhere if 0), and how many bytes they have. From ``NEXT`` on there
is one cell for each share of the parts: which one comes next."""

_SHARES = 64
"""Shares at most. Each thread begins with one, the same in each job: its cache then has what it
wrote before. Threads that have done theirs go on with what is left of others'."""

ROOM = 1 << 13
"""Bytes that arguments have at most."""

_HELPERS = (1 << 15) - 1
_OPEN = 1 << 15
_JOB = 16
"""Of the state: how many threads help, whether they may, and where the number of the job begins."""

_OWN = 3
"""Parameters of a program that each thread has of its own: team, first, end; see ``shared``."""

_STATUS = ir.IntType(32)
_POINTER = ir.IntType(8).as_pointer()
_PAUSE = "llvm.x86.sse2.pause" if platform.machine() in ("x86_64", "AMD64") else ""

_NO_MEMORY = "there is not enough memory for a compiled kernel"

_OFTEN = 32
"""After so many looks a thread offers its core to others."""


def cells() -> Array:
    """The memory of a team, as it is before the first job."""
    count = NEXT + _SHARES * _LINE
    room = np.zeros(count + _LINE, np.int64)
    begin = -room.ctypes.data // room.itemsize % _LINE
    return room[begin : begin + count]


# --- what no other thread can come between --------------------------------------------------------


def _cell(builder: Any, team: Any, index: Any) -> Any:
    return builder.gep(builder.inttoptr(team, INT.as_pointer()), [index])


@written
def _read(typing: Any, team: Any, index: Any) -> Any:
    """What a cell holds now."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_cell(builder, *arguments), "acquire", 8)

    return types.intp(types.intp, types.intp), emit


@written
def _write(typing: Any, team: Any, index: Any, number: Any) -> Any:
    """Let a cell hold a number."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        team, index, number = arguments
        builder.store_atomic(number, _cell(builder, team, index), "release", 8)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), emit


@written
def _add(typing: Any, team: Any, index: Any, number: Any) -> Any:
    """Add to a cell; what it held before."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        team, index, number = arguments
        return builder.atomic_rmw("add", _cell(builder, team, index), number, "acq_rel")

    return types.intp(types.intp, types.intp, types.intp), emit


@written
def _replace(typing: Any, team: Any, index: Any, expected: Any, number: Any) -> Any:
    """Write to a cell, if it still holds what is expected; whether it did."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        team, index, expected, number = arguments
        cell = _cell(builder, team, index)
        pair = builder.cmpxchg(cell, expected, number, "acq_rel", "acquire")
        return builder.extract_value(pair, 1)

    return types.boolean(types.intp, types.intp, types.intp, types.intp), emit


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


@internal
def _look_away(times: int) -> None:
    """Wait a little before looking again, for the so-manieth time."""
    if times % _OFTEN:
        _pause()
    else:
        _yield()


# --- a job ----------------------------------------------------------------------------------------


def _bridge_kind(error: Any) -> Any:
    """A function of numba's own kind: (result, error, arguments, first, end) to a status."""
    return ir.FunctionType(_STATUS, [_POINTER, error, _POINTER, INT, INT])


@written
def _publish(typing: Any, team: Any) -> Any:
    """Make the program that calls this the job, with the arguments it has got; see ``shared``.

    They lie in its own memory: it must not return before the job is done. A copy that is wanted of
    them is good for as long as there are the arrays.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        program = builder.function
        _, error, *given = program.args
        packed = cgutils.pack_struct(builder, _without_owners(given[_OWN:]))
        held = cgutils.alloca_once_value(builder, packed)
        length = context.get_abi_sizeof(packed.type)
        if length > ROOM:
            raise ValueError(f"arguments of a kernel have {length} bytes, more than {ROOM}")
        copy = builder.load(_cell(builder, arguments[0], INT(COPY)))
        with builder.if_then(builder.icmp_unsigned("!=", copy, INT(0))):
            builder.store(packed, builder.inttoptr(copy, held.type))
            builder.store(INT(length), _cell(builder, arguments[0], INT(LENGTH)))
        kind = _bridge_kind(error.type)
        bridge = ir.Function(builder.module, kind, builder.module.get_unique_name("bridge"))
        bridge.linkage = "internal"
        inside = ir.IRBuilder(bridge.append_basic_block())
        result, error, place, first, end = bridge.args
        result = inside.bitcast(result, program.args[0].type)
        given = cgutils.unpack_tuple(inside, inside.load(inside.bitcast(place, held.type)))
        again = [result, error, INT(0), first, end, *given]
        inside.ret(inside.call(program, again, attrs=["noinline"]))  # no second copy of it
        for index, pointer in ((FUNCTION, bridge), (ARGUMENTS, held)):
            builder.store(builder.ptrtoint(pointer, INT), _cell(builder, arguments[0], INT(index)))
        return context.get_dummy_value()

    return types.void(types.intp), emit


def _without_owners(arguments: Any) -> Any:
    """Arguments as they are passed, without those that count who holds the memory of an array.

    Whoever has asked for the job holds it. An array is passed as its owner and the object behind
    it, how many numbers it has and of how many bytes, and where they lie; then shape and strides.
    """
    kinds = [argument.type for argument in arguments]
    owned = list(arguments)
    for i in range(len(kinds) - 4):
        if kinds[i : i + 4] == [_POINTER, _POINTER, INT, INT] and kinds[i + 4].is_pointer:
            owned[i] = owned[i + 1] = _POINTER(None)
    return owned


@written
def _call(typing: Any, function: Any, held: Any, first: Any, end: Any) -> Any:
    """Do some parts of a job; anything but 0 is a failure."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function, held, first, end = arguments
        kind = _bridge_kind(builder.function.args[1].type)
        bridge = builder.inttoptr(function, kind.as_pointer())
        held = builder.inttoptr(held, _POINTER)
        nothing = builder.bitcast(cgutils.alloca_once(builder, INT), _POINTER)
        error = cgutils.alloca_once(builder, kind.args[1].pointee)
        return builder.call(bridge, [nothing, error, held, first, end])

    return types.int32(types.intp, types.intp, types.intp, types.intp), emit


@internal
def _shares(team: int) -> int:
    """How many shares the parts of the job fall into."""
    shares: int = min(_read(team, MOST) + 1, _SHARES)
    return shares


@internal
def _work(team: int, own: int) -> None:
    """Take parts of the job until there are none, those of a thread's own share first."""
    grain, count, shares = _read(team, GRAIN), _read(team, COUNT), _shares(team)
    function, held = _read(team, FUNCTION), _read(team, ARGUMENTS)
    for further in range(shares):
        share = (own + further) % shares
        place, end = NEXT + share * _LINE, (share + 1) * count // shares
        while _read(team, place) < end:
            first = _add(team, place, grain)
            if first < end and _call(function, held, first, min(first + grain, end)):
                _write(team, FAILED, 1)


@internal
def _lead(team: int, count: int) -> None:
    """Let all do the job that has been published, and help."""
    shares = _shares(team)
    for share in range(shares):
        _write(team, NEXT + share * _LINE, share * count // shares)
    _write(team, COUNT, count)
    _write(team, FAILED, 0)
    _add(team, STATE, (1 << _JOB) + _OPEN)
    _work(team, 0)
    _add(team, STATE, -_OPEN)  # nobody begins any more
    looked = 0
    while _read(team, STATE) & _HELPERS:
        looked += 1
        _look_away(looked)
    if _read(team, FAILED):
        raise MemoryError(_NO_MEMORY)


@compiled
def repeat(team: int, jobs: Any, helpers: int) -> None:
    """Do jobs of which copies were kept, one after the other.

    Args:
        team: where its cells are.
        jobs: a row for each: the function, where its arguments are, how many parts it has and how
            many are taken at once; 0 for all, without help.
        helpers: threads that may help.
    """
    _write(team, MOST, helpers)
    for i in range(len(jobs)):
        _write(team, FUNCTION, jobs[i, 0])
        _write(team, ARGUMENTS, jobs[i, 1])
        if jobs[i, 3]:
            _write(team, GRAIN, jobs[i, 3])
            _lead(team, jobs[i, 2])
        elif _call(jobs[i, 0], jobs[i, 1], 0, jobs[i, 2]):
            raise MemoryError(_NO_MEMORY)


@compiled
def help_out(team: int, own: int, last: int, patience: int) -> int:
    """Help with every job that comes.

    Args:
        team: where its cells are.
        own: the share that this thread begins with; that of who leads is 0.
        last: the job with which this thread helped last.
        patience: how often it looks for a new one before it returns.

    Returns:
        The job with which it helped last.
    """
    looked = 0
    while looked < patience:
        state = _read(team, STATE)
        new = state & _OPEN and state >> _JOB != last and state & _HELPERS < _read(team, MOST)
        if new and _replace(team, STATE, state, state + 1):
            _work(team, own)
            _add(team, STATE, -1)
            last, looked = state >> _JOB, 0
        else:
            looked += 1
            _look_away(looked)
    return last


_PROGRAM = """
def {name}(team, {parameters}):
    if team:
        _publish(team)
        _lead(team, end)
    else:
        _kernel({parameters})
"""


def shared(kernel: Kernel) -> Kernel:
    """A kernel (first, end, ...) as a program (team, 0, end, ...) that goes over ``range(end)``.

    Where ``team`` is 0, the program does all of it. Else there are the cells of a team, of which
    ``GRAIN`` is set: threads call the same program again, as if alone, for some parts each. So a
    kernel is compiled once for both. What it computes must not depend on the division.
    """
    code = kernel.__code__
    parameters = ", ".join(code.co_varnames[: code.co_argcount])
    text = _PROGRAM.format(name=kernel.__name__, parameters=parameters)
    names: dict[str, Any] = {"_publish": _publish, "_lead": _lead, "_kernel": inserted(kernel)}
    names["__name__"] = kernel.__module__
    lines_before = "\n" * (code.co_firstlineno - 2)  # numba keeps programs by where they begin
    exec(compile(lines_before + text, code.co_filename, "exec"), names)
    program: Kernel = compiled(names[kernel.__name__])
    return program


@shared
def in_turns(first: int, end: int, jobs: Any, turns: int) -> None:
    """Do a share of each of several jobs, then the next share of each.

    Args:
        first: the first turn.
        end: the one behind the last.
        jobs: as for ``repeat``; the parts of each are divided evenly among the turns.
        turns: how many there are.
    """
    for turn in range(first, end):
        for i in range(len(jobs)):
            parts = jobs[i, 2]
            begin, behind = turn * parts // turns, (turn + 1) * parts // turns
            if _call(jobs[i, 0], jobs[i, 1], begin, behind):
                raise MemoryError(_NO_MEMORY)
