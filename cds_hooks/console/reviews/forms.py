"""What the forms of reviews say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast
from urllib.parse import parse_qsl

from cds_hooks.audit.reviews import KINDS, EntryReview, Kind, ReviewAnswer, Said
from cds_hooks.errors import ChartsideError
from prompts import visible

__all__ = ["LONGEST_REASON", "ReviewFormRefused", "consultation_of", "fields_of", "kind_of"]

LONGEST_REASON = 2000
MOST_ENTRIES = 32
_LONGEST_BODY, _MOST_FIELDS = 256 * 1024, 80
_ID = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_SAID = ("agree", "disagree")


class ReviewFormRefused(ChartsideError):
    """A form that a page of this service would not send, or that says too little."""

    code = "review-form-refused"
    status = 400

    def __init__(self, message: str, where: str) -> None:
        hint = "Go back, and send the form again; what was typed is still there."
        super().__init__(message, where=where, hint=hint)


def fields_of(body: bytes) -> Mapping[str, str]:
    """The fields of a form. Raises ReviewFormRefused."""
    if len(body) > _LONGEST_BODY:
        raise ReviewFormRefused("the form is too large", "form")
    try:
        return dict(parse_qsl(body.decode("utf-8"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise ReviewFormRefused("this is not what the page sends", "form") from None


def consultation_of(form: Mapping[str, str]) -> str:
    """The id of the consultation that a form is about. Raises ReviewFormRefused."""
    if not _ID.fullmatch(form.get("consultation", "")):
        raise ReviewFormRefused("it names no consultation", "consultation")
    return form["consultation"]


def kind_of(form: Mapping[str, str]) -> Kind:
    """As what somebody reviews. Raises ReviewFormRefused."""
    kind = form.get("kind", "")
    if kind not in KINDS:
        raise ReviewFormRefused(f"say as what you review: {', '.join(KINDS)}", "kind")
    return kind


def answer_of(form: Mapping[str, str], diagnoses: int) -> ReviewAnswer:
    """What a reviewer says; `diagnoses` are on the list. Whoever disagrees says why.

    Raises ReviewFormRefused.
    """
    places = range(1, min(diagnoses, MOST_ENTRIES) + 1)
    entries = tuple(
        EntryReview(place, *_said(form, f"said-{place}", f"why-{place}"))
        for place in places
        if form.get(f"said-{place}")
    )
    return ReviewAnswer(*_said(form, "said", "why"), entries)


def _said(form: Mapping[str, str], said: str, why: str) -> tuple[Said, str]:
    chosen, reason = form.get(said, ""), visible(form.get(why, "")).strip()[:LONGEST_REASON]
    if chosen not in _SAID:
        raise ReviewFormRefused("agree or disagree with the whole", said)
    if chosen == "disagree" and not reason:
        raise ReviewFormRefused("say why you disagree", why)
    return cast("Said", chosen), reason
