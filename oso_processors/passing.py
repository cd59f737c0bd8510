"""A folder for files that are only passing through this machine; it goes when its process does.

DuckDB's own, for what is too large for memory, is such a one: two processes in one folder crash.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import duckdb

from oso_processors.sql import literal


def own_folder(root: Path) -> Path:
    """Make a folder below ``root`` for this process, and remove those of processes that were killed."""
    root.mkdir(parents=True, exist_ok=True)
    # Whoever comes meanwhile waits, and so does not take a folder that is not locked yet for a dead one.
    with (root / "lock").open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        for path in root.iterdir():
            if path.is_dir() and _locked(path):
                # A connector whose run was killed may write there still; what it leaves goes next time.
                shutil.rmtree(path, ignore_errors=True)
        made = Path(tempfile.mkdtemp(dir=root))
        _locked(made)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def spill_into(root: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Let what is too large for ``connection``'s memory go to a folder below ``root``."""
    try:
        folder = str(own_folder(root))
    except OSError:
        # Who may only read there can ask all that fits in memory.
        folder = ""
    connection.execute(f"SET temp_directory = {literal(folder)}")


def _locked(folder: Path) -> bool:
    """Lock a folder until this process ends, however it does; say no when another has."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    return True
