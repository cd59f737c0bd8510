"""What a kept table remembers, in tables beside it: which of its rows changed, and what it was made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import duckdb
from sqlglot import exp

LOG, READ, FRESH = "__log", "__read", "__fresh"
PHYSICAL = "_sm"  # the schema of all tables that SQLMesh makes, as config.yaml maps it
BUILDS_KEPT = 30  # in a log; who has not read it for so long is made anew
BUILD = "_build"  # in a log, the build that changed a row


@dataclass(frozen=True)
class Held:
    """A table or view of the warehouse."""

    connection: duckdb.DuckDBPyConnection
    place: exp.Table

    @property
    def sql(self) -> str:
        """Its name, for a statement."""
        return str(self.place.sql(dialect="duckdb", identify=True))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Its columns, in their order; none where it does not exist."""
        try:
            found = self.connection.execute(f"FROM {self.sql} LIMIT 0").description
        except duckdb.CatalogException:
            return ()
        return tuple(name for name, *_ in found)

    @cached_property
    def reads(self) -> tuple[exp.Table, ...]:
        """The tables that a view reads; none of a table."""
        found = self.connection.execute(
            "SELECT sql FROM duckdb_views() WHERE database_name = ? AND schema_name = ?"
            " AND view_name = ?",
            [self.place.catalog, self.place.db, self.place.name],
        ).fetchone()
        return tables_of(exp.maybe_parse(found[0], dialect="duckdb").expression) if found else ()


class Kept(Held):
    """A table with its memory: a log of the rows that changed, and the state of what it was made from.

    Both are written in the transaction that writes the rows. A table without them is made anew, so that
    dropping them is always right.
    """

    @cached_property
    def log(self) -> Held:
        """The keys of the rows that changed, each with the build that changed it."""
        return self._beside(LOG)

    @cached_property
    def read(self) -> Held:
        """What the rows were made from: a value by the name of an input and a key in it."""
        return self._beside(READ)

    @cached_property
    def fresh(self) -> Held:
        """All rows of the cells that were computed last, where those before have passed their audits.

        A temporary table: only who computed them can audit them apart, all others audit the whole.
        """
        name = exp.to_identifier(f"{self.place.name}{FRESH}", quoted=True)
        return Held(self.connection, exp.table_(name, "main", "temp", quoted=True))

    @property
    def logged(self) -> tuple[str, ...]:
        """The columns that its log tells of a row that changed."""
        return tuple(each for each in self.log.columns if each != BUILD)

    @cached_property
    def own(self) -> dict[str, str]:
        """What it keeps of itself: `since` when it has a log, its last `build`, that last `audited`, and the
        last that the log tells no more: `floor`. Empty where it has no memory.
        """
        try:
            found = self.connection.execute(
                f"SELECT key, value FROM {self.read.sql} WHERE input = ''"
            ).fetchall()
        except duckdb.CatalogException:
            return {}
        return dict(found)

    @property
    def mark(self) -> str:
        """What stands for its rows as they are, to those that read them."""
        return f"{self.own['since']}:{self.own['build']}"

    def build_of(self, mark: str) -> int | None:
        """Return the build that an earlier mark tells of; None where the log does not reach back to it."""
        since, _, build = mark.partition(":")
        if since != self.own["since"] or int(build) < int(self.own["floor"]):
            return None
        return int(build)

    def changed_since(self, build: int) -> str:
        """Return a query of the keys that changed after a build."""
        listed = ", ".join(f'"{each}"' for each in self.logged)
        return f"SELECT {listed} FROM {self.log.sql} WHERE {BUILD} > {build}"

    def begin(self, keys: Iterable[str]) -> None:
        """Begin the memory of a table that was just made whole; its log tells ``keys``."""
        self.forget()
        listed = ", ".join(f'"{key}"' for key in keys)
        self.connection.execute(
            f"CREATE TABLE {self.log.sql} AS"
            f" SELECT 0::BIGINT AS {BUILD}, {listed} FROM {self.sql} LIMIT 0"
        )
        self.connection.execute(
            f"CREATE TABLE {self.read.sql} AS SELECT '' AS input, unnest(['since', 'build', 'audited',"
            " 'floor']) AS key, unnest([epoch_us(current_timestamp)::VARCHAR, '0', '', '0']) AS value"
        )
        self._look_again()

    def built(self, build: int) -> None:
        """Keep that a build changed rows, and no more of old ones than readers should need."""
        self.set("build", str(build))
        floor = build - BUILDS_KEPT
        if floor > int(self.own["floor"]):
            self.connection.execute(f"DELETE FROM {self.log.sql} WHERE {BUILD} <= {floor}")
            self.set("floor", str(floor))

    def set(self, key: str, value: str) -> None:
        """Keep something of itself."""
        self.connection.execute(
            f"UPDATE {self.read.sql} SET value = ? WHERE input = '' AND key = ?", [value, key]
        )
        self._look_again()

    def pass_audits(self) -> None:
        """Keep that all its rows have passed their audits."""
        self.set("audited", self.own["build"])
        self.drop_fresh()

    def drop_fresh(self) -> None:
        """Drop what was to be audited apart."""
        self.connection.execute(f"DROP TABLE IF EXISTS {self.fresh.sql}")
        self.__dict__.pop("fresh", None)

    def forget(self) -> None:
        """Drop the memory."""
        self.drop_fresh()
        for each in (self.log, self.read):
            self.connection.execute(f"DROP TABLE IF EXISTS {each.sql}")
        self._look_again()

    def _look_again(self) -> None:
        for name in ("log", "read", "fresh", "own", "columns"):
            self.__dict__.pop(name, None)

    def _beside(self, suffix: str) -> Held:
        name = exp.to_identifier(f"{self.place.name}{suffix}", quoted=True)
        parts = {part: self.place.args.get(part) for part in ("db", "catalog")}
        return Held(self.connection, exp.Table(this=name, **parts))


def place_of(table: exp.Table) -> exp.Table:
    """Return a table's whole name and nothing else, so that two are equal that are the same."""
    return exp.table_(table.name, table.db, table.catalog, quoted=True)


def tables_of(query: exp.Expr) -> tuple[exp.Table, ...]:
    """Return the tables that a query reads, each once; what it names itself in WITH is none."""
    named = {each.alias for each in query.find_all(exp.CTE)}
    found = {
        place_of(each) for each in query.find_all(exp.Table) if each.db or each.name not in named
    }
    return tuple(sorted(found, key=str))


def drop_memories(connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Drop what all tables remember, with the keys of rows that they had; each is made anew when it is built next."""
    found = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = ?"
        " AND regexp_matches(table_name, ?)",
        [catalog, PHYSICAL, f"({LOG}|{READ})$"],
    ).fetchall()
    for (table,) in found:
        connection.execute(f'DROP TABLE "{catalog}"."{PHYSICAL}"."{table}"')
