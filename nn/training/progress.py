"""What a training shows while it goes on."""

from __future__ import annotations

from typing import Any


class Progress:
    """A bar of ``tqdm`` with lines above it; or nothing at all.

    No bar is made where none is shown: bars share a lock between processes, which a process that
    is killed may hold for ever.

    Args:
        steps: how many there are.
        done: how many of them have been done before.
        visible: whether anything is shown.
    """

    def __init__(self, steps: int, done: int, visible: bool) -> None:
        self._bar: Any = None
        if visible:
            from tqdm import tqdm  # here, for it loads much that only a progress bar needs

            self._bar = tqdm(total=steps, initial=done, unit="step", dynamic_ncols=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, cost: float) -> None:
        """One more step is done."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"cost {cost:.4g}", refresh=False)
            self._bar.update()

    def say(self, what: object) -> None:
        """Show a line."""
        if self._bar is not None:
            self._bar.write(str(what))
