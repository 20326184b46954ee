"""A predictor gives what the model's own ``predict`` gives, repeated or not."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from steps_side_by_side import Counted

import autodiff as ad
import nn
from autodiff import config
from nn import Dense, Predictor, ReLU, Sequential

pytest.importorskip("numba")

pytestmark = pytest.mark.usefixtures("compiled_kernels")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def perceptron(dtype: Any = np.float64) -> Sequential:
    options = {"generator": rng(), "dtype": dtype}
    return Sequential(Dense(5, 7, **options), ReLU(), Dense(7, 3, **options))


def rows(seed: int, n: int = 4) -> Any:
    return rng(seed).normal(size=(n, 5))


def agree(predict: Predictor, x: Any, digits: float = 1e-12) -> None:
    with np.errstate(all="ignore"):
        got, expected = predict(x), predict.model.predict(x)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=digits, atol=digits)


def dense(*layers: Any) -> Callable[[], Any]:
    return lambda: Sequential(Dense(5, 7, generator=rng(), dtype=np.float64), *layers)


class Branching(nn.Module):
    def forward(self, x: Any) -> Any:
        return ad.relu(x) if np.sum(x) > 0 else ad.sigmoid(x)


class Doubling(ReLU):
    """It predicts something else than it computes in a training."""

    steady = True

    def predict(self, x: Any) -> Any:
        return 2 * super().predict(x)


MODELS: dict[str, tuple[Callable[[], Any], str | None]] = {
    "perceptron": (perceptron, None),
    "nothing": (lambda: Sequential(), None),
    "flatten": (lambda: Sequential(nn.Flatten()), None),
    "relu": (lambda: Sequential(ReLU()), None),
    "functions": (dense(ad.relu, ad.sigmoid), None),
    "dropout": (dense(nn.Dropout(0.5, generator=rng())), "Dropout does not say"),
    "batch norm": (dense(nn.BatchNorm(7, dtype=np.float64)), "BatchNorm does not say"),
    "softmax": (dense(nn.Softmax()), "Softmax does not say"),
    "a branch": (dense(Branching()), "Branching does not say"),
    "a function": (dense(lambda x: x * 2), "<lambda> does not say"),
    "a function of the library": (dense(ad.tanh), "tanh does not say"),
    "a module alone": (lambda: ReLU(), None),
    "a prediction of its own": (Doubling, "that no compiled kernel made"),
}


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_those_of_the_model(name: str) -> None:
    model, obstacle = MODELS[name]
    predict = Predictor(model())
    for seed in range(4):
        agree(predict, rows(seed))
        if obstacle is None:
            assert predict.obstacle is None
        else:
            assert obstacle in (predict.obstacle or "")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lenet_is_repeated(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    net = nn.LeNet(image=(1, 16, 16), generator=rng())
    net.layers[0] = nn.Conv2d(1, 20, 5, generator=rng(), dtype=np.float32)
    predict = Predictor(net)
    images = [rng(i).normal(size=(1 + i % 2, 1, 16, 16)).astype(np.float32) for i in range(6)]
    for x in images:
        agree(predict, x.astype(dtype), digits=1e-5)
    assert (predict.obstacle is None) == (dtype == np.float32)
    if dtype == np.float32:
        expected = [net.predict(x) for x in images]
        monkeypatch.setattr(nn.Conv2d, "forward", None)  # nobody calls it
        for x, y in zip(images, expected, strict=True):
            np.testing.assert_allclose(predict(x), y, atol=1e-5)


@pytest.mark.parametrize(
    "kind",
    [
        np.asfortranarray,
        lambda x: x[::-1],
        lambda x: np.broadcast_to(x[:1], x.shape),
        lambda x: x.astype(np.float32),
        lambda x: x.astype(int),
        lambda x: x[:0],
        lambda x: x[:1],
        lambda x: np.where(x > 0, np.nan, np.inf),
        lambda x: x.tolist(),
        lambda x: ad.Tensor(x),
        lambda x: np.frombuffer(x.tobytes()).reshape(x.shape),
    ],
)
def test_inputs_of_all_kinds(kind: Any) -> None:
    predict = Predictor(perceptron())
    for seed in range(3):
        agree(predict, kind(rows(seed)), digits=1e-6)
        agree(predict, rows(seed))


def test_more_shapes_than_are_kept() -> None:
    predict = Predictor(perceptron())
    for _ in range(2):
        for n in range(1, 9):
            agree(predict, rows(n, n))
            agree(predict, rows(n + 1, n))


def test_a_shape_that_does_not_fit_raises_and_changes_nothing() -> None:
    predict = Predictor(perceptron())
    for seed in range(3):
        agree(predict, rows(seed))
        with pytest.raises(ValueError, match=r"expected an input of shape \(n, 5\)"):
            predict(np.zeros((4, 6)))
    assert predict(rows(0)).shape == (4, 3)
    assert predict.obstacle is None


def test_outputs_are_arrays_of_their_own() -> None:
    predict = Predictor(perceptron())
    outputs = [predict(rows(seed)) for seed in range(4)]
    for seed, y in enumerate(outputs):
        np.testing.assert_allclose(y, predict.model.predict(rows(seed)), rtol=1e-12)
        assert not y.flags.writeable


def test_an_output_may_be_the_next_input() -> None:
    predict = Predictor(Sequential(Dense(5, 5, generator=rng(), dtype=np.float64), ReLU()))
    x = rows(0)
    for _ in range(5):
        expected = predict.model.predict(x)
        x = predict(x)
        np.testing.assert_allclose(x, expected, rtol=1e-12)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "assign": lambda net: net[0].weight.assign(2 * net[0].weight.data),
    "load": lambda net: net.load_state({k: x + 1 for k, x in net.state().items()}),
    "layer": lambda net: net.layers.__setitem__(1, nn.Sigmoid()),
    "attribute": lambda net: setattr(net[0], "bias", None),
    "parameter": lambda net: setattr(net[0], "bias", nn.Parameter(net[0].bias.data + 1)),
    "freeze": lambda net: net.freeze(),
    "train": lambda net: net.train(False),
    "forward": lambda net: setattr(net[1], "forward", lambda x: ad.sigmoid(x)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_to_the_model_are_noticed(name: str) -> None:
    predict = Predictor(perceptron())
    for seed in range(3):
        agree(predict, rows(seed))
    CHANGES[name](predict.model)
    for seed in range(3):
        agree(predict, rows(seed))
    predict.model = perceptron()
    CHANGES["assign"](predict.model)
    for seed in range(3):
        agree(predict, rows(seed))


def test_it_computes_as_for_use_and_leaves_modes_alone() -> None:
    net = Sequential(Dense(5, 7, generator=rng(), dtype=np.float64), nn.Dropout(generator=rng()))
    predict = Predictor(net)
    for seed in range(3):
        agree(predict, rows(seed))
    assert net.training
    assert net[1].training


def test_it_sees_what_training_does_meanwhile() -> None:
    net = perceptron()
    predict = Predictor(net)
    step = nn.TrainingStep(net, nn.SoftmaxCrossEntropy(), nn.SGD(net.parameters(), 0.1))
    for seed in range(6):
        agree(predict, rows(seed))
        assert predict.obstacle is None
        step(rows(seed), np.array([0, 1, 2, 0]))
        assert step.obstacle is None


def test_many_threads_share_one() -> None:
    predict = Predictor(perceptron())
    faults: list[BaseException] = []

    def use(seed: int) -> None:
        try:
            for i in range(100):
                agree(predict, rows(seed + i, 1 + i % 3))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_a_prediction_within_a_prediction() -> None:
    predict = Predictor(perceptron())
    predict(rows(0))

    class Outer(nn.Module):
        steady = True

        def forward(self, x: Any) -> Any:
            return ad.relu(predict(x))

    outer = Predictor(Outer())
    for seed in range(3):
        agree(outer, rows(seed))


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies(copied: Callable[[Any], Any]) -> None:
    predict = Predictor(perceptron())
    predict(rows(0))
    other = copied(predict)
    np.testing.assert_array_equal(other(rows(1)), predict(rows(1)))
    assert type(other) is Predictor


def test_all_is_freed_with_it() -> None:
    gc.disable()
    try:
        predict = Predictor(perceptron())
        for seed in range(3):
            agree(predict, rows(seed))
        held = [weakref.ref(x) for x in (predict, predict.model, predict.model[0].weight._data)]
        del predict
        assert [x() for x in held] == [None] * 3
    finally:
        gc.enable()


def test_without_compiled_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    predict = Predictor(perceptron())
    for backend in ("native", "numpy", "native", "numpy"):
        monkeypatch.setattr(config, "backend", backend)
        for seed in range(2):
            agree(predict, rows(seed))
            assert ("no compiled kernels" in (predict.obstacle or "")) == (backend == "numpy")


# --- of many batches ------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 4, 9, 12, 13, 41])
@pytest.mark.parametrize("model", [perceptron, Branching])
def test_predictions_batch_by_batch_are_those_of_all_at_once(model: Any, n: int) -> None:
    net, x = model(), rows(0, n)
    got = nn.predictions(net, x, batch_size=4)
    expected = [net.predict(x[i : i + 4]) for i in range(0, n, 4)]
    np.testing.assert_allclose(got, np.concatenate(expected), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("n", "calls"), [(8, 2), (11, 3), (12, 1), (40, 1), (43, 2)])
def test_several_batches_of_predictions_are_repeated(
    n: int, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = Sequential(ReLU())
    counted = Counted(monkeypatch)
    assert counted.during(lambda: nn.predictions(net, rows(0, n), batch_size=4)) == 2 * calls
