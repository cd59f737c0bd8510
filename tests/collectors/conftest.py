"""Git repositories of known content."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

NOON = "2024-05-01T12:00:00+0200"
ANA = ("Ana", "Ana@Example.org ")
BO = ("Bo", "123+bo-dev@users.noreply.github.com")


@dataclass(frozen=True)
class Repository:
    """A repository with a work tree at `path`."""

    path: Path

    def git(self, *arguments, author=ANA, at=NOON, committed=None, stdin=None):
        """Return what git says; commits are made by ``author`` at that time."""
        environment = {
            **os.environ,
            "GIT_AUTHOR_NAME": author[0],
            "GIT_AUTHOR_EMAIL": author[1],
            "GIT_AUTHOR_DATE": at,
            "GIT_COMMITTER_NAME": "Committer",
            "GIT_COMMITTER_EMAIL": "committer@example.org",
            "GIT_COMMITTER_DATE": committed or at,
        }
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            check=True,
            capture_output=True,
            env=environment,
            input=stdin,
        )
        return done.stdout.decode(errors="replace").strip()

    def commit(self, files=None, **who):
        """Write ``files``, commit, and return the commit's hash."""
        for name, content in (files or {}).items():
            (self.path / name).write_bytes(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change", **who)
        return self.git("rev-parse", "HEAD")

    def raw_commit(self, author):
        """Write a commit byte by byte, as a tool less strict than git would; return its hash."""
        tree = self.git("write-tree").encode()
        content = b"tree %b\nauthor %b\ncommitter %b\n\nm" % (tree, author, author)
        arguments = ("hash-object", "-t", "commit", "-w", "--literally", "--stdin")
        sha = self.git(*arguments, stdin=content)
        self.git("update-ref", "refs/heads/main", sha)
        return sha


@pytest.fixture
def new_repository(monkeypatch, tmp_path) -> Callable[[Path], Repository]:
    """Make an empty repository at a path; nobody's own git settings change what it does."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))

    def make(path: Path) -> Repository:
        path.mkdir(parents=True)
        repository = Repository(path)
        repository.git("init", "--quiet", "--initial-branch=main")
        return repository

    return make


@pytest.fixture
def known_history(new_repository) -> Callable[[Path], tuple[Repository, dict[str, str]]]:
    """Make a history with a root, a binary file, a rename, a merge and a .mailmap, hashes by name."""

    def make(path: Path) -> tuple[Repository, dict[str, str]]:
        made = new_repository(path)
        shas = {"root": made.commit({"a.txt": b"one\ntwo\n", "b.txt": b"x\n"})}
        made.git("switch", "--quiet", "--create", "side")
        changed = {"picture": b"\0\1\2", "a.txt": b"one\n"}
        shas["side"] = made.commit(changed, author=BO, committed="2024-05-03T00:00:00Z")
        made.git("switch", "--quiet", "main")
        # A rename counts as a file taken away and one added.
        (made.path / "b.txt").rename(made.path / "c.txt")
        shas["rename"] = made.commit(at="2024-05-02T23:30:00-0330")
        made.git("merge", "--quiet", "--no-ff", "-m", "merge", "side", at="2024-05-04T00:00:00Z")
        shas["merge"] = made.git("rev-parse", "HEAD")
        names = b"Ana Maria <ana.maria@example.org> <ana@example.org>\n"
        shas["mailmap"] = made.commit({".mailmap": names}, at="2024-05-05T00:00:00Z")
        return made, shas

    return make
