"""The compiled GoogleSQL in the user's cache: kept, and made again when it is not what it should be."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from rich.console import Console
from wasmtime import wat2wasm

from oso_processors.googlesql import module
from oso_processors.progress import Progress


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A module that compiles at once: GoogleSQL's own takes a minute."""
    path = tmp_path / "small.wasm"
    path.write_bytes(wat2wasm('(module (func (export "f") (result i32) i32.const 7))'))
    monkeypatch.setattr(module, "get_wasm_path", lambda: path)
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def kept(environ) -> list[Path]:
    return sorted(module.cache_folder(environ).iterdir())


def load(environ) -> tuple[list[str], str]:
    """Load the module; return what it exports and what was said."""
    said = io.StringIO()
    compiled = module.load(Progress(Console(file=said)), environ)
    return [each.name for each in compiled.module.exports], said.getvalue()


def test_what_was_compiled_is_kept_and_not_compiled_again(small):
    first, said_first = load(small)
    second, said_second = load(small)

    assert first == second == ["f"]
    assert said_first.startswith("compiling GoogleSQL, once for this machine")
    assert said_second == ""
    assert len(kept(small)) == 1


@pytest.mark.parametrize("damage", [b"", b"\x00" * 64])
def test_a_damaged_file_is_made_again(small, damage):
    load(small)
    (file,) = kept(small)
    whole = file.read_bytes()
    file.write_bytes(damage + whole[len(damage) : -100])

    exports, said = load(small)

    assert exports == ["f"]
    assert "compiling" in said
    assert [each.read_bytes() for each in kept(small)] == [whole]


def test_code_for_another_machine_under_our_name_is_made_again(small):
    load(small)
    (file,) = kept(small)
    file.unlink()
    other = b"\x7fELF of another machine"
    digest = module.hashlib.sha256(other).hexdigest()[:32]
    file.with_name(f"{module._key()}-{digest}{module.SUFFIX}").write_bytes(other)

    exports, said = load(small)

    assert exports == ["f"]
    assert "compiling" in said
    assert kept(small) == [file]


def test_another_version_has_another_file(small, monkeypatch):
    load(small)
    monkeypatch.setattr(module, "version", lambda package: "9.9.9")

    load(small)

    assert len(kept(small)) == 2


def test_a_cache_that_cannot_be_written_costs_one_line(small, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")

    exports, said = load(small)

    assert exports == ["f"]
    assert "cannot be written: Not a directory; the next call compiles again" in said


def test_a_full_disk_leaves_no_half_of_a_file(small, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    exports, said = load(small)

    assert exports == ["f"]
    assert "No space left on device" in said
    assert kept(small) == []


def test_the_cache_is_where_the_environment_says(tmp_path):
    assert module.cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/oso-processors")
    assert module.cache_folder({}) == Path("~/.cache/oso-processors").expanduser()


def test_who_has_no_home_keeps_it_among_temporary_files(monkeypatch):
    def homeless(self):
        raise RuntimeError("Could not determine home directory.")

    # Only a user that the system does not know has none.
    monkeypatch.setattr(Path, "expanduser", homeless)

    assert module.cache_folder({}) == Path(tempfile.gettempdir()) / "oso-processors"
