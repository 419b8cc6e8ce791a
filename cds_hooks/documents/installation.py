"""What a document is made from: one value that describes an installation. No chart is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cds_hooks.admission.record import AdmissionRecord
from cds_hooks.documents.operator_answers import OperatorAnswers
from cds_hooks.services import ServiceDefinition

__all__ = [
    "EvaluatedRun",
    "Figure",
    "Installation",
    "LocalFigures",
    "ModelFacts",
    "TemplateFacts",
]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value: `share` of 1 with its 95 % interval, over `n` cases or events.

    None is not defined, or not told (`n` None: too few to be told).
    """

    name: str
    share: float | None
    n: int | None
    low: float | None = None
    high: float | None = None

    @property
    def text(self) -> str:
        """ "first 14.0 % (8.7 to 21.8, n = 107)"."""
        if self.n is None:
            return f"{self.name}: too few to be told"
        if self.share is None:
            return f"{self.name}: not defined (n = {self.n})"
        interval = "" if self.low is None or self.high is None else (
            f"{100 * self.low:.1f} to {100 * self.high:.1f}, "
        )  # fmt: skip
        return f"{self.name}: {100 * self.share:.1f} % ({interval}n = {self.n})"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The model that answers: its identity, and what its file and the catalogue say of it.

    `metadata` are the texts of the file's header under `general.`; a model on a server has none.
    `sha256` is empty where no file is named by its digest. `files` are file names with digests,
    `adapters` those of LoRA adapters among them.
    """

    name: str
    sha256: str = ""
    licence: str = ""
    demonstration: bool = False
    engine: str = ""
    on_server: bool = False
    architecture: str = ""
    parameters: int = 0
    quantisation: str = ""
    context: int = 0
    files: Mapping[str, str] = field(default_factory=dict)
    adapters: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    known_by: str = ""
    source: str = ""
    cautions: tuple[str, ...] = ()
    published: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """The prompt's template: `chart_tokens` bound what of a chart the model reads."""

    id: str
    version: str
    sha256: str
    chart_tokens: int
    samples: int
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluatedRun:
    """One run of `chartside eval run`, of the very model that answers here or of another one.

    `figures` are of all cases, `groups` how many were right first by age and recorded sex, `safety`
    of flags and verdicts. `names`: diagnoses could only be names of the terminology.
    """

    folder: str
    suite: str
    task: str
    origin: str
    model: str
    model_sha256: str
    template: str
    made: str
    cases: int
    chartside: str
    template_sha256: str = ""
    samples: int = 1
    names: bool = False
    notes: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    groups: tuple[Figure, ...] = ()
    safety: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalFigures:
    """What was counted of this installation's own work from `first` to `last` (days, UTC)."""

    first: str
    last: str
    smallest_count: int
    hooks: int = 0
    consultations: int = 0
    overall: tuple[Figure, ...] = ()
    groups: tuple[Figure, ...] = ()


_NAMES = {True: "diagnoses along the terminology's names", False: "diagnoses in free text"}


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation as its settings file describes it.

    `subject` is its public address. `model` answers first, `more_models` are the rest of a panel.
    `speaks` is when each service shows a card, `terminology` what the compiler recorded of it,
    `switched_off` what is off just now, `protections` what its settings protect, `rule_tables` the
    tables of rules by name, `verifier_sha256` the digest of its file of coefficients.
    """

    made_at: str
    version: str
    profile: str
    services: tuple[ServiceDefinition, ...]
    model: ModelFacts
    template: TemplateFacts
    subject: str = ""
    settings_sha256: str = ""
    tables_sha256: str = ""
    verifier_sha256: str = ""
    samples: int = 1
    names_by_construction: bool = False
    answer_within_s: float = 0.0
    speaks: Mapping[str, str] = field(default_factory=dict)
    more_models: tuple[ModelFacts, ...] = ()
    protections: tuple[str, ...] = ()
    switched_off: tuple[str, ...] = ()
    rule_tables: tuple[str, ...] = ()
    terminology: Mapping[str, str] = field(default_factory=dict)
    admission: AdmissionRecord | None = None
    runs: tuple[EvaluatedRun, ...] = ()
    local: LocalFigures | None = None
    operator: OperatorAnswers = field(default_factory=OperatorAnswers)

    @property
    def own_runs(self) -> tuple[EvaluatedRun, ...]:
        """Runs of the very model that answers here, the newest first."""
        same = [run for run in self.runs if self._is_own(run)]
        return tuple(sorted(same, key=lambda run: run.made, reverse=True))

    def differences(self, run: EvaluatedRun) -> tuple[str, ...]:
        """In what a run was asked in another way than this installation asks."""
        differs = {
            "another template": run.template_sha256 != self.template.sha256,
            f"{run.samples} samples instead of {self.samples}": run.samples != self.samples,
            _NAMES[run.names]: run.names != self.names_by_construction,
        }
        return tuple(name for name, is_so in differs.items() if is_so)

    def _is_own(self, run: EvaluatedRun) -> bool:
        return bool(self.model.sha256) and run.model_sha256 == self.model.sha256
