"""The ways that README and CONTRIBUTING tell, walked word for word in a clone of one's own."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import orjson
import pytest

pytestmark = pytest.mark.long
PROJECT = Path(__file__).parents[1]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
# `make test` is what is running already: of its parts the walk takes those that its changes may fail.
# A smaller sample is sooner built.
ENVIRONMENT = {**os.environ, "SIZE": "--events 1500 --days 6 --projects 20"}
MAKE_TEST = (
    "make --dry-run test && python -m pytest --quiet tests/test_reference.py -k 'tables or metrics'"
)


def told(page: str) -> list[str]:
    """The commands of a page, a text for each block."""
    return BLOCK.findall((PROJECT / page).read_text())


def run(clone: Path, commands: str) -> str:
    """What bash says of ``commands``; the first that fails ends them."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=clone,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def clone(
    tmp_path_factory: pytest.TempPathFactory, leave_few_metrics: Callable[[Path], Path]
) -> Path:
    """A clone that shares this one's environment, so that nothing is installed again."""
    folder = tmp_path_factory.mktemp("clone") / "oso-processors"
    files = run(PROJECT, "git ls-files --cached --others --exclude-standard").splitlines()
    for name in files:
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((PROJECT / name).read_bytes())
    leave_few_metrics(folder)
    (folder / ".venv").symlink_to(PROJECT / ".venv")
    who = "-c user.name=Newcomer -c user.email=newcomer@example.org"
    run(folder, f"git init --quiet && git add --all && git {who} commit --quiet -m start")
    run(folder, "touch .venv/.installed")
    return folder


def test_a_newcomer_walks_readme_and_then_contributing(clone):
    two_commands, look, real_data, first_model, copied = told("README.md")
    setup, *steps = (each.replace("make test", MAKE_TEST) for each in told("CONTRIBUTING.md"))

    said = run(clone, two_commands.replace("make test", "# make test"))
    assert "Released r1." in said
    assert "Last build" in run(clone, look)
    assert "oso run --from FOLDER" in real_data
    assert "No changes to plan" in run(clone, first_model)
    run(clone, f"{copied}\nrm models/metrics/reopened_issues.sql")
    walked = [setup, *(f"source .venv/bin/activate\n{step}" for step in steps)]
    said = "\n".join(run(clone, step) for step in walked)

    assert "Nothing new: r1 is still served." in said
    assert "GITHUB_issues_reopened_monthly" in said
    assert "Released r3." in said
    assert "An issue was opened." in said
    releases = clone / ".oso" / "releases"
    pointer = orjson.loads((releases / "latest.json").read_bytes())
    table = releases / pointer["release"] / "contribution_types_v1" / "data.parquet"
    assert duckdb.sql(f"SELECT DISTINCT is_contribution FROM '{table}'").fetchall() == [(True,)]
