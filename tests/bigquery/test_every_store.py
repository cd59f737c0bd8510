"""What every store keeps to, run on BigQuery."""

from __future__ import annotations

import pytest

from tests.stores.test_drift import (
    test_a_kept_release_is_shown_again_with_no_row_copied,
    test_a_kept_release_that_readers_do_not_see_is_checked_too,
    test_a_release_that_is_not_kept_is_not_shown,
    test_what_is_left_over_is_named_until_it_is_swept,
    test_what_was_published_is_there_as_it_was,
)
from tests.stores.test_store import (
    test_a_manifest_comes_back_with_all_that_was_before,
    test_a_query_that_fails_is_one_clear_line_and_leaves_nothing,
    test_building_again_after_a_kill_is_no_harm,
    test_every_type_is_read_back_as_it_was,
    test_nothing_is_served_before_the_first_release,
    test_the_sweep_keeps_what_it_is_told_and_no_more,
    test_what_is_built_is_not_served_yet,
)

__all__ = [
    "test_a_kept_release_is_shown_again_with_no_row_copied",
    "test_a_kept_release_that_readers_do_not_see_is_checked_too",
    "test_a_manifest_comes_back_with_all_that_was_before",
    "test_a_query_that_fails_is_one_clear_line_and_leaves_nothing",
    "test_a_release_that_is_not_kept_is_not_shown",
    "test_building_again_after_a_kill_is_no_harm",
    "test_every_type_is_read_back_as_it_was",
    "test_nothing_is_served_before_the_first_release",
    "test_the_sweep_keeps_what_it_is_told_and_no_more",
    "test_what_is_built_is_not_served_yet",
    "test_what_is_left_over_is_named_until_it_is_swept",
    "test_what_was_published_is_there_as_it_was",
]
pytestmark = pytest.mark.bigquery
