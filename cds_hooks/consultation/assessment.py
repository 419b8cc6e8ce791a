"""What rules say: of a chart by itself, of each diagnosis, and how sure the list is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cds_hooks.consultation.differential import Evidence, Group
from fhir_mapping.chart import Code

__all__ = [
    "Assessment",
    "ChartFinding",
    "Ranking",
    "Reason",
    "Seriousness",
    "TruthSet",
    "Verdict",
]


class Verdict(StrEnum):
    """From best to worst; `RECORDED` stands apart (already on the problem list)."""

    SUPPORTED = "supported"
    PLAUSIBLE = "plausible"
    UNCERTAIN = "uncertain"
    CONTRADICTED = "contradicted"
    UNRECOGNISED = "unrecognised"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict: the check's stable id, its result (pass, fail, abstain), the facts it saw."""

    check: str
    result: str
    text: str = ""
    fact_ids: tuple[str, ...] = ()
    source: str = ""


class Seriousness(StrEnum):
    """How much depends on seeing a finding of the rules at once: to life now, soon, or less."""

    CRITICAL = "critical"
    SERIOUS = "serious"
    NOTABLE = "notable"


@dataclass(frozen=True, slots=True)
class ChartFinding:
    """What a rule says of the chart by itself, without any model.

    `rule` is the rule's stable id and `diagnosis` what its findings fit ("Pulmonary embolism") or
    the state it names ("Severe hyperkalemia"). `told` are the findings as a card shows them, the
    most telling first, with values ("SpO2 90 %", "knee replacement 11 d ago"); `fact_ids` are the
    facts behind them. A published score tells `score` ("Wells 7.5, likely above 4") and in
    `missing` what it needs and the chart does not tell. `source` is the rule's publication; `own`
    says which count or limit is this service's own, "" where none is.
    """

    rule: str
    diagnosis: str
    seriousness: Seriousness
    told: tuple[str, ...]
    fact_ids: tuple[str, ...]
    source: str
    score: str = ""
    missing: tuple[str, ...] = ()
    own: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """One candidate merged over samples and models, resolved to codes, with its verdict.

    `agreement` is the share of samples (0 to 1) that named it, each model counting once;
    `model_share` is the share of models that named it at all. `related` are names that samples
    wrote for it which are wider or narrower (a kind of it, or what it is a kind of).
    `log_probability` is the highest of its names as samples wrote them, over `name_tokens` tokens;
    None of free text. `p_true` is the probability (0 to 1) with which the model that named it most
    often says that it is right, when asked; `second_view` the same of other models; None where
    nobody was asked. `probability` is the verifier's, calibrated; None without one.
    """

    name: str
    group: Group
    verdict: Verdict
    codes: tuple[Code, ...] = ()
    reasons: tuple[Reason, ...] = ()
    evidence_for: tuple[Evidence, ...] = ()
    evidence_against: tuple[Evidence, ...] = ()
    discriminator: str = ""
    agreement: float = 1.0
    written_as: tuple[str, ...] = ()
    model_share: float = 1.0
    related: tuple[str, ...] = ()
    log_probability: float | None = None
    name_tokens: int = 0
    p_true: float | None = None
    second_view: float | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """What put a list in its order: `by` "coefficients", of a file whose SHA-256 is `version`, or
    "rules" of that version.

    Probabilities were calibrated on so many `cases` of `data` (titles); 0 where they do not apply
    to this consultation, for `unlearned` is what was not known here and always was there.
    """

    by: str
    version: str
    cases: int = 0
    data: tuple[str, ...] = ()
    unlearned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TruthSet:
    """The diagnoses that hold the truth in all but a share `error` of cases like the `n` that the
    threshold `share` was calibrated on; `source` says which these were."""

    names: tuple[str, ...]
    share: float
    error: float
    n: int
    source: str
