"""Commits and tags of a local clone, read with git itself."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oso_processors.collectors.schema import sha256
from oso_processors.errors import ConfigFailure, TransientFailure

FIELDS = ("%H", "%P", "%an", "%ae", "%aN", "%aE", "%at", "%ai", "%ct")
# Between fields stands a line break, which no name holds. Git ends a commit's head and each of its files
# with NUL, and no file's line can begin with our mark, since it begins with a number.
MARK = b"\x01"
FORMAT = "%x01" + "%n".join(FIELDS)
NUMSTAT = re.compile(rb"\n?(\d+|-)\t(\d+|-)\t")
NOREPLY = re.compile(r"(?:(\d{1,18})\+)?([^@+]+)@users\.noreply\.github\.com", re.IGNORECASE)
ZONE = re.compile(r"([+-])(\d{2})(\d{2})$")


class BadCommit(Exception):
    """A commit cannot be used; carries its hash and the reason."""

    def __init__(self, sha: str, reason: str) -> None:
        super().__init__(reason)
        self.sha = sha


def git(repository: Path, *arguments: str) -> bytes:
    """Run git in ``repository``; raise `TransientFailure` with its last words."""
    command = ["git", "-C", str(repository), *arguments]
    # Nobody is there to answer a question.
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
    except FileNotFoundError:
        raise ConfigFailure("git is not installed; install it") from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise TransientFailure(f"git {arguments[0]}: {last[0] if last else 'failed'}")
    return done.stdout


def head(repository: Path) -> str | None:
    """Return the hash that the default branch stands at; None for an empty repository."""
    return _resolved(repository, "HEAD^{commit}")


def mailmap(repository: Path) -> str | None:
    """Return the hash of the repository's .mailmap; None where it has none."""
    return _resolved(repository, "HEAD:.mailmap")


def _resolved(repository: Path, name: str) -> str | None:
    try:
        found = git(repository, "rev-parse", "--verify", "--quiet", name)
    except TransientFailure:
        return None
    return found.decode().strip() or None


def has_ancestor(repository: Path, sha: str) -> bool:
    """Say whether ``sha`` is part of the default branch's history."""
    command = ["git", "-C", str(repository), "merge-base", "--is-ancestor", sha, "HEAD"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def commits(repository: Path, name: str, since: str | None) -> Iterator[dict[str, Any] | BadCommit]:
    """Yield the commits of the default branch after ``since``, each as a row."""
    # A bare clone has no work tree to find the .mailmap in.
    command = [
        "git", "-C", str(repository), "-c", "mailmap.blob=HEAD:.mailmap", "-c", "log.showRoot=true",
        "log", "-z", "--numstat", "--no-renames", "--use-mailmap", "--no-show-signature",
        "--no-ext-diff", "--no-textconv",
        f"--format={FORMAT}", f"{since}..HEAD" if since else "HEAD", "--",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for head, counted in _found(process):
            try:
                yield _commit(name, head, counted)
            except BadCommit as error:
                yield error
        said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
    if process.returncode:
        raise TransientFailure(f"{name}: git log: {said.splitlines()[-1] if said else 'failed'}")


def tags(repository: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield the tags of a repository that point at commits."""
    for line in tag_lines(repository).splitlines():
        tag, kind, sha, peeled_kind, peeled, created = line.decode(errors="replace").split("\0")
        if "commit" not in (kind, peeled_kind):
            continue
        yield {
            "repo": name,
            "tag": tag,
            "object_type": kind,
            "commit_sha": peeled or sha,
            "created": _time(created) if created else None,
        }


def tag_lines(repository: Path) -> bytes:
    """Return a line for every tag: name, type, hash, type and hash of what it points at, time."""
    fields = (
        "refname:strip=2",
        "objecttype",
        "objectname",
        "*objecttype",
        "*objectname",
        "creatordate:unix",
    )
    form = "%00".join(f"%({field})" for field in fields)
    return git(repository, "for-each-ref", "refs/tags", f"--format={form}")


def _found(process: subprocess.Popen[bytes]) -> Iterator[tuple[bytes, list[re.Match[bytes]]]]:
    """Yield each commit's head with the counts of its files, in bounded memory."""
    head = b""
    counts: list[re.Match[bytes]] = []
    for part in _parts(process):
        if part.startswith(MARK):
            if head:
                yield head, counts
            head, counts = part[1:], []
        elif match := NUMSTAT.match(part):
            counts.append(match)
    if head:
        yield head, counts


def _parts(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    rest = b""
    while process.stdout is not None and (block := process.stdout.read(1 << 20)):
        *whole, rest = (rest + block).split(b"\0")
        yield from whole
    yield rest


def _commit(name: str, head: bytes, counted: list[re.Match[bytes]]) -> dict[str, Any]:
    sha, parents, raw_name, raw_email, canon_name, canon_email, authored, zone, committed = (
        each.decode(errors="replace") for each in head.split(b"\n")
    )
    parent_count = len(parents.split())
    texts = [match for match in counted if match[1] != b"-"]
    is_merge = parent_count > 1
    noreply = NOREPLY.fullmatch(raw_email.strip())
    try:
        times = {"author_time": _time(authored), "committer_time": _time(committed)}
    except (ValueError, OverflowError, OSError):
        raise BadCommit(sha, f"has no usable time ({authored}, {committed})") from None
    return {
        "repo": name,
        "sha": sha,
        "parents": parent_count,
        "author_name": raw_name,
        "author_email_sha256": sha256(raw_email),
        "author_pushed_email_sha256": sha256(as_pushed(raw_email)),
        "author_canon_name": canon_name,
        "author_canon_email_sha256": sha256(canon_email),
        "author_noreply_id": int(noreply[1]) if noreply and noreply[1] else None,
        "author_noreply_login": noreply[2] if noreply else None,
        "author_tz_min": _zone(zone),
        **times,
        "is_merge": is_merge,
        "additions": None if is_merge else sum(int(match[1]) for match in texts),
        "deletions": None if is_merge else sum(int(match[2]) for match in texts),
        "files": None if is_merge else len(counted),
        "binary_files": None if is_merge else len(counted) - len(texts),
    }


def as_pushed(address: str) -> str:
    """Return an address as GH Archive tells it of pushes: without what stands before the @.

    An address that GitHub gave stays as it is.
    """
    local, at, domain = address.rpartition("@")
    if not at or NOREPLY.fullmatch(address.strip()):
        return address
    return f"{hashlib.sha1(local.encode(), usedforsecurity=False).hexdigest()}@{domain}"


def _time(seconds: str) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _zone(moment: str) -> int | None:
    found = ZONE.search(moment)
    return int(f"{found[1]}{int(found[2]) * 60 + int(found[3])}") if found else None
