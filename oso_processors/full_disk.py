"""Tell a full disk from whatever else the system or an engine refuses."""

from __future__ import annotations

import errno
import os

# What to do about it.
ADVICE = "free some space and run again"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full(error: Exception) -> bool:
    """Say whether ``error`` says that there is no room; engines give the system's words only."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return any(os.strerror(number) in str(error) for number in FULL)
