"""The part of a consultation's page in which a clinician judges single diagnoses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.cards import phrases
from cds_hooks.compliance import judgements_on
from cds_hooks.consultation import CheckedConsultation, Consultation
from cds_hooks.protocol.cards import Coding
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import MOST, Judgement

__all__ = ["JudgedLine", "Judging", "in_order", "lines"]


@dataclass(frozen=True, slots=True)
class Judging:
    """Where the form goes (an address relative to the page), why a diagnosis may be wrong, what
    was said before, in the order it came, and the id of the consultation whose list it is."""

    action: str
    reasons: tuple[Coding, ...]
    said: tuple[FeedbackEntry, ...] = ()
    of: str = ""


@dataclass(frozen=True, slots=True)
class JudgedLine:
    """One diagnosis: its place from 1, its name, and what was said of it last ("" when nothing)."""

    place: int
    name: str
    said: str
    why: str


def lines(consultation: Consultation, judging: Judging | None) -> tuple[JudgedLine, ...]:
    """The diagnoses of a consultation that can be judged."""
    said = judgements_on(judging.said) if judging else {}
    names = {reason.code: reason.display for reason in judging.reasons} if judging else {}
    listed = consultation.assessments if isinstance(consultation, CheckedConsultation) else ()
    return tuple(
        _line(place, phrases.name(assessment.name), said.get(place), names)
        for place, assessment in enumerate(listed[:MOST], 1)
    )


def in_order(judged: Sequence[JudgedLine], names: Sequence[str]) -> tuple[JudgedLine, ...]:
    """The lines in the order in which the page names their diagnoses."""
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    return tuple(sorted(judged, key=lambda line: places.get(line.name, len(names))))


def _line(place: int, name: str, said: Judgement | None, names: Mapping[str, str]) -> JudgedLine:
    if said is None:
        return JudgedLine(place, name, "", "")
    return JudgedLine(place, name, said.said, names.get(said.why, ""))
