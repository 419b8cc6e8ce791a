"""What would answer now: plain values, made from settings by who replays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import orjson

from cds_hooks.cards import Speak
from cds_hooks.cards.card_settings import CardSettings
from cds_hooks.consult.rule_tables import RuleTable
from cds_hooks.consult.service_settings import ServiceSettings
from cds_hooks.consult.verifying import Verifier
from cds_hooks.consultation import Basis, Outcome, Sampling
from cds_hooks.inference.engine import Engine
from cds_hooks.plausibility import Calibration, Terminology
from prompts import Template

__all__ = ["CardTerms", "Today"]


@dataclass(frozen=True, slots=True)
class CardTerms:
    """The settings that a card is made by."""

    profile: str = "generic"
    speak: Speak = "always"
    silent: frozenset[Outcome] = frozenset()
    accuracy: str = ""

    @classmethod
    def of(cls, services: ServiceSettings, cards: CardSettings, service: str) -> Self:
        """Those for one service."""
        speak = services.speak_by_service.get(service, services.speak)
        return cls(cards.profile, speak, frozenset(services.silent))

    def with_accuracy(self, accuracy: str) -> Self:
        """The same, with what was measured of the model here."""
        return replace(self, accuracy=accuracy)

    @classmethod
    def recorded(cls, settings: Mapping[str, str], service: str, today: CardTerms) -> Self:
        """Those that a record tells; what it does not tell was the default. Of what the site
        measured of the model it holds nothing, so that is today's."""
        services = _section(ServiceSettings, "services", settings)
        cards = _section(CardSettings, "cards", settings)
        return replace(cls.of(services, cards, service), accuracy=today.accuracy)


def _section(kind: type[Any], name: str, settings: Mapping[str, str]) -> Any:
    told = {key.partition(".")[2]: text for key, text in settings.items()
            if key.partition(".")[0] == name and not text.startswith("sha256:")}  # fmt: skip
    try:
        return kind.model_validate({key: orjson.loads(text) for key, text in told.items()})
    except ValueError:  # a key or a value of another version
        return kind()


@dataclass(frozen=True, slots=True)
class Today:
    """What a replay exchanges step by step.

    `sampling` is how the settings ask a model, `basis` what a record of now would tell, `tables`
    the tables behind it. `model_sha256` is the digest that the settings' model has, "" where that
    is not known before it is loaded. `engine` is None where no model is to be asked.
    """

    template: Template
    terminology: Terminology
    basis: Basis
    sampling: Sampling
    tables: Mapping[str, RuleTable]
    calibration: Calibration
    error: float = 0.1
    verifier: Verifier | None = None
    cards: CardTerms = field(default_factory=CardTerms)
    model_sha256: str = ""
    settings_sha256: str = ""
    engine: Engine | None = None
    deadline_s: float = 600.0
