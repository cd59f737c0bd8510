"""Our connectors under airbyte-cdk's standard tests, and every line of theirs under its models."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest

from oso_processors.collectors.catalogue import configured, offered

pytestmark = pytest.mark.conformance

PROGRAMS = Path(__file__).parent / "programs"
SOURCES = ("gharchive", "oss_directory", "git_history")
# The sample has nothing for these streams.
EMPTY = {"gharchive": ["rejects"], "oss_directory": [], "git_history": ["gaps", "rejects"]}
STANDARD = {
    "test_basic_read",
    "test_check",
    "test_config_matches_spec",
    "test_discover",
    "test_fail_read_with_bad_catalog",
    "test_spec",
}


def standard_tests(environment, connector, source, folder):
    """Run the suite in its own pytest; return what became of each test."""
    config, report = folder / "config.json", folder / "report.xml"
    config.write_bytes(orjson.dumps(connector.config))
    about = {
        "executable": connector.command[0],
        "config_path": str(config),
        "empty_streams": EMPTY[source],
    }
    suite = [
        "-p",
        "airbyte_cdk.test.standard_tests.pytest_hooks",
        str(PROGRAMS / "standard_suite.py"),
    ]
    # Images are another matter, and advice of the suite is to be followed as its rules are.
    only = [
        "-k",
        "not docker",
        "-W",
        "error::airbyte_cdk.test.standard_tests.DiscoveredCatalogWarning",
    ]
    # Our own settings of pytest are not for this one.
    apart = ["-c", os.devnull, "--rootdir", str(folder), "--confcutdir", str(PROGRAMS),
             "-p", "no:cacheprovider", f"--junit-xml={report}"]  # fmt: skip
    done = subprocess.run(
        [str(environment / "bin" / "python"), "-m", "pytest", *apart, *only, *suite],
        capture_output=True,
        cwd=folder,
        env={**os.environ, "CONNECTOR": orjson.dumps(about).decode(), "TMPDIR": str(folder)},
    )
    said = done.stdout.decode()
    assert report.exists(), said + done.stderr.decode()
    return {
        case.get("name").partition("[")[0]: next((each.tag for each in case), "passed")
        for case in ElementTree.parse(report).iter("testcase")
    }, said


@pytest.mark.parametrize("source", SOURCES)
def test_every_standard_test_of_a_source_passes(airbyte_cdk, ours, tmp_path, source):
    outcomes, said = standard_tests(airbyte_cdk, ours[source], source, tmp_path)

    assert outcomes == dict.fromkeys(STANDARD, "passed"), said


def everything_said(connector, folder):
    """Every line of a connector: what it is, has and hands over, and how it fails."""
    config, wrong, catalogue, state = (
        folder / name for name in ("config", "wrong", "cat", "state")
    )
    config.write_bytes(orjson.dumps(connector.config))
    wrong.write_bytes(orjson.dumps({"folder": "/nowhere", "path": "/nowhere"}))
    state.write_bytes(b"[]")
    streams = [offered(each) for each in connector.discover()]
    catalogue.write_bytes(orjson.dumps(configured(streams)))
    ways = [
        ["spec"],
        ["check", "--config", config],
        ["check", "--config", wrong],
        ["discover", "--config", config],
        ["read", "--config", config, "--catalog", catalogue, "--state", state],
        ["read", "--config", wrong, "--catalog", catalogue],
    ]
    return b"".join(
        subprocess.run([*connector.command, *way], capture_output=True).stdout for way in ways
    )


@pytest.mark.parametrize("source", SOURCES)
def test_every_line_is_a_message_and_nothing_of_it_is_lost(airbyte_cdk, ours, tmp_path, source):
    lines = everything_said(ours[source], tmp_path)

    done = subprocess.run(
        [str(airbyte_cdk / "bin" / "python"), str(PROGRAMS / "parse_messages.py")],
        input=lines,
        capture_output=True,
    )

    kinds = {orjson.loads(line)["type"] for line in lines.splitlines()}
    assert kinds >= {"SPEC", "CONNECTION_STATUS", "CATALOG", "RECORD", "STATE", "TRACE"}
    assert (done.returncode, done.stdout.decode()[:3000], done.stderr.decode()) == (0, "", "")
