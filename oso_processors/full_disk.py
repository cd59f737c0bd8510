"""Tell a full disk from whatever else the system or an engine refuses."""

from __future__ import annotations

import errno
import os

# The disk, or what we may use of it, is full.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def advice(error: Exception) -> str:
    """Return what to do when ``error`` says that there is no room; nothing when it says another thing."""
    return "free some space and run again" if is_full(error) else ""


def is_full(error: Exception) -> bool:
    """Say whether ``error`` says that there is no room; engines give the system's words only."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return any(os.strerror(number) in str(error) for number in FULL)
