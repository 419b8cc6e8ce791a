"""The values that `fhir_mapping` makes: a `Chart` of numbered `Fact`s, and what was left out.

All frozen, all free of names, addresses, identifiers and calendar dates. Times are told
relative to the `now` that the caller handed in, so a `Chart` can be shown to a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Certainty",
    "Chart",
    "Code",
    "Experiencer",
    "Fact",
    "Flag",
    "Kind",
    "Omission",
    "PatientFacts",
    "Polarity",
    "QualityNote",
    "Range",
]


class Kind(StrEnum):
    """What a fact is about; the value is the word used in templates and JSON."""

    COMPLAINT = "complaint"
    PROBLEM = "problem"
    LAB = "lab"
    VITAL = "vital"
    OBSERVATION = "observation"
    MEDICATION = "medication"
    ALLERGY = "allergy"
    ENCOUNTER = "encounter"
    PROCEDURE = "procedure"
    REPORT = "report"
    NOTE = "note"
    FAMILY = "family-history"
    IMMUNIZATION = "immunization"
    SOCIAL = "social-history"
    DEVICE = "device"
    CARE = "care-context"

    @property
    def letter(self) -> str:
        """The first letter of the ids of facts of this kind (`L12` is a laboratory result)."""
        return _LETTERS[self]


_LETTERS = {
    Kind.COMPLAINT: "S",
    Kind.PROBLEM: "P",
    Kind.LAB: "L",
    Kind.VITAL: "V",
    Kind.OBSERVATION: "O",
    Kind.MEDICATION: "M",
    Kind.ALLERGY: "A",
    Kind.ENCOUNTER: "E",
    Kind.PROCEDURE: "X",
    Kind.REPORT: "R",
    Kind.NOTE: "N",
    Kind.FAMILY: "F",
    Kind.IMMUNIZATION: "I",
    Kind.SOCIAL: "H",
    Kind.DEVICE: "D",
    Kind.CARE: "C",
}


class Polarity(StrEnum):
    """Whether the chart says that a thing is so."""

    PRESENT = "present"
    ABSENT = "absent"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


class Certainty(StrEnum):
    """Whether what is said is sure: "possible", "suspected" and "unconfirmed" are not."""

    CERTAIN = "certain"
    UNCERTAIN = "uncertain"


class Experiencer(StrEnum):
    """Whose finding it is: of all others only relatives are told apart."""

    PATIENT = "patient"
    FAMILY = "family"
    OTHER = "other"


class Flag(StrEnum):
    """Where a result lies, from its interpretation code or its reference range."""

    NORMAL = "normal"
    LOW = "low"
    HIGH = "high"
    CRITICAL_LOW = "critical-low"
    CRITICAL_HIGH = "critical-high"
    ABNORMAL = "abnormal"
    CRITICAL_ABNORMAL = "critical-abnormal"

    @property
    def is_abnormal(self) -> bool:
        return self is not Flag.NORMAL

    @property
    def is_critical(self) -> bool:
        return self in (Flag.CRITICAL_LOW, Flag.CRITICAL_HIGH, Flag.CRITICAL_ABNORMAL)

    @property
    def is_high(self) -> bool:
        return self in (Flag.HIGH, Flag.CRITICAL_HIGH)

    @property
    def is_low(self) -> bool:
        return self in (Flag.LOW, Flag.CRITICAL_LOW)


@dataclass(frozen=True, slots=True)
class Code:
    """A coding as the chart gives it: FHIR's `system` URI, `code` and `display`.

    A vital sign that is coded in SNOMED CT alone has its LOINC code too, without a display.
    """

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Range:
    """A reference range in the unit of the fact; `source` is `chart` or a table's id."""

    low: float | None = None
    high: float | None = None
    source: str = "chart"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing the chart says.

    `text` is a short clinical phrase without the time ("Creatinine 1.8 mg/dL (0.6-1.2) high");
    `days_ago` is how long before the chart's `now` it was so (negative: in the future);
    `status` is the resource's own word ("active", "final", "resolved", "stopped" ...);
    `sources` are the references of the resources it came from ("Observation/abc"), first one main:
    for provenance only, never shown to a model. `polarity`, `certainty` and `experiencer` are of
    the fact as a whole; a finding within its words has its own (`fhir_mapping.context`). `paths`
    are the parts of its sources that it came from ("Observation/abc#component-2"), none where these
    are whole resources. `nothing_known`: the chart says that there is nothing of this kind at all.
    """

    id: str
    kind: Kind
    text: str
    codes: tuple[Code, ...] = ()
    value: float | None = None
    comparator: str | None = None
    unit: str | None = None
    range: Range | None = None
    flag: Flag | None = None
    days_ago: float | None = None
    status: str = ""
    polarity: Polarity = Polarity.PRESENT
    sources: tuple[str, ...] = ()
    certainty: Certainty = Certainty.CERTAIN
    experiencer: Experiencer = Experiencer.PATIENT
    paths: tuple[str, ...] = ()
    nothing_known: bool = False

    @property
    def is_abnormal(self) -> bool:
        return self.flag is not None and self.flag.is_abnormal


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """What may be said about who this is: never a name, never a date of birth."""

    age_years: float | None = None
    recorded_sex: str | None = None
    deceased: bool = False

    @property
    def age_text(self) -> str:
        """Age as a clinician says it: days to 4 weeks, weeks to 3 months, months to 2 years."""
        if self.age_years is None:
            return "age not recorded"
        days = self.age_years * 365.25
        if days < 28:
            return f"{int(days)} days old"
        if days < 91:
            return f"{int(days // 7)} weeks old"
        if self.age_years < 2:
            return f"{int(self.age_years * 12)} months old"
        return f"{int(self.age_years)} years old"


@dataclass(frozen=True, slots=True)
class Omission:
    """Something found that is not shown to the model: `what` ("Observation/o9", "L12"), and why.

    `reason` is a stable code ("entered-in-error", "token-budget", "unsupported-type" ...);
    `detail` says it to a person and holds no value from the chart.
    """

    what: str
    reason: str
    detail: str = ""
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class QualityNote:
    """A remark for the integration engineer: a path in a resource, never its value."""

    path: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A patient as facts. Every resource handed in is in a fact's `sources` or in `omissions`."""

    patient: PatientFacts
    facts: tuple[Fact, ...]
    omissions: tuple[Omission, ...] = ()
    quality: tuple[QualityNote, ...] = ()
    fhir_version: str = "R4"

    def fact(self, fact_id: str) -> Fact | None:
        """The fact with this id, or None."""
        return next((f for f in self.facts if f.id == fact_id), None)

    def of(self, *kinds: Kind) -> tuple[Fact, ...]:
        """The facts of these kinds, in chart order."""
        return tuple(f for f in self.facts if f.kind in kinds)
