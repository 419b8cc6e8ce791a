"""Reviews to take away, as JSON or CSV: with what this reviewer may see."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.reviews import Queued, Review

__all__ = ["as_csv", "as_json", "rows_of"]

_COLUMNS = ("consultation", "service", "why", "review", "opinion", "kind", "assigned", "answered",
            "diagnosis", "said", "reason")  # fmt: skip
# What a spreadsheet would take for a formula (OWASP, CSV Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(queue: Iterable[Queued]) -> bytes:
    """One object: `reviews`, each with its answers."""
    rows = list(rows_of(queue))
    return orjson.dumps({"reviews": rows}, option=orjson.OPT_INDENT_2)


def as_csv(queue: Iterable[Queued]) -> bytes:
    """One line for each answer: on the whole (`diagnosis` is empty), and on each diagnosis."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in rows_of(queue):
        for answer in row["answers"] or [{"diagnosis": "", "said": "", "reason": ""}]:
            line = {**row, **answer}
            writer.writerow([_safe(str(line[name])) for name in _COLUMNS])
    return text.getvalue().encode()


def rows_of(queue: Iterable[Queued]) -> Iterator[dict[str, Any]]:
    """One row a review; without reviewers' names, which the ledger has as keyed hashes."""
    for queued in queue:
        for review in queued.reviews:
            yield {
                "consultation": queued.consultation,
                "service": queued.service,
                "why": queued.why,
                "review": review.id,
                "opinion": review.place,
                "kind": review.kind,
                "assigned": format_utc(review.assigned),
                "answered": format_utc(review.answered) if review.answered is not None else "",
                "answers": list(_answers(review)),
            }


def _answers(review: Review) -> Iterator[dict[str, Any]]:
    if review.answer is None:
        if review.said:  # the patient was erased: what was said of the whole stays
            yield {"diagnosis": "", "said": review.said, "reason": ""}
        return
    yield {"diagnosis": "", "said": review.answer.whole, "reason": review.answer.reason}
    for entry in review.answer.entries:
        yield {"diagnosis": entry.place, "said": entry.said, "reason": entry.reason}


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
