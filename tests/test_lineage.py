"""Which columns carry a value on."""

from __future__ import annotations

import pytest

from oso_processors.lineage import carried

QUERY = """
SELECT
  CAST({expression} AS STRING) AS told
FROM raw.events AS events
JOIN (SELECT login FROM raw.others) AS others ON others.login = events.login
"""


@pytest.mark.parametrize(
    ("expression", "parents"),
    [
        ("LOWER(events.login)", ("raw.events.login",)),
        ("TO_HEX(SHA256(CONCAT('key', events.login)))", ("raw.events.login",)),
        ("COALESCE(others.login, '')", ("raw.others.login",)),
        (
            "IF(events.kind = 'a', events.login, others.login)",
            ("raw.events.login", "raw.others.login"),
        ),
        ("MIN(events.login) OVER (PARTITION BY events.kind)", ("raw.events.login",)),
        ("events.kind", None),
        ("COUNT(DISTINCT events.login) OVER ()", None),
        ("events.login IN ('bot')", None),
        ("ROW_NUMBER() OVER (PARTITION BY events.kind ORDER BY events.login)", None),
        ("IF(ENDS_WITH(events.login, '[bot]'), 1, 0)", None),
        ("CASE events.login WHEN 'bot' THEN 1 END", None),
    ],
)
def test_what_shows_a_value_carries_it_and_what_counts_or_compares_does_not(
    model_of, expression, parents
):
    model = model_of(QUERY.format(expression=expression))
    seeds = {'"raw"."events"': ["login"], '"raw"."others"': ["login"]}

    found = carried({model.fqn: model}, [model.fqn], seeds)

    told = {
        column: tuple(each.replace('"', "") for each in listed)
        for column, listed in found.get(model.fqn, {}).items()
    }
    assert told == ({"told": parents} if parents else {})


def test_a_model_that_reads_none_of_it_carries_nothing(model_of):
    model = model_of("SELECT CAST(login AS STRING) AS login FROM raw.elsewhere")

    assert carried({model.fqn: model}, [model.fqn], {'"raw"."events"': ["login"]}) == {}
