"""What is said of a table that is there no more as it was published, the same in every store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oso_processors.stores import Output

Columns = Sequence[tuple[str, str]]


def of_rows(output: Output, found: str) -> list[str]:
    """Compare the checksum ``found``, which begins with the number of rows."""
    if found == output.checksum:
        return []
    count = int(found.partition(":")[0])
    if count != output.row_count:
        return [f"it has {count:,} rows and not {output.row_count:,}"]
    return [f"its rows changed: their checksum is {found} and not {output.checksum}"]


def of_columns(wanted: Columns, found: Columns) -> list[str]:
    """Compare the names and types of columns, and their order where these agree."""
    there, published = dict(found), dict(wanted)
    lines = [f"column {name} is gone" for name in published if name not in there]
    lines += [f"column {name} was added" for name in there if name not in published]
    lines += [
        f"column {name} is {there[name]} and not {kind}"
        for name, kind in wanted
        if name in there and there[name] != kind
    ]
    if not lines and list(found) != list(wanted):
        return [f"its columns are in another order: {', '.join(there)}"]
    return lines


def of_words(output: Output, table: str | None, columns: Mapping[str, str | None]) -> list[str]:
    """Compare the description of the table, and those of the columns that are there."""
    lines = ["its description was edited"] if (table or "") != output.table.description else []
    return lines + [
        f"the description of column {each.name} was edited"
        for each in output.table.columns
        if each.name in columns and (columns[each.name] or "") != each.description
    ]
