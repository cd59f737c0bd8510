"""What queries cost: asked of a server that speaks BigQuery's dry run, through Google's own client."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from oso_processors.bigquery import BigQuery
from oso_processors.cli import main
from oso_processors.cost import (
    Cost,
    DryRuns,
    Unmetered,
    meter_of,
    money,
    require_at_most,
    shown,
    total,
)
from oso_processors.errors import BigQueryUnavailable, InvalidSetting, TooManyBytes
from oso_processors.settings import Settings

BYTES = {"SELECT 1": 0, "SELECT * FROM marts.projects_v1": 3 * 2**30}


class DryRunAnswers(BaseHTTPRequestHandler):
    """BigQuery's jobs.insert, as far as a dry run goes; keeps what it was asked."""

    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        query = body["configuration"]["query"]["query"]
        if query in BYTES:
            self.answer(200, finished(body, BYTES[query]))
        elif query == "SELECT down":
            self.answer(403, failed(403, "accessDenied", "Access Denied: Project oso-test"))
        else:
            words = "Not found: Table oso-test:marts.gone was not found in location US"
            self.answer(404, failed(404, "notFound", words))

    def answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def finished(asked: dict[str, Any], count: int) -> dict[str, Any]:
    """Return a dry run's job: done at once, with counts as text, and no rows."""
    statistics = {
        "totalBytesProcessed": str(count),
        "query": {
            "totalBytesProcessed": str(count),
            "totalBytesProcessedAccuracy": "PRECISE",
            "cacheHit": False,
            "statementType": "SELECT",
        },
    }
    return {
        "kind": "bigquery#job",
        "jobReference": {"projectId": "oso-test", "location": "US"},
        "configuration": asked["configuration"],
        "status": {"state": "DONE"},
        "statistics": statistics,
    }


def failed(code: int, reason: str, message: str) -> dict[str, Any]:
    """Return an error as Google's APIs say it."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return {"error": {"code": code, "message": message, "errors": errors}}


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    """What the server was asked."""
    return []


@pytest.fixture
def meter(asked: list[dict[str, Any]]) -> Iterator[DryRuns]:
    """The real client, sent to a local server."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    handler = type("Handler", (DryRunAnswers,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        client = Client(
            project="oso-test",
            location="US",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": f"http://127.0.0.1:{server.server_port}"},
        )
        yield DryRuns(client, Decimal(5))
        client.close()
        server.shutdown()
        thread.join()


def test_a_dry_run_tells_the_bytes_of_each_model(meter):
    queries = {"marts.nothing": "SELECT 1", "marts.all": "SELECT * FROM marts.projects_v1"}

    costs = meter.estimate(queries)

    assert costs == [Cost("marts.nothing", 0), Cost("marts.all", 3 * 2**30)]
    assert total(costs) == 3 * 2**30


def test_bigquery_is_asked_for_a_dry_run_and_for_no_cached_result(meter, asked):
    meter.estimate({"marts.nothing": "SELECT 1"})

    (configuration,) = (each["configuration"] for each in asked)
    assert configuration["dryRun"] is True
    assert configuration["query"]["useQueryCache"] is False
    assert configuration["query"]["useLegacySql"] is False


def test_a_query_that_bigquery_refuses_is_unknown_and_says_why(meter):
    (cost,) = meter.estimate({"marts.gone": "SELECT * FROM marts.gone"})

    assert cost.bytes is None
    assert "Table oso-test:marts.gone was not found" in cost.reason


def test_a_project_that_does_not_let_us_in_is_one_clear_line(meter):
    with pytest.raises(BigQueryUnavailable) as caught:
        meter.estimate({"marts.any": "SELECT down"})

    assert str(caught.value).startswith("bigquery: oso-test: 403")
    assert "Access Denied" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_asked_is_the_query_of_the_last_whole_day(small_project, tmp_path, monkeypatch):
    from oso_processors.models import Models

    for name, value in (("OSO_GATEWAY", "bigquery"), ("OSO_BIGQUERY_PROJECT", "my-project-1")):
        monkeypatch.setenv(name, value)
    for name in ("HOST", "USER", "PASSWORD"):
        monkeypatch.setenv(f"OSO_STATE_{name}", "unused")
    monkeypatch.setenv("OSO_HOME", str(tmp_path / "home"))
    models = Models(Settings(project=small_project, home=tmp_path / "home", gateway="bigquery"))

    day = models.daily_query("staging.github_events", datetime(2025, 10, 20, 6, tzinfo=UTC))
    stars = models.daily_query("metrics.stars", datetime(2025, 10, 20, 6, tzinfo=UTC))

    assert set(re.findall(r"'(\d{4}-\d\d-\d\d) ", day)) == {"2025-10-19"}
    assert "FROM `raw`.`gharchive__events`" in day
    assert "AS NUMERIC)" in stars


def test_the_embedded_warehouse_says_that_bytes_are_unknown():
    meter = meter_of("local", {})

    assert meter == Unmetered()
    assert meter.estimate({"marts.any": "SELECT 1"}) == [
        Cost("marts.any", None, "the embedded warehouse does not count bytes")
    ]


