"""What is read of a commit and a tag, on repositories of known content."""

from __future__ import annotations

import hashlib
from collections import defaultdict

import pytest

from oso_processors.collectors.git_history import GitHistory
from oso_processors.collectors.source import Record

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


def sha256(email):
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def test_every_fact_of_a_commit_is_a_column(tmp_path, known_history):
    _, shas = known_history(tmp_path / "clones" / "owner" / "name")

    found = {each["sha"]: each for each in rows({"folder": str(tmp_path / "clones")})["commits"]}

    ana = {
        "repo": "owner/name",
        "author_name": "Ana",
        "author_email_sha256": sha256("ana@example.org"),
        # printf '%s@example.org' $(printf Ana | sha1sum | head -c 40) | sha256sum
        "author_pushed_email_sha256": "91b49f17bc742ecea2222679208a6ddf4b43c8e9cf5add7a09c89bd7c3aef67e",
        "author_canon_name": "Ana Maria",
        "author_canon_email_sha256": sha256("ana.maria@example.org"),
        "author_noreply_id": None,
        "author_noreply_login": None,
        "is_merge": False,
        "parents": 1,
        "binary_files": 0,
    }
    bo = {
        "author_name": "Bo",
        "author_email_sha256": sha256("123+bo-dev@users.noreply.github.com"),
        "author_pushed_email_sha256": sha256("123+bo-dev@users.noreply.github.com"),
        "author_canon_name": "Bo",
        "author_canon_email_sha256": sha256("123+bo-dev@users.noreply.github.com"),
        "author_noreply_id": 123,
        "author_noreply_login": "bo-dev",
    }
    uncounted = dict.fromkeys(("additions", "deletions", "files", "binary_files"))
    expected = {
        "root": {
            **ana, "parents": 0, "additions": 3, "deletions": 0, "files": 2,
            "author_time": "2024-05-01T10:00:00Z", "author_tz_min": 120,
            "committer_time": "2024-05-01T10:00:00Z",
        },
        "side": {
            **ana, **bo, "additions": 0, "deletions": 1, "files": 2, "binary_files": 1,
            "author_time": "2024-05-01T10:00:00Z", "author_tz_min": 120,
            "committer_time": "2024-05-03T00:00:00Z",
        },
        "rename": {
            **ana, "additions": 1, "deletions": 1, "files": 2,
            "author_time": "2024-05-03T03:00:00Z", "author_tz_min": -210,
            "committer_time": "2024-05-03T03:00:00Z",
        },
        "merge": {
            **ana, **uncounted, "parents": 2, "is_merge": True,
            "author_time": "2024-05-04T00:00:00Z", "author_tz_min": 0,
            "committer_time": "2024-05-04T00:00:00Z",
        },
        "mailmap": {
            **ana, "additions": 1, "deletions": 0, "files": 1,
            "author_time": "2024-05-05T00:00:00Z", "author_tz_min": 0,
            "committer_time": "2024-05-05T00:00:00Z",
        },
    }  # fmt: skip
    assert found == {shas[name]: {**each, "sha": shas[name]} for name, each in expected.items()}


def test_line_counts_are_those_of_diff_tree(tmp_path, known_history):
    made, _ = known_history(tmp_path / "clones" / "owner" / "name")

    for each in rows({"folder": str(tmp_path / "clones")})["commits"]:
        arguments = ("diff-tree", "-r", "--root", "--no-renames", "--numstat", "--no-commit-id")
        lines = [line.split("\t") for line in made.git(*arguments, each["sha"]).splitlines()]
        counts = (
            sum(int(added) for added, _, _ in lines if added != "-"),
            sum(int(deleted) for _, deleted, _ in lines if deleted != "-"),
            len(lines),
            sum(added == "-" for added, _, _ in lines),
        )
        columns = ("additions", "deletions", "files", "binary_files")
        expected = (None,) * 4 if each["is_merge"] else counts
        assert tuple(each[column] for column in columns) == expected


