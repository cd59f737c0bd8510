"""Who is one person, by hand: accounts and addresses that links join, by a forest of sets.

No repository's two authors are joined; of links that would, those that most commits tell come first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import duckdb

LARGEST = 20
LINKS = """
SELECT ones.number, others.number
FROM links JOIN actors AS ones ON ones.p = links.p JOIN actors AS others ON others.p = links.other_p
ORDER BY n DESC, ones.number, others.number
"""
# Whom a repository counts.
AUTHORS = """
SELECT DISTINCT number, place
FROM histories JOIN signatures USING (g) JOIN actors ON p = person_of(person)
WHERE NOT is_merge
"""
FOUND = """
CREATE TABLE persons AS
SELECT actors.p, people.p AS person, component, is_too_large
FROM (SELECT unnest($1) AS actor, unnest($2) AS person, unnest($3) AS component, unnest($4) AS is_too_large) AS found
JOIN actors ON actors.number = actor JOIN actors AS people ON people.number = found.person
"""


class Forest:
    """Sets of numbers, each known by its least."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def least(self, number: int) -> int:
        """Return the least number of a set."""
        parents = self._parents
        while parents[number] != number:
            parents[number] = number = parents[parents[number]]
        return number

    def join(self, one: int, other: int) -> None:
        """Make one of two sets, each named by its least."""
        self._parents[max(one, other)] = min(one, other)

    def all(self) -> list[int]:
        """Return the least of each number's set."""
        return [self.least(number) for number in range(len(self._parents))]


def join_persons(connection: duckdb.DuckDBPyConnection) -> None:
    """Write whose each actor is."""
    (size,) = connection.execute("SELECT count(*) FROM actors").fetchone() or (0,)
    links, authors = (connection.execute(each).fetchall() for each in (LINKS, AUTHORS))
    connection.execute(FOUND, people(size, links, authors))


def people(
    size: int, links: Sequence[tuple[int, int]], authors: Sequence[tuple[int, int]]
) -> tuple[list[int], list[int], list[int], list[bool]]:
    """Return actors, whose each is, the least of those that links lead to, and whether those are too many."""
    components = joined(size, links)
    sizes = Counter(components)
    too_large = [sizes[each] > LARGEST for each in components]
    followed = [link for link in links if not too_large[link[0]]]
    return list(range(size)), agreeing(size, followed, authors), components, too_large


def joined(size: int, links: Iterable[tuple[int, int]]) -> list[int]:
    """Return the least of those that links lead to from each."""
    forest = Forest(size)
    for link in links:
        forest.join(*map(forest.least, link))
    return forest.all()


def agreeing(
    size: int, links: Iterable[tuple[int, int]], authors: Sequence[tuple[int, int]]
) -> list[int]:
    """Join in the order of links, but none whom a repository counts as two."""
    forest, places = Forest(size), dict[int, set[int]]()
    for actor, place in authors:
        places.setdefault(actor, set()).add(place)
    for link in links:
        one, other = sorted(map(forest.least, link))
        ones, others = places.get(one, set()), places.get(other, set())
        if one != other and ones.isdisjoint(others):
            forest.join(one, other)
            places[one] = ones | others
    return forest.all()
