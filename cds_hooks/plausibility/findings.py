"""Findings that a chart tells: symptoms in words, results, current drugs, recent procedures."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cds_hooks.plausibility.checks.results import agrees
from cds_hooks.plausibility.record import OVER, Record
from cds_hooks.plausibility.results import analytes
from cds_hooks.plausibility.rules import ResultRule
from fhir_mapping.chart import Certainty, Experiencer, Fact, Kind, Polarity
from fhir_mapping.context import Context, Reading, Temporality
from fhir_mapping.findings import vocabulary

__all__ = ["WAYS", "Finding", "Seen", "affirmed", "findings"]

_TOLD = frozenset({Kind.COMPLAINT, Kind.PROBLEM, Kind.OBSERVATION, Kind.NOTE})
_NOTE_DAYS = 7.0
"""Older notes tell of another illness: this service's own limit."""
_HISTORY = _TOLD | {Kind.SOCIAL}
_RESULT_DAYS = 3.0
"""Older results are of another state: this service's own limit, where a finding has no other."""
WAYS = ("high", "low", "positive", "negative", "abnormal")
"""How a result may lie, as the last word of a generated id says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`words` told (with `history` also of the past), a `result`, or both; or words in a current
    `medication`; or words in a `procedure` of the last `within_days`."""

    id: str
    words: tuple[str, ...] = ()
    history: bool = False
    medication: tuple[str, ...] = ()
    procedure: tuple[str, ...] = ()
    within_days: float = 0.0
    result: ResultRule | None = None

    @property
    def name(self) -> str:
        """As a card says it."""
        return self.id.replace("-", " ")


@cache
def findings() -> Mapping[str, Finding]:
    """All findings by id: those in words (`fhir_mapping.findings`), those of `data/findings.toml`,
    and one for each way a result of `data/analytes.toml` may lie (`sodium-low`, `hcg-positive`)."""
    text = files(__package__).joinpath("data/findings.toml").read_text("utf-8")
    raw = {k: v for k, v in tomllib.loads(text).items() if isinstance(v, dict)}
    told = {d.id: Finding(id=d.id, words=d.words, history=d.history) for d in vocabulary().values()}
    return {**_of_results(), **told, **{k: _finding(k, v) for k, v in raw.items()}}


def _of_results() -> dict[str, Finding]:
    return {
        f"{analyte}-{way}": _finding(
            f"{analyte}-{way}", {"analyte": analyte, "needs": way, "within_days": _RESULT_DAYS}
        )
        for analyte in analytes()
        for way in WAYS
    }


def _finding(name: str, raw: dict[str, Any]) -> Finding:
    told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    if "analyte" not in told:
        return Finding(id=name, **told)
    words = told.pop("words", ())
    rule = ResultRule(id=name, codes=(), mesh=frozenset(), source="", **told)
    return Finding(id=name, words=words, within_days=rule.within_days, result=rule)


class Seen:
    """Which findings a chart tells, each looked for once."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._known: dict[str, tuple[str, ...]] = {}
        facts = record.chart.facts
        told = [(f, f.text.lower()) for f in facts if f.kind in _HISTORY and _tells(f, True)]
        self._told = {True: told, False: [(f, text) for f, text in told if _tells(f, False)]}
        self._whole = {
            h: "\n".join(dict.fromkeys(text for _, text in said)) for h, said in self._told.items()
        }
        self._done = [(f, f.text.lower()) for f in facts if f.kind is Kind.PROCEDURE]

    def facts(self, name: str) -> tuple[str, ...]:
        """The ids of the facts that tell a finding; empty when the chart does not."""
        if name not in self._known:
            self._known[name] = tuple(dict.fromkeys(self._look(findings()[name])))
        return self._known[name]

    def any_of(self, names: Iterable[str]) -> list[str]:
        """Those of the findings that the chart tells."""
        return [n for n in names if self.facts(n)]

    def _look(self, finding: Finding) -> list[str]:
        if finding.medication:
            return list(self.record.taken(_pattern(finding.medication)))
        if finding.procedure:
            return [
                f.id
                for f, text in self._done
                if _recent(f, finding.within_days) and self._is_done(f, text, finding.procedure)
            ]
        return [*self._measured(finding), *self._said(finding)]

    def _is_done(self, fact: Fact, text: str, words: tuple[str, ...]) -> bool:
        places = [at for word in words if (at := text.find(word)) >= 0]
        return any(self.record.readings[fact.text].at(at).is_affirmed for at in places)

    def _measured(self, finding: Finding) -> list[str]:
        if finding.result is None:
            return []
        found = self.record.results.of(finding.result.analyte, finding.within_days)
        return [f.id for f in found if _lies(finding.result, f)]

    def _said(self, finding: Finding) -> list[str]:
        # Most findings are nowhere in a chart: one look through all of it tells so.
        if not finding.words or not _has(finding.words, self._whole[finding.history]):
            return []
        said = self._told[finding.history]
        return [
            f.id
            for f, text in said
            if _has(finding.words, text)
            and affirmed(
                finding.words,
                self.record.readings[f.text],
                past=finding.history,
                unsure=f.kind is Kind.COMPLAINT,
            )
        ]


def _lies(rule: ResultRule, fact: Fact) -> bool | None:
    """Whether a result lies as its finding says, in numbers or by what it answers."""
    if rule.needs in ("positive", "negative"):
        return _answers(fact) is (rule.needs == "positive")
    if rule.needs == "abnormal":
        return fact.flag is not None and fact.flag.is_abnormal
    return agrees(rule, fact)


def _answers(fact: Fact) -> bool | None:
    """Whether a test is positive; of a number whether it is high."""
    if fact.polarity is Polarity.ABSENT:
        return False
    if fact.value is not None:
        return None if fact.flag is None else fact.flag.is_high
    if fact.flag is not None:
        return fact.flag.is_abnormal
    return True if fact.polarity is Polarity.PRESENT else None


def _tells(fact: Fact, history: bool) -> bool:
    if fact.polarity is not Polarity.PRESENT or fact.value is not None:
        return False
    if fact.experiencer is not Experiencer.PATIENT:
        return False
    if fact.kind is Kind.NOTE:
        return fact.days_ago is not None and -1 <= fact.days_ago <= _NOTE_DAYS
    if history:
        return True
    over = fact.kind is Kind.PROBLEM and fact.status in OVER
    return fact.kind in _TOLD and not over


def _recent(fact: Fact, days: float) -> bool:
    done = fact.polarity is Polarity.PRESENT and fact.status in ("", "completed", "in-progress")
    return done and fact.days_ago is not None and -1 <= fact.days_ago <= days


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{'|'.join(re.escape(w) for w in words)})")


def _has(words: tuple[str, ...], text: str) -> bool:
    return _pattern(words).search(text) is not None


def affirmed(
    words: tuple[str, ...],
    reading: Reading,
    *,
    past: bool = False,
    unsure: bool = True,
    within: tuple[int, int] | None = None,
) -> bool:
    """Whether the patient is said to have, or with `past` to have had, what the words name.

    `unsure`: suspected counts too, as it does of what a patient comes for. `within` are offsets.
    """
    hits = _pattern(words).finditer(reading.lower, *(within or ()))
    return any(_counts(reading.at(hit.start()), past, unsure) for hit in hits)


def _counts(context: Context, past: bool, unsure: bool) -> bool:
    if not context.is_affirmed or (context.certainty is Certainty.UNCERTAIN and not unsure):
        return False
    return past or context.temporality is not Temporality.HISTORICAL
