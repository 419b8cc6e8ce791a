"""The address of a consultation: two questions with one key have the same answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import orjson

from cds_hooks.consultation import KeyArrival, KeyState, ModelIdentity
from fhir_mapping.chart import Chart, Fact
from prompts import Template

__all__ = ["content_key", "what_was_read"]

_SAME = {KeyState.FETCHED: KeyState.PREFETCHED}


def content_key(
    chart: Chart,
    template: Template,
    model: ModelIdentity,
    sampling: object,
    *,
    patient: str,
    read: object = (),
    silent: bool = False,
) -> str:
    """A digest of what the answer depends on, and whose it is.

    How long ago a fact was moves with the clock and is left out; a fact that is new, changed or
    gone makes another key. `patient` is the pseudonym: the record of one patient must not answer
    for another with the same facts, whose page, ledger and erasure are its own. `read` is
    `what_was_read`: an answer given where allergies were empty must not be shown where they could
    not be had. The age counts as the prompt tells it: days and months in infants. What is `silent`
    has keys of its own, so that no other hook finds its answer or joins its work.
    """
    facts = [_content_of(fact) for fact in chart.facts]
    parts = [chart.patient.recorded_sex, chart.patient.age_text, facts]
    whole = [patient, parts, read, template.ref.sha256, model.sha256, model.engine, sampling]
    whole += ["silent"] if silent else []
    return hashlib.sha256(orjson.dumps(whole)).hexdigest()


def what_was_read(
    states: Mapping[str, KeyState], arrivals: Mapping[str, KeyArrival]
) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """The state of each key and what came instead; whether the client sent it or the FHIR server
    had it is the same."""
    none = KeyArrival("")
    return [
        (key, _SAME.get(state, state), (came := arrivals.get(key, none)).sent, came.noted)
        for key, state in sorted(states.items())
    ]


def _content_of(fact: Fact) -> tuple[object, ...]:
    said = (fact.polarity, fact.certainty, fact.experiencer)
    return (fact.kind, fact.text, fact.status, *said, fact.flag, fact.sources)
