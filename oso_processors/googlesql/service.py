"""Calls into GoogleSQL's WebAssembly: protocol buffers in, protocol buffers out.

A call that GoogleSQL aborts leaves its memory in no known state, so the next one gets a new instance.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import TypeVar, cast

import tzdata
from google.protobuf.message import Message
from wasmtime import Func, Linker, SharedMemory, Store, Trap, WasiConfig

from oso_processors.errors import OsoError
from oso_processors.googlesql.module import Compiled

SIZE_BYTES = 4
INVALID_ARGUMENT = 3
OUT_OF_RANGE = 11
ABORTED = -1
ERROR = re.compile(r"Code: (\d+), Message: (.*)", re.DOTALL)

Response = TypeVar("Response", bound=Message)


class Refused(OsoError):
    """GoogleSQL answered with an error: `code` is Google's, or `ABORTED`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Service:
    """GoogleSQL's local service, running in this process."""

    def __init__(self, compiled: Compiled) -> None:
        self._engine, self._module = compiled
        self._start()

    def call(self, method: str, request: Message, answer: type[Response]) -> Response:
        """Call ``method``; raise `Refused` when it answers with an error or aborts."""
        try:
            received = self._call(f"ZetaSqlLocalService_{method}", request)
        except Trap as error:
            self._start()
            raise Refused(ABORTED, "GoogleSQL aborted") from error
        return cast(Response, answer.FromString(received))

    def _start(self) -> None:
        self._store = Store(self._engine)
        wasi = WasiConfig()
        wasi.preopen_dir(str(Path(tzdata.__file__).parent / "zoneinfo"), "/usr/share/zoneinfo")
        self._store.set_wasi(wasi)
        linker = Linker(self._engine)
        linker.define_wasi()
        self._exports = linker.instantiate(self._store, self._module).exports(self._store)
        self._run("_initialize")

    def _run(self, name: str, *arguments: int) -> int:
        function = cast(Func, self._exports[name])
        return int(function(self._store, *arguments) or 0)

    def _call(self, method: str, request: Message) -> bytes:
        sent = request.SerializeToString()
        place = self._run("wasm_malloc", len(sent) or 1)
        size_place = self._run("wasm_malloc", SIZE_BYTES)
        ctypes.memmove(self._address(place), sent, len(sent))
        answer = self._run(method, place, len(sent), size_place)
        refusal = None if answer else self._refusal()
        size = int.from_bytes(self._read(size_place, SIZE_BYTES), "little") if answer else 0
        received = self._read(answer, size)
        for each in (place, size_place, answer):
            self._run("wasm_free", each)
        if refusal is not None:
            raise refusal
        return received

    def _refusal(self) -> Refused:
        size = self._run("wasm_get_last_error_size")
        text = self._read(self._run("wasm_get_last_error"), size).decode(errors="replace")
        found = ERROR.match(text)
        return Refused(int(found[1]), found[2]) if found else Refused(ABORTED, text)

    def _address(self, place: int) -> int:
        # The memory may move as it grows, so its address is asked for each time.
        memory = cast(SharedMemory, self._exports["memory"])
        return ctypes.addressof(memory.data_ptr().contents) + place

    def _read(self, place: int, size: int) -> bytes:
        return ctypes.string_at(self._address(place), size)
