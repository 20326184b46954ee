"""Threads in whole programs: what forks, ends or is interrupted while there is work to share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

ROOT = Path(__file__).parents[3]

START = """if True:
    import atexit, os, signal, sys, threading
    import numpy as np

    def check(times=1):
        for _ in range(times):
            w, g = np.ones(1 << 18), np.ones(1 << 18)
            updates.descent(w, g, np.array([0.5]), 0.0)
            assert (w == 0.5).all()

    def said():
        check()
        print("done", flush=True)

    def later():
        main.join()
        said()

    def in_child(function):
        child = os.fork()
        if not child:
            try:
                function()
            except BaseException as fault:
                print(repr(fault), flush=True)
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    main = threading.current_thread()
    atexit.register(lambda: early and early())  # called when the library has ended its threads
    early = None

    from autodiff import config
    from autodiff.kernels import updates

    config.threads = 3
"""

PROGRAMS = {
    "work at the end of the program": """
    check()
    atexit.register(said)
    """,
    "the first work at the end of the program": """
    atexit.register(said)
    """,
    "work when the threads have ended": """
    check()
    early = said
    """,
    "the first work when the threads would have ended": """
    early = said
    """,
    "work in a thread that outlives the main one": """
    check()
    threading.Thread(target=later).start()
    """,
    "a thread that is left alone at work": """
    check()
    threading.Thread(target=check, args=(1 << 40,), daemon=True).start()
    check(50)
    print("done")
    """,
    "work of what a signal calls": """
    handled = []

    def handle(*_):
        check()
        handled.append(True)
        signal.setitimer(signal.ITIMER_REAL, 0.0005)

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    while len(handled) < 100:
        check()
    signal.setitimer(signal.ITIMER_REAL, 0)
    said()
    """,
    "no threads to be had": """
    def refuse(self):
        raise RuntimeError("can't start new thread")
    start, threading.Thread.start = threading.Thread.start, refuse
    check(3)
    threading.Thread.start = start
    said()
    """,
}

FORKS = {
    "a child": """
    check()
    in_child(check)
    said()
    """,
    "a child before there are threads": """
    in_child(check)
    said()
    """,
    "a child of a child": """
    check()
    in_child(lambda: (in_child(check), check(), in_child(check)))
    said()
    """,
    "a child of a thread": """
    check()
    forks = threading.Thread(target=in_child, args=(check,))
    forks.start()
    forks.join()
    said()
    """,
    "children while there is work": """
    check()
    forks = threading.Thread(target=lambda: [in_child(check) for _ in range(20)])
    forks.start()
    while forks.is_alive():
        check()
    said()
    """,
    "a child that ends like a program": """
    check()
    child = os.fork()
    check()
    if not child:
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    said()
    """,
}


def _is_done(program: str) -> None:
    """It comes to its end, says so once, and nothing else is said."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore:.*fork:DeprecationWarning", "-c", START + program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@pytest.mark.parametrize("case", PROGRAMS)
def test_programs_compute_until_they_have_ended(case: str) -> None:
    if "signal" in case and sys.platform == "win32":
        pytest.skip("there are no such signals")
    _is_done(PROGRAMS[case])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("case", FORKS)
def test_forked_processes_have_threads_of_their_own(case: str) -> None:
    _is_done(FORKS[case])
