"""Check models as their author does before a pull request, and CI after it.

Nothing is built and no warehouse is opened: SQLMesh's unit tests run on DuckDB in memory, and Google's
own GoogleSQL runs in this process.
"""
