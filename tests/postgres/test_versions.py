"""The Postgres store on each version of the server that is promised, and on none before."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg
import pytest

from oso_processors.errors import PostgresUnavailable
from oso_processors.stores.postgres import PostgresStore
from oso_processors.stores.postgres_address import OLDEST_VERSION
from tests.conftest import PROJECT

pytestmark = pytest.mark.postgres
# What uses the session's server: releases, days that changed, reading back, going back, roles, drift.
TESTS = (
    "tests/stores/test_postgres.py",
    "tests/stores/test_postgres_roles.py",
    "tests/stores/test_drift.py",
    "tests/stores/test_store.py",
    "tests/release/test_release.py",
    "tests/release/test_incremental.py",
    "tests/release/test_rollback.py",
    "tests/release/test_retention.py",
)


@pytest.mark.parametrize("version", [15, 16, 17, 18])
def test_all_that_is_promised_of_the_store_holds(server_of, version):
    address = server_of(version)
    with psycopg.connect(address) as connection:
        assert connection.info.server_version // 10_000 == version

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *TESTS],
        cwd=PROJECT,
        env={**os.environ, "OSO_TEST_POSTGRES": address},
        capture_output=True,
        text=True,
        check=False,
    )

    if done.returncode:
        pytest.fail(done.stdout[-3000:])


def test_an_older_server_is_refused_in_one_line(server_of):
    address = server_of(OLDEST_VERSION - 1)

    with pytest.raises(PostgresUnavailable) as caught:
        PostgresStore(address)

    assert "is Postgres 14.23, and 15 or later is needed; mend that" in str(caught.value)
    assert "\n" not in str(caught.value)
