"""The last test of the suite: how much was compared."""

from __future__ import annotations

import pytest


def test_a_thousand_cases_were_compared(request, cases):
    together = [each for each in request.session.items if "gives_the_same" in each.originalname]
    if len(cases) < len(together) or len(together) < 60:
        pytest.skip("only a part of the suite was run")

    assert cases.total() >= 1000
