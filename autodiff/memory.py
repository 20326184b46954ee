"""Keeping the memory of a freed graph for the next one.

A graph of arrays is freed in one go. By default the GNU C library hands such an amount back to the
operating system at once, and the next evaluation gets it again page by page, zeroed, which takes
longer than the arithmetic: up to seven times as long for arrays of a megabyte.

That library learns from what it is asked for: once a block of up to 32 MiB has been freed, blocks
of that size count as usual, and up to twice as much free memory is kept (mallopt(3), dynamic mmap
threshold). One block that is never touched, and so never exists, teaches it at once what the large
arrays of a program would teach it later. A threshold that the user has set stays as it is, and
other C libraries take no notice.
"""

from __future__ import annotations

import numpy as np

_LARGEST_LEARNT = 32 * 2**20
_HEADER = 64 * 2**10  # more than the block's own administration, rounded up to whole pages


def keep_freed_memory() -> None:
    """Let up to 64 MiB of freed memory stay with the process."""
    np.empty(_LARGEST_LEARNT - _HEADER, np.uint8)
