"""What npm, PyPI and crates.io answer, as rows of versions, dependencies and owners.

A version's dependencies are asked for only where they may count: of the last version of each month,
which is the newest at the end of a bucket. Every version is a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from oso_processors.collectors.artifact_urls import pypi_name
from oso_processors.collectors.source import Record, reject

Row = dict[str, Any]
# Fetches what is at a path of a registry; with True, what never changes and may be kept.
Ask = Callable[[str, bool], Mapping[str, Any]]
NPM_KINDS = {
    "optionalDependencies": "optional",
    "dependencies": "runtime",
    "peerDependencies": "peer",
    "devDependencies": "dev",
}
CRATES_KINDS = {"normal": "runtime", None: "runtime"}
REQUIREMENT = re.compile(
    r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*(?:;\s*(.*))?"
)


def npm(name: str, ask: Ask) -> Iterator[Record]:
    """Yield what npm knows of a package."""
    found = ask(f"/{quote(name, safe='@')}", False)
    times = _mapping(found.get("time"))
    versions = _mapping(found.get("versions"))
    rows = [
        {
            "version": version,
            "license": _text(each.get("license"), "type"),
            "repository": _text(each.get("repository") or found.get("repository"), "url"),
            "released_at": times.get(version),
            "is_yanked": False,
            "is_prerelease": "-" in version,
        }
        for version, each in versions.items()
    ]
    yield from _versions("NPM", name, rows)
    for version in counted(rows):
        seen: set[str] = set()
        for key, kind in NPM_KINDS.items():
            for dependency, spec in _mapping(versions[version].get(key)).items():
                # npm repeats what is optional among those of the run.
                if kind != "runtime" or dependency not in seen:
                    yield _dependency("NPM", name, version, dependency, str(spec), kind)
                seen.add(dependency)
    yield from _owners("NPM", name, [each.get("name") for each in _list(found.get("maintainers"))])


def pypi(name: str, ask: Ask) -> Iterator[Record]:
    """Yield what PyPI knows of a package; e-mail addresses are left there."""
    found = ask(f"/pypi/{quote(name)}/json", False)
    info = _mapping(found.get("info"))
    urls = _mapping(info.get("project_urls"))
    repository = next((str(url) for url in urls.values() if "//github.com/" in str(url)), None)
    rows = []
    for version, listed in _mapping(found.get("releases")).items():
        files = _list(listed)
        rows.append(
            {
                "version": version,
                "license": info.get("license_expression"),
                "repository": repository,
                "requires_python": files[0].get("requires_python") if files else None,
                "released_at": min((each["upload_time_iso_8601"] for each in files), default=None),
                # Without a file nobody can install it either.
                "is_yanked": all(each.get("yanked") for each in files),
                "is_prerelease": is_pypi_prerelease(version),
            }
        )
    yield from _versions("PYPI", name, rows)
    for version in counted(rows):
        of_version = _mapping(ask(f"/pypi/{quote(name)}/{quote(version)}/json", True).get("info"))
        for line in of_version.get("requires_dist") or ():
            yield from _requirement(name, version, str(line))
    roles = _list(_mapping(found.get("ownership")).get("roles"))
    yield from _owners("PYPI", name, [each.get("user") for each in roles])


def crates(name: str, ask: Ask) -> Iterator[Record]:
    """Yield what crates.io knows of a package."""
    place = f"/api/v1/crates/{quote(name)}"
    found = ask(place, False)
    repository = _mapping(found.get("crate")).get("repository")
    rows = [
        {
            "version": each["num"],
            "license": each.get("license"),
            "repository": repository,
            "released_at": each.get("created_at"),
            "is_yanked": bool(each.get("yanked")),
            "is_prerelease": "-" in each["num"],
        }
        for each in _list(found.get("versions"))
    ]
    yield from _versions("CRATES", name, rows)
    for version in counted(rows):
        listed = ask(f"{place}/{quote(version)}/dependencies", True).get("dependencies")
        for each in _list(listed):
            kind = CRATES_KINDS.get(each.get("kind"), str(each.get("kind")))
            kind = "optional" if kind == "runtime" and each.get("optional") else kind
            target = each.get("target")
            yield _dependency(
                "CRATES", name, version, each["crate_id"], each.get("req"), kind, target
            )
    owners = _list(ask(f"{place}/owners", False).get("users"))
    yield from _owners("CRATES", name, [each.get("login") for each in owners])


READERS: Mapping[str, Callable[[str, Ask], Iterator[Record]]] = {
    "NPM": npm,
    "PYPI": pypi,
    "CRATES": crates,
}


def counted(rows: Sequence[Row]) -> list[str]:
    """Return the versions that are the newest at the end of some month, oldest first.

    Yanked ones never are, and pre-releases only where there is nothing else.
    """
    sound = [row for row in rows if not row["is_yanked"]]
    sound = [row for row in sound if not row["is_prerelease"]] or sound
    by_month = {
        (row["released_at"] or "")[:7]: row["version"]
        for row in sorted(sound, key=lambda row: (row["released_at"] or "", row["version"]))
    }
    return list(by_month.values())


def is_pypi_prerelease(version: str) -> bool:
    """Return whether a version of PyPI is an alpha, a beta, a candidate or of development."""
    public = version.lower().partition("+")[0].removeprefix("v")
    return re.search(r"[a-z]", public.replace("post", "").replace("rev", "")) is not None


def _requirement(name: str, version: str, line: str) -> Iterator[Record]:
    found = REQUIREMENT.fullmatch(line)
    if found is None:
        yield reject(f"PYPI/{name}", version, "is no requirement", line)
        return
    marker = found[3] and found[3].strip()
    kind = "extra" if re.search(r"\bextra\s*==", marker or "") else "runtime"
    dependency = pypi_name(found[1])
    yield _dependency("PYPI", name, version, dependency, found[2].strip() or None, kind, marker)


def _versions(registry: str, name: str, rows: Sequence[Row]) -> Iterator[Record]:
    for row in rows:
        yield Record("packages", {"registry": registry, "name": name, **row})


def _dependency(
    registry: str,
    name: str,
    version: str,
    dependency: str,
    spec: str | None,
    kind: str,
    marker: str | None = None,
) -> Record:
    row = {"registry": registry, "name": name, "version": version, "dependency": dependency}
    return Record("dependencies", {**row, "spec": spec, "kind": kind, "marker": marker})


def _owners(registry: str, name: str, logins: Sequence[Any]) -> Iterator[Record]:
    for login in dict.fromkeys(each for each in logins if isinstance(each, str)):
        yield Record("owners", {"registry": registry, "name": name, "owner": login})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Any, key: str) -> str | None:
    found = value.get(key) if isinstance(value, dict) else value
    return found if isinstance(found, str) else None
