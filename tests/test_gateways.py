"""Where SQLMesh builds: here unless BigQuery is asked for, and under the same names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from oso_processors.catalog import catalog_of
from oso_processors.errors import InvalidSetting, OtherCatalog
from oso_processors.progress import Progress
from oso_processors.settings import Settings
from oso_processors.warehouse_file import CONFIG

BIN = Path(sys.executable).parent
ASKED = {
    "OSO_GATEWAY": "bigquery",
    "OSO_BIGQUERY_PROJECT": "my-project-1",
    "OSO_STATE_HOST": "db.example.org",
    "OSO_STATE_USER": "oso",
    "OSO_STATE_PASSWORD": 'it\'s "secret": # {{ 1 }}',
}


@pytest.fixture
def small(copy_project: Callable[[Path], Path], tmp_path: Path) -> Path:
    """The project with its seeds and one mart made from them."""
    project = copy_project(tmp_path / "small")
    for folder in ("staging", "intermediate", "metrics"):
        shutil.rmtree(project / "models" / folder)
    for path in (project / "models" / "marts").iterdir():
        if path.stem != "event_types_v1":
            path.unlink()
    tests = project / "tests" / "models"
    listed = yaml.safe_load((tests / "test_marts.yaml").read_text())
    shutil.rmtree(tests)
    tests.mkdir()
    kept = {name: test for name, test in listed.items() if test["model"] == "marts.event_types_v1"}
    (tests / "test_marts.yaml").write_text(yaml.safe_dump(kept))
    return project


def sqlmesh(
    project: Path, home: Path, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OSO_")}
    return subprocess.run(
        [str(BIN / "sqlmesh"), *arguments],
        cwd=project,
        env={**kept, "OSO_HOME": str(home), "COLUMNS": "200", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def gateways(monkeypatch: pytest.MonkeyPatch, **environ: str) -> dict[str, object]:
    """Return the gateways that config.yaml has under these settings, and the default one's name."""
    from sqlmesh.core.config.loader import load_config_from_yaml

    for name in list(os.environ):
        if name.startswith("OSO_"):
            monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    config = load_config_from_yaml(Path(__file__).parents[1] / "config.yaml")
    return {**config["gateways"], "default": config["default_gateway"]}


def test_only_the_local_gateway_is_there_unless_bigquery_is_asked_for(monkeypatch):
    found = gateways(monkeypatch)

    assert set(found) == {"local", "default"}
    assert found["default"] == "local"
    assert found["local"]["connection"]["catalogs"] == {"oso": ".oso/warehouse.duckdb"}
    # Plain `sqlmesh` spills beside the warehouse too, and not into the clone.
    settings = found["local"]["connection"]["connector_config"]
    assert settings["temp_directory"] == ".oso/warehouse.duckdb.tmp"


def test_sqlmesh_writes_the_warehouses_file_as_collecting_does(monkeypatch):
    found = gateways(monkeypatch)

    assert found["local"]["connection"]["connector_config"].items() >= CONFIG.items()


def test_the_local_catalogue_takes_the_name_of_bigquerys_project(monkeypatch):
    found = gateways(monkeypatch, OSO_BIGQUERY_PROJECT="my-project-1")

    assert set(found) == {"local", "default"}
    assert list(found["local"]["connection"]["catalogs"]) == ["my-project-1"]


def test_bigquery_is_opened_by_application_default_credentials_within_bounds(monkeypatch):
    found = gateways(monkeypatch, **ASKED)

    assert found["default"] == "bigquery"
    assert found["bigquery"]["connection"] == {
        "type": "bigquery",
        "project": "my-project-1",
        "location": "US",
        "method": "oauth",
        "maximum_bytes_billed": 100 * 2**30,
        "concurrent_tasks": 8,
        "priority": "interactive",
        "job_retries": 3,
    }
    assert found["bigquery"]["state_connection"] == {
        "type": "postgres",
        "host": "db.example.org",
        "port": 5432,
        "database": "oso",
        "user": "oso",
        "password": 'it\'s "secret": # {{ 1 }}',
    }


def test_every_setting_of_bigquery_reaches_its_connection(monkeypatch):
    found = gateways(
        monkeypatch,
        **ASKED,
        OSO_BIGQUERY_KEYFILE="/keys/oso.json",
        OSO_BIGQUERY_LOCATION="EU",
        OSO_BIGQUERY_MAXIMUM_BYTES_BILLED="1000",
        OSO_BIGQUERY_CONCURRENT_TASKS="4",
        OSO_BIGQUERY_PRIORITY="batch",
        OSO_STATE_PORT="6432",
        OSO_STATE_DATABASE="state",
    )

    assert found["bigquery"]["connection"] == {
        "type": "bigquery",
        "project": "my-project-1",
        "location": "EU",
        "method": "service-account",
        "keyfile": "/keys/oso.json",
        "maximum_bytes_billed": 1000,
        "concurrent_tasks": 4,
        "priority": "batch",
        "job_retries": 3,
    }
    assert found["bigquery"]["state_connection"]["port"] == 6432
    assert found["bigquery"]["state_connection"]["database"] == "state"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        (
            {"OSO_GATEWAY": "bigquery"},
            "bigquery: OSO_BIGQUERY_PROJECT is not set, OSO_STATE_HOST is not set,"
            " OSO_STATE_USER is not set, OSO_STATE_PASSWORD is not set",
        ),
        (
            {**ASKED, "OSO_BIGQUERY_CONCURRENT_TASKS": "many", "OSO_BIGQUERY_PRIORITY": "high"},
            "bigquery: OSO_BIGQUERY_CONCURRENT_TASKS is no whole number,"
            " OSO_BIGQUERY_PRIORITY is neither batch nor interactive",
        ),
        ({"OSO_BIGQUERY_PROJECT": "My Project"}, "local: OSO_BIGQUERY_PROJECT is no project's id"),
        ({"OSO_GATEWAY": "bigqery"}, "bigqery"),
    ],
)
def test_wrong_settings_are_one_clear_line(small, tmp_path, environ, words):
    done = sqlmesh(small, tmp_path / "home", "info", **environ)

    assert done.returncode == 1
    assert (done.stdout + done.stderr).strip() == f"Error: Missing gateway with name '{words}'"


