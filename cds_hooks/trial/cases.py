"""One consultation of a trial beside what its patient turned out to have. Codes and hashes only:
no name, no date of birth and no text of a chart is in any of these values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cds_hooks.consultation import Verdict

__all__ = ["Code", "Finding", "MatchLevel", "Outcome", "Proposed", "TrialCase"]

Code = tuple[str, str]
"""A code as (system, code): FHIR's URI of the code system, and the code as that system writes it,
("http://hl7.org/fhir/sid/icd-10-cm", "I21.4")."""


class MatchLevel(StrEnum):
    """How near a proposed diagnosis is to an outcome, from strict to wide. Levels are nested: what
    matches by one matches by every wider one."""

    SAME = "same"
    CATEGORY = "category"
    RELATED = "related"

    @property
    def within(self) -> tuple[MatchLevel, ...]:
        """The levels at which a match of this level counts: itself and all wider ones."""
        levels = tuple(MatchLevel)
        return levels[levels.index(self) :]


@dataclass(frozen=True, slots=True)
class Proposed:
    """One diagnosis of the list that a consultation would have shown; its rank is its place there.

    `codes` is empty where the name was not recognised: it can match nothing. `agreement` is the
    share of samples that named it (0 to 1), `flags` the ids of checks that it failed, `struck_out`
    whether the rules took it from the list, `probability` what a verifier says (0 to 1), None
    without one.
    """

    codes: tuple[Code, ...]
    verdict: Verdict
    agreement: float = 1.0
    flags: tuple[str, ...] = ()
    struck_out: bool = False
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule about the chart that fired, with the codes of the diagnosis that its findings fit.
    `codes` is empty for a rule that names a state and no diagnosis."""

    rule: str
    codes: tuple[Code, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Something the patient was found to have, that was not known at the hook.

    `source` is the id of the rule that it was read by ("encounter-diagnosis"); `charted` is when it
    first stood in the record, an aware datetime. `exact` is False where only a day (or month) was
    written: `charted` is then its first moment.
    """

    system: str
    code: str
    source: str
    charted: datetime
    exact: bool = True

    @property
    def coded(self) -> Code:
        """System and code."""
        return self.system, self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCase:
    """One consultation of the trial. Raises ValueError for a time without a zone.

    `consultation` is the record's id, `answer` that of the record with the answer, where it is
    another: a hook may be answered before the model is done. `patient` and `encounter` are the
    store's keyed hashes, and `encounter` is "" where the hook named none. `asked` is when the hook
    came, `hour` its hour of the day (0 to 23) by the site's clock, `age_band` and `sex` as
    `cds_hooks.statistics` tells them. `model` and `settings` are digests. `ended` is the
    consultation's outcome ("answered", "deadline") and `seconds` how long it took, None where that
    was not recorded.

    `proposed` is in rank order, struck-out ones included where they stood. `visible_codes` are all
    codes that the prompt showed. `outcomes` is None as long as nobody looked for them (the window
    is open), and empty where somebody did and found nothing new.
    """

    consultation: str
    answer: str = ""
    patient: str
    encounter: str = ""
    service: str
    asked: datetime
    hour: int
    age_band: str
    sex: str
    model: str = ""
    settings: str = ""
    ended: str = "answered"
    seconds: float | None = None
    silent: bool = True
    proposed: tuple[Proposed, ...] = ()
    findings: tuple[Finding, ...] = ()
    visible_codes: frozenset[Code] = frozenset()
    outcomes: tuple[Outcome, ...] | None = None

    @property
    def answered_in(self) -> str:
        """The id of the record with the answer, if there is one."""
        return self.answer or self.consultation

    def __post_init__(self) -> None:
        times = (self.asked, *(each.charted for each in self.outcomes or ()))
        if any(each.tzinfo is None for each in times):
            raise ValueError("times of a trial have a zone")
