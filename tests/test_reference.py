"""The reference is what the code says today."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from oso_processors import errors
from oso_processors.cli import COMMANDS, main
from oso_processors.declarations import Processor
from oso_processors.reference import PAGES, metric_pages, page
from oso_processors.reference.faults import CODES

PROJECT = Path(__file__).parents[1]
FOLDER = PROJECT / "docs" / "reference"
METRICS = PROJECT / "docs" / "metrics"
SETTING = re.compile(r"\bOSO_[A-Z0-9_]+[A-Z0-9]\b")


@pytest.mark.parametrize("name", list(PAGES))
def test_the_reference_is_up_to_date(name):
    written = (FOLDER / name).read_text("utf-8")

    assert written == page(name), "stale; run `python -m oso_processors.reference`"


def test_the_pages_of_the_metrics_are_up_to_date():
    written = {path.name: path.read_text("utf-8") for path in METRICS.iterdir()}

    assert written == metric_pages(), "stale; run `python -m oso_processors.reference`"


def test_every_metric_has_rules_and_says_in_which_buckets_it_is():
    for name, text in metric_pages().items():
        if name != "README.md":
            assert re.search(r"\n## Rules\n\n.*\n\n- ", text), name
            assert re.search(r"\| Buckets \| \w", text), name


def test_every_key_of_a_processor_is_in_the_reference_with_words():
    for key, field in Processor.model_fields.items():
        assert field.description
        assert f"| `{key}` |" in page("processors.md")
        assert field.description in page("processors.md")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_and_an_example(name):
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.help
    assert re.search(rf"Examples?:\n +oso {name}", command.help.replace("\b", ""))


def test_every_error_has_a_documented_exit_code_and_words():
    for each in errors.OsoError.__subclasses__():
        assert each.__doc__
        assert each.exit_code in CODES


def test_every_setting_that_the_code_reads_is_in_the_reference():
    files = [
        *PROJECT.glob("oso_processors/**/*.py"),
        *PROJECT.glob("models/**/*.py"),
        PROJECT / "config.yaml",
        PROJECT / "sources.yaml",
    ]
    read = {name for path in files for name in SETTING.findall(path.read_text())}

    listed = set(SETTING.findall((FOLDER / "settings.md").read_text()))

    assert read <= listed
