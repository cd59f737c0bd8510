"""What is promised to readers, made into what a release publishes.

A deprecated output that names its replacement's model is served as a view over that; every other one
by its own model. What breaks a contract is told before anything is published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from oso_processors.declarations import Deprecation, Processor
from oso_processors.errors import WithoutContract
from oso_processors.licences import conflict
from oso_processors.release import contract
from oso_processors.release.contract import Contract
from oso_processors.tables import Table

# Name, model and columns of an output; gives the warehouse's table of it.
Describe = Callable[[str, str, tuple[str, ...]], Table]


@dataclass(frozen=True, slots=True)
class Promises:
    """The processors whose outputs are `served`, `processors` that there are, the contracts, and the
    licences of the sources."""

    served: Sequence[Processor]
    processors: Mapping[str, Processor]
    contracts: Mapping[str, Contract]
    licences: Mapping[str, str] = field(default_factory=dict)

    def output(self, processor: Processor, describe: Describe) -> Table:
        """Return the table that a processor publishes; raise `WithoutContract`."""
        told = processor.deprecation
        if told is None:
            return _own(processor, describe)
        table = self._older(processor, told, describe)
        return replace(table, description=f"{contract.words_of(told)}\n{table.description}")

    def broken(self, processor: Processor, describe: Describe) -> str:
        """Return how the warehouse's table breaks the contract of a stable output; empty if not."""
        kept = self.contracts.get(processor.name)
        if kept is None or processor.tier != "stable":
            return ""
        told = processor.deprecation
        if told and contract.is_view(processor, self.processors):
            newer = contract.of_table(self._newer(told, describe))
            changes = contract.lost(kept, newer, told.renames)
        else:
            changes = contract.compare(kept, contract.of_table(_own(processor, describe)))
        # That a column is never NULL is what its audits prove: without them nothing is released.
        breaking = [str(e) for e in changes if e.is_breaking and e.kind != "nullable"]
        if not breaking:
            return ""
        return f"its contract is broken: {', '.join(breaking)}; `oso check` tells what to do"

    def unlicensed(self, processor: Processor, sources: Iterable[str]) -> str:
        """Return why an output that descends from ``sources`` may not have its licence, or nothing."""
        return conflict(processor.licence, sources, self.licences)

    def _older(self, processor: Processor, told: Deprecation, describe: Describe) -> Table:
        if not contract.is_view(processor, self.processors):
            return _own(processor, describe)
        if processor.name not in self.contracts:
            raise WithoutContract(processor.name, told.replacement)
        kept = self.contracts[processor.name]
        return contract.view(kept, self._newer(told, describe), told.renames)

    def _newer(self, told: Deprecation, describe: Describe) -> Table:
        return _own(self.processors[told.replacement], describe)


def _own(processor: Processor, describe: Describe) -> Table:
    return describe(processor.name, processor.model, processor.columns)


def is_over(processor: Processor, today: date) -> bool:
    """Say whether a deprecated output is served no more."""
    return processor.deprecation is not None and processor.deprecation.remove_after < today
