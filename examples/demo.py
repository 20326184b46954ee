"""The whole path: an expression differentiated and drawn, LeNet trained and looked into.

python -m examples.demo                  writes everything into demo-output
python -m examples.demo FOLDER           into another folder
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from examples import expression
from examples.feature_maps import an_image_of, feature_maps
from examples.lenet import train_lenet
from nn import load_digits


def main(folder: Path, steps: int = 400) -> None:
    """Run both parts.

    Args:
        folder: where pictures go; made if it isn't there.
        steps: of the training.
    """
    folder.mkdir(parents=True, exist_ok=True)
    print("1. An expression, its gradient, and how the gradient comes about\n")
    expression.main(folder)

    print("\n2. LeNet, trained on 1437 handwritten digits, tested on 360 others\n")
    data = load_digits()
    started = time.perf_counter()
    net, history = train_lenet(data, steps=steps, evaluate_every=100)
    print(f"\ntest accuracy {history[-1].test_accuracy:.2%} "
          f"after {time.perf_counter() - started:.0f} s of training")  # fmt: skip
    feature_maps(net, an_image_of(5, data), folder / "feature-maps.png")
    print(f"\nEverything is in {folder.resolve()}:")
    for path in sorted(folder.iterdir()):
        print(f"  {path.name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("demo-output"))
    parser.add_argument("--steps", type=int, default=400, help="of the training")
    options = parser.parse_args()
    if options.steps < 1:
        parser.error(f"--steps is at least 1, got {options.steps}")
    try:
        main(options.folder, options.steps)
    except OSError as fault:
        sys.exit(f"error: {fault}")
