"""From what people write in a directory to the address of an artifact: (source, namespace, name)."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urlsplit

Address = tuple[str, str, str]

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})")
REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}")
# How schema versions before 7 spelled a chain.
OLD_CHAINS = {"ARBITRUM": "ARBITRUM_ONE", "POLYGON": "MATIC", "ZKSYNC": "ZKSYNC_ERA"}
# Registries are known by the shape of their paths, whatever host serves them.
PACKAGE_PATHS = {
    "npm": re.compile(r"/package/(?:(@[^/]+)/)?([^/@]+)/?"),
    "pypi": re.compile(r"/project/()([^/]+)/?"),
    "crates": re.compile(r"/crates/()([^/]+)/?"),
    "rubygems": re.compile(r"/gems/()([^/]+)/?"),
    "defillama": re.compile(r"/protocol/()([^/]+)/?"),
    "open_collective": re.compile(r"/()([^/]+)/?"),
}


def github(url: str) -> Address | None:
    """Return the repository or, with an empty name, the owner that ``url`` means."""
    parts = _split(url)
    host = (parts.hostname or "").removeprefix("www.")
    if host != "github.com" or parts.scheme not in ("http", "https") or parts.query:
        return None
    steps = [step for step in parts.path.split("/") if step]
    if len(steps) == 2 and steps[0] == "orgs":
        # The page of an organisation is the organisation.
        steps = steps[1:]
    if not 1 <= len(steps) <= 2 or not OWNER.fullmatch(steps[0]):
        return None
    name = steps[1].removesuffix(".git") if len(steps) == 2 else ""
    if len(steps) == 2 and not REPOSITORY.fullmatch(name):
        return None
    return "GITHUB", steps[0].lower(), name.lower()


def go(url: str) -> Address | None:
    """Return the Go module that ``url`` means; its path tells capitals apart."""
    parts = _split(url)
    path = parts.path.strip("/")
    return ("GO", parts.hostname or "", path) if path and parts.hostname else None


def package(kind: str, url: str) -> Address | None:
    """Return the package that ``url`` means at the registry ``kind``."""
    parts = _split(url)
    found = PACKAGE_PATHS[kind].fullmatch(unquote(parts.path))
    if found is None or parts.scheme not in ("http", "https"):
        return None
    name = pypi_name(found[2]) if kind == "pypi" else found[2]
    return kind.upper(), found[1] or "", name


def pypi_name(name: str) -> str:
    """Return the one way to write a name on PyPI, which takes `Eth_Abi` for `eth-abi`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def website(url: str) -> Address | None:
    """Return the website that ``url`` means."""
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return "WWW", "", url.strip()


def blockchain(network: str, address: str) -> Address | None:
    """Return the address on a chain."""
    stripped = address.strip()
    chain = network.upper().replace("-", "_")
    chain = OLD_CHAINS.get(chain, chain)
    return (chain, "", stripped.lower()) if ADDRESS.fullmatch(stripped) else None


def _split(url: str) -> SplitResult:
    """Split a URL; one that cannot be split has no parts."""
    try:
        return urlsplit(url.strip())
    except ValueError:
        return SplitResult("", "", "", "", "")
