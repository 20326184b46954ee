"""Models in files come back as they were, and nothing in a file is ever run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn.tensor_files import read_arrays, write_arrays


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def dense(inputs: int = 4, outputs: int = 4, **options: Any) -> nn.Dense:
    return nn.Dense(inputs, outputs, generator=rng(), **options)


class Scale(nn.Module):
    """A module of one's own: a parameter, a buffer, and every kind of argument."""

    def __init__(
        self,
        size: int,
        inner: nn.Module,
        *,
        names: tuple[str, ...] = (),
        table: dict[Any, Any] | None = None,
        limits: Any = (-np.inf, np.inf),
        dtype: Any = np.float32,
        generator: np.random.Generator,
        weight_initialiser: Any = None,
    ) -> None:
        first = weight_initialiser or np.ones
        self.weight = nn.Parameter(first(size).astype(dtype))
        self.count = np.zeros(3, np.int64)
        self.inner = inner
        self.table = table or {}
        self.names, self.limits, self.dtype = names, limits, dtype
        self.generator = generator

    def forward(self, x: Any) -> Any:
        return ad.clip(self.inner(x) * self.weight, *self.limits)


def everything() -> Scale:
    deep = nn.Sequential(nn.ReLU(), ad.tanh, dense())
    return Scale(
        4,
        deep,
        names=("a", "ü"),
        table={1: dense(), "x": [None, True, 0.1, (deep,)]},
        limits=(-np.inf, np.float64(2.5)),
        dtype=np.dtype("float64"),
        generator=rng(),
        weight_initialiser=lambda n: np.full(n, 3.0),
    )


def shared() -> nn.Sequential:
    one = dense()
    return nn.Sequential(one, nn.ReLU(), one, nn.Residual(one, nn.ReLU(), shortcut=one))


def changed() -> nn.Sequential:
    net = nn.Sequential(dense(), nn.ReLU(), dense())
    net.layers.append(nn.ReLU())
    net.layers[1] = ad.sigmoid
    del net.layers[0]
    return net


def changed_lenet() -> nn.LeNet:
    net = nn.LeNet(image=(1, 12, 12), filters=(1, 1), size=3, hidden=2, generator=rng())
    net.layers[-1] = nn.Dense(2, 3, generator=rng())
    return net


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "a layer": (dense, (2, 4), "Dense(4, 4)"),
    "lenet": (
        lambda: nn.LeNet(image=(1, 12, 12), filters=(2, 3), size=3, hidden=4, generator=rng()),
        (2, 1, 12, 12),
        "LeNet(image=(1, 12, 12), filters=(2, 3), size=3, hidden=4)",
    ),
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, (2, 3), stride=2, padding=(1, 2), groups=2, generator=rng()),
            nn.MaxPool2d(2, stride=1, ties="split"),
            nn.Flatten("channel fastest"),
        ),
        (2, 2, 8, 8),
        "Sequential(Conv2d(2, 4, (2, 3), stride=2, padding=(1, 2), groups=2), "
        "MaxPool2d(2, stride=1, ties='split'), Flatten('channel fastest'))",
    ),
    "one's own": (everything, (2, 4), ""),
    "shared": (shared, (2, 4), ""),
    "changed": (changed, (2, 4), "Sequential("),
    "a changed subclass": (changed_lenet, (2, 1, 12, 12), "Sequential(Conv2d(1, 1, 3)"),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    make, shape, shown = MODELS[name]
    model = make()
    for parameter in model.parameters():
        parameter.assign(rng().normal(size=parameter.shape))
    for _, buffer in model.named_buffers():
        buffer += 7
    nn.save(model, tmp_path / "model")
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors", "model.json"}
    twin = nn.load(tmp_path / "model", modules=[Scale])
    x = rng().normal(size=shape).astype(np.float32)
    assert twin.predict(x).tobytes() == model.predict(x).tobytes()
    ours, theirs = model.state(), twin.state()
    assert list(ours) == list(theirs)
    for path in ours:
        assert (ours[path].dtype, ours[path].tobytes()) == (
            theirs[path].dtype,
            theirs[path].tobytes(),
        )
    assert nn.architecture(twin) == nn.architecture(model)
    assert repr(twin).startswith(shown)


