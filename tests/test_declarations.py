"""Declarations: what is written is kept, and what cannot be meant is refused with a suggestion."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from oso_processors.declarations import (
    Deprecation,
    FilesOptions,
    PostgresOptions,
    Processor,
    Publish,
    Source,
    load_processor,
    load_processors,
    load_sources,
)
from oso_processors.errors import DeclarationInvalid

STARS = """\
# Stars of repositories.
name: stars
model: marts.stars
tier: preview
owner: metrics
licence: CC-BY-SA-4.0
freshness: 36h
columns: [repo, day, stars]
publish:
  postgres: {indexes: [[day, repo], [stars]]}
  files:
"""


@pytest.fixture
def processor(tmp_path):
    folder = tmp_path / "processors"
    folder.mkdir()

    def write(text: str, name: str = "stars"):
        path = folder / f"{name}.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


@pytest.fixture
def sources(tmp_path):
    def write(text: str):
        path = tmp_path / "sources.yaml"
        path.write_text(text)
        return path

    return write


def test_a_processor_is_what_was_written(processor):
    assert load_processor(processor(STARS)) == Processor(
        name="stars",
        model="marts.stars",
        tier="preview",
        owner="metrics",
        licence="CC-BY-SA-4.0",
        freshness=timedelta(hours=36),
        columns=("repo", "day", "stars"),
        publish=Publish(
            postgres=PostgresOptions(indexes=(("day", "repo"), ("stars",))), files=FilesOptions()
        ),
    )


def test_bigquerys_options_are_plain_too(processor):
    declared = STARS.replace("  files:", "  bigquery: {partition_by: day, cluster_by: [repo]}")

    options = load_processor(processor(declared)).publish.options()

    assert options["bigquery"] == {
        "partition_by": "day",
        "partition_unit": "month",
        "cluster_by": ["repo"],
    }


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            "{cluster_by: [reop]}",
            "cluster_by: 'reop' is not one of `columns`; did you mean 'repo'?",
        ),
        (
            "{partition_by: days}",
            "partition_by: 'days' is not one of `columns`; did you mean 'day'?",
        ),
        ("{cluster_by: [repo, repo]}", "cluster_by: 'repo' is listed twice"),
        ("{partition: day}", "partition: unknown key; did you mean 'partition_by'?"),
        (
            "{partition_by: day, kind: table}",
            "kind: 'table': its rows are copied whole at each release; leave `partition_by` out",
        ),
        (
            "{partition_by: day, partition_unit: week}",
            "partition_unit: 'week': input should be 'day', 'month' or 'year'",
        ),
    ],
)
def test_what_bigquery_would_not_take_is_one_clear_line(processor, options, problem):
    declared = STARS.replace("  files:", f"  bigquery: {options}")

    with pytest.raises(DeclarationInvalid) as caught:
        load_processor(processor(declared))

    assert str(caught.value) == f"processors/stars.yaml: publish.bigquery.{problem}"


def test_options_are_plain_and_of_named_stores_only(processor):
    both = load_processor(processor(STARS))
    one = load_processor(processor(STARS.replace("  files:\n", "")))

    assert both.publish.options() == {
        "postgres": {"indexes": [["day", "repo"], ["stars"]]},
        "files": {},
    }
    assert list(one.publish.options()) == ["postgres"]


def test_a_processor_cannot_be_changed(processor):
    stars = load_processor(processor(STARS))

    with pytest.raises(ValueError, match="frozen"):
        stars.owner = "somebody"


def test_processors_come_in_the_order_of_their_names(processor):
    processor(STARS)
    path = processor(STARS.replace("name: stars", "name: forks"), "forks")

    assert [each.name for each in load_processors(path.parent)] == ["forks", "stars"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("publish:", "publsh:", "publsh: unknown key; did you mean 'publish'?"),
        ("{indexes:", "{index:", "publish.postgres.index: unknown key; did you mean 'indexes'?"),
        (
            "  files:",
            "  snowflake:",
            "publish.snowflake: unknown key; known are bigquery, postgres, files",
        ),
        ("owner: metrics", "owner: a\nowner: b", "'owner' is given twice"),
        ("owner: metrics\n", "", "owner: is missing"),
        ("name: stars", "name: forks", "name: 'forks' is not the file's name"),
        ("name: stars", "name: Stars", "name: 'Stars': string should match pattern"),
        ("tier: preview", "tier: beta", "tier: 'beta': input should be 'preview' or 'stable'"),
        ("freshness: 36h", "freshness: soon", "freshness: 'soon' is no duration such as 36h"),
        ("[repo, day, stars]", "[]", "columns: is empty"),
        ("[repo, day, stars]", "[repo, day, stars, day]", "columns: 'day' is listed twice"),
        ("[stars]]", "[star]]", "'star' is not one of `columns`; did you mean 'stars'?"),
        ("owner: metrics", "owner: 3", "owner: 3: input should be a valid string"),
        ("owner: metrics", "owner: [", "expected"),
        ("owner: metrics", "owner: !!python/object/apply:os.system [id]", "could not determine"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(processor, old, new, said):
    with pytest.raises(DeclarationInvalid) as caught:
        load_processor(processor(STARS.replace(old, new)))

    assert str(caught.value).startswith("processors/stars.yaml:")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "- a list", "just words", b"\xff\xfe\x00", "\x00"])
def test_what_is_no_mapping_is_refused_in_one_line(processor, text):
    with pytest.raises(DeclarationInvalid) as caught:
        load_processor(processor(text))

    assert str(caught.value).startswith("processors/stars.yaml: ")
    assert "\n" not in str(caught.value)


def test_the_line_of_a_key_given_twice_is_told(processor):
    with pytest.raises(DeclarationInvalid, match=r"^processors/stars\.yaml:6: 'owner' is given"):
        load_processor(processor(STARS.replace("owner: metrics", "owner: a\nowner: b")))


DEPRECATED = """\
deprecation:
  on: 2026-01-01
  remove_after: 2026-06-30
  replacement: stars_v2
  reason: A repository is no text.
  renames: {repo: repository}
