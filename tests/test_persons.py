"""Persons are joined as their links say, and never against a repository's word."""

from __future__ import annotations

import importlib
from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

# SQLMesh's own, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ACTORS = 9
LIMIT = 5
NUMBERS = st.integers(0, ACTORS - 1)
LINKS = st.lists(st.tuples(NUMBERS, NUMBERS).filter(lambda each: each[0] != each[1]), min_size=1)
AUTHORS = st.sets(st.tuples(NUMBERS, st.integers(1, 3)), max_size=6)


@pytest.fixture(scope="module")
def joined():
    """Joins numbered actors: the person and the component of each, and whether that is too large."""
    found = importlib.import_module("models.intermediate.identity_components").persons

    def join(links, authors, limit=LIMIT):
        # All of the numbers below the largest have a link, as the model's have.
        numbers = {old: new for new, old in enumerate(sorted({e for link in links for e in link}))}
        own = [(numbers[one], place) for one, place in authors if one in numbers]
        pairs = [(numbers[one], numbers[other]) for one, other in links]
        table = found(np.array(pairs), np.array(own, dtype=np.int64).reshape(-1, 2), limit)
        return pairs, own, [tuple(row[1:]) for row in table.itertuples(index=False)]

    return join


def reached(pairs):
    """The actors that links lead to from each, in the plainest way."""
    near = defaultdict(set)
    for one, other in pairs:
        near[one].add(other)
        near[other].add(one)
    found = {}
    for actor in near:
        seen, ahead = {actor}, [actor]
        while ahead:
            new = near[ahead.pop()] - seen
            seen |= new
            ahead += new
        found[actor] = seen
    return found


@given(LINKS, AUTHORS)
def test_components_are_those_that_links_lead_to_and_no_large_one_is_joined(joined, links, authors):
    pairs, _, rows = joined(links, authors)

    sets = reached(pairs)
    assert [(row[1], row[2]) for row in rows] == [
        (min(sets[actor]), len(sets[actor]) > LIMIT) for actor in range(len(rows))
    ]
    assert all(row[0] == actor for actor, row in enumerate(rows) if row[2])


@given(LINKS, AUTHORS)
def test_no_two_authors_of_a_repository_are_joined_and_no_other_link_is_left_out(
    joined, links, authors
):
    pairs, own, rows = joined(links, authors, limit=ACTORS)

    person = [row[0] for row in rows]
    counted = defaultdict(set)
    for actor, repository in own:
        counted[person[actor]].add((actor, repository))
    for members in counted.values():
        assert not any(
            one[0] != other[0] and one[1] == other[1] for one, other in combinations(members, 2)
        )
    for one, other in pairs:
        if person[one] != person[other]:
            ones, others = ({r for _, r in counted[person[each]]} for each in (one, other))
            assert ones & others


def test_a_person_stays_the_same_when_another_address_joins(joined):
    before = joined([(0, 3)], [])[2]

    after = joined([(0, 3), (2, 3), (0, 1)], [])[2]

    assert {row[0] for row in before} == {row[0] for row in after} == {0}


def test_a_long_chain_is_one_component(joined):
    rows = joined([(each, each + 1) for each in range(2_000)], [])[2]

    assert {row[1:] for row in rows} == {(0, True)}
