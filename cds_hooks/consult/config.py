"""How a site wants to be answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cds_hooks.cards import Speak
from cds_hooks.consult.terms import ClientTerms, patient_scope
from cds_hooks.consultation import Caller, Outcome
from cds_hooks.plausibility import Calibration, load_calibration
from cds_hooks.protocol.request import HookRequest

__all__ = ["ConsultConfig"]

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ConsultConfig:
    """How a site wants to be answered; times in seconds.

    `answer_within_s` bounds a hook (`answer_within`, by service id, that of a service which has
    its own) and `gather_within_s` the reading of FHIR within it; `deadline_s` bounds the work
    behind an answer, `fresh_for_s` how long the answer is reused, `recall_s` how long a chart that
    was sent whole is kept in memory, so that it need not be read again. `silent` are outcomes that
    give no status card; `speak` (`speak_by_service`, by service id) whether a card is shown always
    or only when it matters. `accuracy` is what was measured of the model here, in words for a card,
    "" where nothing was. A card's link to its consultation opens for `link_s`; 0: cards have none.
    `calibration` holds the thresholds of agreement at which the truth is among the answers but for
    a share `error` of cases. `fhir_version` is what clients send where no server tells it;
    `model_options` stands for what the catalogue says of the models (sampling, thinking ...);
    without `assessments` what clinicians themselves concluded is not read. `clients` are the terms
    of the site's clients, by name.
    """

    base_url: str
    answer_within_s: float = 1.5
    answer_within: Mapping[str, float] = field(default_factory=dict)
    gather_within_s: float = 1.2
    deadline_s: float = 120.0
    fresh_for_s: float = _DAY_S
    recall_s: float = 300.0
    samples: int = 1
    temperature: float | None = None
    model_options: str = ""
    seed: int = 0
    names_by_construction: bool = False
    card_profile: str = "generic"
    silent: frozenset[Outcome] = frozenset()
    speak: Speak = "always"
    speak_by_service: Mapping[str, Speak] = field(default_factory=dict)
    accuracy: str = ""
    link_s: float = _DAY_S
    calibration: Calibration = field(default_factory=load_calibration)
    error: float = 0.1
    fhir_version: str | None = None
    assessments: bool = True
    settings_sha256: str = ""
    clients: Mapping[str, ClientTerms] = field(default_factory=dict)

    def within(self, service_id: str) -> float:
        """Seconds within which a hook of a service is answered."""
        return self.answer_within.get(service_id, self.answer_within_s)

    def speaks(self, service_id: str) -> Speak:
        """Whether a service shows its card always or only when it matters."""
        return self.speak_by_service.get(service_id, self.speak)

    def of(self, caller: Caller | None) -> ConsultConfig:
        """The same on a client's own terms."""
        terms = self.clients.get(caller.client) if caller else None
        if terms is None:
            return self
        return replace(self, fhir_version=terms.fhir_version, card_profile=terms.card_profile)

    def scope(self, request: HookRequest) -> str:
        """Within what the id of a request's patient is one patient."""
        terms = self.clients.get(request.caller.client) if request.caller else None
        return patient_scope(terms, request.caller, request.fhir_server)

    @property
    def sampling(self) -> tuple[object, ...]:
        """What of the sampling an answer depends on."""
        how = (self.samples, self.temperature, self.seed, self.names_by_construction)
        return (*how, self.model_options)
