"""What every store keeps to, run on each."""

from __future__ import annotations

import pytest

from oso_processors.errors import StoreUnusable
from oso_processors.release.verify import verify
from oso_processors.stores import Past

from .conftest import manifest, publish


def test_nothing_is_served_before_the_first_release(store):
    assert store.served() is None
    assert list(store.kept()) == []
    store.sweep([])


def test_every_type_is_read_back_as_it_was(store, everything, output):
    whole = output()

    publish(store, everything, 1, whole)

    assert store.served() == manifest(1, whole)


def test_a_narrow_whole_number_is_published_as_a_wide_one(output):
    types = {each.name: each.type for each in output().table.columns}

    assert types["narrow"] == "BIGINT"


def test_what_is_built_is_not_served_yet(store, everything, output):
    first, second = output(), output(query="SELECT * FROM everything LIMIT 1")
    publish(store, everything, 1, first)

    store.build(everything, manifest(2, second), second)

    assert store.served() == manifest(1, first)


def test_building_again_after_a_kill_is_no_harm(store, everything, output):
    whole = output()
    for _ in range(2):
        store.build(everything, manifest(1, whole), whole)

    verify(store, manifest(1, whole), whole)


def test_a_manifest_comes_back_with_all_that_was_before(store, everything, output):
    whole = output()
    release = manifest(1, whole)
    second = type(release)(2, "2024-05-02", release.contents, release.remembered())
    publish(store, everything, 1, whole)
    store.build(everything, second, whole)
    store.publish(second, [whole])

    assert store.served() == second
    assert second.past == (Past(1, release.released_at, 1),)


def test_the_sweep_keeps_what_it_is_told_and_no_more(store, everything, output):
    made = [output(query=f"SELECT * FROM everything LIMIT {count}") for count in (1, 2, 3)]
    for number, each in enumerate(made, 1):
        publish(store, everything, number, each)
    unpublished = output(query="SELECT * FROM everything LIMIT 4")
    store.build(everything, manifest(4, unpublished), unpublished)

    store.sweep(store.kept()[:2])

    assert [each.number for each in store.kept()] == [3, 2]
    verify(store, manifest(2, made[1]), made[1])
    for gone, number in ((made[0], 1), (unpublished, 4)):
        with pytest.raises(StoreUnusable):
            store.measure(manifest(number, gone), gone)


def test_an_empty_table_is_a_table(store, everything, output):
    nothing = output(query="SELECT * FROM everything LIMIT 0")

    publish(store, everything, 1, nothing)

    assert store.measure(manifest(1, nothing), nothing).checksum == "0:0:0"


def test_a_query_that_fails_is_one_clear_line_and_leaves_nothing(store, everything, output):
    whole = output()
    everything.execute("DROP TABLE everything")

    with pytest.raises(StoreUnusable) as caught:
        store.build(everything, manifest(1, whole), whole)

    assert "\n" not in str(caught.value)
    assert "everything does not exist" in str(caught.value)
    with pytest.raises(StoreUnusable):
        store.measure(manifest(1, whole), whole)
