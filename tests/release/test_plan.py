"""What a release would do, decided from facts alone."""

from __future__ import annotations

from dataclasses import replace

from oso_processors.release.plan import Plan, Step, plan
from oso_processors.stores import Manifest, Output, Past
from oso_processors.tables import Table


def output(name: str, digest: str) -> Output:
    table = Table(name, f"marts.{name}", "", (), (), "", "")
    return Output(table, "3:0:0", 3, digest, {"files": {}})


def serving(number: int, **digests: str) -> Manifest:
    contents = {name: output(name, digest).published() for name, digest in digests.items()}
    return Manifest(number, "2024-05-01", contents)


def test_the_first_release_is_all_new():
    decided = plan([output("stars", "a")], {"files": None, "postgres": None}, {})

    assert decided == Plan(1, (Step("stars", "new", 3),), ("files", "postgres"))
    assert not decided.is_nothing


def test_the_same_again_is_nothing():
    served = serving(4, stars="a", _tables="x")

    decided = plan([output("stars", "a")], {"files": served, "postgres": served}, {})

    assert decided == Plan(4, (Step("stars", "unchanged", 3),), ())
    assert decided.is_nothing


def test_what_is_new_changed_and_gone_makes_the_next_release():
    served = {"files": serving(4, stars="a", forks="a", same="a", _tables="x")}

    decided = plan([output("stars", "b"), output("same", "a"), output("more", "a")], served, {})

    assert [str(step) for step in decided.steps] == [
        "full stars, 3 rows, 0.0 MB",
        "unchanged same",
        "new more, 3 rows, 0.0 MB",
        "removed forks",
    ]
    assert (decided.number, decided.behind) == (5, ())


def test_a_store_left_behind_is_brought_up_to_the_newest():
    served = {"files": serving(5, stars="b"), "postgres": serving(4, stars="a")}

    decided = plan([output("stars", "b")], served, {})

    assert (decided.number, decided.behind, decided.is_new) == (5, ("postgres",), False)
    assert not decided.is_nothing


def test_a_store_left_behind_is_passed_over_when_there_is_something_newer():
    served = {"files": serving(5, stars="b"), "postgres": serving(4, stars="a")}

    decided = plan([output("stars", "c")], served, {})

    assert (decided.number, decided.behind) == (6, ("postgres",))


def test_one_number_for_two_releases_is_not_used_again():
    here = serving(5, stars="a")
    there = replace(serving(5, stars="z"), past=(Past(4, "2022-01-01", 1),))

    decided = plan([output("stars", "a")], {"files": here, "postgres": there}, {})

    assert (decided.number, decided.behind) == (6, ("postgres",))


def test_one_unfit_output_blocks_and_says_why():
    reasons = {"stars": "an audit failed", "gone": "it is due"}

    decided = plan([output("stars", "a")], {"files": serving(1, stars="a")}, reasons)

    assert decided.blocked == ("stars: an audit failed", "gone: it is due")
    assert str(decided.steps[0]) == "blocked stars: an audit failed"
