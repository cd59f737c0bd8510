"""Commits and tags of a local clone, read with git itself."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oso_processors.collectors.schema import sha256
from oso_processors.errors import TransientFailure

FIELDS = ("%H", "%P", "%an", "%ae", "%aN", "%aE", "%at", "%ai", "%ct")
FORMAT = "%x01" + "%x1f".join(FIELDS) + "%x1f"
NUMSTAT = re.compile(rb"\n?(\d+|-)\t(\d+|-)\t")
NOREPLY = re.compile(r"(?:\d+\+)?([^@+]+)@users\.noreply\.github\.com", re.IGNORECASE)
ZONE = re.compile(r"([+-])(\d{2})(\d{2})$")


class BadCommit(Exception):
    """A commit cannot be used; carries its hash and the reason."""

    def __init__(self, sha: str, reason: str) -> None:
        super().__init__(reason)
        self.sha = sha


def git(repository: Path, *arguments: str) -> bytes:
    """Run git in ``repository``; raise `TransientFailure` with its last words."""
    command = ["git", "-C", str(repository), *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise TransientFailure(f"git {arguments[0]}: {last[0] if last else 'failed'}")
    return done.stdout


def head(repository: Path) -> str | None:
    """Return the hash that the default branch stands at; None for an empty repository."""
    found = subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "--verify", "--quiet", "HEAD^{commit}"],
        capture_output=True,
        check=False,
    )
    return found.stdout.decode().strip() or None


def mailmap(repository: Path) -> str | None:
    """Return the hash of the repository's .mailmap; None where it has none."""
    found = subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "--verify", "--quiet", "HEAD:.mailmap"],
        capture_output=True,
        check=False,
    )
    return found.stdout.decode().strip() or None


def has_ancestor(repository: Path, sha: str) -> bool:
    """Say whether ``sha`` is part of the default branch's history."""
    command = ["git", "-C", str(repository), "merge-base", "--is-ancestor", sha, "HEAD"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def commits(repository: Path, name: str, since: str | None) -> Iterator[dict[str, Any] | BadCommit]:
    """Yield the commits of the default branch after ``since``, each as a row."""
    # A bare clone has no work tree to find the .mailmap in.
    command = [
        "git", "-C", str(repository), "-c", "mailmap.blob=HEAD:.mailmap", "-c", "core.quotePath=false",
        "log", "-z", "--numstat", "--no-renames", "--use-mailmap", "--no-show-signature",
        f"--format={FORMAT}", f"{since}..HEAD" if since else "HEAD", "--",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for chunk in _chunks(process):
            try:
                yield _commit(name, chunk)
            except BadCommit as error:
                yield error
        said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
    if process.returncode:
        raise TransientFailure(f"{name}: git log: {said.splitlines()[-1] if said else 'failed'}")


def tags(repository: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield the tags of a repository that point at commits."""
    form = (
        "%(refname:strip=2)%00%(objecttype)%00%(objectname)%00%(*objectname)%00%(creatordate:unix)"
    )
    for line in git(repository, "for-each-ref", "refs/tags", f"--format={form}").splitlines():
        tag, kind, sha, peeled, created = line.decode(errors="replace").split("\0")
        yield {
            "repo": name,
            "tag": tag,
            "object_type": kind,
            "commit_sha": peeled or sha,
            "created": _time(created) if created else None,
        }


def _chunks(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield the output a commit at a time, in bounded memory."""
    rest = b""
    while process.stdout is not None and (block := process.stdout.read(1 << 20)):
        *whole, rest = (rest + block).split(b"\x01")
        yield from (each for each in whole if each.strip(b"\0\n"))
    if rest.strip(b"\0\n"):
        yield rest


def _commit(name: str, chunk: bytes) -> dict[str, Any]:
    *fields, stats = chunk.split(b"\x1f", len(FIELDS))
    sha, parents, raw_name, raw_email, canon_name, canon_email, authored, zone, committed = (
        each.decode(errors="replace").replace("\0", "") for each in fields
    )
    parent_count = len(parents.split())
    counted = [match for part in stats.split(b"\0") if (match := NUMSTAT.match(part))]
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
        "author_canon_name": canon_name,
        "author_canon_email_sha256": sha256(canon_email),
        "author_noreply_login": noreply[1] if noreply else None,
        "author_tz_min": _zone(zone),
        **times,
        "is_merge": is_merge,
        "additions": None if is_merge else sum(int(match[1]) for match in texts),
        "deletions": None if is_merge else sum(int(match[2]) for match in texts),
        "files": None if is_merge else len(counted),
        "binary_files": None if is_merge else len(counted) - len(texts),
    }


def _time(seconds: str) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _zone(moment: str) -> int | None:
    found = ZONE.search(moment)
    return int(f"{found[1]}{int(found[2]) * 60 + int(found[3])}") if found else None
