"""The steps of a check, in one order, each over everything in scope.

What is wrong is listed whole, not only its first part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oso_processors.check.analysis import STEP as ANALYSIS
from oso_processors.check.analysis import Analyst
from oso_processors.check.declared import declarations
from oso_processors.check.evaluation import STEP as EVALUATION
from oso_processors.check.evaluation import evaluate, finding, line_of
from oso_processors.check.findings import UNRESOLVED, Finding, distinct
from oso_processors.check.places import cast_operators
from oso_processors.check.scope import Scope
from oso_processors.errors import QueryRefused
from oso_processors.googlesql import Engine
from oso_processors.models import Models, TestFailure, UnitTest

FORMAT, LINT, DECLARATIONS, TESTS = "format", "lint", "declarations", "DuckDB tests"


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was taken: what it looked at, and how long."""

    step: str
    looked_at: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """All that a check found; `unproven` are tests that were analysed and not executed."""

    steps: Sequence[Done]
    findings: Sequence[Finding]
    unproven: Sequence[str]


@dataclass
class _Check:
    project: Path
    models: Models
    scope: Scope
    engine: Engine
    tests: list[UnitTest | TestFailure] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)

    def steps(self) -> Iterator[tuple[str, Callable[[], tuple[str, list[Finding]]]]]:
        yield FORMAT, self._format
        yield LINT, self._lint
        yield DECLARATIONS, self._declarations
        yield TESTS, self._duckdb
        yield ANALYSIS, self._analysis
        yield EVALUATION, self._evaluation

    def _format(self) -> tuple[str, list[Finding]]:
        model_of = {self.models[name].path: name for name in self.scope.names}
        paths = set(model_of)
        if self.scope.is_whole:
            paths.update((self.project / "audits").glob("*.sql"))
        files = sorted(path for path in paths if path.suffix == ".sql")
        found = [
            Finding(
                FORMAT,
                self._short(path),
                "is not formatted",
                advice="run `sqlmesh format`",
                model=model_of.get(path, ""),
                # The formatter writes another cast, and the analysis tells where.
                is_consequence=bool(cast_operators(path.read_text())),
            )
            for path in self.models.unformatted(files)
        ]
        return f"{len(files)} files", found

    def _lint(self) -> tuple[str, list[Finding]]:
        found = [
            Finding(
                LINT,
                self._short(self.models[each.model].path),
                f"{each.message} ({each.rule})",
                each.line,
                each.column,
                model=each.model,
                is_consequence=each.rule == UNRESOLVED,
            )
            for each in self.models.violations(self.scope.names)
        ]
        return f"{len(self.scope.names)} models", found

    def _declarations(self) -> tuple[str, list[Finding]]:
        folders = ("processors", "contracts")
        count = sum(len(list((self.project / each).glob("*.yaml"))) for each in folders) + 1
        return f"{count} files", declarations(self.project, self.models)

    def _duckdb(self) -> tuple[str, list[Finding]]:
        self.tests = self.models.tests(self.scope.names)
        unreadable = [each for each in self.tests if isinstance(each, TestFailure)]
        readable = [each for each in self.tests if isinstance(each, UnitTest)]
        failed = self.models.failures({each.model for each in readable}) if readable else []
        found = [self._failure(each) for each in (*unreadable, *failed)]
        return f"{len(self.tests)} tests", found

    def _failure(self, test: TestFailure) -> Finding:
        return Finding(
            TESTS,
            self._short(test.path),
            f"{test.name}: {test.message}",
            line_of(test.path, test.name),
            model=test.model,
            is_consequence=test.is_error,
            detail=test.detail,
        )

    def _analysis(self) -> tuple[str, list[Finding]]:
        self._analyst = Analyst(self.project, self.models, self.engine)
        return f"{len(self.scope.analysed)} models", self._analyst.findings(self.scope.analysed)

    def _evaluation(self) -> tuple[str, list[Finding]]:
        found = []
        tests = [each for each in self.tests if isinstance(each, UnitTest)]
        for test in tests:
            try:
                verdict = evaluate(self.engine, self._analyst.tables, test)
            except QueryRefused as refused:
                # The analysis of the model says so too, unless only this test's variables do it.
                found.append(self._analyst.refusal(self.models[test.model], test.query, refused))
                continue
            if verdict.reason:
                self.unproven.append(f"{test.name}: {verdict.reason}")
            elif verdict.problem:
                found.append(finding(self.project, test, verdict))
        return f"{len(tests) - len(self.unproven)} tests", found

    def _short(self, path: Path) -> Path:
        return path.relative_to(self.project)


def check(
    project: Path, models: Models, scope: Scope, engine: Engine, say: Callable[[str], None]
) -> Report:
    """Take every step over ``scope``; ``say`` hears the name of each as it begins."""
    checked = _Check(project, models, scope, engine)
    done, findings = [], []
    for name, take in checked.steps():
        say(name)
        started = time.monotonic()
        looked_at, found = take()
        done.append(Done(name, looked_at, time.monotonic() - started))
        findings += found
    return Report(done, distinct(findings, ANALYSIS), checked.unproven)