"""
OLD = STARS.replace("tier: preview", "tier: stable") + DEPRECATED
NEW = (
    STARS.replace("name: stars", "name: stars_v2")
    .replace("[repo, day, stars]", "[repository, day, stars]")
    .replace("[[day, repo], [stars]]", "[[stars]]")
)


def test_a_deprecation_tells_until_when_and_what_instead(processor):
    processor(NEW, "stars_v2")

    old, new = load_processors(processor(OLD).parent)

    assert new.deprecation is None
    assert old.deprecation == Deprecation(
        on=date(2026, 1, 1),
        remove_after=date(2026, 6, 30),
        replacement="stars_v2",
        reason="A repository is no text.",
        renames={"repo": "repository"},
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("remove_after:", "removed_after:", "unknown key; did you mean 'remove_after'?"),
        ("2026-01-01", "soon", "deprecation.on: 'soon' is no day such as 2026-01-31"),
        ("2026-01-01", "2026-02-30", "deprecation.on: '2026-02-30'"),
        ("2026-06-30", "2025-06-30", "remove_after: 2025-06-30 is not after `on`, 2026-01-01"),
        ("tier: stable", "tier: preview", "deprecation: a preview output may change at once"),
        ("{repo:", "{rep:", "renames: 'rep' is not one of `columns`; did you mean 'repo'?"),
        ("{repo: repository}", "{repo: a, day: a}", "renames: 'a' is named twice"),
        (
            "{repo: repository}",
            "{repo: day}",
            "renames: both repo and day would be 'day' of stars_v2; map day too, or call the new"
            " column otherwise there",
        ),
        ("repo: repository", "repo: repositry", "stars_v2 has no column 'repositry'; did you mean"),
        ("replacement: stars_v2", "replacement: stars_v3", "'stars_v3' is no processor; did you"),
        ("replacement: stars_v2", "replacement: stars", "stars is deprecated itself; name another"),
    ],
)
def test_a_deprecation_that_cannot_be_meant_is_refused_in_one_line(processor, old, new, said):
    processor(NEW, "stars_v2")
    path = processor(OLD.replace(old, new))

    with pytest.raises(DeclarationInvalid) as caught:
        load_processors(path.parent)

    assert str(caught.value).startswith("processors/stars.yaml: deprecation")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_columns_may_change_their_names_with_each_other(processor):
    processor(NEW.replace("[repository, day, stars]", "[repo, day, stars]"), "stars_v2")
    path = processor(OLD.replace("{repo: repository}", "{repo: day, day: repo}"))

    assert load_processors(path.parent)[0].deprecation.renames == {"repo": "day", "day": "repo"}


def test_variables_are_read_from_outside_and_have_defaults(sources):
    path = sources(
        "sources:\n"
        "  mine:\n"
        "    command: ['run-${WHO}', --fast]\n"
        "    config: {start: '${START:-2025-01-01}', all: ['${WHO}', 3, {deep: 'x${EMPTY:-}y'}]}\n"
        "    streams: [events]\n"
    )

    assert load_sources(path, {"WHO": "me", "EMPTY": ""}) == {
        "mine": Source(
            command=("run-me", "--fast"),
            config={"start": "2025-01-01", "all": ["me", 3, {"deep": "xy"}]},
            streams=("events",),
        )
    }


def test_a_variable_that_is_not_set_is_refused(sources):
    path = sources("sources: {mine: {command: [run], config: {keys: [{token: '${TOKEN}'}]}}}")

    with pytest.raises(
        DeclarationInvalid,
        match=r"^sources\.yaml: sources\.mine\.config\.keys\.0\.token: TOKEN is not set; set it",
    ):
        load_sources(path, {})


def test_a_date_stays_the_text_that_was_written(sources):
    path = sources("sources: {mine: {command: [run], config: {start: 2025-01-01}}}")

    assert load_sources(path)["mine"].config == {"start": "2025-01-01"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources: {mine: {comand: [run]}}", "sources.mine.comand: unknown key; did you mean"),
        ("sources: {mine: {command: []}}", "sources.mine.command: is empty"),
        ("sources: {mine: {command: [a]}, mine: {command: [b]}}", "'mine' is given twice"),
        ("source: {}", "source: unknown key; did you mean 'sources'?"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused(sources, text, said):
    with pytest.raises(DeclarationInvalid) as caught:
        load_sources(sources(text))

    assert str(caught.value).startswith("sources.yaml:")
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(DeclarationInvalid, match=r"sources\.yaml: No such file or directory"):
        load_sources(tmp_path / "sources.yaml")
