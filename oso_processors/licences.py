"""Which licence an output may have, given those of the sources that it descends from.

Licences are named by SPDX. What is not listed here may be published under the same licence only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# Asks for nothing.
FREE = frozenset({"0BSD", "CC0-1.0", "PDDL-1.0", "Unlicense"})
# Asks to be named, whatever the licence of what is made from it.
ATTRIBUTION = frozenset(
    {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0", "ISC", "MIT", "ODC-By-1.0"}
)
# Asks for more, and names its source: what is under these may hold what asks for that.
NAMING = frozenset({"CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-SA-4.0", "ODbL-1.0"})


def may_become(source: str, licence: str) -> bool:
    """Say whether rows made from a source under one licence may be published under another."""
    if source == licence or source in FREE:
        return True
    return source in ATTRIBUTION and licence in ATTRIBUTION | NAMING


def conflict(licence: str, sources: Iterable[str], licences: Mapping[str, str]) -> str:
    """Return why an output of ``sources`` may not be under ``licence``, or nothing.

    A source that is not in ``licences`` has none.
    """
    under = {name: licences[name] for name in sources if name in licences}
    wrong = [f"{name} ({own})" for name, own in under.items() if not may_become(own, licence)]
    if not wrong:
        return ""
    return f"its licence {licence} is not allowed by that of its source {', '.join(sorted(wrong))}"