def test_no_address_leaves_the_collector(tmp_path, known_history):
    known_history(tmp_path / "clones" / "owner" / "name")

    handed_over = repr(messages({"folder": str(tmp_path / "clones")}))

    assert "@" not in handed_over


def test_tags_point_at_commits(tmp_path, known_history):
    made, shas = known_history(tmp_path / "clones" / "owner" / "name")
    made.git("tag", "v1", shas["root"])
    made.git("tag", "--annotate", "-m", "two", "v2", shas["rename"], at="2024-06-01T00:00:00Z")

    found = rows({"folder": str(tmp_path / "clones")})["tags"]

    assert found == [
        {
            "repo": "owner/name",
            "tag": "v1",
            "object_type": "commit",
            "commit_sha": shas["root"],
            "created": "2024-05-01T10:00:00Z",
        },
        {
            "repo": "owner/name",
            "tag": "v2",
            "object_type": "tag",
            "commit_sha": shas["rename"],
            "created": "2024-06-01T00:00:00Z",
        },
    ]


def test_a_tag_of_no_commit_has_no_commit(tmp_path, new_repository):
    made = new_repository(tmp_path / "clones" / "owner" / "name")
    made.commit()
    blob = made.git("hash-object", "-w", "--stdin", stdin=b"a key")
    made.git("tag", "--annotate", "-m", "key", "key", blob)

    found = rows({"folder": str(tmp_path / "clones")})["tags"]

    assert [each["commit_sha"] for each in found] in ([], [None])


@pytest.mark.parametrize(
    ("author", "name"),
    [
        (b" <ana@example.org> 1714557600 +0000", ""),
        (b"Jos\xe9 <ana@example.org> 1714557600 +0000", "Jos\ufffd"),
        ("Яна 👩‍💻 <ana@example.org> 1714557600 +0000".encode(), "Яна 👩‍💻"),
    ],
)
def test_odd_names_survive(tmp_path, author, name, new_repository):
    sha = new_repository(tmp_path / "clones" / "owner" / "name").raw_commit(author)

    found = rows({"folder": str(tmp_path / "clones")})["commits"]

    assert [(each["sha"], each["author_name"]) for each in found] == [(sha, name)]
    assert found[0]["author_email_sha256"] == sha256("ana@example.org")


@pytest.mark.parametrize(
    "name",
    [
        "a\x01b",
        "a\x1fb",
    ],
)
def test_control_characters_in_a_path_do_no_harm(tmp_path, name, new_repository):
    made = new_repository(tmp_path / "clones" / "owner" / "name")
    made.commit({name: b"x\n", "plain": b"y\n"})

    (found,) = rows({"folder": str(tmp_path / "clones")})["commits"]

    assert (found["files"], found["additions"]) == (2, 2)


@pytest.mark.parametrize("character", [b"\x01", b"\x1f"])
def test_control_characters_in_a_name_do_no_harm(tmp_path, character, new_repository):
    author = b"A" + character + b"na <ana@example.org> 1714557600 +0000"
    sha = new_repository(tmp_path / "clones" / "owner" / "name").raw_commit(author)

    found = rows({"folder": str(tmp_path / "clones")})["commits"]

    assert [each["sha"] for each in found] == [sha]


def test_a_commit_with_an_impossible_time_costs_itself_only(tmp_path, new_repository):
    made = new_repository(tmp_path / "clones" / "owner" / "name")
    made.raw_commit(b"Ana <ana@example.org> 99999999999999999999 +0000")
    bad = made.git("rev-parse", "HEAD")
    good = made.commit()

    found = rows({"folder": str(tmp_path / "clones")})

    handed = {each["sha"] for each in found["commits"]} | {
        each["place"] for each in found["rejects"]
    }
    assert good in {each["sha"] for each in found["commits"]}
    assert handed == {bad, good}
