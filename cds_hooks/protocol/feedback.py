"""What clinicians did with our cards: the feedback call, read entry by entry.

Accepts what real clients send: both spellings of the override reason, an object or a list of them,
ids that are no UUIDs, several cards in one call. One unusable entry does not cost the others.
`user_comment` is free text by a clinician and counts as patient data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from cds_hooks.protocol.cards import Coding
from cds_hooks.protocol.json_body import DEFAULT_LIMITS, BodyLimits, FieldReader, read_object
from cds_hooks.protocol.judgements import Judgement
from cds_hooks.protocol.protocol_errors import FeedbackInvalid, FieldProblem

__all__ = ["Feedback", "FeedbackEntry", "parse_feedback"]

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:?\d\d)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class FeedbackEntry:
    """What became of one card. `accepted_suggestions` are suggestion ids as we sent them.

    `outcome_at` is the client's RFC 3339 time as sent, "" when it sent none that can be read.
    What was said on a consultation's page is about no card: it names the `consultation`, and has
    `judgements` of its diagnoses and the outcome "judged".
    """

    card: str
    outcome: Literal["accepted", "overridden", "judged"]
    outcome_at: str = ""
    accepted_suggestions: tuple[str, ...] = ()
    override_reason: Coding | None = None
    user_comment: str = field(default="", repr=False)
    consultation: str = ""
    judgements: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True)
class Feedback:
    """The usable entries of one call, and what was wrong with the rest, by path."""

    entries: tuple[FeedbackEntry, ...] = ()
    problems: tuple[FieldProblem, ...] = ()


def parse_feedback(body: bytes, limits: BodyLimits = DEFAULT_LIMITS) -> Feedback:
    """The entries of a feedback body.

    Raises what `read_object` raises, and FeedbackInvalid when there is no list of entries or when
    it has entries and none of them is usable.
    """
    raw = read_object(body, limits).get("feedback")
    if not isinstance(raw, list):
        raise FeedbackInvalid([FieldProblem("feedback", "required", "must be an array of entries")])
    problems: list[FieldProblem] = []
    entries = tuple(entry for item in _readers(raw, problems) if (entry := _entry(item)))
    if raw and not entries:
        raise FeedbackInvalid(problems)
    return Feedback(entries, tuple(problems))


def _readers(raw: list[Any], problems: list[FieldProblem]) -> Iterator[FieldReader]:
    for index, item in enumerate(raw):
        path = f"feedback[{index}]"
        if isinstance(item, dict):
            yield FieldReader(item, path, problems)
        else:
            problems.append(FieldProblem(path, "structure", "must be an object"))


def _entry(fields: FieldReader) -> FeedbackEntry | None:
    card = fields.text("card", required=True, longest=256)
    outcome = fields.text("outcome", required=True)
    if outcome and outcome not in ("accepted", "overridden"):
        fields.complain("outcome", "value", "must be accepted or overridden")
    if not card or outcome not in ("accepted", "overridden"):
        return None
    reason, comment = _override(fields)
    return FeedbackEntry(
        card=card,
        outcome="accepted" if outcome == "accepted" else "overridden",
        outcome_at=_time(fields),
        accepted_suggestions=_accepted(fields, required=outcome == "accepted"),
        override_reason=reason,
        user_comment=comment,
    )


def _accepted(fields: FieldReader, *, required: bool) -> tuple[str, ...]:
    raw = fields.raw.get("acceptedSuggestions")
    if not isinstance(raw, list):
        if required or raw not in (None, "", {}):
            fields.complain("acceptedSuggestions", "incomplete", "is not an array of suggestions")
        return ()
    found = []
    for index, item in enumerate(raw):
        path = f"{fields.at('acceptedSuggestions')}[{index}]"
        reader = FieldReader(item if isinstance(item, dict) else {}, path, fields.problems)
        if suggestion := reader.text("id", required=True, longest=256):
            found.append(suggestion)
    return tuple(found)


def _override(fields: FieldReader) -> tuple[Coding | None, str]:
    """Reason and comment: `overrideReason` in the specification, `overrideReasons` from Epic."""
    found: tuple[Coding | None, str] = (None, "")
    for name in ("overrideReason", "overrideReasons"):
        raw = fields.raw.get(name)
        items = raw if isinstance(raw, list) else [raw]
        for item in items:
            if item in (None, "", {}):
                continue
            if not isinstance(item, dict):
                fields.complain(name, "incomplete", "is not an object")
            elif found != (None, ""):
                fields.complain(name, "incomplete", "is given more than once; the first is kept")
            else:
                found = (_coding(item.get("reason")), _text(item.get("userComment")))
    return found


def _coding(raw: Any) -> Coding | None:
    if not isinstance(raw, dict):
        return None
    code, display = _text(raw.get("code")), _text(raw.get("display"))
    return Coding(code, _text(raw.get("system")), display) if code or display else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _time(fields: FieldReader) -> str:
    """The time as sent; an entry whose time cannot be read is kept without it."""
    raw = fields.raw.get("outcomeTimestamp")
    if isinstance(raw, str) and _RFC3339.fullmatch(raw) and _is_time(raw):
        return raw
    fields.complain("outcomeTimestamp", "incomplete", "is no RFC 3339 time with an offset")
    return ""


def _is_time(text: str) -> bool:
    try:
        # Python reads at most microseconds; clients on .NET send seven digits.
        datetime.fromisoformat(re.sub(r"\.\d+", "", text.upper()))
    except ValueError:
        return False
    return True
