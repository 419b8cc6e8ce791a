"""The tables of a consultation's page: what it was made from, by which model, in which time."""

from __future__ import annotations

from typing import Any

from cds_hooks.cards.card_data import texts
from cds_hooks.cards.full_detail_views import BasisView
from cds_hooks.cards.phrases import fact_phrase, remark
from cds_hooks.consultation import Consultation

__all__ = ["Rows", "facts_shown", "model_rows", "part_rows", "repaired_rows", "stage_rows"]

Rows = tuple[tuple[str, ...], ...]


def model_rows(basis: BasisView) -> Rows:
    """Which model by which template, its digest, and how many of its answers could be used."""
    answers = f"{basis.answers} of {basis.answers + basis.unusable} could be used"
    facts = f"{basis.shown} of {basis.read}" if basis.asked else f"0 of {basis.read}"
    rows = (
        ("Model", f"{basis.model} {basis.model_digest}".strip() or "none"),
        ("Template", f"{basis.template} {basis.template_digest}".strip()),
        ("Answers", answers if basis.answers + basis.unusable else ""),
        ("Facts of the chart shown to the model", facts),
        ("Remark", basis.remark),
        ("Remarks on how the record was sent", str(basis.quality or "")),
        ("Seconds", basis.seconds),
    )
    return tuple(row for row in rows if row[1])


def part_rows(consultation: Consultation) -> Rows:
    """What came of each part of the chart, and what came instead of one that is not whole."""
    words = texts()
    arrivals = consultation.key_arrivals
    return tuple(
        (words.keys.get(key) or remark(key), words.states[state], _arrived(arrivals.get(key)))
        for key, state in consultation.key_states.items()
    )


def _arrived(arrival: Any) -> str:
    """ "came as HTML; no FHIR server to read from", from stable codes; "" where nothing is told."""
    if arrival is None:
        return ""
    words = texts().arrivals
    kind, _, codes = arrival.sent.partition(" ")
    sent = f"{words.get(kind, kind)} {codes}".strip()
    noted = (words.get(code, code.replace("-", " ")) for code in arrival.noted)
    return "; ".join(dict.fromkeys(part for part in (sent, *noted) if part))


def repaired_rows(consultation: Consultation) -> Rows:
    """Elements that were not FHIR and how they were read, by type and name: ids stay on record."""
    notes = consultation.chart.quality
    return tuple(dict.fromkeys((_element(note.path), note.message) for note in notes))


def facts_shown(consultation: Consultation) -> Rows:
    """The number and the words of each fact that the model was shown."""
    told = set(consultation.prompt.fact_ids) if consultation.prompt else set()
    return tuple(
        (fact.id, fact_phrase(fact)) for fact in consultation.chart.facts if fact.id in told
    )


def stage_rows(consultation: Consultation) -> Rows:
    """How long each stage took."""
    return tuple((stage, f"{ms:,.0f} ms") for stage, ms in consultation.timings_ms.items())


def _element(path: str) -> str:
    """ "Observation/o1.component[2].valueQuantity.value" as "value of Observation"."""
    name = path.rpartition(".")[2].partition("[")[0]
    return f"{name} of {path.partition('/')[0]}"
