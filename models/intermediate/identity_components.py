"""Join the actors that belong to one person: connected components, which SQL says badly.

Actors are numbers here, in arrays, so that millions of them take little room and no name passes through.
Most components are an account and an address, and are persons as they are. What is larger than anybody
is left apart; where a repository counts two addresses as two authors, its word is kept, and the
links that most commits tell come first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlglot
from sqlglot import exp
from sqlmesh import ExecutionContext, model

Numbers = npt.NDArray[np.int64]
COLUMNS = ("actor_number", "person_number", "component_number")
LINKS = """
SELECT ones.actor_number AS one, others.actor_number AS other
FROM {links} AS links
JOIN {actors} AS ones ON ones.actor_id = links.actor_id
JOIN {actors} AS others ON others.actor_id = links.other_actor_id
ORDER BY links.commit_count DESC, one, other
"""
# Whom a repository counts: authors of other commits than merges.
AUTHORS = """
SELECT DISTINCT
  actors.actor_number AS actor,
  DENSE_RANK() OVER (ORDER BY commits.repository_name) AS repository
FROM {commits} AS commits
JOIN {actors} AS actors ON actors.actor_id = commits.person_id
WHERE NOT commits.is_merge
"""


@model(
    "intermediate.identity_components",
    kind="FULL",
    grain="actor_number",
    depends_on=[
        "intermediate.identity_actors",
        "intermediate.identity_links",
        "staging.git_commits",
    ],
    columns={**dict.fromkeys(COLUMNS, "bigint"), "is_too_large": "boolean"},
    description="One row is an actor that something links to another, and whose it is, by numbers.",
    column_descriptions={
        "actor_number": "The actor.",
        "person_number": "The least of the actors that are this person.",
        "component_number": "The least of the actors that links lead to.",
        "is_too_large": "Whether links lead to more than a person has, so that nobody was joined.",
    },
    audits=[
        (
            "not_null",
            {
                "columns": exp.Tuple(
                    expressions=[*map(exp.column, COLUMNS), exp.column("is_too_large")]
                )
            },
        ),
        ("unique_values", {"columns": exp.Tuple(expressions=[exp.column("actor_number")])}),
        (
            "forall",
            {
                "criteria": exp.Tuple(
                    expressions=[
                        exp.column("person_number") <= exp.column("actor_number"),
                        exp.column("component_number") <= exp.column("person_number"),
                    ]
                )
            },
        ),
    ],
)
def identity_components(
    context: ExecutionContext,
    start: datetime,
    end: datetime,
    execution_time: datetime,
    **kwargs: Any,
) -> Iterator[pd.DataFrame]:
    tables = {
        "links": context.resolve_table("intermediate.identity_links"),
        "actors": context.resolve_table("intermediate.identity_actors"),
        "commits": context.resolve_table("staging.git_commits"),
    }
    links = pairs(context, LINKS.format(**tables))
    if len(links):
        limit = int(context.var("max_person_accounts"))
        yield persons(links, pairs(context, AUTHORS.format(**tables)), limit)


def pairs(context: ExecutionContext, query: str) -> Numbers:
    """Return a query's rows of two whole numbers."""
    found = context.fetchdf(sqlglot.parse_one(query, dialect="bigquery"))
    return found.to_numpy(dtype=np.int64).reshape(-1, 2)


def persons(links: Numbers, authors: Numbers, limit: int) -> pd.DataFrame:
    """Return the person of each actor; ``authors`` are actors with a repository that counts them."""
    component = components(links)
    is_too_large = np.bincount(component, minlength=len(component))[component] > limit
    actors = np.arange(len(component))
    person = np.where(is_too_large, actors, component)
    in_doubt = contradicted(component, authors) & ~is_too_large
    joined = agreeing(
        links[in_doubt[links[:, 0]]].tolist(), authors[in_doubt[authors[:, 0]]].tolist()
    )
    for actor, least in joined.items():
        person[actor] = least
    values = dict(zip(COLUMNS, (actors, person, component), strict=True))
    return pd.DataFrame({**values, "is_too_large": is_too_large})


def components(links: Numbers) -> Numbers:
    """Return for each actor the least one that links lead to."""
    least = np.arange(links.max() + 1)
    while True:
        ones, others = least[links[:, 0]], least[links[:, 1]]
        if np.array_equal(ones, others):
            return least
        lower = np.minimum(ones, others)
        np.minimum.at(least, ones, lower)
        np.minimum.at(least, others, lower)
        while not np.array_equal(least, further := least[least]):
            least = further


def contradicted(component: Numbers, authors: Numbers) -> npt.NDArray[np.bool_]:
    """Say of each actor whether its component is more than one author in some repository."""
    counted = np.column_stack((component[authors[:, 0]], authors[:, 1]))
    found, times = np.unique(counted, axis=0, return_counts=True)
    return np.isin(component, found[times > 1, 0])


def agreeing(
    links: Sequence[tuple[int, int]], authors: Iterable[tuple[int, int]]
) -> dict[int, int]:
    """Join actors in the order of ``links``, but none whom a repository counts as two.

    Return for each actor the least of those that it was joined with.
    """
    repositories: defaultdict[int, set[int]] = defaultdict(set)
    for actor, repository in authors:
        repositories[actor].add(repository)
    persons = {actor: frozenset((actor,)) for link in links for actor in link}
    for one, other in links:
        if persons[one] != persons[other] and _is_one(persons[one], persons[other], repositories):
            both = persons[one] | persons[other]
            persons.update(dict.fromkeys(both, both))
    return {actor: min(person) for actor, person in persons.items()}


def _is_one(
    person: Iterable[int], other: Iterable[int], repositories: Mapping[int, set[int]]
) -> bool:
    """Say whether no repository counts both."""
    ones, others = (
        {repository for actor in each for repository in repositories.get(actor, ())}
        for each in (person, other)
    )
    return ones.isdisjoint(others)
