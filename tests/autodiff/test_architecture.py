"""The layers of the house: imports run only downwards, and no file outgrows a reader."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import autodiff
import nn

PACKAGES = (Path(autodiff.__file__).parent, Path(nn.__file__).parent)
FILES = {
    ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted(package.rglob("*.py"))
}
LONGEST = 500

# From the top down: a layer may import from itself and from those below it.
LAYERS = [
    ("nn",),
    ("autodiff.__main__", "autodiff.commands"),  # the command line
    ("autodiff",),  # the package's own __init__ puts all together
    ("autodiff.view", "autodiff.compile"),
    ("autodiff.transform", "autodiff.expressions"),
    ("autodiff.copying", "autodiff.notebook"),
    ("autodiff.reverse",),
    ("autodiff.fft",),
    ("autodiff.linalg", "autodiff.special"),
    ("autodiff.ops",),
    ("autodiff.adjoint", "autodiff.anomaly", "autodiff.apply", "autodiff.scopes", "autodiff.sweep"),
    ("autodiff.graph",),
    ("autodiff.kernels",),
    (
        "autodiff.arrays",
        "autodiff.caching",
        "autodiff.late",
        "autodiff.memory",
        "autodiff.methods",
        "autodiff.primitive",
        "autodiff.recording",
        "autodiff.settings",
        "autodiff.version",
    ),
]
OWN_NAME_ONLY = {"autodiff"}

# Heavy libraries that only their own function needs, and that are said to be imported late.
LAZY = {
    "graphviz", "pygraphviz", "matplotlib", "pooch", "tqdm", "IPython", "optree", "safetensors",
    "scipy", "PIL", "onnx", "mpmath", "rich",
}  # fmt: skip


def layer_of(module: str) -> int:
    """The number of a module's layer, 0 being the top."""
    depths = [
        (len(name), i)
        for i, names in enumerate(LAYERS)
        for name in names
        if module == name or (name not in OWN_NAME_ONLY and module.startswith(name + "."))
    ]
    assert depths, f"{module} belongs to no layer: give it one here"
    return max(depths)[1]


def imports(path: Path, inside_functions: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of what a file imports; what is for type checking only is left out."""

    def found(node: ast.AST, within: bool) -> Iterator[tuple[int, str]]:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        within = within or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        if within == inside_functions:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name}:{node.lineno}: a relative import"
                for alias in node.names:
                    module = f"{node.module}.{alias.name}"
                    yield node.lineno, module if module in FILES else str(node.module)
        for child in ast.iter_child_nodes(node):
            yield from found(child, within)

    return found(ast.parse(path.read_text(encoding="utf-8")), False)


def is_own(module: str) -> bool:
    return module.split(".")[0] in ("autodiff", "nn")


def test_there_is_something_to_check() -> None:
    assert {"autodiff.graph", "autodiff.ops.rules", "autodiff.reverse", "nn"} <= set(FILES)
    assert any(is_own(module) for _, module in imports(FILES["autodiff.reverse"], False))


@pytest.mark.parametrize("module", FILES)
def test_imports_run_only_downwards(module: str) -> None:
    upwards = [
        f"{module}:{line} imports {imported}"
        for line, imported in imports(FILES[module], False)
        if is_own(imported) and layer_of(imported) < layer_of(module)
    ]
    assert not upwards


@pytest.mark.parametrize("module", [module for module in FILES if module.startswith("autodiff.")])
def test_modules_of_the_engine_import_from_modules_and_not_from_the_whole(module: str) -> None:
    assert "autodiff" not in [imported for _, imported in imports(FILES[module], False)]


def test_there_are_no_cycles() -> None:
    graph = {
        module: {
            imported
            for _, imported in imports(path, False)
            if imported in FILES and imported != module
        }
        for module, path in FILES.items()
    }
    while graph:
        free = [module for module, needed in graph.items() if not needed & graph.keys()]
        assert free, f"a cycle among {sorted(graph)}"
        for module in free:
            del graph[module]


@pytest.mark.parametrize("module", FILES)
def test_nothing_is_imported_inside_a_function_except_heavy_libraries(module: str) -> None:
    late = {imported.split(".")[0] for _, imported in imports(FILES[module], True)}
    assert late <= LAZY


@pytest.mark.parametrize("module", [m for m in FILES if m.startswith("autodiff.kernels")])
def test_kernels_know_no_graph(module: str) -> None:
    own = {imported for _, imported in imports(FILES[module], False) if is_own(imported)}
    below = {"autodiff.arrays", "autodiff.caching", "autodiff.settings"}
    assert all(i in below or i.startswith("autodiff.kernels") for i in own)


@pytest.mark.parametrize("module", FILES)
def test_no_file_is_longer_than_a_reader_likes(module: str) -> None:
    lines = len(FILES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{lines} lines: split it by subject"


@pytest.mark.parametrize("module", FILES)
def test_no_module_is_a_drawer_for_leftovers(module: str) -> None:
    assert not {"utils", "util", "helpers", "misc", "common"} & set(module.split("."))
