"""Commands of the tests: `oso` as a person starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

BIN = Path(sys.executable).parent


def oso(
    project: Path,
    home: Path,
    *arguments: str,
    before: Callable[[], None] | None = None,
    **environ: str,
) -> subprocess.CompletedProcess[str]:
    """Run a command; ``before`` is called in the new process."""
    environment = {**os.environ, "OSO_HOME": str(home), "COLUMNS": "120", **environ}
    environment.pop("OSO_POSTGRES_DSN", None)
    return subprocess.run(
        [str(BIN / "oso"), *arguments],
        cwd=project,
        env={**environment, **environ},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=before,
    )
