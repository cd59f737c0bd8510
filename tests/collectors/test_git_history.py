"""The collector of git histories, over repositories in folders and by URL."""

from __future__ import annotations

from collections import defaultdict

import pytest

from oso_processors.collectors.git_history import GitHistory
from oso_processors.collectors.source import Log, Record, State
from oso_processors.errors import ConfigFailure, TransientFailure

STREAMS = ("commits", "tags", "gaps", "rejects")


def messages(config, state=None, streams=STREAMS):
    return list(GitHistory().read(config, streams, state or {}))


def rows(config, state=None):
    """The rows of each stream."""
    found = defaultdict(list)
    for each in messages(config, state):
        if isinstance(each, Record):
            found[each.stream].append(dict(each.data))
    return found


def states(config, state=None):
    return {each.stream: each.data for each in messages(config, state) if isinstance(each, State)}


def from_url(made, tmp_path, **more):
    url = f"file://{made.path}"
    return {"repositories": [{"url": url, **more}], "cache": str(tmp_path / "cache")}


def test_only_the_default_branch_is_read(tmp_path, new_repository):
    made = new_repository(tmp_path / "clones" / "owner" / "name")
    kept = made.commit()
    made.git("switch", "--quiet", "--create", "side")
    made.commit()
    made.git("switch", "--quiet", "main")

    assert [each["sha"] for each in rows({"folder": str(tmp_path / "clones")})["commits"]] == [kept]


def test_a_second_reading_gives_only_the_new_commits(tmp_path, known_history):
    made, _ = known_history(tmp_path / "clones" / "owner" / "name")
    config = {"folder": str(tmp_path / "clones")}
    state = states(config)
    new = made.commit({"d.txt": b"d\n"})

    assert [each["sha"] for each in rows(config, state)["commits"]] == [new]


def test_an_unchanged_repository_gives_no_commit_again(tmp_path, known_history):
    known_history(tmp_path / "clones" / "owner" / "name")
    config = {"folder": str(tmp_path / "clones")}
    state = states(config)

    assert rows(config, state)["commits"] == []
    assert states(config, state) == state


def test_an_unchanged_repository_gives_no_tag_again(tmp_path, known_history):
    made, _ = known_history(tmp_path / "clones" / "owner" / "name")
    made.git("tag", "v1")
    config = {"folder": str(tmp_path / "clones")}

    assert rows(config, states(config))["tags"] == []


def test_a_changed_mailmap_gives_every_commit_again(tmp_path, known_history):
    made, shas = known_history(tmp_path / "clones" / "owner" / "name")
    config = {"folder": str(tmp_path / "clones")}
    state = states(config)
    new = made.commit({".mailmap": b"Ana M. <ana@example.org>\n"})

    found = rows(config, state)["commits"]

    assert {each["sha"] for each in found} == {*shas.values(), new}
    canon_names = {each["author_canon_name"] for each in found if each["author_name"] == "Ana"}
    assert canon_names == {"Ana M."}


def test_a_rewritten_history_is_read_whole(tmp_path, known_history):
    made, shas = known_history(tmp_path / "clones" / "owner" / "name")
    config = {"folder": str(tmp_path / "clones")}
    state = states(config)
    made.git("reset", "--quiet", "--hard", shas["root"])
    new = made.commit({"other": b"other\n"})

    assert {each["sha"] for each in rows(config, state)["commits"]} == {shas["root"], new}


def test_an_empty_repository_has_no_commits(tmp_path, new_repository):
    new_repository(tmp_path / "clones" / "owner" / "name")

    found = rows({"folder": str(tmp_path / "clones")})

    assert found["commits"] == []
    assert found["gaps"] == []


def test_a_repository_by_url_is_cloned_and_named_by_its_url(tmp_path, known_history):
    made, shas = known_history(tmp_path / "remote" / "owner" / "name.git")

    found = rows(from_url(made, tmp_path))["commits"]

    assert {each["sha"] for each in found} == set(shas.values())
    assert {each["repo"] for each in found} == {"owner/name"}


def test_a_repository_can_be_given_another_name(tmp_path, known_history):
    made, _ = known_history(tmp_path / "remote" / "owner" / "name.git")

    found = rows(from_url(made, tmp_path, name="curl/curl"))["commits"]

    assert {each["repo"] for each in found} == {"curl/curl"}


def test_a_repository_that_went_on_is_fetched_again(tmp_path, known_history):
    made, _ = known_history(tmp_path / "remote" / "owner" / "name.git")
    config = from_url(made, tmp_path)
    state = states(config)
    new = made.commit({"d.txt": b"d\n"})
    made.git("tag", "v1")

    found = rows(config, state)

    assert [each["sha"] for each in found["commits"]] == [new]
    assert [each["tag"] for each in found["tags"]] == ["v1"]


def test_a_repository_is_fetched_many_times(tmp_path, known_history):
    made, _ = known_history(tmp_path / "remote" / "owner" / "name.git")
    config = from_url(made, tmp_path)
    state = states(config)
    for number in range(3):
        new = made.commit({"d.txt": b"%d\n" % number})
        assert [each["sha"] for each in rows(config, state)["commits"]] == [new]
        state = states(config, state)


def test_another_default_branch_is_followed(tmp_path, known_history):
    made, _ = known_history(tmp_path / "remote" / "owner" / "name.git")
    config = from_url(made, tmp_path)
    state = states(config)
    made.git("switch", "--quiet", "--create", "next")
    new = made.commit({"d.txt": b"d\n"})

    assert [each["sha"] for each in rows(config, state)["commits"]] == [new]


def test_a_repository_that_cannot_be_cloned_is_a_gap_and_the_others_go_on(tmp_path, known_history):
    made, shas = known_history(tmp_path / "remote" / "owner" / "name.git")
    config = from_url(made, tmp_path)
    config["repositories"].insert(0, {"url": f"file://{tmp_path}/absent/absent"})

    found = messages(config)

    gaps = [each.data for each in found if isinstance(each, Record) and each.stream == "gaps"]
    commits = {
        each.data["sha"] for each in found if isinstance(each, Record) and each.stream == "commits"
    }
    warnings = [each.text for each in found if isinstance(each, Log) and each.level == "WARN"]
    assert [(each["stream"], each["reason"]) for each in gaps] == [("commits", "unreadable")]
    assert gaps[0]["detail"].startswith("absent/absent: ")
    assert len(warnings) == 1
    assert commits == set(shas.values())


def test_when_no_repository_can_be_read_it_may_be_tried_again(tmp_path):
    config = {
        "repositories": [{"url": f"file://{tmp_path}/absent/{name}"} for name in ("a", "b")],
        "cache": str(tmp_path / "cache"),
    }

    with pytest.raises(TransientFailure, match="none of 2 repositories could be read"):
        messages(config)


def test_without_git_there_is_one_clear_line(tmp_path, monkeypatch, known_history):
    known_history(tmp_path / "clones" / "owner" / "name")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigFailure, match="git"):
        messages({"folder": str(tmp_path / "clones")})


def test_an_empty_folder_is_one_clear_line(tmp_path):
    with pytest.raises(
        ConfigFailure, match="give repositories, or a folder with Parquet or clones"
    ):
        GitHistory().check({"folder": str(tmp_path)})


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigFailure, match="is no folder"):
        GitHistory().check({"folder": str(tmp_path / "absent")})
