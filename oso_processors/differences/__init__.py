"""Tables that are kept by their differences: SQLMesh's materialization `differences`, on the embedded warehouse.

A model of that kind is computed anew only where rows that it reads changed since, and only rows that differ
are written; each such table tells those that read it which rows these were. See docs/decisions/0025.
"""