def test_more_bytes_than_allowed_are_refused_by_the_dearest_model():
    costs = [Cost("marts.small", 2**20), Cost("marts.large", 2**31), Cost("marts.unknown", None)]

    with pytest.raises(TooManyBytes) as caught:
        require_at_most(costs, 2**30)

    assert str(caught.value) == (
        "marts.large: the queries would read 2.0 GiB, 2.0 GiB of it here, and 1.0 GiB are allowed;"
        " read less, or raise --max-bytes"
    )


def test_as_many_bytes_as_allowed_are_not_refused():
    require_at_most([Cost("marts.small", 2**20)], 2**20)


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "unknown"), (0, "0 B"), (1023, "1,023 B"), (1024, "1.0 KiB"), (3 * 2**39, "1.5 TiB")],
)
def test_bytes_are_shown_as_people_read_them(count, words):
    assert shown(count) == words


def test_bytes_are_shown_as_money_at_the_price_that_is_set():
    assert money(2**40, Decimal("6.25")) == "$6.2500"
    assert money(2**30, Decimal("6.25")) == "$0.0061"
    assert money(None, Decimal("6.25")) == ""
    assert money(2**40, None) == ""


def test_the_settings_are_read_from_the_environment():
    environ = {
        "OSO_BIGQUERY_PROJECT": "my-project",
        "OSO_BIGQUERY_LOCATION": "EU",
        "OSO_BIGQUERY_KEYFILE": "key.json",
        "OSO_BIGQUERY_PRICE_PER_TIB": "5",
    }

    assert BigQuery.from_environ(environ) == BigQuery("my-project", "EU", "key.json", Decimal(5))


@pytest.mark.parametrize("price", ["free", "-1", "NaN", "inf"])
def test_a_price_that_is_none_is_one_clear_line(price):
    environ = {"OSO_BIGQUERY_PROJECT": "my-project", "OSO_BIGQUERY_PRICE_PER_TIB": price}

    with pytest.raises(InvalidSetting, match=r"OSO_BIGQUERY_PRICE_PER_TIB: .*: must be a number"):
        BigQuery.from_environ(environ)


def test_bigquery_without_a_project_is_one_clear_line():
    with pytest.raises(InvalidSetting, match="OSO_BIGQUERY_PROJECT: '': must name"):
        meter_of("bigquery", {})


def test_a_keyfile_that_is_not_there_is_one_clear_line(tmp_path):
    settings = BigQuery("my-project", keyfile=str(tmp_path / "key.json"))

    with pytest.raises(BigQueryUnavailable, match=r"key\.json: .*No such file"):
        settings.connect()


def test_a_keyfile_that_is_no_key_is_one_clear_line(tmp_path):
    (tmp_path / "key.json").write_text("{}")
    settings = BigQuery("my-project", keyfile=str(tmp_path / "key.json"))

    with pytest.raises(BigQueryUnavailable, match=r"key\.json: "):
        settings.connect()


class Google(DryRunAnswers):
    """BigQuery in which every query reads 2 GiB, and the place that gives out its tokens."""

    def do_POST(self) -> None:
        if self.path == "/token":
            self.answer(200, {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})
            self.rfile.read(int(self.headers["Content-Length"]))
        else:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.asked.append(body)
            self.answer(200, finished(body, 2 * 2**30))


@pytest.fixture
def google(asked: list[dict[str, Any]], tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of a BigQuery that answers on this machine."""
    handler = type("Handler", (Google,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        key = rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        account = {"client_email": "me@oso-test.example", "token_uri": f"{address}/token"}
        keyfile = tmp_path / "key.json"
        keyfile.write_text(
            json.dumps({**account, "type": "service_account", "private_key": key.decode()})
        )
        yield {
            "OSO_GATEWAY": "bigquery",
            "OSO_BIGQUERY_PROJECT": "oso-test",
            "OSO_BIGQUERY_KEYFILE": str(keyfile),
            "BIGQUERY_EMULATOR_HOST": address,
        }
        server.shutdown()
        thread.join()


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a check of one model here, since starting takes longer than checking."""
    monkeypatch.chdir(Path(__file__).parents[1])
    monkeypatch.setenv("OSO_HOME", str(tmp_path / "home"))

    def check(*arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(main, ["check", "marts.event_types_v1", *arguments], env=environ)

    return check


def test_a_check_prints_what_bigquery_would_read_as_bytes_and_money(checked, google, asked):
    done = checked("--cost", **google)

    assert done.exit_code == 0, done.stderr
    assert re.search(r"marts\.event_types_v1 +│ +2\.0 GiB │ +\$0\.0122", done.stdout)
    assert len(asked) == 1


def test_a_check_refuses_more_bytes_than_allowed(checked, google):
    done = checked("--max-bytes", "1000", **google)

    assert done.exit_code == 2
    assert "marts.event_types_v1" in done.stderr
    assert len(done.stderr.strip().splitlines()[-1:]) == 1


def test_a_check_without_bigquery_says_that_bytes_are_unknown(checked):
    done = checked("--cost", "--max-bytes", "1000")

    assert done.exit_code == 0, done.stderr
    assert "bytes of 1 models are unknown: the embedded warehouse does not count" in done.stdout
