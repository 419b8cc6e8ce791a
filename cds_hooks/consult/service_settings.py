"""Settings of the services: which are offered, how soon they answer, and when they speak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from cds_hooks.cards.speak_policy import Speak
from cds_hooks.consultation import Outcome
from cds_hooks.section import Section, one_of
from cds_hooks.services import REGISTRY
from cds_hooks.trial.assignment import Mode

__all__ = ["ServiceId", "ServiceSettings"]

ServiceId = Annotated[str, one_of(service.id for service in REGISTRY)]


class ServiceSettings(Section):
    """The services that are offered, and how they answer (docs/clinicians/cards-in-detail.md)."""

    enabled: tuple[ServiceId, ...] = Field(
        tuple(service.id for service in REGISTRY),
        min_length=1,
        description="Ids of the services that are offered.",
    )
    answer_within_s: float = Field(
        1.5, gt=0, description="Seconds within which a hook is answered."
    )
    answer_within: Mapping[ServiceId, Annotated[float, Field(gt=0)]] = Field(
        {}, description="The same by service id, where a service has its own."
    )
    only_start: tuple[ServiceId, ...] = Field(
        ("chartside-encounter-start",),
        description="Ids of services that only start work and show no card; "
        "`chartside-appointment-book` always does.",
    )
    deadline_s: float = Field(120.0, gt=0, description="Seconds for the work behind an answer.")
    fresh_for_s: float = Field(
        86_400.0, ge=0, description="Seconds for which an answer is reused while nothing changes."
    )
    recall_s: float = Field(
        300.0, ge=0, description="Seconds a chart stays in memory to be recognised; 0: never."
    )
    assessments: bool = Field(
        True,
        description="Read clinicians' own assessments; false: a differential not led by them.",
    )
    samples: int = Field(0, ge=0, le=16, description="Samples a consultation; 0: the template's.")
    silent: tuple[Outcome, ...] = Field(
        (),
        description="Outcomes without a status card (`pending` ...); rules are shown.",
    )
    speak: Speak = Field(
        "always",
        description="`when-it-matters`: no card unless a rule fires, entries contradict each "
        "other, or a diagnosis not to be missed is supported.",
    )
    speak_by_service: Mapping[ServiceId, Speak] = Field(
        {}, description="The same by service id, where a service has its own."
    )

    mode: Mode = Field(
        Mode.CARDS,
        description="`silent`: hooks are answered without cards, and what is worked out is "
        "recorded for a trial (docs/operators/silent-trial.md).",
    )
    mode_by_service: Mapping[ServiceId, Mode] = Field(
        {}, description="The same by service id, where a service has its own."
    )

    @model_validator(mode="after")
    def _an_answer_comes_before_the_deadline(self) -> Self:
        if max(self.answer_within_s, *self.answer_within.values(), 0) > self.deadline_s:
            raise ValueError("answer_within_s and answer_within must not be above deadline_s")
        return self
