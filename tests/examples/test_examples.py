"""Each example runs by itself, as a user would start it."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PNG = b"\x89PNG\r\n\x1a\n"


def run(module: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        check=check,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def test_demo_does_the_whole_job(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    done = run("examples.demo", str(folder), "--steps", "150")
    for expected in ("3.743197504692", "7.692712758273", "-0.326821810432", "2.346356379136"):
        assert expected in done.stdout
    assert str(folder) in done.stdout.splitlines()[-4]
    accuracies = [float(line.split()[-1].rstrip("%")) for line in done.stdout.splitlines()
                  if line.startswith("step")]  # fmt: skip
    assert accuracies[-1] > 90
    assert "step/s" in done.stderr
    assert {path.name for path in folder.iterdir()} == {
        "expression.svg",
        "expression.png",
        "feature-maps.png",
    }
    assert (folder / "expression.png").read_bytes().startswith(PNG)
    assert (folder / "feature-maps.png").read_bytes().startswith(PNG)
    texts = "".join(ElementTree.parse(folder / "expression.svg").getroot().itertext())
    assert "θ" in texts


def tiny_mnist(folder: Path) -> None:
    """MNIST files of a few images, in the IDX format."""
    generator = np.random.default_rng(0)
    for name, n in (("train", 80), ("t10k", 20)):
        images = generator.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        for suffix, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (folder / f"{name}-{suffix}-ubyte.gz").write_bytes(
                gzip.compress(head + array.tobytes())
            )


def test_lenet_trains_on_mnist_files(tmp_path: Path) -> None:
    tiny_mnist(tmp_path)
    done = run("examples.lenet", "--data", "mnist", "--data-dir", str(tmp_path), "--steps", "3",
               "--evaluate-every", "2")  # fmt: skip
    lines = done.stdout.splitlines()
    steps = [line for line in lines if line.startswith("step")]
    assert [line.split()[1] for line in steps] == ["2", "3"]
    assert all(word in steps[0] for word in ("cost", "training accuracy", "test accuracy"))
    assert "images per second" in lines[-1]


def test_lenet_shows_its_layers_and_sizes(tmp_path: Path) -> None:
    tiny_mnist(tmp_path)
    done = run("examples.lenet", "--data", "mnist", "--data-dir", str(tmp_path), "--steps", "1")
    table = [line.split("  ") for line in done.stdout.split("\n\n")[0].splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in table]
    outputs = [row[2] for row in cells if row[0].isdigit()]
    assert outputs == ["20×24×24", "20×12×12", "50×8×8", "50×4×4", "800", "500", "500", "10"]
    assert "(28+2·0−5)/1+1 = 24" in cells[3]
    assert [row[1] for row in cells if row[0] == "total"] == ["431 080"]


def test_lenet_takes_a_twentieth_and_the_mean_over_seeds(tmp_path: Path) -> None:
    tiny_mnist(tmp_path)
    options = ("--data", "mnist", "--data-dir", str(tmp_path), "--steps", "2", "--batch-size", "4")
    seeds = ("--seed", "5", "--seeds", "2", "--checkpoint", str(tmp_path / "kept"))
    lines = run("examples.lenet", *options, "--small", *seeds).stdout.splitlines()
    ends = [line for line in lines if "images per second" in line]
    assert len(ends) == 2
    assert all(line.startswith("mnist, every 20th image: test accuracy ") for line in ends)
    shares = [float(line.split("accuracy ")[1].split("%")[0]) for line in ends]
    assert set(shares) <= {0.0, 100.0}  # a twentieth of 20 test images is one
    assert "mean test accuracy of the seeds 5 to 6: " in lines[-1]
    assert f": {sum(shares) / 2:.2f}%" in lines[-1]
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"seed-5", "seed-6"}
    assert "not allowed with" in run("examples.lenet", "--full", "--small", check=False).stderr
    assert "--seeds is at least 1" in run("examples.lenet", "--seeds", "0", check=False).stderr


def test_lenet_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    tiny_mnist(tmp_path)
    options = ("--data", "mnist", "--data-dir", str(tmp_path), "--checkpoint", str(tmp_path / "c"),
               "--resume", "--evaluate-every", "1")  # fmt: skip
    for last, expected in (("1", ["1"]), ("3", ["2", "3"])):
        lines = run("examples.lenet", *options, "--steps", last).stdout.splitlines()
        assert [line.split()[1] for line in lines if line.startswith("step")] == expected
    assert "--checkpoint FOLDER" in run("examples.lenet", "--resume", check=False).stderr


def test_every_way_to_optimise_finds_the_same() -> None:
    lines = run("examples.optimise").stdout.splitlines()
    fits = [[float(word) for word in line.split()[-5:]] for line in lines[2:6]]
    for fit in fits:
        assert fit[:3] == pytest.approx([10.0012, 0.8097, 5.0160], abs=2e-3)
        assert fit[3] == pytest.approx(0.11300079, abs=2e-8)
        assert fit[4] < 40
    assert lines[6].startswith("standard errors")


def test_optimise_says_that_scipy_is_missing() -> None:
    program = (
        "import sys; sys.modules['scipy'] = None; sys.modules['scipy.optimize'] = None;"
        "import examples.optimise as o; o.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 1
    assert done.stderr == "error: this example needs SciPy: pip install scipy\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "mnist", "--data-dir", "no-such-folder"), "no-such-folder"),
        (("--steps", "1", "--batch-size", "5000"), "5000"),
        (("--steps", "-3"), "steps"),
        (("--steps", "0"), "steps"),
    ],
)
def test_lenet_says_what_is_wrong(arguments: tuple[str, ...], message: str) -> None:
    done = run("examples.lenet", *arguments, check=False)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_explore_writes_two_pages(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    done = run("examples.explore", str(folder))
    assert {path.name for path in folder.iterdir()} == {"expression.html", "network.html"}
    assert all(str(path) in done.stdout for path in folder.iterdir())
    network = (folder / "network.html").read_text(encoding="utf-8")
    assert network.count("data:image/png;base64,") >= 12
    assert len(network) < 1_000_000
