"""A lock for where there is an object store only: an object that its holder renews as long as it lives.

No two clocks are compared. Who finds the lock held watches it: one that is not renewed for a while is a
dead runner's, and is taken over. The dead runner of this same home needs no watching, since the kernel
has freed the lock in the home that it held too.
"""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import orjson

from oso_processors.errors import ReleaseLocked, StoreUnusable
from oso_processors.stores import file_lock
from oso_processors.stores.conditional import put_if, version
from oso_processors.stores.object_errors import AGAIN, told

if TYPE_CHECKING:
    from obstore import ObjectMeta, UpdateVersion
    from obstore.store import GCSStore, S3Store

NAME = "release.lock"


@dataclass(frozen=True, slots=True)
class Held:
    """What the lock object says: who holds it (nobody when empty), from which home, renewed how often.

    `run` and `beat` make what is written unlike all that was written before.
    """

    who: str
    home: str
    run: str
    beat: int = 0


class ObjectLock:
    """The lock of the place at ``place``, renewed six times in ``seconds``."""

    def __init__(
        self,
        store: S3Store | GCSStore,
        place: str,
        passing: Path,
        seconds: float,
        say: Callable[[str], None],
    ) -> None:
        """Use the object beside the releases, and a lock and a name in the folder ``passing``.

        ``say`` is told when somebody has to be waited for.
        """
        self._store = store
        self._place = f"{place}/{NAME}"
        self._passing = passing
        self._seconds = seconds
        self._say = say
        # None when this run does not hold the lock.
        self._mine: Held | None = None
        # Of what this run wrote last: None when it is that no more.
        self._version: UpdateVersion | None = None
        self._beat = 0
        self._writing = threading.Lock()

    @contextmanager
    def held(self, store: str) -> Iterator[None]:
        """Hold the lock; raise `ReleaseLocked` with who holds it."""
        with file_lock.held(self._passing / NAME, store):
            self._take()
            ended = threading.Event()
            renewing = threading.Thread(target=self._renew, args=(ended,), daemon=True)
            renewing.start()
            try:
                yield
            finally:
                ended.set()
                renewing.join()
                self._free()

    def check(self) -> None:
        """Raise `StoreUnusable` when this run took the lock and another has it by now, or may have."""
        if self._mine is not None:
            self._write(self._mine)

    def holder(self) -> str | None:
        """Say who holds the lock; None for one that was not renewed, as far as clocks agree."""
        found = self._look()
        if found is None:
            return None
        held, meta = found
        silent = datetime.now(UTC) - meta["last_modified"]
        return held.who or None if silent < timedelta(seconds=self._seconds) else None

    def _take(self) -> None:
        since = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        mine = Held(f"{file_lock.process()} since {since}", self._home(), uuid.uuid4().hex)
        found = self._look()
        if found is not None and found[0].who and found[0].home != mine.home:
            found = self._watched(*found)
        with told(self._place):
            taken = put_if(self._store, NAME, _body(mine), version(found[1]) if found else None)
        if taken is None:
            found = self._look()
            raise ReleaseLocked(f"files: {found[0].who if found else 'somebody'}")
        self._mine, self._version = mine, taken

    def _watched(self, held: Held, meta: ObjectMeta) -> tuple[Held, ObjectMeta] | None:
        """Return the lock when its holder let it go or is dead; raise `ReleaseLocked` when it lives."""
        self._say(f"files: {held.who} has {self._place}; seeing whether it lives")
        end = time.monotonic() + self._seconds
        while time.monotonic() < end:
            time.sleep(self._seconds / 20)
            found = self._look()
            if found is None or not found[0].who:
                return found
            if version(found[1]) != version(meta):
                raise ReleaseLocked(f"files: {found[0].who}")
        return held, meta

    def _renew(self, ended: threading.Event) -> None:
        """Let others see that this run lives, until it ends."""
        while not ended.wait(self._seconds / 6):
            # What cannot be sent now may be next time; before it lets readers see anything, the run asks.
            with suppress(StoreUnusable):
                self.check()

    def _free(self) -> None:
        # Who cannot say that it ended is taken for dead after a while.
        with suppress(StoreUnusable):
            if self._mine is not None:
                self._write(replace(self._mine, who=""))
        self._mine = self._version = None

    def _write(self, held: Held) -> None:
        """Replace what we wrote last; raise `StoreUnusable` where it is that no more."""
        with self._writing, told(self._place):
            self._beat += 1
            body = _body(replace(held, beat=self._beat))
            if self._version is not None:
                self._version = put_if(self._store, NAME, body, self._version)
            if self._version is None:
                reason = "another run took it, since this one did not renew it"
                raise StoreUnusable("files", self._place, reason, AGAIN)

    def _look(self) -> tuple[Held, ObjectMeta] | None:
        try:
            with told(self._place):
                found = obstore.get(self._store, NAME)
                return _read(bytes(found.bytes())), found.meta
        except FileNotFoundError:
            return None

    def _home(self) -> str:
        """Name this home; a copy of it is another one."""
        path = self._passing / "home"
        if not path.exists():
            path.write_text(uuid.uuid4().hex)
        return f"{path.read_text()} {path.stat().st_ino} {socket.gethostname()} {path.resolve()}"


def _body(held: Held) -> bytes:
    return orjson.dumps(asdict(held), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _read(body: bytes) -> Held:
    try:
        return Held(**orjson.loads(body))
    except (TypeError, orjson.JSONDecodeError):
        return Held("somebody", "", "")
