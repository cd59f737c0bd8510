"""A connector as a process: any executable that speaks the Airbyte protocol."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from oso_processors.errors import ConnectorFailed

INPUT_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Connector:
    """``command`` with ``config``, known as ``source``; its settings wait in ``folder`` while it runs."""

    source: str
    command: Sequence[str]
    config: Mapping[str, Any]
    folder: Path | None = None

    def discover(self) -> list[dict[str, Any]]:
        """Return the streams that the connector has, as its CATALOG says them."""
        with self._files(config=self.config) as files, self._run("discover", files) as lines:
            for line in lines:
                message = parsed(line)
                if message.get("type") == "CATALOG":
                    streams: list[dict[str, Any]] = message["catalog"]["streams"]
                    return streams
                self._raise_if_failed(message)
        raise ConnectorFailed(self.source, "discover gave no catalogue", is_transient=False)

    @contextmanager
    def read(
        self, catalogue: Mapping[str, Any], state: Sequence[Mapping[str, Any]]
    ) -> Iterator[Iterator[bytes]]:
        """Give the lines of a read, and end the process with the block."""
        with (
            self._files(config=self.config, catalog=catalogue, state=state) as files,
            self._run("read", files) as lines,
        ):
            yield lines

    @contextmanager
    def _run(self, verb: str, files: Mapping[str, Path]) -> Iterator[Iterator[bytes]]:
        arguments = [part for name, path in files.items() for part in (f"--{name}", str(path))]
        with tempfile.TemporaryFile() as errors:
            process = self._start([*self.command, verb, *arguments], errors)
            try:
                yield self._lines(process, errors)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()

    @contextmanager
    def _files(self, **contents: Any) -> Iterator[dict[str, Path]]:
        """Write each of ``contents`` to a file of its own, since connectors take paths."""
        with tempfile.TemporaryDirectory(prefix="oso-connector-", dir=self.folder) as folder:
            paths = {name: Path(folder) / f"{name}.json" for name in contents}
            for name, path in paths.items():
                path.write_bytes(orjson.dumps(contents[name]))
            yield paths

    def _start(self, command: list[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
        # Connectors installed beside us are found though the environment was not activated.
        beside = Path(sys.executable).parent / command[0]
        program = str(beside) if beside.exists() else shutil.which(command[0])
        if program is None:
            raise ConnectorFailed(
                self.source, f"{command[0]!r}: there is no such executable", is_transient=False
            )
        # A connector in Python would write every row in a system call of its own.
        environment = {key: each for key, each in os.environ.items() if key != "PYTHONUNBUFFERED"}
        arguments = [program, *command[1:]]
        try:
            return subprocess.Popen(
                arguments, INPUT_BYTES, stdout=subprocess.PIPE, stderr=errors, env=environment
            )
        except OSError as error:
            reason = f"{command[0]!r}: cannot be started: {error.strerror}"
            raise ConnectorFailed(self.source, reason, is_transient=False) from None

    def _lines(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> Iterator[bytes]:
        if process.stdout is not None:
            yield from process.stdout
        if process.wait() != 0:
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
            reason = last[0] if last else f"it ended with exit code {process.returncode}"
            raise ConnectorFailed(self.source, reason, is_transient=process.returncode < 0)

    def _raise_if_failed(self, message: Mapping[str, Any]) -> None:
        failure = error_of(message)
        if failure is not None:
            text, is_transient = failure
            raise ConnectorFailed(self.source, text, is_transient)


def error_of(message: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Return the text of a TRACE ERROR and whether trying again may help, or None."""
    trace = message.get("trace", {})
    if message.get("type") != "TRACE" or trace.get("type") != "ERROR":
        return None
    error = trace["error"]
    is_transient = error.get("failure_type") in ("transient_error", "system_error")
    return str(error.get("message", "")), is_transient


def parsed(line: bytes) -> dict[str, Any]:
    """Return a line as a message; what is no message is a LOG, as the protocol has it."""
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        message = None
    if isinstance(message, dict) and "type" in message:
        return message
    text = line.decode(errors="replace").strip()
    return {"type": "LOG", "log": {"level": "INFO", "message": text}}