def test_a_plan_without_options_is_local_and_warns_of_nothing(small, tmp_path):
    done = sqlmesh(small, tmp_path / "home", "plan", "--auto-apply")

    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert (tmp_path / "home" / "warehouse.duckdb").exists()
    for word in ("warn", "credential", "google", "bigquery"):
        assert word not in said.lower()


def test_nothing_of_googles_is_loaded_unless_bigquery_is_asked_for(small, tmp_path):
    code = (
        "import sys; from sqlmesh import Context; Context(paths=['.']).plan_builder('prod').build();"
        " print([name for name in sys.modules if name.split('.')[0] == 'google'])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=small,
        env={**os.environ, "OSO_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_a_warehouse_named_as_a_project_with_dashes_is_built_and_read(small, tmp_path, monkeypatch):
    from oso_processors.warehouse import Warehouse

    monkeypatch.setenv("OSO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OSO_BIGQUERY_PROJECT", "my-project-1")
    settings = Settings(project=small, home=tmp_path / "home")

    with Warehouse(settings) as warehouse:
        warehouse.build(Progress(quiet=True))
        table = warehouse.table("event_types_v1", "marts.event_types_v1", ("event_type",))
        rows = warehouse.connection.execute(table.query).fetchall()

    assert '"my-project-1"' in table.query
    assert ("STARRED",) in rows
    assert warehouse.unfinished() == {}


def test_a_warehouse_of_another_project_is_refused_and_left_alone(small, tmp_path, monkeypatch):
    from oso_processors.warehouse import Warehouse

    home = tmp_path / "home"
    assert sqlmesh(small, home, "plan", "--auto-apply").returncode == 0
    before = (home / "warehouse.duckdb").read_bytes()

    done = sqlmesh(small, home, "plan", "--auto-apply", OSO_BIGQUERY_PROJECT="my-project-1")
    monkeypatch.setenv("OSO_HOME", str(home))
    monkeypatch.setenv("OSO_BIGQUERY_PROJECT", "my-project-1")
    with pytest.raises(OtherCatalog, match="was built for 'oso' and not for 'my-project-1'"):
        Warehouse(Settings(project=small, home=home))

    assert done.returncode == 1
    assert "this warehouse was built for 'oso' and not for 'my-project-1'" in done.stdout
    assert (home / "warehouse.duckdb").read_bytes() == before


def test_what_is_done_in_the_embedded_warehouse_alone_is_refused_on_bigquery(small, tmp_path):
    from oso_processors.forgetting import look

    settings = Settings(project=small, home=tmp_path / "home", gateway="bigquery")

    with pytest.raises(InvalidSetting, match="OSO_GATEWAY: 'bigquery': this can be done in the em"):
        look(settings, [], Progress(quiet=True))
    assert not settings.home.exists()


def test_models_in_bigquery_need_its_project(tmp_path):
    with pytest.raises(InvalidSetting, match="OSO_BIGQUERY_PROJECT: '': must name BigQuery's pro"):
        Settings.from_environ(tmp_path, {"OSO_GATEWAY": "bigquery"})


def test_models_in_bigquery_do_not_ask_for_a_dataset_to_publish_in(tmp_path):
    environ = {"OSO_GATEWAY": "bigquery", "OSO_BIGQUERY_PROJECT": "my-project-1"}

    found = Settings.from_environ(tmp_path, environ).bigquery

    assert found is not None
    assert (found.project, found.dataset) == ("my-project-1", None)


def test_a_gateway_that_is_none_is_one_clear_line(tmp_path):
    with pytest.raises(InvalidSetting, match="OSO_GATEWAY: 'postgres': must be one of local, big"):
        Settings.from_environ(tmp_path, {"OSO_GATEWAY": "postgres"})


@pytest.mark.parametrize("name", ["My Project", "a.b", 'x"; DROP', "Oso"])
def test_a_name_that_is_no_projects_id_is_one_clear_line(name):
    with pytest.raises(InvalidSetting, match=r"OSO_BIGQUERY_PROJECT: .* is no project's id"):
        catalog_of({"OSO_BIGQUERY_PROJECT": name})
