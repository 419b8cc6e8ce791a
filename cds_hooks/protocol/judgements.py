"""What a clinician says of single diagnoses: the form of a consultation's page, and the reasons
by which a client sets a card aside for one of them.

A diagnosis is named by its place among the consultation's assessments, so that no name of one
travels in a form, and what was judged is read from the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from cds_hooks.protocol.cards import Coding
from cds_hooks.protocol.protocol_errors import FeedbackInvalid, FieldProblem

__all__ = [
    "DIAGNOSIS_SYSTEM",
    "MOST",
    "Judgement",
    "Said",
    "judged_of",
    "judgement_of",
    "parse_form",
    "wrong",
]

DIAGNOSIS_SYSTEM = "urn:chartside:diagnosis-feedback"
"""Codes `wrong-1` to `wrong-32`: the diagnosis of this place among the consultation's own."""

MOST = 32
"""Diagnoses of one consultation that can be judged."""

_LONGEST_BODY = 16_384
_LONGEST_WORDS = 1_000
_WRONG = re.compile(r"wrong-([1-9][0-9]?)", re.ASCII)
_FIELD = re.compile(r"(said|why)-([1-9][0-9]?)", re.ASCII)

Said = Literal["useful", "wrong"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The diagnosis at `place` (from 1) was `said` to be useful or wrong; `why` is a code of the
    site's override reasons, "" where none was chosen."""

    place: int
    said: Said
    why: str = ""


def parse_form(body: bytes, reasons: Iterable[str] = ()) -> tuple[tuple[Judgement, ...], str]:
    """The judgements of a form, by place, and the words written beside them ("" when none).

    Fields are `said-N` (useful, wrong, or empty), `why-N` (one of `reasons`) and `words`; others
    are left alone. Raises FeedbackInvalid, which holds nothing of what was sent.
    """
    fields = _fields(body)
    said: dict[int, Said] = {}
    why: dict[int, str] = {}
    for name, value in fields.items():
        part = _FIELD.fullmatch(name)
        place = int(part[2]) if part else 0
        if part is None or not 1 <= place <= MOST:
            continue
        if part[1] == "why":
            why[place] = value if value in set(reasons) else ""
        elif value in ("useful", "wrong"):
            said[place] = "useful" if value == "useful" else "wrong"
    found = tuple(Judgement(place, said[place], why.get(place, "")) for place in sorted(said))
    words = fields.get("words", "").strip()[:_LONGEST_WORDS]
    if not found and not words:
        raise FeedbackInvalid([FieldProblem("said-1", "required", "nothing was chosen")])
    return found, words


def judged_of(body: bytes) -> str:
    """The id of the consultation whose list a form was made of; "" where it does not say.

    Raises FeedbackInvalid.
    """
    return _fields(body).get("of", "")[:64]


def _fields(body: bytes) -> Mapping[str, str]:
    if len(body) > _LONGEST_BODY:
        raise FeedbackInvalid([FieldProblem("form", "value", "the form is too long")])
    try:
        pairs = parse_qsl(body.decode("utf-8"), max_num_fields=4 * MOST, keep_blank_values=True)
    except ValueError:
        problem = FieldProblem(
            "form", "structure", "not application/x-www-form-urlencoded in UTF-8"
        )
        raise FeedbackInvalid([problem]) from None
    return dict(pairs)


def wrong(place: int, display: str) -> Coding:
    """The override reason that says that the diagnosis at `place` is wrong for this patient."""
    return Coding(f"wrong-{place}", DIAGNOSIS_SYSTEM, display)


def judgement_of(reason: Coding | None) -> Judgement | None:
    """The judgement that an override reason is; None for any other reason."""
    if reason is None or reason.system != DIAGNOSIS_SYSTEM:
        return None
    part = _WRONG.fullmatch(reason.code)
    place = int(part[1]) if part else 0
    return Judgement(place, "wrong") if 1 <= place <= MOST else None
