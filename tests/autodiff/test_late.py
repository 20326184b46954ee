"""What loads when it is first used: nothing of it before, and all of it then."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import late, transform
from autodiff.ops import numpy_protocol

FAMILIES = [module for module in late.NAMES if module.startswith("autodiff.ops.")]
HEAVY = {"dataclasses", "graphviz", "matplotlib", "numpy.typing", "optree", "pygraphviz", "scipy"}


def run(program: str) -> str:
    """What a program prints in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return done.stdout


# --- the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", late.NAMES)
def test_the_table_has_the_names_of_the_module(module: str) -> None:
    names = late.NAMES[module].split()
    loaded = import_module(module)
    assert all(hasattr(loaded, name) for name in names)
    if names and module in FAMILIES:
        assert set(names) == set(loaded.__all__)


def test_every_transform_is_in_the_table() -> None:
    assert set(transform.__all__) == {
        name for name, module in late.PLACES.items() if module.startswith("autodiff.transform.")
    }


def test_every_name_is_there_once_and_public() -> None:
    names = [name for names in late.NAMES.values() for name in names.split()]
    assert len(set(names)) == len(names)
    assert {*names, *late.NAMESPACES} - {"transform"} <= {*ad.__all__}
    assert all(hasattr(ad, name) for name in (*ad.__all__, *late.NAMESPACES))
    assert {*names, *late.NAMESPACES} <= {*dir(ad)}


def test_no_name_is_that_of_a_file() -> None:
    """Loading a file makes it an attribute of its package, in place of an operation."""
    for module in FAMILIES:
        assert module.rpartition(".")[2] not in late.PLACES


# --- in a fresh interpreter -----------------------------------------------------------------------


def test_importing_loads_nothing_of_it() -> None:
    of_numpy, of_ours = (
        {*run(f"import sys, {name}; print(*sys.modules)").split()} for name in ("numpy", "autodiff")
    )
    assert "autodiff.reverse" in of_ours
    late_modules = {*late.NAMES, *(f"autodiff.{name}" for name in late.NAMESPACES)}
    assert not (of_ours - of_numpy) & (late_modules | HEAVY)


@pytest.mark.parametrize(
    ("used", "result"),
    [
        ("ad.median(x)", 2.5),
        ("np.median(x)", 2.5),
        ("np.i0(ad.Value(0.0))", 1.0),
        ("np.linalg.det(x)", -2.0),
        ("np.linalg.norm(x) ** 2", 30.0),
        ("ad.linalg.trace(x)", 5.0),
        ("np.fft.rfft(x[0]).real.sum()", 2.0),
        ("ad.special.gammaln(ad.Value(1.0))", 0.0),
        ("(np.ones(2) @ x)[0]", 4.0),
        ("(x @ x)[0, 0]", 7.0),
        ("np.matmul(x, x)[0, 0]", 7.0),
        ("np.multiply.outer(x[0], x[0])[1, 1]", 4.0),
        ("x.var()", 1.25),
        ("x.dot(x)[0, 0]", 7.0),
        ("ad.grad(ad.sin)(0.0)", 1.0),
        ("ad.transform.grad(ad.sin)(0.0)", 1.0),
        ("np.logaddexp.reduce(ad.Tensor([0.0, 0.0]))", np.log(2.0)),
    ],
)
def test_first_use(used: str, result: float) -> None:
    program = (
        "import numpy as np, autodiff as ad\n"
        "x = ad.Tensor([[1.0, 2.0], [3.0, 4.0]])\n"
        f"y = {used}\n"
        "print(float(y.data if isinstance(y, ad.Node) else y))"
    )
    assert float(run(program)) == pytest.approx(result, abs=1e-14)


def test_a_pickled_graph_loads_the_primitives_that_it_needs() -> None:
    x = ad.Tensor([[4.0, 1.0], [1.0, 3.0]])
    y = ad.linalg.inv(x).trace() + ad.nansum(ad.stop_gradient(x))
    program = f"import pickle; y = pickle.loads({pickle.dumps(y)!r}); y.backward(); print(y.data)"
    assert float(run(program)) == float(y.data)


def test_everything_comes_with_a_star() -> None:
    run("from autodiff import *; grad, median, linalg, detect_anomaly, draw, matmul")


def test_what_is_not_there_is_refused_without_loading_anything() -> None:
    program = (
        "import sys, autodiff\n"
        "before = set(sys.modules)\n"
        "for name in ('nothing', '__wrapped__', 'ops.median', 'gcd'):\n"
        "    assert not hasattr(autodiff, name)\n"
        "assert set(sys.modules) == before"
    )
    run(program)
    with pytest.raises(AttributeError, match=r"'autodiff\.transform' has no attribute 'median'"):
        transform.median  # noqa: B018


# --- NumPy's protocol -----------------------------------------------------------------------------


def test_every_answer_is_found_when_its_family_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = {
        family: namespace
        for family, namespace in numpy_protocol.FAMILIES.items()
        if f"autodiff.ops.{family}" in late.NAMES
    }
    modules = [numpy_protocol.load(family) for family in waiting]
    operations = {id(getattr(module, name)) for module in modules for name in module.__all__}
    complete: dict[Any, Any] = dict(numpy_protocol.ANSWERS)
    at_once = {
        getattr(np, name, None) for module in numpy_protocol.AT_ONCE for name in module.__all__
    }
    of_late = [f for f, operation in complete.items() if id(operation) in operations]
    of_late = [function for function in of_late if function not in at_once]
    assert {np.median, np.pad, np.linalg.solve, np.fft.fft, np.i0, np.vecdot} <= {*of_late}
    for function in of_late:
        monkeypatch.setattr(numpy_protocol, "ANSWERS", {})
        monkeypatch.setattr(numpy_protocol, "_waiting", dict(waiting))
        assert numpy_protocol.answer(function) is complete[function], function
