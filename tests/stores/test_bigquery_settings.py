"""BigQuery is published to where the settings ask for it, and nothing of it is loaded otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from oso_processors.bigquery import EVERYBODY, BigQuery
from oso_processors.errors import InvalidSetting
from oso_processors.pipeline import open_stores
from oso_processors.settings import Settings

ASKED = {"OSO_BIGQUERY_PROJECT": "my-project", "OSO_BIGQUERY_DATASET": "oso"}


@pytest.fixture
def keyfile(tmp_path: Path) -> Path:
    """A service account's key, such as Google gives out."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {"client_email": "me@example.org", "token_uri": "https://example.org/token"}
    body = {**account, "type": "service_account", "private_key": key.decode()}
    path = tmp_path / "key.json"
    path.write_text(json.dumps(body))
    return path


def test_bigquery_is_not_published_to_unless_a_dataset_is_named(tmp_path):
    assert Settings.from_environ(tmp_path, {"OSO_BIGQUERY_PROJECT": "my-project"}).bigquery is None


def test_a_dataset_is_open_to_everybody_unless_readers_are_named(tmp_path):
    settings = Settings.from_environ(tmp_path, ASKED)

    assert settings.bigquery == BigQuery("my-project", dataset="oso", readers=(EVERYBODY,))


def test_readers_are_named_by_their_kind(tmp_path):
    named = "group:a@example.org, user:b@example.org,serviceAccount:c@example.org,domain:d.org"

    settings = Settings.from_environ(tmp_path, ASKED | {"OSO_BIGQUERY_READERS": named})

    assert settings.bigquery is not None
    assert settings.bigquery.readers == (
        ("groupByEmail", "a@example.org"),
        ("userByEmail", "b@example.org"),
        ("userByEmail", "c@example.org"),
        ("domain", "d.org"),
    )


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"OSO_BIGQUERY_DATASET": "oso"}, "OSO_BIGQUERY_PROJECT: '': must name BigQuery's project"),
        (
            ASKED | {"OSO_BIGQUERY_DATASET": "my-oso"},
            "OSO_BIGQUERY_DATASET: 'my-oso': is no dataset's name:"
            " a letter, then letters, digits and _",
        ),
        (
            ASKED | {"OSO_BIGQUERY_READERS": "user:a@example.org,bo@example.org"},
            "OSO_BIGQUERY_READERS: 'user:a@example.org,bo@example.org': 'bo@example.org' is none of"
            " allAuthenticatedUsers, or user:…, serviceAccount:…, group:…, domain:…",
        ),
        (
            ASKED | {"OSO_BIGQUERY_READERS": "group:"},
            "OSO_BIGQUERY_READERS: 'group:': 'group:' is none of"
            " allAuthenticatedUsers, or user:…, serviceAccount:…, group:…, domain:…",
        ),
    ],
)
def test_wrong_settings_are_one_clear_line(tmp_path, environ, words):
    with pytest.raises(InvalidSetting) as caught:
        Settings.from_environ(tmp_path, environ)

    assert str(caught.value) == words


def test_stores_are_published_in_the_order_files_bigquery_postgres(tmp_path, postgres, keyfile):
    settings = Settings(
        project=tmp_path,
        home=tmp_path / "home",
        postgres_dsn=postgres,
        bigquery=BigQuery("my-project", keyfile=str(keyfile), dataset="oso"),
    )

    with open_stores(settings) as stores:
        assert [each.name for each in stores] == ["files", "bigquery", "postgres"]


def test_nothing_of_googles_is_loaded_where_no_dataset_is_named(tmp_path, postgres):
    code = (
        "import sys; from pathlib import Path; from oso_processors.pipeline import open_stores\n"
        "from oso_processors.settings import Settings\n"
        f"settings = Settings(Path('.'), Path({str(tmp_path / 'home')!r}), {postgres!r})\n"
        "with open_stores(settings) as stores:\n"
        "    print([name for name in sys.modules if name.split('.')[0] == 'google'])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == "[]", done.stderr
