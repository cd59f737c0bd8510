"""How seldom Python looks for garbage: SQLMesh's syntax trees are many, and live as long as the process."""

from __future__ import annotations

import atexit
import gc


def collect_seldom() -> None:
    """Look for garbage hundreds of times as seldom as Python would, and not at all when the process ends."""
    # Looking among what is no garbage took a sixth of a run,
    gc.set_threshold(200_000, 20, 20)
    # and two seconds at the end of each, when all that is left goes with the process.
    atexit.register(gc.freeze)
