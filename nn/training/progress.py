"""The progress bar."""

from __future__ import annotations

from typing import Any


def progress_bar(steps: int, done: int, visible: bool) -> Any:
    """A bar of ``tqdm``; an invisible one shows nothing."""
    from tqdm import tqdm  # here, for it loads much that only a progress bar needs

    return tqdm(total=steps, initial=done, unit="step", disable=not visible, dynamic_ncols=True)
