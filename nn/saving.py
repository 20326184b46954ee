"""Models in files: weights in the format of safetensors, the architecture as JSON beside them.

Nothing in such a file is ever run, and no module is imported for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nn.architecture import architecture, from_architecture
from nn.containers import Sequential
from nn.module import Module
from nn.tensor_files import PathLike, read_arrays, write_arrays, write_atomically

WEIGHTS, ARCHITECTURE = ".safetensors", ".json"


def save(model: Module, path: PathLike) -> None:
    """Write a model: parameters and buffers to ``path.safetensors``, and ``path.json`` beside.

    Each file is replaced as a whole. What is assigned to attributes after a module was made is not
    kept, except for parameters, buffers and the layers of a ``Sequential``; where it is a setting
    of a module of ``nn``, such as ``eps``, the model is refused.

    Args:
        model: made of modules of ``nn`` and of classes of one's own.
        path: of the files, with or without one of the two endings; the folder has to exist.

    Raises:
        TypeError: a module was made with something that can't be described, such as a function
            that is not in ``autodiff``.
        ValueError: the model is not what its arguments make, so loading would give another one.

    Example:
        >>> import nn, numpy as np, tempfile
        >>> net = nn.Sequential(nn.Dense(4, 3, generator=np.random.default_rng(0)), nn.ReLU())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nn.save(net, f"{folder}/net")
        ...     same = nn.load(f"{folder}/net")
        >>> same
        Sequential(Dense(4, 3), ReLU())
        >>> x = np.ones((1, 4), np.float32)
        >>> bool(np.all(same.predict(x) == net.predict(x)))
        True
    """
    description = architecture(model)
    _check_that_it_comes_back(model, description)
    write_arrays(_file(path, WEIGHTS), model.state(), {"format": "nn weights"})
    text = json.dumps(description, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(_file(path, ARCHITECTURE), text.encode())


def load(
    path: PathLike,
    *,
    modules: Iterable[type[Module]] = (),
    generator: np.random.Generator | None = None,
) -> Module:
    """Read a model that ``save`` wrote.

    Args:
        path: of the files, with or without one of the two endings.
        modules: classes of one's own that the model is made of.
        generator: the source of random numbers for layers such as ``Dropout``; a fresh one if not
            given.

    Raises:
        OSError: one of the files is missing, or can't be read.
        ValueError: a file is damaged, names, shapes or dtypes of the weights are not those of the
            architecture, or it has a module that is neither in ``nn`` nor given.
    """
    file = _file(path, ARCHITECTURE)
    try:
        description = json.loads(file.read_text(encoding="utf-8"))
        model = from_architecture(description, modules=modules, generator=generator)
    except (ValueError, RecursionError) as fault:
        raise ValueError(f"{file}: {fault}") from fault
    load_weights(model, path)
    return model


def load_weights(model: Module, path: PathLike) -> None:
    """Take over parameters and buffers from a file.

    Args:
        model: that gets them.
        path: of the file of weights, with or without its ending.

    Raises:
        OSError: the file is missing, or can't be read.
        ValueError: it is damaged, or names, shapes or dtypes differ; the message lists all that do.
            The model is unchanged then.
    """
    file = _file(path, WEIGHTS)
    arrays, _ = read_arrays(file)
    try:
        model.load_state(arrays)
    except ValueError as fault:
        raise ValueError(f"{file}: {fault}") from fault


def _file(path: PathLike, ending: str) -> Path:
    """The file of that ending; dots in the name are no endings, "net-0.5" keeps its own."""
    given = Path(path)
    stem = given.stem if given.suffix in (WEIGHTS, ARCHITECTURE) else given.name
    return given.with_name(stem + ending)


def _check_that_it_comes_back(model: Module, description: dict[str, object]) -> None:
    """Make the model from its description, and look whether it has the same parts."""
    kinds = {type(module) for _, module in model.named_modules()}
    twin = from_architecture(description, modules=kinds)
    ours, theirs = _parts(model), _parts(twin)
    faults = [
        f"{name}: is {ours.get(name, 'missing')}, would be {theirs.get(name, 'missing')}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]
    if faults:
        raise ValueError(
            f"{type(model).__name__} is not what the arguments make that it was made with, so it "
            "can't be saved; give its class arguments for what changes:\n  " + "\n  ".join(faults)
        )


def _parts(model: Module) -> dict[str, Any]:
    """Every module, parameter and buffer by path, with its kind, and the settings of modules.

    A ``LeNet`` with other layers than its own comes back as a ``Sequential`` and computes the same.
    """
    modules = {
        path or "model": "Sequential"
        if type(module).forward is Sequential.forward
        else type(module).__name__
        for path, module in model.named_modules()
    }
    arrays = {
        path: f"{array.dtype} of shape {array.shape}" for path, array in model.state().items()
    }
    settings = {
        f"{path}.{name}" if path else name: value
        for path, module in model.named_modules()
        if type(module).__module__.startswith("nn.") and not isinstance(module, Sequential)
        for name, value in vars(module).items()
        if name != "training" and isinstance(value, (int, float, str, tuple, np.number))
    }
    return modules | arrays | settings