g = rng()
LAYERS: list[nn.Module] = [
    nn.AvgPool1d(2, stride=1), nn.AvgPool2d((2, 1), padding="same", count_padding=False),
    nn.BatchNorm(2, momentum=0.5, dtype=np.float64), nn.Conv1d(2, 3, 2, dilation=2, generator=g),
    nn.Conv2d(2, 3, 2, initialiser=lambda *_: np.zeros((3, 2, 2, 2)), generator=g),
    nn.ConvTranspose1d(2, 1, 3, generator=g), nn.ConvTranspose2d(2, 1, 3, stride=2, generator=g),
    nn.Dense(2, 3, dtype=np.dtype("float16"), generator=g), nn.Dropout(0.25, generator=g),
    nn.Embedding(3, 2, generator=g), nn.LayerNorm((2, 3)), nn.LeakyReLU(), nn.PReLU(), nn.ELU(),
    nn.GlobalAvgPool(), nn.MaxPool1d(2, ties="all"), nn.SumPool1d(2), nn.SumPool2d(2),
    nn.Softmax(), nn.LogSoftmax(), nn.Residual(nn.Tanh(), shortcut=nn.Sigmoid()),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_every_layer_can_be_saved(layer: nn.Module, tmp_path: Path) -> None:
    for parameter in layer.parameters():
        parameter.assign(rng().normal(size=parameter.shape))
    nn.save(layer, tmp_path / "x")
    twin = nn.load(tmp_path / "x")
    assert type(twin) is type(layer)
    assert nn.architecture(twin) == nn.architecture(layer)
    states = [{k: (x.dtype, x.tobytes()) for k, x in m.state().items()} for m in (layer, twin)]
    assert states[0] == states[1]


def test_arguments_of_every_kind_come_back(tmp_path: Path) -> None:
    model = everything()
    nn.save(model, tmp_path / "model")
    generator = np.random.default_rng(77)
    twin = nn.load(tmp_path / "model", modules=[Scale], generator=generator)
    assert isinstance(twin, Scale)
    assert (twin.names, twin.limits, twin.dtype) == (model.names, model.limits, model.dtype)
    assert twin.table["x"][:3] == [None, True, 0.1]
    assert twin.table["x"][3][0] is twin.inner
    assert twin.inner.layers[1] is ad.tanh
    assert twin.generator is generator
    assert twin.weight.data.tolist() == [3.0] * 4


def test_shared_modules_stay_shared(tmp_path: Path) -> None:
    nn.save(shared(), tmp_path / "model")
    twin = nn.load(tmp_path / "model")
    assert isinstance(twin, nn.Sequential)
    assert twin[0] is twin[2] is twin[3].inner[0] is twin[3].shortcut
    assert len(twin.parameters()) == 2


def test_the_architecture_is_plain_data() -> None:
    net = nn.Sequential(dense(4, 3, bias=False), ad.tanh, nn.MaxPool2d((2, 3)))
    assert nn.architecture(net) == {
        "version": 1,
        "model": {
            "module": "nn.Sequential",
            "arguments": [
                {
                    "module": "nn.Dense",
                    "arguments": [4, 3],
                    "options": {"generator": {"generator": True}, "bias": False},
                },
                {"function": "tanh"},
                {"module": "nn.MaxPool2d", "arguments": [{"tuple": [2, 3]}]},
            ],
        },
    }
    assert json.loads(json.dumps(nn.architecture(everything()))) == nn.architecture(everything())


@pytest.mark.parametrize("name", ["net", "net.safetensors", "net.json", "net-0.5"])
def test_names_of_files(name: str, tmp_path: Path) -> None:
    nn.save(dense(), tmp_path / name)
    stem = name.removesuffix(".json").removesuffix(".safetensors")
    assert {p.name for p in tmp_path.iterdir()} == {f"{stem}.json", f"{stem}.safetensors"}
    assert isinstance(nn.load(str(tmp_path / name)), nn.Dense)


def test_weights_go_into_a_model_that_is_there(tmp_path: Path) -> None:
    first, second = dense(), nn.Dense(4, 4, generator=np.random.default_rng(1))
    nn.save(first, tmp_path / "x")
    nn.load_weights(second, tmp_path / "x.safetensors")
    assert second.weight.data.tolist() == first.weight.data.tolist()


def test_files_of_other_programs_are_read(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    model = dense()
    save_file(
        {"weight": np.ones((4, 4), "f4"), "bias": np.ones(4, "f4")}, tmp_path / "x.safetensors"
    )
    nn.load_weights(model, tmp_path / "x")
    assert model.bias is not None
    assert model.bias.data.tolist() == [1, 1, 1, 1]


def test_what_does_not_fit_is_listed_and_nothing_changes(tmp_path: Path) -> None:
    model = dense()
    before = model.weight.data.tolist()
    write_arrays(tmp_path / "x.safetensors",
                 {"weight": np.zeros((4, 3), "f4"), "more": np.zeros(1)}, {})  # fmt: skip
    with pytest.raises(ValueError, match="does not fit Dense") as caught:
        nn.load_weights(model, tmp_path / "x")
    assert "x.safetensors" in str(caught.value)
    assert str(caught.value).splitlines()[1:] == [
        "  bias: missing",
        "  more: unknown",
        "  weight: expected shape (4, 4) of float32, got (4, 3) of float32",
    ]
    assert model.weight.data.tolist() == before


# --- what is refused ------------------------------------------------------------------------------


def described(model: Any, **options: Any) -> nn.Module:
    return nn.from_architecture({"version": 1, "model": model}, **options)


def hidden_change() -> nn.Module:
    net = nn.Residual(dense())
    net.inner.layers.append(dense())
    return net


class Twice(nn.Sequential):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__(layer)

    def forward(self, x: Any) -> Any:
        return super().forward(super().forward(x))


def with_another_epsilon() -> nn.Module:
    net = nn.Sequential(nn.BatchNorm(2))
    net[0].eps = 0.1
    return net


def namesakes() -> list[nn.Module]:
    return [type("Own", (nn.ReLU,), {})() for _ in range(2)]


def changed_twice() -> nn.Module:
    net = Twice(dense())
    net.layers.append(nn.ReLU())
    return net


def damaged(folder: Path, change: Callable[[bytes], bytes], ending: str) -> nn.Module:
    nn.save(dense(), folder / "x")
    file = folder / f"x.{ending}"
    file.write_bytes(change(file.read_bytes()))
    return nn.load(folder / "x")


def deep(n: int) -> Any:
    value: Any = 1
    for _ in range(n):
        value = [value]
    return value


REFUSED: list[tuple[Callable[[Path], object], type[Exception], str]] = [
    # can't be described
    (lambda p: nn.save(nn.Sequential(dense(), np.tanh), p / "x"), TypeError, r"Sequential\(1\)"),
    (lambda p: nn.save(nn.Sequential(dense(), lambda x: x), p / "x"), TypeError, "Module of one's"),
    (lambda p: nn.save(nn.Sequential(ad.draw), p / "x"), TypeError, "can't be described"),
    (lambda p: nn.save(Scale(1, dense(), table={1: np.ones(2)}, generator=rng()), p / "x"),
     TypeError, r"Scale\(table=\)\[1\]: .*array"),
    (lambda p: nn.save(changed_twice(), p / "x"), TypeError, "Twice.*its layers are others"),
    (lambda p: nn.save(hidden_change(), p / "x"), ValueError,
     "(?s)Residual is not what.*inner.layers.1: is Dense, would be missing"),
    (lambda p: nn.save(with_another_epsilon(), p / "x"), ValueError,
     "(?s)is not what.*layers.0.eps: is 0.1, would be 1e-05"),
    (lambda p: nn.save(nn.Sequential(*namesakes()), p / "x"), ValueError, "two classes.*Own"),
    # can't be made
    (lambda p: described({"module": "Scale"}), ValueError, r"'Scale'.*modules=\["),
    (lambda p: described({"module": "os.system"}), ValueError, "none of nn"),
    (lambda p: described({"module": "nn.load"}), ValueError, "none of nn"),
    (lambda p: described({"module": "nn.Dense", "arguments": [1]}), ValueError, "Dense can't be"),
    (lambda p: described({"module": "nn.Dense", "arguments": [0, 1],
                          "options": {"generator": {"generator": True}}}), ValueError, "positive"),
    (lambda p: described({"function": "draw"}), ValueError, "no operation 'draw'"),
    (lambda p: described({"function": "ops.shapes.reshape"}), ValueError, "no operation"),
    (lambda p: described({"function": "transform.checkpoint"}), ValueError, "no operation"),
    (lambda p: described({"function": "__import__"}), ValueError, "no operation"),
    (lambda p: described({"dtype": "nonsense"}), ValueError, "damaged"),
    (lambda p: described({"float": "x"}), ValueError, "damaged"),
    (lambda p: described({"shared": 3}), ValueError, "damaged"),
    (lambda p: described({"what": 3}), ValueError, "unknown"),
    (lambda p: described([1]), ValueError, "module"),
    (lambda p: described(deep(10**5)), ValueError, "damaged"),
    (lambda p: nn.from_architecture({"version": 2, "model": 1}), ValueError, "version 1, got"),
    (lambda p: nn.from_architecture([]), ValueError, "version 1"),  # type: ignore[arg-type]
    (lambda p: described(1, modules=[int]), TypeError, "derived from nn.Module"),
    # files
    (lambda p: nn.load(p / "x"), FileNotFoundError, "x.json"),
    (lambda p: nn.load_weights(dense(), p / "x"), FileNotFoundError, "x.safetensors"),
    (lambda p: nn.save(dense(), p / "no" / "x"), FileNotFoundError, "no"),
    (lambda p: damaged(p, lambda b: b[:-2], "json"), ValueError, r"x\.json"),
    (lambda p: damaged(p, lambda b: b"\xff" + b, "json"), ValueError, r"x\.json"),
    (lambda p: damaged(p, lambda b: b"[" * 10**5, "json"), ValueError, r"x\.json"),
    (lambda p: damaged(p, lambda b: b[:-2], "safetensors"), ValueError, r"x\.safetensors.*damaged"),
    (lambda p: damaged(p, lambda b: b[:-1] + b"\x55", "safetensors"), ValueError, "checksum"),
    (lambda p: damaged(p, lambda b: b"", "safetensors"), ValueError, "not a safetensors file"),
    (lambda p: damaged(p, lambda b: b.replace(b"[\n   4", b"[\n   5"), "json"), ValueError,
     r"expected shape \(5, 4\)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), REFUSED)
def test_what_is_refused(
    call: Callable[[Path], object], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        call(tmp_path)


def test_a_class_of_ones_own_never_stands_for_one_of_nn(tmp_path: Path) -> None:
    class Dense(nn.Module):
        def __init__(self, n: int) -> None:
            self.weight = nn.Parameter(np.ones(n))

    nn.save(nn.Sequential(dense(), Dense(2)), tmp_path / "x")
    twin = nn.load(tmp_path / "x", modules=[Dense])
    assert isinstance(twin, nn.Sequential)
    assert [type(layer) for layer in twin] == [nn.Dense, Dense]


def test_a_file_is_numbers_and_text(tmp_path: Path) -> None:
    nn.save(dense(), tmp_path / "x")
    arrays, text = read_arrays(tmp_path / "x.safetensors")
    assert {name: array.shape for name, array in arrays.items()} == {"weight": (4, 4), "bias": (4,)}
    assert text == {"format": "nn weights"}
