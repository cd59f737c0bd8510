"""Where things are on this machine, read once from the environment.

Everything that is made lands below one folder, `home`, so that removing that folder
starts anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from oso_processors.bigquery import BigQuery
from oso_processors.catalog import catalog_of
from oso_processors.errors import InvalidSetting
from oso_processors.object_store import ObjectStore, place_of

GATEWAYS = ("local", "bigquery")
RETENTION = "all=7d,daily=30d,monthly=forever"
ACTOR_KEY = "oso"
RETAINED = re.compile(r"(all|daily|weekly|monthly|yearly)=(?:([1-9][0-9]{0,4})d|forever)")


@dataclass(frozen=True, slots=True)
class Settings:
    """The places of one installation.

    `project` is the clone's root (models, processors, sources.yaml); `home` is where
    data is kept; `postgres_dsn` is a server's address, or None for the embedded one; `gateway` is
    where SQLMesh builds; `retention` is how long releases are kept, all or the last of each period;
    `bigquery` is where releases are published too, or models are built, or None; `files` is where those of
    files lie, or None for a folder of the home; `actor_key` is mixed into the hashes by which persons are known.
    """

    project: Path
    home: Path
    postgres_dsn: str | None = None
    gateway: str = "local"
    retention: Mapping[str, timedelta] = field(default_factory=lambda: retention_of(RETENTION))
    bigquery: BigQuery | None = None
    files: Path | ObjectStore | None = None
    actor_key: str = ACTOR_KEY

    @classmethod
    def from_environ(
        cls, project: Path | None = None, environ: Mapping[str, str] = os.environ
    ) -> Settings:
        """Read ``OSO_PROJECT`` (default: the working directory), ``OSO_HOME`` (default:
        ``.oso`` in the project), ``OSO_POSTGRES_DSN``, ``OSO_GATEWAY``, ``OSO_RETENTION``, ``OSO_FILES``,
        ``OSO_ACTOR_KEY`` and, where releases or models go to BigQuery, all of ``OSO_BIGQUERY_…``;
        raise `InvalidSetting`."""
        root = (project or Path(environ.get("OSO_PROJECT") or Path.cwd())).resolve()
        catalog_of(environ)
        gateway = environ.get("OSO_GATEWAY") or "local"
        if gateway not in GATEWAYS:
            raise InvalidSetting("OSO_GATEWAY", gateway, f"must be one of {', '.join(GATEWAYS)}")
        return cls(
            project=root,
            home=(root / (environ.get("OSO_HOME") or ".oso")).resolve(),
            postgres_dsn=environ.get("OSO_POSTGRES_DSN") or None,
            gateway=gateway,
            retention=retention_of(environ.get("OSO_RETENTION") or RETENTION),
            bigquery=BigQuery.from_environ(environ)
            if environ.get("OSO_BIGQUERY_DATASET") or gateway == "bigquery"
            else None,
            files=place_of(environ["OSO_FILES"], root) if environ.get("OSO_FILES") else None,
            actor_key=environ.get("OSO_ACTOR_KEY", ACTOR_KEY),
        )

    def require_local(self) -> None:
        """Raise `InvalidSetting` unless SQLMesh builds here, for what can be done here alone."""
        if self.gateway != "local":
            problem = "this can be done in the embedded warehouse alone; unset it"
            raise InvalidSetting("OSO_GATEWAY", self.gateway, problem)

    def make_home(self) -> None:
        """Make the folder that data is kept in; raise `InvalidSetting` when that cannot be."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"cannot be made: {error.strerror}; name a folder that may be written"
            raise InvalidSetting("OSO_HOME", str(self.home), problem) from None

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that holds raw and modelled tables."""
        return self.home / "warehouse.duckdb"

    @property
    def state(self) -> Path:
        """The DuckDB file in which SQLMesh remembers what it has done."""
        return self.home / "state.duckdb"

    @property
    def cache(self) -> Path:
        """What SQLMesh keeps of the models that it loaded; made anew where it is missing."""
        return self.home / ("cache-bigquery" if self.gateway == "bigquery" else "cache")

    @property
    def postgres(self) -> Path:
        """The data directory of the embedded Postgres."""
        return self.home / "postgres"

    @property
    def releases(self) -> Path:
        """The folder of the files store, unless it is in an object store."""
        return self.files if isinstance(self.files, Path) else self.home / "releases"

    @property
    def downloads(self) -> Path:
        """What collectors fetched and may need again."""
        return self.home / "downloads"

    @property
    def uploads(self) -> Path:
        """What is on its way to BigQuery; each file is removed when it has been sent."""
        return self.home / "uploads"

    @property
    def passing(self) -> Path:
        """What is on its way to the warehouse or an object store, or too large for memory, while a command
        runs."""
        return self.home / "passing"

    @property
    def receipts(self) -> Path:
        """What is told of each person who was forgotten, without saying who."""
        return self.home / "receipts"

    @property
    def sample(self) -> Path:
        """The generated sample, laid out as a folder for `oso run --from`."""
        return self.home / "sample"


def retention_of(text: str) -> dict[str, timedelta]:
    """Return how long releases are kept, such as ``all=7d,monthly=forever``; raise `InvalidSetting`."""
    policy = {}
    for part in text.split(","):
        found = RETAINED.fullmatch(part.strip())
        if found is None:
            known = "all, daily, weekly, monthly or yearly with days or forever, such as daily=30d"
            raise InvalidSetting("OSO_RETENTION", text, f"{part.strip()!r} is none of {known}")
        policy[found[1]] = timedelta(days=int(found[2])) if found[2] else timedelta.max
    return policy
