"""Weeks later: outcomes read over FHIR and stored, and the cases that the store then holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.outcome_reading import outcome_reader, outcome_server, patient_keys_on
from cds_hooks.settings import Settings
from cds_hooks.trial.collecting import Collecting
from cds_hooks.trial.collection import Collected, collect
from cds_hooks.trial.outcomes.decide import OutcomeDecider
from cds_hooks.trial.outcomes.rules import load_rules
from cds_hooks.trial.outcomes.run import Followed, FollowUpRun, due
from tests.simulated_hospital.encounters import Encounter
from tests.simulated_hospital.fhir_server import fhir_server
from tests.simulated_hospital.service import Played

__all__ = ["collected", "follow_up"]

LATER = timedelta(days=62)


async def follow_up(played: Played, encounters: Sequence[Encounter]) -> Followed:
    """Read what the patients turned out to have, when every window has closed, as the command
    `chartside trial outcomes` does."""
    store, settings, rules = played.runtime.store, played.settings, load_rules(None)
    now = (encounters[0].asked + LATER).timestamp()
    async with fhir_server(encounters) as base:
        reading = _reading(played.settings, base)
        wanted = due(await store.outcomes.to_follow(0, now), rules.digest, now, again_after_s=0)
        told = Followed(consultations=len(wanted))
        keys = patient_keys_on(reading, played.runtime._key, outcome_server(reading))
        with Terminology(settings.terminology.path) as terminology:
            decider = OutcomeDecider(rules, terminology, zone=UTC)
            async with outcome_reader(reading, rules) as reader:
                run = FollowUpRun(
                    store.silent.get, keys, reader.read, decider, store.outcomes.save, now
                )
                await run.follow(wanted, told)
    return told


def _reading(settings: Settings, base: str) -> Settings:
    wanted = {
        "fhir_server": base,
        "hooks_without_server": True,
        "timezone": "UTC",
        "reads_per_minute": 1e9,
    }
    return Settings.model_validate({**settings.model_dump(), "trial_outcomes": wanted})


async def collected(played: Played) -> Collected:
    """The cases of the trial, out of the store."""
    with Terminology(played.settings.terminology.path) as terminology:
        collecting = Collecting(terminology, zone=UTC)
        return await collect(played.runtime.store, collecting, 0, datetime.now(UTC).timestamp())
