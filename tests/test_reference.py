"""The generated reference is what the code says today."""

from __future__ import annotations

from pathlib import Path

import pytest

from oso_processors.declarations import Processor
from oso_processors.reference import pages

FOLDER = Path(__file__).parents[1] / "docs" / "reference"


@pytest.mark.parametrize("name", list(pages()))
def test_the_reference_is_up_to_date(name):
    written = (FOLDER / name).read_text("utf-8")

    assert written == pages()[name], "stale; run `python -m oso_processors.reference`"


def test_every_key_of_a_processor_is_in_the_reference_with_words():
    for key, field in Processor.model_fields.items():
        assert field.description
        assert f"| `{key}` |" in pages()["processors.md"]
        assert field.description in pages()["processors.md"]
