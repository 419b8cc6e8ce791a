"""What the rules about a chart are worth: how often one that fired was right, what it missed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.figures import Figure
from cds_hooks.statistics.suppression import hidden, is_small
from cds_hooks.trial.cases import Code, MatchLevel
from cds_hooks.trial.report.clusters import Counted, Patients
from cds_hooks.trial.report.judged import JudgedCase
from cds_hooks.trial.report.matching import Matcher, nearest
from cds_hooks.trial.report.report_settings import ReportSettings

__all__ = ["RuleFindings", "RuleRow", "rule_findings"]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """`fired` is in how many cases a rule fired, `right` the share of these with a matching outcome
    (positive predictive value), `caught` the share of cases with such an outcome in which it fired
    (sensitivity). None is too few to tell, or would tell another rule's small count."""

    rule: str
    fired: int | None
    right: Figure | None
    caught: Figure | None


@dataclass(frozen=True, slots=True)
class RuleFindings:
    """`right` is of all findings with a code, each rule once a case. `missed` is the share of
    outcomes, among those that a rule has a code for, in whose case no rule that names them fired.
    Both are None where they are too few to tell. `uncoded` findings named a state without a code:
    nothing says whether they were right."""

    rows: tuple[RuleRow, ...]
    right: Figure | None
    missed: Figure | None
    uncoded: int


def rule_findings(
    judged: Sequence[JudgedCase], settings: ReportSettings, patients: Patients
) -> RuleFindings:
    """One row for each rule that has a code, by id; and all of them together."""
    codes = _codes(judged, settings.rules)
    table = _Table(judged, codes, settings.matcher, settings.level)
    fired = {rule: table.fired(rule) for rule in codes}
    caught = {rule: table.caught(rule) for rule in codes}
    small = _hidden(fired, caught, settings.least)
    every = [each for counted in fired.values() for each in counted]
    return RuleFindings(
        rows=tuple(
            RuleRow(rule, None, None, None)
            if rule in small
            else RuleRow(
                rule,
                len(fired[rule]),
                patients.share(fired[rule]),
                patients.share(caught[rule]),
            )
            for rule in codes
        ),
        right=_total(every, settings.least, patients),
        missed=_total(table.missed(), settings.least, patients),
        uncoded=sum(not f.codes for each in judged for f in each.case.findings),
    )


class _Table:
    """Which rule fired in which case, and which outcome each rule's codes match."""

    def __init__(
        self,
        judged: Sequence[JudgedCase],
        codes: Mapping[str, Collection[Code]],
        matcher: Matcher,
        level: MatchLevel,
    ) -> None:
        self._judged = judged
        self._codes = codes
        self._fired = [{f.rule for f in each.case.findings if f.codes} for each in judged]
        self._known: dict[tuple[str, Code], bool] = {}
        self._matcher, self._level = matcher, level

    def fired(self, rule: str) -> list[Counted]:
        """The cases in which a rule fired; a hit has a matching outcome."""
        return [
            Counted(each.case.patient, float(self._has_outcome(rule, each)))
            for each, fired in zip(self._judged, self._fired, strict=True)
            if rule in fired
        ]

    def caught(self, rule: str) -> list[Counted]:
        """The cases with an outcome that a rule is about; in a hit it fired."""
        return [
            Counted(each.case.patient, float(rule in fired))
            for each, fired in zip(self._judged, self._fired, strict=True)
            if self._has_outcome(rule, each)
        ]

    def missed(self) -> list[Counted]:
        """The outcomes that any rule is about; a hit was missed by all rules."""
        found = []
        for each, fired in zip(self._judged, self._fired, strict=True):
            for outcome in (o.outcome.coded for o in each.outcomes):
                able = {rule for rule in self._codes if self._names(rule, outcome)}
                if able:
                    found.append(Counted(each.case.patient, float(not able & fired)))
        return found

    def _has_outcome(self, rule: str, case: JudgedCase) -> bool:
        return any(self._names(rule, each.outcome.coded) for each in case.outcomes)

    def _names(self, rule: str, outcome: Code) -> bool:
        key = (rule, outcome)
        if key not in self._known:
            level = nearest(self._matcher, self._codes[rule], outcome)
            self._known[key] = level is not None and self._level in level.within
        return self._known[key]


def _codes(
    judged: Sequence[JudgedCase], known: Mapping[str, Collection[Code]]
) -> dict[str, frozenset[Code]]:
    found = {rule: set(codes) for rule, codes in known.items()}
    for case in judged:
        for finding in case.case.findings:
            found.setdefault(finding.rule, set()).update(finding.codes)
    return {rule: frozenset(found[rule]) for rule in sorted(found) if found[rule]}


def _hidden(
    fired: Mapping[str, Sequence[Counted]], caught: Mapping[str, Sequence[Counted]], least: int
) -> frozenset[str]:
    """The rules of which nothing is told. A rule's hits stand in both shares: fired and right."""
    if not fired:
        return frozenset()
    columns = [
        [_hits(each) for each in fired.values()],
        [len(each) - _hits(each) for each in fired.values()],
        [len(each) - _hits(each) for each in caught.values()],
    ]
    names = tuple(fired)
    return frozenset(names[place] for place in hidden(columns, least))


def _total(counted: Sequence[Counted], least: int, patients: Patients) -> Figure | None:
    hits = _hits(counted)
    if any(is_small(count, least) for count in (hits, len(counted) - hits)):
        return None
    return patients.share(counted)


def _hits(counted: Sequence[Counted]) -> int:
    return round(sum(each.value for each in counted))
