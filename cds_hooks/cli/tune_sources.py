"""Where `chartside tune prepare` takes cases from, and what they are kept apart from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import typer

from cds_hooks.cli.tune_trial import trial_source
from cds_hooks.evaluation.admission.acceptance import acceptance_suite
from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.suite_loading import load_suite
from cds_hooks.evaluation.suites.registry import known_suites
from cds_hooks.evaluation.suites.suite import OnError, Suite, Task
from cds_hooks.inference.model_files.gguf import sha256_of
from cds_hooks.tuning.draft import Draft, MeasuredCase, drafts_of_examples, drafts_of_suite
from cds_hooks.tuning.draft import measured_cases as cases_of
from cds_hooks.tuning.example import read_examples
from cds_hooks.tuning.from_trial import TrialDrafts
from cds_hooks.tuning.manifest import SourceFacts
from cds_hooks.tuning.tuning_errors import TuningDataError

__all__ = ["Gathered", "SuiteOrder"]


@dataclass(frozen=True, slots=True)
class SuiteOrder:
    """Which suite to learn from and how to read it; `id` "" for none."""

    id: str
    data: Path | None
    labels: Path | None
    seed: int
    on_error: OnError


@dataclass(slots=True)
class Gathered:
    """Drafts with their sources, the cases that are measured on with theirs, and counts by reason
    of what made no draft."""

    now: datetime
    drafts: list[Draft] = field(default_factory=list)
    sources: list[SourceFacts] = field(default_factory=list)
    measured: list[MeasuredCase] = field(default_factory=list)
    compared: list[SourceFacts] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    def from_suite(self, order: SuiteOrder) -> None:
        """Every case of a suite. Raises SuiteError, TuningDataError."""
        if order.data is None:
            raise TuningDataError("--suite needs --data", where=order.id)
        loaded = load_suite(
            order.id, order.data, now=self.now, on_error=order.on_error, labels=order.labels
        )
        for broken in loaded.rejected:
            typer.echo(f"left out: {broken.where}: {broken.why}", err=True)
        self.drafts += drafts_of_suite(loaded, now=self.now, seed=order.seed)
        self.sources.append(_facts(loaded))

    def from_file(self, path: Path) -> None:
        """The examples of a file. Raises TuningDataError."""
        read = read_examples(path)
        self.drafts += drafts_of_examples(read)
        digest = sha256_of(path)
        self.sources.append(SourceFacts(id=path.name, kind="file", sha256=digest, cases=len(read)))

    def from_trial(self, made: TrialDrafts) -> None:
        """The cases of a trial."""
        self.drafts += made.drafts
        self.dropped.update(made.dropped)
        self.sources.append(trial_source(made))

    def require_cases(self) -> None:
        """Raises TuningDataError when there is nothing to learn from."""
        if self.drafts:
            return
        hint = "Name --suite with --data, --examples or --trial."
        told = ", ".join(f"{count} {why}" for why, count in self.dropped.items())
        hint = f"{hint} Left out: {told}." if told else hint
        raise TuningDataError("there are no cases to learn from", hint=hint)

    def keep_from(self, named: list[str] | None, folder: Path | None, learned: str) -> None:
        """Take in the cases that are measured on: the acceptance set always, then the suites of a
        folder that are named, or all of it, but those of a file that is learned from."""
        own = {source.sha256 for source in self.sources}
        for each in (acceptance_suite(self.now), *self._suites(named, folder, learned)):
            if each.sha256 not in own:
                self.measured += cases_of(each, self.now)
                self.compared.append(_facts(each))

    def _suites(
        self, named: list[str] | None, folder: Path | None, learned: str
    ) -> Iterable[Suite]:
        if folder is None or (folder.is_file() and named is None):
            return
        for name, info in known_suites().items():
            wanted = name != "own" if named is None else name in named
            if not wanted or name == learned or info.task is Task.JUDGING:
                continue
            try:
                yield load_suite(name, folder, now=self.now, on_error=OnError.SKIP)
            except SuiteError:
                if named is not None:
                    raise


def _facts(suite: Suite) -> SourceFacts:
    return SourceFacts(
        id=suite.id,
        kind="suite",
        sha256=suite.sha256,
        cases=len(suite.cases),
        licence=suite.licence,
        origin=suite.origin,
    )
