"""The lander, with real connectors as processes and DuckDB."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import duckdb
import orjson
import pytest
from rich.console import Console

from oso_processors.collectors.careful import CHECKED_BYTES
from oso_processors.collectors.connector import Connector
from oso_processors.collectors.lander import Landed, collect
from oso_processors.errors import ConnectorFailed
from oso_processors.progress import Progress

EVENT = {
    "type": "WatchEvent",
    "actor": {"id": 7, "login": "ana"},
    "repo": {"id": 3, "name": "curl/curl"},
    "payload": {"action": "started"},
    "created_at": "2024-05-01T09:00:00Z",
}


def event(number: int, **changes: object) -> dict[str, object]:
    return {**EVENT, "id": str(number), **changes}


def hour(folder: Path, name: str, lines: list[bytes]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(gzip.compress(b"\n".join(lines)))


def gharchive(folder: Path, mode: str = "files") -> Connector:
    return Connector("gharchive", ["source-gharchive"], {"folder": str(folder), "mode": mode})


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query).fetchall()


def script(folder: Path, *lines: bytes, exit_code: int = 0) -> Connector:
    """Make a connector that says ``lines`` when it is asked to read."""
    program = folder / "source-made"
    said = folder / "said"
    said.write_bytes(b"".join(line + b"\n" for line in lines))
    streams = [{"name": "things", "json_schema": {"properties": {"id": {"type": "integer"}}},
                "supported_sync_modes": ["full_refresh", "incremental"]}]  # fmt: skip
    catalogue = orjson.dumps({"type": "CATALOG", "catalog": {"streams": streams}}).decode()
    program.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"if sys.argv[1] == 'discover':\n    print({catalogue!r})\nelse:\n"
        f"    sys.stdout.write(open({str(said)!r}).read())\n    sys.exit({exit_code})\n"
    )
    program.chmod(0o755)
    return Connector("made", [str(program)], {})


def record(number: object) -> bytes:
    return orjson.dumps(
        {"type": "RECORD", "record": {"emitted_at": 1, "data": {"id": number}, "stream": "things"}}
    )


def state(value: int) -> bytes:
    descriptor = {"stream_descriptor": {"name": "things"}, "stream_state": {"at": value}}
    return orjson.dumps({"type": "STATE", "state": {"type": "STREAM", "stream": descriptor}})


def test_rows_and_their_state_land_together(tmp_path, warehouse, quiet):
    landed = collect(warehouse, script(tmp_path, record(1), record(2), state(2)), quiet)

    assert landed == Landed("made", {"things": 2}, rejected=0, damaged=0, warnings=())
    assert rows(warehouse, "SELECT id, _load_id FROM raw.made__things ORDER BY id") == [
        (1, 1),
        (2, 1),
    ]
    assert rows(warehouse, "SELECT stream, state FROM raw._state") == [("things", '{"at":2}')]
    assert rows(warehouse, "SELECT load_id, source, stream, rows FROM raw._loads") == [
        (1, "made", "things", 2)
    ]


def test_rows_after_the_last_state_of_a_failed_connector_do_not_land(tmp_path, warehouse, quiet):
    connector = script(tmp_path, record(1), state(1), record(2), exit_code=1)

    with pytest.raises(ConnectorFailed, match="made: it ended with exit code 1"):
        collect(warehouse, connector, quiet)

    assert rows(warehouse, "SELECT id FROM raw.made__things") == [(1,)]
    assert rows(warehouse, "SELECT state FROM raw._state") == [('{"at":1}',)]


def test_what_a_trace_says_is_the_error(tmp_path, warehouse, quiet):
    failure = {"type": "ERROR", "emitted_at": 1,
               "error": {"message": "no such key", "failure_type": "config_error"}}  # fmt: skip
    connector = script(tmp_path, orjson.dumps({"type": "TRACE", "trace": failure}), exit_code=1)

    with pytest.raises(ConnectorFailed, match=r"made: no such key; .* change its settings"):
        collect(warehouse, connector, quiet)


@pytest.mark.parametrize(
    ("failure_type", "advice"),
    [
        ("config_error", "change its settings in sources.yaml"),
        ("transient_error", "run again"),
        ("system_error", "run again"),
    ],
)
def test_the_advice_fits_the_kind_of_failure(tmp_path, warehouse, quiet, failure_type, advice):
    failure = {"message": "it is so", "failure_type": failure_type}
    trace = {"type": "TRACE", "trace": {"type": "ERROR", "emitted_at": 1, "error": failure}}

    with pytest.raises(ConnectorFailed) as caught:
        collect(warehouse, script(tmp_path, orjson.dumps(trace), exit_code=1), quiet)

    assert str(caught.value) == f"made: it is so; what came before was landed, {advice}"


def control(**config: object) -> bytes:
    body = {"type": "CONNECTOR_CONFIG", "emitted_at": 1, "connectorConfig": {"config": config}}
    return orjson.dumps({"type": "CONTROL", "control": body})


def test_settings_that_a_connector_changed_are_named_without_their_values(
    tmp_path, warehouse, quiet
):
    made = script(tmp_path, record(1), control(user="ana", token="new"), record(2), state(2))
    connector = Connector("made", made.command, {"user": "ana", "token": "old", "page": 1})

    landed = collect(warehouse, connector, quiet)

    warning = "the connector changed its settings: page, token; see sources.yaml"
    assert landed == Landed("made", {"things": 2}, rejected=0, damaged=0, warnings=(warning,))


def test_settings_that_a_connector_did_not_change_are_no_news(tmp_path, warehouse, quiet):
    made = script(tmp_path, control(user="ana"), state(1))

    landed = collect(warehouse, Connector("made", made.command, {"user": "ana"}), quiet)

    assert landed.warnings == ()


def test_warnings_are_shown_though_the_connector_fails(tmp_path, warehouse):
    shown = io.StringIO()
    log = {"type": "LOG", "log": {"level": "WARN", "message": "half of it is missing"}}
    connector = script(tmp_path, orjson.dumps(log), exit_code=1)

    with pytest.raises(ConnectorFailed):
        collect(warehouse, connector, Progress(Console(file=shown)))

    assert "made: half of it is missing\n" in shown.getvalue()


def test_text_that_is_no_message_is_a_log(tmp_path, warehouse, quiet):
    landed = collect(warehouse, script(tmp_path, b"hello", record(1), state(1)), quiet)

    assert landed.rows == {"things": 1}


def test_a_record_of_another_type_is_set_aside(tmp_path, warehouse, quiet):
    landed = collect(warehouse, script(tmp_path, record("x"), record(2), state(2)), quiet)

    assert (landed.rows, landed.rejected) == ({"things": 1}, 1)
    assert rows(warehouse, "SELECT place, reason, value FROM raw.rejects") == [
        ("line 1", "id has another type", '{"id":"x"}')
    ]


def test_an_executable_that_is_not_there_is_one_clear_line(warehouse, quiet):
    with pytest.raises(ConnectorFailed, match="'source-nowhere': there is no such executable"):
        collect(warehouse, Connector("made", ["source-nowhere"], {}), quiet)


def test_a_new_property_is_a_new_column(tmp_path, warehouse, quiet):
    warehouse.execute("CREATE SCHEMA raw")
    warehouse.execute("CREATE TABLE raw.made__things (_load_id BIGINT, _extracted_at TIMESTAMPTZ)")

    collect(warehouse, script(tmp_path, record(1), state(1)), quiet)

    assert rows(warehouse, "SELECT id FROM raw.made__things") == [(1,)]


def test_files_and_records_give_the_same_rows(sample, quiet):
    query = "SELECT * EXCLUDE (_load_id, _extracted_at) FROM raw.gharchive__events ORDER BY ALL"
    found = []
    for mode in ("files", "records"):
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            collect(connection, gharchive(sample / "gharchive", mode), quiet)
            found.append(rows(connection, query))
    assert len(found[0]) > 1400
    assert found[0] == found[1]


def test_parquet_files_and_records_give_the_same_rows(sample, quiet):
    query = "SELECT * EXCLUDE (_load_id, _extracted_at) FROM raw.git_history__commits ORDER BY ALL"
    found = []
    for mode in ("files", "records"):
        config = {"folder": str(sample / "git"), "mode": mode}
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            collect(connection, Connector("git_history", ["source-git-history"], config), quiet)
            found.append(rows(connection, query))
    assert len(found[0]) > 1000
    assert found[0] == found[1]


def test_an_hour_is_read_once_and_a_late_one_is_found(tmp_path, warehouse, quiet):
    hour(tmp_path, "2024-05-01-9.json.gz", [orjson.dumps(event(1))])
    collect(warehouse, gharchive(tmp_path), quiet)
    hour(tmp_path, "2024-05-01-8.json.gz", [orjson.dumps(event(2))])

    again = collect(warehouse, gharchive(tmp_path), quiet)

    assert again.rows == {"events": 1, "hours": 1}
    assert rows(warehouse, "SELECT id FROM raw.gharchive__events ORDER BY id") == [("1",), ("2",)]


def test_hours_that_a_folder_lacks_are_gaps(tmp_path, warehouse, quiet):
    for name in ("2024-05-01-1.json.gz", "2024-05-01-4.json.gz"):
        hour(tmp_path, name, [orjson.dumps(event(int(name[11])))])

    collect(warehouse, gharchive(tmp_path), quiet)
    collect(warehouse, gharchive(tmp_path), quiet)

    assert rows(
        warehouse, "SELECT source, hour(started_at), hour(ended_at), reason FROM raw.gaps"
    ) == [("gharchive", 2, 4, "missing in the folder")]


DAMAGE = {
    "a truncated gzip": (
        gzip.compress(orjson.dumps(event(2)) * 9)[:-20],
        "truncated or damaged gzip",
    ),
    "HTML instead of gzip": (b"<!DOCTYPE html><p>Not found", "an HTML page, not gzip"),
    "an empty file": (b"", "an empty file"),
}


@pytest.mark.parametrize("mode", ["files", "records"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_set_aside_and_its_hour_is_a_gap(
    tmp_path, warehouse, quiet, damage, mode
):
    content, reason = DAMAGE[damage]
    hour(tmp_path, "2024-05-01-9.json.gz", [orjson.dumps(event(1))])
    (tmp_path / "2024-05-01-10.json.gz").write_bytes(content)

    collect(warehouse, gharchive(tmp_path, mode), quiet)

    assert rows(warehouse, "SELECT id FROM raw.gharchive__events") == [("1",)]
    assert rows(warehouse, "SELECT file FROM raw.gharchive__hours") == [("2024-05-01-9.json.gz",)]
    gaps = rows(warehouse, "SELECT hour(started_at), hour(ended_at), reason FROM raw.gaps")
    assert [each[:2] for each in gaps] == [(10, 11)]
    assert reason in str(gaps[0][2])
    assert rows(warehouse, "SELECT file, place FROM raw.rejects") == [
        ("2024-05-01-10.json.gz", "the whole file")
    ]


def test_a_large_file_that_was_cut_is_set_aside(tmp_path, warehouse, quiet):
    hour(tmp_path, "2024-05-01-9.json.gz", [orjson.dumps(event(1))])
    # Large enough that only the warehouse sees the cut, when it reads the file.
    lines = [orjson.dumps(event(number, noise=os.urandom(1000).hex())) for number in range(6000)]
    hour(tmp_path, "2024-05-01-10.json.gz", lines)
    large = tmp_path / "2024-05-01-10.json.gz"
    assert large.stat().st_size > CHECKED_BYTES * 1.2
    os.truncate(large, large.stat().st_size - 100_000)

    landed = collect(warehouse, gharchive(tmp_path), quiet)

    assert (landed.rows, landed.damaged) == ({"events": 1, "hours": 1}, 1)
    assert rows(warehouse, "SELECT id FROM raw.gharchive__events") == [("1",)]
    assert rows(warehouse, "SELECT hour(started_at), detail FROM raw.gaps") == [
        (10, "2024-05-01-10.json.gz")
    ]
    ((place, reason),) = rows(warehouse, "SELECT place, reason FROM raw.rejects")
    assert place == "the whole file"
    assert str(reason).startswith("truncated or damaged gzip")


LINES = {
    "broken JSON": (b'{"id":"1","type":"Pu', "not JSON"),
    "a line of 50 MB": (b'{"id":"' + b"x" * 50_000_000 + b'"}', "longer than 16 MB"),
    "broken UTF-8": (b'{"id":"1","type":"\xff\xfe"}', "not JSON"),
    "a raw NUL": (b'{"id":"1","type":"\x00"}', "not JSON"),
    "a list": (b"[1, 2]", "not a JSON object"),
    "another type": (orjson.dumps(event(1, actor={"id": "x"})), "actor_id has another type"),
    "no key": (b'{"type":"WatchEvent"}', "without a key"),
    "the future": (orjson.dumps(event(1, created_at="2999-01-01T00:00:00Z")), "from the future"),
}


@pytest.mark.parametrize("mode", ["files", "records"])
@pytest.mark.parametrize("damage", LINES)
def test_a_bad_line_costs_one_row(tmp_path, warehouse, quiet, damage, mode):
    line, reason = LINES[damage]
    good = [orjson.dumps(event(number)) for number in (2, 3)]
    hour(tmp_path, "2024-05-01-9.json.gz", [good[0], line, good[1]])

    landed = collect(warehouse, gharchive(tmp_path, mode), quiet)

    assert rows(warehouse, "SELECT id FROM raw.gharchive__events ORDER BY id") == [("2",), ("3",)]
    # As records, the connector itself sets aside what it sees.
    assert landed.rejected + landed.rows.get("rejects", 0) == 1
    assert reason in str(rows(warehouse, "SELECT reason FROM raw.rejects")[0][0])


def test_an_unknown_type_of_event_lands_as_it_is(tmp_path, warehouse, quiet):
    hour(tmp_path, "2024-05-01-9.json.gz", [orjson.dumps(event(1, type="NewEvent", payload={}))])

    collect(warehouse, gharchive(tmp_path), quiet)

    assert rows(warehouse, "SELECT type FROM raw.gharchive__events") == [("NewEvent",)]


def test_an_escaped_nul_lands(tmp_path, warehouse, quiet):
    hour(tmp_path, "2024-05-01-9.json.gz", [orjson.dumps(event(1, type="a\0b"))])

    collect(warehouse, gharchive(tmp_path), quiet)

    assert rows(warehouse, "SELECT id, length(type) FROM raw.gharchive__events") == [("1", 3)]


def test_no_address_lands(tmp_path, warehouse, quiet):
    author = {"email": " Ana@Example.org ", "name": "Ana"}
    push = {"commits": [{"sha": "a1", "author": author, "distinct": True}]}
    hour(tmp_path, "2024-05-01-9.json.gz", [orjson.dumps(event(1, type="PushEvent", payload=push))])

    collect(warehouse, gharchive(tmp_path), quiet)

    ((commits,),) = rows(warehouse, "SELECT commits FROM raw.gharchive__events")
    ana = hashlib.sha256(b"ana@example.org").hexdigest()
    assert commits == [
        {"sha": "a1", "is_distinct": True, "author_name": "Ana", "author_email_sha256": ana}
    ]


def test_a_run_that_is_killed_loses_nothing_and_doubles_nothing(tmp_path, sample, quiet):
    program = textwrap.dedent(
        """
        import sys, duckdb, pathlib
        from oso_processors.collectors import batch, lander
        from oso_processors.collectors.connector import Connector
        from oso_processors.progress import Progress
        batch.FILE_BYTES = 20_000
        with duckdb.connect(sys.argv[1]) as connection:
            source = "gharchive", ["source-gharchive"], {"folder": sys.argv[2]}
            connector = Connector(*source, pathlib.Path(sys.argv[1]).parent)
            lander.collect(connection, connector, Progress(quiet=True))
        """
    )
    command = [sys.executable, "-c", program, str(tmp_path / "w.duckdb"), str(sample / "gharchive")]
    for seconds in (0.9, 1.1, 1.3, 1.5):
        killed = subprocess.Popen(command, start_new_session=True)
        time.sleep(seconds)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()

    subprocess.run(command, check=True)

    query = "SELECT count(*), count(DISTINCT (id, hour)) FROM raw.gharchive__events"
    with duckdb.connect() as undisturbed:
        collect(undisturbed, gharchive(sample / "gharchive"), quiet)
        wanted = rows(undisturbed, query)
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        assert rows(connection, query) == wanted
