"""One consultation: everything that led to an answer, which the store keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cds_hooks.consultation.assessment import Assessment, ChartFinding, Reason, TruthSet
from cds_hooks.consultation.differential import Differential
from cds_hooks.consultation.origin import Caller, KeyArrival, KeyState, ModelIdentity
from fhir_mapping.chart import Chart
from prompts.prompt import Prompt

__all__ = [
    "Consultation",
    "Outcome",
]


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
class Consultation:
    """One question to the service and everything that led to its answer.

    `id` is a random UUID; `key` is the content address (facts + template + model + sampling);
    `patient_key` is a keyed pseudonym; `created` is UTC seconds; `timings_ms` by stage.

    Found by rules, without the model: `chart_findings`, the most serious first, `contradictions`
    of the chart with itself, and `medication_concerns`. Found by rules about the model's list:
    `red_flags`, diagnoses that the chart's findings fit and no sample named, and
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
    red_flags: tuple[Reason, ...] = ()
    unexplained: tuple[Reason, ...] = ()
    truth_set: TruthSet | None = None
    caller: Caller | None = None
    chart_findings: tuple[ChartFinding, ...] = ()
    key_arrivals: Mapping[str, KeyArrival] = field(default_factory=dict)
