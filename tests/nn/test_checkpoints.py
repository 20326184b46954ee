"""Checkpoints: a training that is interrupted at any moment goes on as if it had not been."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn.tensor_files import read_arrays, write_arrays
from nn.training.checkpoints import read_checkpoint, write_checkpoint

ROOT = Path(__file__).parents[2]


def rng() -> np.random.Generator:
    return np.random.default_rng(6)


def without_times(state: dict[str, Any]) -> dict[str, Any]:
    """A state without what no two runs have in common."""
    rows = [{k: x for k, x in row.items() if k != "seconds"} for row in state["history"]]
    return {**state, "history": rows, "seconds": None}


def assert_same_bits(one: Any, other: Any, path: str = "") -> None:
    assert type(one) is type(other), path
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_same_bits(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), path
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same_bits(a, b, f"{path}/{i}")
    elif isinstance(one, np.ndarray):
        assert (one.shape, one.dtype) == (other.shape, other.dtype), path
        assert one.tobytes() == other.tobytes(), path
    else:
        assert repr(one) == repr(other), path  # a nan is the same as a nan


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are made by fork")
@pytest.mark.parametrize(("seed", "every"), [(0, 1), (2, 3)])
def test_a_run_killed_again_and_again_ends_with_the_same_bits(
    seed: int, every: int, tmp_path: Path
) -> None:
    program = Path(__file__).with_name("killed_training.py")
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), str(seed), str(every)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    kills, _ = map(int, done.stdout.split())
    assert kills >= 3
    killed, whole = (read_checkpoint(tmp_path / name) for name in ("killed", "whole"))
    assert whole["step"] == 60
    assert whole["history"]
    assert whole["callbacks"][0]["weights"]
    assert_same_bits(without_times(killed), without_times(whole))


# --- training in one process ----------------------------------------------------------------------


class Interruption(Exception):  # noqa: N818
    """What ends a training in these tests."""


class InterruptAt(nn.Callback):
    def __init__(self, step: int) -> None:
        self.at = step

    def after_step(self, trainer: nn.Trainer) -> None:
        if trainer.step == self.at:
            raise Interruption


def fit(
    folder: Path | None,
    *,
    steps: int = 12,
    n: int = 20,
    hidden: int = 3,
    seed: int = 0,
    shared: bool = True,
    algorithm: Any = np.random.PCG64,
    optimiser: Any = nn.SGD,
    momentum: float = 0.9,
    activation: Any = None,
    rate: float = 0.1,
    callbacks: Any = (),
    **options: Any,
) -> nn.Trainer:
    generator = np.random.Generator(algorithm(seed))
    x = np.random.default_rng(9).normal(size=(n, 2))
    net = nn.Sequential(
        nn.Dense(2, hidden, generator=generator),
        nn.ReLU() if activation is None else activation,
        nn.Dense(hidden, 2, generator=generator),
    )
    net.source = generator if shared else np.random.default_rng(seed)
    more = {"momentum": momentum} if optimiser is nn.SGD else {}
    trainer = nn.Trainer(net, nn.SoftmaxCrossEntropy(), optimiser(net.parameters(), rate, **more),
                         callbacks=callbacks)  # fmt: skip
    settings = {"batch_size": 6, "evaluate_every": 5, "checkpoint_every": 2, **options}
    trainer.fit(x, (x[:, 0] > 0).astype(int), steps=steps, generator=generator, checkpoint=folder,
                progress=False, **settings)  # fmt: skip
    return trainer


def interrupted(folder: Path, at: int = 7, **options: Any) -> None:
    with pytest.raises(Interruption):
        fit(folder, callbacks=[InterruptAt(at)], **options)


CASES: dict[str, dict[str, Any]] = {
    "in order": {},
    "with replacement": {"replacement": True},
    "validation": {"validation": 0.25},
    "another algorithm": {"algorithm": np.random.MT19937},
    "one with a buffer": {"algorithm": np.random.Philox},
    "two generators": {"shared": False},
    **{o.__name__: {"optimiser": o} for o in (nn.Adam, nn.AdamW, nn.RMSprop, nn.Adagrad, nn.Lion)},
    "a run that never evaluated": {"evaluate_every": 100},
}


@pytest.mark.parametrize("name", CASES)
def test_whatever_the_seed_of_the_second_run_it_goes_on_as_the_first(
    name: str, tmp_path: Path
) -> None:
    options = CASES[name]
    interrupted(tmp_path / "one", **options)
    assert read_checkpoint(tmp_path / "one")["step"] == 6
    resumed = fit(tmp_path / "one", resume=True, seed=5, callbacks=[nn.Callback()], **options)
    whole = fit(tmp_path / "two", callbacks=[nn.Callback()], **options)
    assert_same_bits(without_times(resumed.state()), without_times(whole.state()))
    assert_same_bits(*(without_times(read_checkpoint(tmp_path / x)) for x in ("one", "two")))


def test_a_rate_that_a_callback_changed_stays_changed(tmp_path: Path) -> None:
    def halve(trainer: nn.Trainer) -> None:
        trainer.optimiser.rate /= 2

    with pytest.raises(Interruption):
        fit(tmp_path / "one", callbacks=[halve, InterruptAt(7)])
    resumed = fit(tmp_path / "one", resume=True, callbacks=[halve, nn.Callback()])
    whole = fit(tmp_path / "two", callbacks=[halve, nn.Callback()])
    assert list(resumed.history["rate"]) == [0.1, 0.05, 0.025]
    assert_same_bits(without_times(resumed.state()), without_times(whole.state()))
    other = fit(None, resume=tmp_path / "one", steps=20, rate=0.3, callbacks=[nn.Callback()] * 2)
    assert other.optimiser.rate == 0.3


def fit_lenet(folder: Path, steps: int, resume: bool) -> nn.Trainer:
    generator = rng()
    x = generator.random((12, 1, 12, 12), dtype=np.float32)
    net = nn.LeNet(image=(1, 12, 12), filters=(2, 3), size=3, hidden=4, generator=generator)
    trainer = nn.Trainer(net, nn.SoftmaxCrossEntropy(), nn.Adam(net.parameters(), 0.01))
    trainer.fit(x, np.arange(12) % 10, steps=steps, batch_size=5, generator=generator,
                checkpoint=folder, resume=resume, progress=False)  # fmt: skip
    return trainer


def test_a_convolutional_network_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    for steps in range(1, 6):
        resumed = fit_lenet(tmp_path / "one", steps, resume=True)
    whole = fit_lenet(tmp_path / "two", 5, resume=False)
    assert_same_bits(resumed.model.state(), whole.model.state())
    assert_same_bits(resumed.optimiser.state(), whole.optimiser.state())


def test_a_finished_run_has_nothing_left_to_do_and_a_longer_one_goes_on(tmp_path: Path) -> None:
    first = fit(tmp_path)
    again = fit(tmp_path, resume=True, seed=7)
    assert_same_bits(without_times(first.state()), without_times(again.state()))
    longer = fit(None, resume=tmp_path / "checkpoint.safetensors", steps=20)
    assert [row.step for row in longer.history] == [5, 10, 12, 15, 20]


def test_resume_true_starts_from_the_beginning_where_there_is_no_checkpoint(tmp_path: Path) -> None:
    assert_same_bits(
        without_times(fit(tmp_path / "none" / "yet", resume=True).state()),
        without_times(fit(None).state()),
    )


def test_a_stopped_run_stays_stopped_and_gives_its_best_weights_again(tmp_path: Path) -> None:
    def stopping() -> nn.EarlyStopping:
        return nn.EarlyStopping("cost", better="larger", patience=2)  # the cost falls

    first = fit(tmp_path, evaluate_every=2, steps=50, callbacks=[stopping()])
    again = fit(tmp_path, evaluate_every=2, steps=50, callbacks=[stopping()], resume=True)
    assert first.stopped == again.stopped
    assert first.step == again.step == 6
    assert_same_bits(first.model.state(), again.model.state())
    assert again.callbacks[0].best_step == 2
    assert not np.array_equal(  # the checkpoint has the last weights, for a run that goes on
        read_checkpoint(tmp_path)["model"]["layers.0.weight"],
        again.model.state()["layers.0.weight"],
    )


def test_a_frozen_parameter_is_frozen_again(tmp_path: Path) -> None:
    class Freeze(nn.Callback):
        def after_step(self, trainer: nn.Trainer) -> None:
            trainer.model[0].freeze(trainer.step >= 4)

    with pytest.raises(Interruption):
        fit(tmp_path / "one", callbacks=[Freeze(), InterruptAt(7)])
    resumed = fit(tmp_path / "one", resume=True, callbacks=[Freeze(), nn.Callback()])
    whole = fit(None, callbacks=[Freeze(), nn.Callback()])
    assert_same_bits(without_times(resumed.state()), without_times(whole.state()))
    assert resumed.state()["frozen"] == ["layers.0.weight", "layers.0.bias"]


OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"hidden": 4}, r"another model: model.arguments\[0\].arguments\[1\]: expected 4, got 3$"),
    ({"activation": nn.Flatten()}, "another model"),
    ({"momentum": 0.0}, "SGD.*velocity.0: unknown"),
    ({"optimiser": nn.Lion}, "another optimiser: expected Lion, got SGD"),
    ({"n": 21}, "n=21.*20"),
    ({"batch_size": 5}, "batch_size=5.*got 6"),
    ({"replacement": True}, "order='random'.*'shuffled'"),
    ({"shared": False}, "generators"),
    ({"algorithm": np.random.Philox}, "Philox, got PCG64"),
    ({"callbacks": [nn.Callback()]}, "1 callbacks, got 0"),
]


@pytest.mark.parametrize(("options", "message"), OTHERS)
def test_the_checkpoint_of_another_training_is_refused_and_changes_nothing(
    options: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(tmp_path)
    seen: list[Any] = []
    load_state = nn.Trainer.load_state

    def watched(trainer: nn.Trainer, state: Any) -> None:
        before = trainer.state()
        try:
            load_state(trainer, state)
        finally:
            seen.extend([before, trainer.state()])

    monkeypatch.setattr(nn.Trainer, "load_state", watched)
    with pytest.raises(ValueError, match=f"(?s)checkpoint.safetensors: .*{message}"):
        fit(tmp_path, resume=True, **options)
    assert_same_bits(*map(without_times, seen))


def test_the_state_of_another_callback_is_refused(tmp_path: Path) -> None:
    fit(tmp_path, callbacks=[nn.Callback()])
    with pytest.raises(ValueError, match="another training: EarlyStopping finds no 'best'"):
        fit(tmp_path, resume=True, callbacks=[nn.EarlyStopping("cost")])


# --- files ----------------------------------------------------------------------------------------

STATE: dict[str, Any] = {
    "arrays": {"a/b": np.arange(6.0).reshape(2, 3).T, "none": np.zeros((0, 2), np.float32)},
    "scalar": np.array(2**40),
    "list": [1, None, "ü", [True, {"deep": np.array([False, True])}]],
    "numbers": [0.1, float("nan"), float("-inf"), 2**127, -0.0],
    "state": np.random.default_rng(0).bit_generator.state,
}


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    assert write_checkpoint(tmp_path, STATE) == tmp_path / "checkpoint.safetensors"
    assert_same_bits(read_checkpoint(tmp_path), STATE)
    assert write_checkpoint(tmp_path / "new" / "x.safetensors", {}).name == "x.safetensors"
    assert read_checkpoint(tmp_path / "new" / "x.safetensors") == {}


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_checkpoint(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path, {"step": 1})

    def fail(*_: Any) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(OSError, match="no space"):
            write_checkpoint(tmp_path, {"step": 2})
    assert read_checkpoint(tmp_path) == {"step": 1}
    write_checkpoint(tmp_path, {"step": 3})
    assert read_checkpoint(tmp_path) == {"step": 3}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


def fault_of(folder: Path) -> str | None:
    """What is said to be wrong with a checkpoint."""
    try:
        read_checkpoint(folder)
    except ValueError as fault:
        return str(fault)
    return None


def test_damage_anywhere_is_noticed(tmp_path: Path) -> None:
    state = {"x": np.arange(5.0), "name": "abc"}
    file = write_checkpoint(tmp_path, state)
    whole = file.read_bytes()
    flipped = [whole[:i] + bytes([whole[i] ^ 4]) + whole[i + 1 :] for i in range(len(whole))]
    harmless = []
    for content in [b"", whole[:7], whole[:-1], whole + b"x", *flipped]:
        file.write_bytes(content)
        fault = fault_of(tmp_path)
        if fault is None:
            assert_same_bits(read_checkpoint(tmp_path), state)
            harmless.append(content)
        else:
            assert "checkpoint.safetensors: " in fault
    assert len(harmless) == len("crc32")  # the name of the checksum itself
    assert all(b'"crc32"' not in content for content in harmless)


def weights_only(folder: Path) -> Path:
    write_arrays(folder / "w.safetensors", {"weight": np.zeros(2)}, {})
    return folder / "w.safetensors"


def later(folder: Path) -> Path:
    write_arrays(folder / "l.safetensors", {}, {"training": "{}", "version": "2"})
    return folder / "l.safetensors"


ERRORS: list[tuple[Callable[[Path], object], type[Exception], str]] = [
    (lambda folder: fit(None, resume=True), ValueError, "resume=True.*checkpoint="),
    (lambda folder: fit(None, resume=folder), FileNotFoundError, "checkpoint.safetensors"),
    (lambda folder: fit(None, resume=weights_only(folder)), ValueError, "no checkpoint.*weight"),
    (lambda folder: read_checkpoint(later(folder)), ValueError, "version 1, got 2"),
    (lambda folder: fit(folder, checkpoint_every=0), ValueError, "checkpoint_every"),
    (lambda folder: write_checkpoint(folder, {"a": {"b": {1, 2}}}), TypeError, r"a/b is \{1, 2\}"),
    (lambda folder: write_checkpoint(folder, {"x": np.zeros(1, complex)}), TypeError, "complex"),
    (lambda folder: write_checkpoint(folder, {"$array": 1}), TypeError, "array"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(
    call: Callable[[Path], object], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        call(tmp_path)


def test_there_is_nothing_but_numbers_and_json_in_a_checkpoint(tmp_path: Path) -> None:
    fit(tmp_path)
    arrays, text = read_arrays(tmp_path / "checkpoint.safetensors")
    assert all(array.dtype.kind in "biuf" for array in arrays.values())
    assert {"model/layers.0.weight", "optimiser/state/velocity.0"} <= set(arrays)
    assert json.loads(text["training"])["step"] == 12
