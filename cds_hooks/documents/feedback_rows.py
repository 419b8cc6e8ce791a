"""Feedback in the columns of 45 CFR 170.315(b)(11)(ii)(C): a row for each entry that was kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from cds_hooks.audit.feedback_export import StoredFeedback
from cds_hooks.documents.document import NOT_AVAILABLE, Source
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.services import find
from prompts import visible

__all__ = ["COLUMNS", "SOURCE", "csv_cells", "feedback_row"]

COLUMNS: Mapping[str, str] = {
    "intervention": "the service whose card it was",
    "action_taken": "accepted, overridden, or judged (single diagnoses called useful or wrong)",
    "user_feedback": "the reason and the words that were sent",
    "user": "who it was, as the ledger keeps users",
    "date": "when the user acted, by the client; else when it came",
    "location": "the EHR that called (issuer and tenant); a ward is not kept",
    "user_is": "whether `user` gave the feedback or was shown the card",
    "intervention_title": "the service's title",
    "card": "the card's uuid; of one that is not ours a keyed hash",
    "consultation": "its id in the store, as `chartside explain` takes it",
    "encounter": "the keyed hash of the encounter",
    "received": "when it came (UTC)",
}
"""Each column with its meaning; the first six are those that the rule lists."""

SOURCE = Source(
    "45 CFR 170.315(b)(11)(ii)(C)",
    url="https://www.ecfr.gov/current/title-45/section-170.315",
    state="feedback data to be exported in a computable form; columns as given by this project's "
    "notes on the rule of early to mid 2026, not checked since",
)

_FORMULA = frozenset("=+-@\t\r")


def feedback_row(stored: StoredFeedback) -> dict[str, str]:
    """The row of an entry, with a text for each of `COLUMNS`."""
    service = find(stored.service)
    user, user_is = _user(stored)
    received = datetime.fromtimestamp(stored.received, UTC).isoformat(timespec="seconds")
    return {
        "intervention": stored.service,
        "action_taken": stored.outcome,
        "user_feedback": _feedback(stored.entry) if stored.entry else f"({stored.problem})",
        "user": user or NOT_AVAILABLE,
        "date": stored.outcome_at or received,
        "location": _location(stored) or NOT_AVAILABLE,
        "user_is": user_is,
        "intervention_title": service.title if service else "",
        "card": stored.card,
        "consultation": stored.consultation,
        "encounter": stored.shown.get("encounter_pseudonym", ""),
        "received": received,
    }


def csv_cells(row: Mapping[str, str]) -> list[str]:
    """The cells of a row in the order of `COLUMNS`, each one line; none is taken for a formula by
    a spreadsheet (OWASP, CSV Injection: a quote before such a first character)."""
    cells = (visible(row[name]) for name in COLUMNS)
    return [f"'{cell}" if cell[:1] in _FORMULA else cell for cell in cells]


def _user(stored: StoredFeedback) -> tuple[str, str]:
    """A client of CDS Hooks does not say who gave feedback: then whom the card was shown."""
    if user := stored.said.get("user_ref"):
        return user, "gave the feedback"
    if user := stored.shown.get("user_ref"):
        return user, "was shown the card"
    return "", ""


def _location(stored: StoredFeedback) -> str:
    told = stored.said if stored.said.get("client_iss") else stored.shown
    return " ".join(filter(None, (told.get("client_iss"), told.get("tenant"))))


def _feedback(entry: FeedbackEntry) -> str:
    reason = entry.override_reason
    parts = []
    if reason:
        parts.append(f"reason: {reason.display or reason.code} [{reason.system}|{reason.code}]")
    parts += [
        f"diagnosis {each.place}: {each.said}{f' ({each.why})' if each.why else ''}"
        for each in entry.judgements
    ]
    if entry.accepted_suggestions:
        parts.append(f"accepted suggestions: {', '.join(entry.accepted_suggestions)}")
    if entry.user_comment:
        parts.append(entry.user_comment)
    return "; ".join(parts)
