"""The answers of a fired hook as clients show them, as JSON, and where the time went."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.console.ehr_views import (
    ClientView,
    Finding,
    JsonLine,
    client_views,
    json_lines,
    response_findings,
)
from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.console.plots import Plot, spans_of, waterfall

__all__ = ["AnswerView", "answer_views", "time_plot"]


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One response: `title` says which, `views` are of every known client, `findings` what of it
    does not conform."""

    title: str
    after_ms: float
    views: tuple[ClientView, ...]
    lines: tuple[JsonLine, ...]
    findings: tuple[Finding, ...]


def answer_views(fired: Inspected) -> tuple[AnswerView, ...]:
    """Every answer, the last one first: it is what a clinician sees in the end."""
    views = []
    for place, answer in enumerate(fired.answers):
        title = "Once the model had written" if place else "In time for the EHR"
        views.append(
            AnswerView(
                title if len(fired.answers) > 1 else "The answer",
                answer.after_ms,
                client_views(answer.document, hook=fired.service.hook),
                json_lines(answer.document, name=f"answer-{place + 1}"),
                response_findings(answer.document),
            )
        )
    return tuple(reversed(views))


def time_plot(fired: Inspected) -> Plot | None:
    """A waterfall of the consultation's stages; None while nothing was timed."""
    timings = fired.consultation.timings_ms if fired.consultation else {}
    return waterfall(spans_of(timings), title="Where the time went") if timings else None
