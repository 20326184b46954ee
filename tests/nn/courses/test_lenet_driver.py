"""A program written for the LeNet handout runs on this library: only its import differs."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

import nn.courses.lenet_handout as cnn_lenet
from nn import DataError, load_digits


def small_lenet() -> dict[int, dict[str, Any]]:
    kinds = ["DATA", "CONV", "POOLING", "CONV", "POOLING", "IP", "RELU", "LOSS"]
    layers: dict[int, dict[str, Any]] = {i: {"type": kind} for i, kind in enumerate(kinds, start=1)}
    layers[1].update(height=28, width=28, channel=1, batch_size=20)
    layers[2].update(num=4, k=5, stride=1, pad=0, group=1)
    layers[3].update(k=2, stride=2, pad=0)
    layers[4].update(num=8, k=5, stride=1, pad=0, group=1)
    layers[5].update(k=2, stride=2, pad=0)
    layers[6].update(num=32, init_type="uniform")
    layers[8].update(num=10)
    return layers


def drive(steps: int) -> tuple[list[float], list[float], dict[int, Any]]:
    """Load, initialise, learn over a shuffled index, test now and then: as course programs do."""
    layers = small_lenet()
    batch_size = layers[1]["batch_size"]
    mu, epsilon, gamma, power, weight_decay = 0.9, 0.01, 0.0001, 0.75, 0.0005

    xtrain, ytrain, xvalidate, yvalidate, xtest, ytest = cnn_lenet.load_mnist(fullset=True)
    xtrain, ytrain = np.hstack([xtrain, xvalidate]), np.hstack([ytrain, yvalidate])
    m_train = xtrain.shape[1]

    params = cnn_lenet.init_convnet(layers)
    param_winc = copy.deepcopy(params)
    for i in range(1, len(layers)):
        param_winc[i]["w"] = np.zeros(param_winc[i]["w"].shape)
        param_winc[i]["b"] = np.zeros(param_winc[i]["b"].shape)

    costs, accuracies = [], []
    indices = list(range(m_train))
    random.shuffle(indices)
    for step in range(steps):
        start = step * batch_size % m_train
        end = (step + 1) * batch_size % m_train
        if start > end:
            random.shuffle(indices)
            continue
        idx = indices[start:end]
        cp, param_grad = cnn_lenet.conv_net(params, layers, xtrain[:, idx], ytrain[idx])
        w_rate = cnn_lenet.get_lr(step, epsilon * 1, gamma, power)
        b_rate = cnn_lenet.get_lr(step, epsilon * 2, gamma, power)
        params, param_winc = cnn_lenet.sgd_momentum(
            w_rate, b_rate, mu, weight_decay, params, param_winc, param_grad
        )
        costs.append(cp["cost"])
        if (step + 1) % 50 == 0:
            layers[1]["batch_size"] = xtest.shape[1]
            cptest, _ = cnn_lenet.conv_net(params, layers, xtest, ytest)
            layers[1]["batch_size"] = batch_size
            accuracies.append(cptest["percent"])
    return costs, accuracies, params


def save_digits(path: Path) -> None:
    """The digits of the package as a file with the tables of ``mnist_all.mat``."""
    digits = load_digits()
    tables = {}
    for split in ("train", "test"):
        images = np.round(255 * getattr(digits, f"{split}_images")).astype(np.uint8)
        labels = getattr(digits, f"{split}_labels")
        for digit in range(10):
            tables[f"{split}{digit}"] = images[labels == digit].reshape(-1, 784)
    savemat(path, tables)


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save_digits(tmp_path / "mnist_all.mat")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTODIFF_DATA_DIR", raising=False)
    return tmp_path / "mnist_all.mat"


def test_a_driver_learns(digits: Path) -> None:
    random.seed(0)
    np.random.seed(0)
    costs, accuracies, params = drive(300)
    assert costs[0] == pytest.approx(np.log(10), rel=0.02)
    assert np.mean(costs[-20:]) < 0.35
    assert accuracies[-1] > 0.9
    assert params[1]["w"].shape == (25, 4)


def test_seeds_fix_the_whole_run(digits: Path) -> None:
    runs = []
    for _ in range(2):
        random.seed(1)
        np.random.seed(1)
        runs.append(drive(5))
    np.testing.assert_equal(*runs)


# --- the data -------------------------------------------------------------------------------------


def mat_file(path: Path, train: int, test: int = 40) -> Path:
    """Images that say where they are from: the digit and the number are their first pixels."""
    tables = {}
    for split, n in (("train", train), ("test", test)):
        for digit in range(10):
            images = np.zeros((n // 10, 784), np.uint8)
            images[:, 0], images[:, 1] = digit, np.arange(n // 10) % 256
            images[:, 783] = 255
            tables[f"{split}{digit}"] = images
    savemat(path, tables)
    return path


def test_the_splits_of_a_large_file(tmp_path: Path) -> None:
    path = mat_file(tmp_path / "any.mat", 12_000)
    np.random.seed(0)
    parts = cnn_lenet.load_mnist(True, path)
    assert [part.shape for part in parts] == [
        (784, 2000), (2000,), (784, 10_000), (10_000,), (784, 40), (40,),
    ]  # fmt: skip
    for x, y in zip(parts[::2], parts[1::2], strict=True):
        assert x.dtype == np.float64
        assert y.dtype.kind == "i"
        assert x.min() == 0
        assert x.max() == 1
        np.testing.assert_array_equal(x[0], y / 255)  # an image and its label
        assert len(set(y[:20])) > 3  # shuffled
    both = np.hstack([parts[1], parts[3]])
    assert np.bincount(both).tolist() == [1200] * 10  # each image once


def test_the_splits_of_a_small_set(tmp_path: Path) -> None:
    path = mat_file(tmp_path / "any.mat", 12_000)
    sizes = [y.size for y in cnn_lenet.load_mnist(fullset=False, path=path)[1::2]]
    assert sizes == [100, 500, 2]


def test_a_small_file_has_a_sixth_for_validation(tmp_path: Path) -> None:
    sizes = [y.size for y in cnn_lenet.load_mnist(path=mat_file(tmp_path / "any.mat", 60))[1::2]]
    assert sizes == [50, 10, 40]


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("AUTODIFF_DATA_DIR", raising=False)
    with pytest.raises(DataError, match=r"mnist_all\.mat.*AUTODIFF_DATA_DIR"):
        cnn_lenet.load_mnist()
    mat_file(there / "mnist_all.mat", 20)
    monkeypatch.setenv("AUTODIFF_DATA_DIR", str(there))
    assert len(cnn_lenet.load_mnist()[1]) == 17
    mat_file(here / "mnist_all.mat", 30)
    assert len(cnn_lenet.load_mnist()[1]) == 25


def test_a_file_that_is_not_as_it_should_be(tmp_path: Path) -> None:
    path = tmp_path / "bad.mat"
    path.write_bytes(b"no tables at all " * 20)
    with pytest.raises(DataError, match=r"bad\.mat.*MATLAB"):
        cnn_lenet.load_mnist(True, path)
