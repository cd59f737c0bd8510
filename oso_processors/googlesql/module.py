"""GoogleSQL's WebAssembly as machine code, compiled once for each machine and kept in the user's cache.

Compiling takes a minute and loading what was kept no time. The file's name holds the digest of its
content: machine code that was cut or damaged is never run, it is made again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from wasmtime import Config, Engine, Module, WasmtimeError
from zetasql.wasi import get_wasm_path

from oso_processors.progress import Progress

NAME = "oso-processors"
SUFFIX = ".cwasm"


class Compiled(NamedTuple):
    """A module, and the engine that it was made for."""

    engine: Engine
    module: Module


def load(progress: Progress, environ: Mapping[str, str] = os.environ) -> Compiled:
    """Return GoogleSQL, compiled now if the cache does not hold it for this machine."""
    config = Config()
    config.shared_memory = True
    engine = Engine(config)
    folder = cache_folder(environ)
    return Compiled(engine, _kept(engine, folder) or _compiled(engine, folder, progress))


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the module is kept: ``oso-processors`` in the user's cache."""
    if environ.get("XDG_CACHE_HOME"):
        return Path(environ["XDG_CACHE_HOME"]) / NAME
    try:
        return Path("~/.cache").expanduser() / NAME
    except RuntimeError:
        # A container may run us as a user that nobody gave a home.
        return Path(tempfile.gettempdir()) / NAME


def _key() -> str:
    """Name what the machine code depends on: the package, the compiler and the processor."""
    flags = Path("/proc/cpuinfo")
    text = flags.read_text() if flags.exists() else platform.processor()
    features = next(
        (line for line in text.splitlines() if line.startswith(("flags", "Features"))), text
    )
    processor = hashlib.sha256(features.encode()).hexdigest()[:8]
    return (
        f"googlesql-{version('zetasql')}-wasmtime-{version('wasmtime')}"
        f"-{platform.system()}-{platform.machine()}-{processor}".lower()
    )


def _kept(engine: Engine, folder: Path) -> Module | None:
    """Return the module from the cache; remove a file that is not what its name says."""
    for path in sorted(folder.glob(f"{_key()}-*{SUFFIX}")):
        try:
            if path.stem.rpartition("-")[2] == _digest(path):
                return Module.deserialize_file(engine, str(path))
        except (OSError, WasmtimeError):
            # Unreadable, or code for another machine under this one's name: made again.
            pass
        with suppress(OSError):
            path.unlink()
    return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _compiled(engine: Engine, folder: Path, progress: Progress) -> Module:
    progress.say("compiling GoogleSQL, once for this machine; takes about a minute")
    with progress.step("compiling GoogleSQL") as step, ThreadPoolExecutor(1) as worker:
        compiling = worker.submit(Module.from_file, engine, str(get_wasm_path()))
        while wait([compiling], timeout=1).not_done:
            step.advance()
        module = compiling.result()
    try:
        _keep(module, folder)
    except OSError as error:
        progress.say(f"{folder}: cannot be written: {error.strerror}; the next call compiles again")
    return module


def _keep(module: Module, folder: Path) -> None:
    """Write the module so that another process finds the whole file or none."""
    code = bytes(module.serialize())
    digest = hashlib.sha256(code).hexdigest()[:32]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
        part = Path(file.name)
        try:
            file.write(code)
            file.flush()
            part.replace(folder / f"{_key()}-{digest}{SUFFIX}")
        finally:
            part.unlink(missing_ok=True)
