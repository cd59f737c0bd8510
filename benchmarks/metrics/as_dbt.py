"""Our models as a project of dbt: the same SQL, each a table or a view as ours is, without tests.

`python as_dbt.py FOLDER TODAY` writes it; it runs where dbt-duckdb is (others.txt).
"""

from __future__ import annotations

import re
import sys
from datetime import date, timedelta
from pathlib import Path

from sqlglot import exp
from sqlmesh import Context
from sqlmesh.core.model import Model, PythonModel

from oso_processors.sqlmesh_names import public_name

PROJECT = """
name: metrics
profile: benchmark
models:
  +materialized: table
flags:
  send_anonymous_usage_stats: false
"""
PROFILE = """
benchmark:
  target: local
  outputs:
    local:
      type: duckdb
      path: "{{ env_var('BENCHMARK_DATABASE') }}"
      threads: 2
      settings:
        TimeZone: UTC
      # Settings are set anew for every model, which DuckDB refuses once it has written to the folder.
      config_options:
        threads: 2
        memory_limit: "{{ env_var('BENCHMARK_MEMORY') }}"
        temp_directory: "{{ env_var('BENCHMARK_DATABASE') }}.tmp"
"""
# Schemas are named as ours are, without dbt's prefix.
SCHEMAS = """
{% macro generate_schema_name(custom_schema_name, node) -%} {{ custom_schema_name }} {%- endmacro %}
"""
# What we do in Python dbt does in Python, too; its environment has neither SQLMesh nor NumPy.
PERSONS = """
import sys


def model(dbt, session):
    dbt.config(materialized="table", schema="intermediate", alias="identity_components")
    sys.path.insert(0, "{here}")
    from persons import people

    # What it comes after; tables are named as ours are.
    dbt.ref("intermediate__identity_links")
    dbt.ref("intermediate__identity_actors")
    dbt.ref("staging__git_commits")
    (size,) = session.execute("SELECT count(*) FROM intermediate.identity_actors").fetchone()
    links = session.execute(
        "SELECT ones.actor_number, others.actor_number FROM intermediate.identity_links AS links"
        " JOIN intermediate.identity_actors AS ones ON ones.actor_id = links.actor_id"
        " JOIN intermediate.identity_actors AS others ON others.actor_id = other_actor_id"
        " ORDER BY commit_count DESC, 1, 2"
    ).fetchall()
    authors = session.execute(
        "SELECT DISTINCT actor_number, repository_name FROM staging.git_commits"
        " JOIN intermediate.identity_actors ON actor_id = person_id WHERE NOT is_merge"
    ).fetchall()
    session.execute(
        "CREATE OR REPLACE TEMPORARY TABLE people AS SELECT unnest($1) AS actor_number,"
        " unnest($2) AS person_number, unnest($3) AS component_number, unnest($4) AS is_too_large",
        people(size, links, authors),
    )
    return session.table("people")
"""
IN_PYTHON = {"intermediate.identity_components": PERSONS}
PLACE = "ref_to_{}__"


def write(folder: Path, today: date) -> None:
    """Write the project of all models, with everything that they are given until ``today``."""
    context = Context(paths=["."])
    (folder / "models").mkdir(parents=True)
    (folder / "macros").mkdir()
    (folder / "dbt_project.yml").write_text(PROJECT)
    (folder / "profiles.yml").write_text(PROFILE)
    (folder / "macros" / "schemas.sql").write_text(SCHEMAS)
    names = {
        name: public_name(name) for name, model in context.models.items() if not _is_raw(model)
    }
    for fqn, name in names.items():
        model = context.models[fqn]
        if isinstance(model, PythonModel):
            text = IN_PYTHON[name].format(here=Path(__file__).parent)
            (folder / "models" / f"{_file(name)}.py").write_text(text)
            continue
        query = _seeded(model) if model.kind.is_seed else _query(context, model, today, names)
        kind = "view" if model.kind.is_view else "table"
        schema, alias = name.split(".")
        head = f"{{{{ config(materialized='{kind}', schema='{schema}', alias='{alias}') }}}}\n"
        (folder / "models" / f"{_file(name)}.sql").write_text(head + query)


def _is_raw(model: Model) -> bool:
    return bool(model.kind.is_external)


def _file(name: str) -> str:
    return name.replace(".", "__")


def _seeded(model: Model) -> str:
    return f"SELECT * FROM read_csv('{Path('seeds').resolve()}/{public_name(model.name).split('.')[1]}.csv')"


def _query(context: Context, model: Model, today: date, names: dict[str, str]) -> str:
    query = model.render_query(
        start="2011-02-12",
        end=today - timedelta(days=1),
        execution_time=today,
        engine_adapter=context.engine_adapter,
    )
    assert query is not None
    found = query.transform(lambda node: _referred(node, names))
    text = found.sql(dialect="duckdb", comments=False)
    return re.sub(r"\"?ref_to_(\w+?__\w+?)__(?!\w)\"?", r"{{ ref('\1') }}", text)


def _referred(node: exp.Expression, names: dict[str, str]) -> exp.Expression:
    """Return a table of ours as a reference of dbt's."""
    if not isinstance(node, exp.Table) or not node.db:
        return node
    fqn = ".".join(f'"{part.name}"' for part in node.parts)
    if fqn not in names:
        return exp.to_table(f"{node.db}.{node.name}", alias=node.alias or None)
    return exp.to_table(PLACE.format(_file(names[fqn])), alias=node.alias or None)


if __name__ == "__main__":
    write(Path(sys.argv[1]), date.fromisoformat(sys.argv[2]))
