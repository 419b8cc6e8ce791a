"""The values that travel through the service, from what a model said to the whole record.

Frozen and typed; every stage writes its part of one `Consultation`, which the store keeps,
the cards are made from, and `--explain` prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fhir_mapping.chart import Chart, Code
from prompts.prompt import Prompt

__all__ = [
    "Assessment",
    "Caller",
    "Candidate",
    "ChartFinding",
    "Consultation",
    "Differential",
    "Evidence",
    "Group",
    "KeyArrival",
    "KeyState",
    "ModelIdentity",
    "ModelPart",
    "Outcome",
    "Reason",
    "Seriousness",
    "TruthSet",
    "Verdict",
]


class Group(StrEnum):
    """Why a model listed a diagnosis."""

    LIKELY = "likely"
    MUST_NOT_MISS = "must-not-miss"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A cited fact and what is claimed of it: high, low, abnormal, normal, present or absent."""

    fact_id: str
    claim: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One diagnosis as one sample wrote it."""

    diagnosis: str
    group: Group
    evidence_for: tuple[Evidence, ...] = ()
    evidence_against: tuple[Evidence, ...] = ()
    discriminator: str = ""


@dataclass(frozen=True, slots=True)
class Differential:
    """What one sample of a model said, parsed and validated again after decoding."""

    candidates: tuple[Candidate, ...]
    model: str = ""
    sample: int = 0


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


@dataclass(frozen=True, slots=True)
class ModelPart:
    """One file of a model: its name without folder, its digest, and how strongly it counts."""

    name: str
    sha256: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class TruthSet:
    """The diagnoses that hold the truth in all but a share `error` of cases like the `n` that the
    threshold `share` was calibrated on; `source` says which these were."""

    names: tuple[str, ...]
    share: float
    error: float
    n: int
    source: str


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model spoke: catalogue name, file digest, build of the engine.

    `parts` are the base and its LoRA adapters where there are any; `sha256` then covers them all.
    """

    name: str
    sha256: str
    engine: str
    licence: str = ""
    demonstration: bool = False
    parts: tuple[ModelPart, ...] = ()


class KeyState(StrEnum):
    """What became of one prefetch key."""

    PREFETCHED = "prefetched"
    FETCHED = "fetched"
    EMPTY = "empty"
    UNAVAILABLE = "unavailable"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class KeyArrival:
    """What came for a prefetch key that is not there whole, in stable words, never content.

    `sent` is what the client sent ("not-sent", "html", "operation-outcome forbidden"; "" when it
    is what was asked for, but not all of it), `noted` the codes of why the rest could not be had
    ("fhir-server-missing", "timeout").
    """

    sent: str
    noted: tuple[str, ...] = ()


class Outcome(StrEnum):
    """How a consultation ended: `ANSWERED` with nothing found and not answered differ.

    `REUSED`: the model was not asked, as nothing that matters changed since the last answer.
    `CHECKED`: no model was to be asked; `assessments` are of problems just entered, and `chart` is
    the chart without them.
    """

    PENDING = "pending"
    REUSED = "last-answer-stands"
    ANSWERED = "answered"
    EMPTY = "empty-differential"
    DEADLINE = "deadline"
    OVERLOADED = "overloaded"
    ENGINE_FAILED = "engine-failed"
    ENGINE_UNAVAILABLE = "engine-unavailable"
    INVALID_OUTPUT = "invalid-output"
    PROMPT_TOO_LONG = "prompt-too-long"
    CANCELLED = "cancelled"
    CHECKED = "entry-checked"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked: a CDS client as its token named it, and the user of the hook.

    `client` is the site's name for it and `token` a keyed hash of issuer and `jti`; both are empty
    where no token was asked for. `user` is the hook's `userId` as sent (`Practitioner/1`): where
    it names a Patient or RelatedPerson it is patient data. `request_id` is the exchange's, as in
    the log and in the X-Request-ID header.
    """

    client: str = ""
    issuer: str = ""
    tenant: str = ""
    token: str = ""
    user: str = field(default="", repr=False)
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Consultation:
    """One question to the service and everything that led to its answer.

    `id` is a random UUID; `key` is the content address (facts + template + model + sampling);
    `patient_key` is a keyed pseudonym; `created` is UTC seconds; `timings_ms` by stage.

    Found by rules, without the model: `chart_findings`, the most serious first, `contradictions`
    of the chart with itself, and `medication_concerns`. Found by rules about the model's list:
    `not_considered`, diagnoses that a pattern in the chart calls for and no sample named, and
    `unexplained`, abnormal results that are cited for none of the list.

    `fault` is the stable code of what kept the model from answering, the most telling one there
    is; `outcome_detail` the same in words, or a remark on an answer. `sample_models` names the
    model of each of `samples`. `caller` asked first; whom an answer is shown to again, the request
    tells.
    """

    id: str
    key: str
    service: str
    created: float
    patient_key: str
    chart: Chart
    prompt: Prompt | None = None
    model: ModelIdentity | None = None
    key_states: Mapping[str, KeyState] = field(default_factory=dict)
    samples: tuple[str, ...] = ()
    samples_failed: int = 0
    differentials: tuple[Differential, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    contradictions: tuple[Reason, ...] = ()
    outcome: Outcome = Outcome.PENDING
    outcome_detail: str = ""
    fault: str = ""
    sample_models: tuple[str, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    settings_sha256: str = ""
    medication_concerns: tuple[Reason, ...] = ()
    not_considered: tuple[Reason, ...] = ()
    unexplained: tuple[Reason, ...] = ()
    truth_set: TruthSet | None = None
    caller: Caller | None = None
    chart_findings: tuple[ChartFinding, ...] = ()
    key_arrivals: Mapping[str, KeyArrival] = field(default_factory=dict)
