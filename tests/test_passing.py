"""What passes through this machine while a command runs: it is below the home, and goes with the next run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from oso_processors.pipeline import collect_all, files_store, in_memory, raw_connection
from oso_processors.settings import Settings
from oso_processors.sources import ChosenSource

CONNECTOR = """
import json, os, signal, sys, time
stream = {"name": "s", "json_schema": {"properties": {"a": {"type": "integer"}}}}
if sys.argv[2] == "discover":
    print(json.dumps({"type": "CATALOG", "catalog": {"streams": [stream]}}))
else:
    print(json.dumps({"type": "RECORD", "record": {"stream": "s", "data": {"a": 1}, "emitted_at": 1}}))
    if sys.argv[1] == "kill":
        os.kill(os.getppid(), signal.SIGKILL)
"""
RUN = """
import sys
from pathlib import Path
from tests.test_passing import collect_from
collect_from(*map(Path, sys.argv[1:3]), how="kill")
"""
WIDE = "SELECT count(*), count(DISTINCT word) FROM wide"


def collect_from(folder: Path, home: Path, how: str) -> None:
    from oso_processors.progress import Progress

    program = folder / "connector.py"
    program.write_text(CONNECTOR)
    source = ChosenSource(
        "x", [sys.executable, str(program), how], {"key": "secret"}, None, "a test"
    )
    collect_all(Settings(folder, home), [source], Progress(quiet=True))


def folders(root: Path) -> list[str]:
    """The names of the folders of processes, and of what is in them, without what makes them unlike."""
    return sorted(path.name.rpartition("-")[0] for path in root.glob("*/*"))


def test_what_a_killed_collection_left_was_below_the_home_and_goes_with_the_next(tmp_path):
    home, system = tmp_path / "home", tmp_path / "system"
    system.mkdir()
    environ = {**os.environ, "TMPDIR": str(system), "PYTHONPATH": os.pathsep.join(sys.path)}

    subprocess.run([sys.executable, "-c", RUN, tmp_path, home], env=environ, check=False)

    assert list(system.iterdir()) == []
    assert folders(home / "passing") == ["oso-connector", "oso-landing"]

    collect_from(tmp_path, home, how="end")

    assert folders(home / "passing") == []


def test_what_a_killed_run_spilled_beside_the_warehouse_goes_with_the_next(settings):
    left = Path(f"{settings.warehouse}.tmp") / "duckdb_temp_storage_DEFAULT-0.tmp"
    left.parent.mkdir(parents=True)
    left.write_text("left")

    with raw_connection(settings) as connection:
        assert not left.parent.exists()
        assert connection.execute("SELECT current_setting('temp_directory')").fetchall() == [
            (str(left.parent),)
        ]


def test_two_commands_at_once_do_not_spill_into_one_folder(settings):
    settings.make_home()
    with in_memory(settings) as one, in_memory(settings) as other:
        for connection in (one, other):
            connection.execute("SET memory_limit = '40MB'; SET threads = 1")
            connection.execute(
                "CREATE TABLE wide AS SELECT md5(range::TEXT) AS word FROM range(1500000)"
            )
        spilled = [
            {
                Path(path).parent
                for (path,) in found.execute("SELECT path FROM duckdb_temporary_files()").fetchall()
            }
            for found in (one, other)
        ]

        assert [len(each) for each in spilled] == [1, 1]
        assert spilled[0] != spilled[1]
        assert (
            one.execute(WIDE).fetchall() == other.execute(WIDE).fetchall() == [(1500000, 1500000)]
        )


def test_what_reads_files_back_spills_below_the_home(settings):
    query = "SELECT current_setting('temp_directory')"

    ((found,),) = files_store(settings)._engine().execute(query).fetchall()

    assert Path(found).parent == settings.passing


def test_who_may_write_nothing_to_the_home_is_answered_from_memory(settings):
    settings.make_home()
    settings.passing.touch()

    with in_memory(settings) as connection:
        assert connection.execute("SELECT current_setting('temp_directory')").fetchall() == [("",)]
