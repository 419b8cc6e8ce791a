"""How a site wants to be answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cds_hooks.cards import Speak
from cds_hooks.cards.card_settings import CardSettings
from cds_hooks.consult.service_settings import ServiceSettings
from cds_hooks.consult.terms import ClientTerms, patient_scope
from cds_hooks.consult.verifier_settings import VerifierSettings
from cds_hooks.consult.verifying import Verifier
from cds_hooks.consultation import Basis, Caller
from cds_hooks.gather.fhir_settings import FhirSettings
from cds_hooks.gather.server_base import allowed_base
from cds_hooks.inference.model_settings import ModelSettings
from cds_hooks.plausibility import Calibration, load_calibration
from cds_hooks.protocol.request import HookRequest
from cds_hooks.verifier import FixedRules

__all__ = ["ConsultConfig"]


@dataclass(frozen=True, slots=True)
class ConsultConfig:
    """The sections of the settings that decide how hooks are answered, and what follows from them.

    `samples` and `names_by_construction` are what the model is asked for in the end. `accuracy` is
    what was measured of the model here, in words for a card, "" where nothing was. `calibration`
    holds the thresholds of agreement at which the truth is among the answers but for a share
    `error` of cases. `ranks` is the verifier that `verifier` names. `model_options` stands for what
    the catalogue says of the models (sampling, thinking ...). `basis` is recorded with each
    consultation. `clients` are the terms of the site's clients, by name. `of_trial`: hooks are
    answered without a card, for a silent trial.
    """

    base_url: str
    samples: int
    names_by_construction: bool
    services: ServiceSettings = field(default_factory=ServiceSettings)
    fhir: FhirSettings = field(default_factory=FhirSettings)
    cards: CardSettings = field(default_factory=CardSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    verifier: VerifierSettings = field(default_factory=VerifierSettings)
    ranks: Verifier | None = None
    model_options: str = ""
    accuracy: str = ""
    calibration: Calibration = field(default_factory=load_calibration)
    error: float = 0.1
    settings_sha256: str = ""
    basis: Basis = field(default_factory=Basis)
    clients: Mapping[str, ClientTerms] = field(default_factory=dict)
    of_trial: bool = False

    def within(self, service_id: str) -> float:
        """Seconds within which a hook of a service is answered."""
        return self.services.answer_within.get(service_id, self.services.answer_within_s)

    def speaks(self, service_id: str) -> Speak:
        """Whether a service shows its card always or only when it matters."""
        return self.services.speak_by_service.get(service_id, self.services.speak)

    def of(self, caller: Caller | None) -> ConsultConfig:
        """The same on a client's own terms."""
        terms = self.clients.get(caller.client) if caller else None
        if terms is None:
            return self
        fhir = self.fhir.model_copy(update={"version": terms.fhir_version or ""})
        cards = self.cards.model_copy(update={"profile": terms.card_profile})
        return replace(self, fhir=fhir, cards=cards)

    def starts_app(self, caller: Caller | None) -> bool:
        """Whether a client's cards start this service as a SMART app."""
        terms = self.clients.get(caller.client) if caller else None
        return terms is not None and terms.smart

    def scope(self, request: HookRequest) -> str:
        """Within what the id of a request's patient is one patient."""
        terms = self.clients.get(request.caller.client) if request.caller else None
        return patient_scope(terms, request.caller, request.fhir_server)

    def encounter_scope(self, request: HookRequest) -> str:
        """Within what the id of a request's encounter is one encounter, for a trial that draws.

        Alike for all hooks of it: a server in its one spelling, and where a hook names none, the
        only one that its client has.
        """
        client = request.caller.client if request.caller else ""
        terms = self.clients.get(client)
        if client and terms is None:
            return self.scope(request)
        bases = terms.fhir_bases if terms else self.fhir.allowed_bases
        server = request.fhir_server or (bases[0] if len(bases) == 1 else "")
        base = allowed_base(server, bases)
        return self.scope(request) if base is None else str(base)

    @property
    def sampling(self) -> tuple[object, ...]:
        """What of the sampling an answer depends on."""
        how = (self.samples, self.model.temperature, self.model.seed, self.names_by_construction)
        return (*how, self.model_options, *self._verifying)

    @property
    def _verifying(self) -> tuple[object, ...]:
        """What of the verifier an answer depends on; nothing while there is none."""
        asks, by = self.verifier.self_evaluation, self.ranks
        how = (by.sha256, isinstance(by.by, FixedRules)) if by else ()
        return ("verifier", asks, *how) if asks or by else ()
