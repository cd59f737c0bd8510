"""The published connector source-faker under our lander, as an operator would have it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import yaml

pytestmark = pytest.mark.conformance

BESIDE = Path(sys.executable).parent
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "foreign-connector.md"
REQUIREMENTS = Path(__file__).parent / "source-faker.txt"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
MADE_ONCE = {"seed": 1, "always_updated": False}


@pytest.fixture
def declare(project, faker, monkeypatch):
    """Declare source-faker with settings as the only source; oso runs there from then on."""
    monkeypatch.setenv("OSO_PROJECT", str(project))
    monkeypatch.setenv("OSO_HOME", str(project / "home"))
    command = [str(faker / "bin" / "source-faker")]

    def write(**config):
        declared = {"sources": {"faker": {"command": command, "config": config}}}
        (project / "sources.yaml").write_text(yaml.safe_dump(declared))
        return project / "home" / "warehouse.duckdb"

    return write


def oso_collect():
    """Return what `oso collect` says."""
    done = subprocess.run([BESIDE / "oso", "collect"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(warehouse, query):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def counts(warehouse):
    """How many rows each stream has, and how many keys."""
    return {
        stream: rows(warehouse, f"SELECT count(*), count(DISTINCT id) FROM raw.faker__{stream}")[0]
        for stream in ("products", "users", "purchases")
    }


def test_its_rows_land_with_the_types_that_it_declares(declare):
    warehouse = declare(count=60, **MADE_ONCE)

    oso_collect()

    assert counts(warehouse) == {"products": (60, 60), "users": (60, 60), "purchases": (60, 60)}
    described = rows(warehouse, "DESCRIBE raw.faker__products")
    assert {name: kind for name, kind, *_ in described} == {
        "id": "BIGINT",
        "make": "VARCHAR",
        "model": "VARCHAR",
        "year": "BIGINT",
        "price": "DOUBLE",
        "created_at": "TIMESTAMP WITH TIME ZONE",
        "updated_at": "TIMESTAMP WITH TIME ZONE",
        "_load_id": "BIGINT",
        "_extracted_at": "TIMESTAMP WITH TIME ZONE",
    }
    car = "SELECT make, model, year, price, epoch(created_at) FROM raw.faker__products WHERE id = 1"
    made = datetime(2024, 4, 8, 18, 7, 20, tzinfo=UTC).timestamp()
    assert rows(warehouse, car) == [("Mazda", "MX-5", 2023, 15001.0, made)]
    assert rows(warehouse, "SELECT DISTINCT json_keys(address) FROM raw.faker__users") == [
        (
            [
                "street_number",
                "street_name",
                "city",
                "state",
                "province",
                "postal_code",
                "country_code",
            ],
        )
    ]


def test_a_second_run_with_its_state_lands_nothing(declare):
    warehouse = declare(count=20, **MADE_ONCE)
    oso_collect()

    oso_collect()

    assert counts(warehouse) == {"products": (20, 20), "users": (20, 20), "purchases": (20, 20)}
    assert rows(warehouse, "SELECT DISTINCT load_id FROM raw._loads") == [(1,)]


def test_killed_runs_lose_nothing_and_double_nothing(declare):
    warehouse = declare(count=5000, **MADE_ONCE)
    for seconds in (0.5, 2.5, 3.5, 4.5):
        killed = subprocess.Popen(
            [BESIDE / "oso", "collect"], stdout=subprocess.DEVNULL, start_new_session=True
        )
        wait_for(warehouse)
        time.sleep(seconds)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()

    oso_collect()

    assert counts(warehouse) == {
        "products": (100, 100),
        "users": (5000, 5000),
        "purchases": (5000, 5000),
    }


def wait_for(path):
    while not path.exists():
        time.sleep(0.05)


def test_the_way_that_the_page_tells_ends_with_its_rows(project, faker):
    install, declare, collect, look = BLOCK.findall(PAGE.read_text())
    # The environment that the page installs is made already, with the same connector.
    version = re.search("airbyte-source-faker==[0-9.]+", install)[0]
    assert f"{version} " in REQUIREMENTS.read_text()
    (project / ".oso" / "connectors").mkdir(parents=True)
    (project / ".oso" / "connectors" / "source-faker").symlink_to(faker)
    environment = {
        **{name: each for name, each in os.environ.items() if not name.startswith("OSO_")},
        "PATH": f"{BESIDE}{os.pathsep}{os.environ['PATH']}",
    }

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", declare + collect + look],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"│ users +│ +200 │", done.stdout)
    assert [line.split() for line in done.stdout.splitlines()[-4:]] == [
        ["make", "cars"],
        ["0", "Chevrolet", "12"],
        ["1", "Ford", "12"],
        ["2", "Dodge", "7"],
    ]
