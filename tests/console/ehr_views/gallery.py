"""What the page with every fragment shows."""

from __future__ import annotations

from typing import Any

from cds_hooks.console import ehr_views, plots
from tests.comparison import changed
from tests.console.ehr_views.requests import EPIC, TEMPLATES
from tests.console.ehr_views.responses import full_of, made

__all__ = ["drawn", "values"]

_NOON = 1_764_417_600.0


def values() -> dict[str, Any]:
    """By the names of `gallery.html.j2`."""
    document = made()
    return {
        "views": ehr_views.client_views(document, hook="encounter-start"),
        "lines": ehr_views.json_lines(ehr_views.with_steady_ids(document)),
        "ours": ehr_views.response_findings(full_of("<b>")),
        "line_of": lambda path: ehr_views.json_id("json", path),
        "theirs": ehr_views.request_findings(EPIC, TEMPLATES),
        "compared": changed.COMPARISON,
        "command": ehr_views.curl_command(
            "http://127.0.0.1:8010/cds-services/x", EPIC, tokens=True
        ),
        "plots": drawn(),
    }


def drawn() -> list[plots.Plot]:
    """One of each kind, and an empty one."""
    lines = [
        plots.Series(
            name,
            tuple(
                plots.Point(_NOON + 3600 * h, 40 * n + 7 * (h % 5), 35 * n, 50 * n + 30, 20 + h)
                if h != 9
                else plots.Point(_NOON + 3600 * h, None)
                for h in range(24)
            ),
        )
        for n, name in enumerate(("p50", "p95", "p99", "longest"), 1)
    ]
    timings = {"gather": 120.0, "map": 14.0, "rules": 6.5, "model": 4210.0, "model.read": 900.0,
               "model.decode": 3300.0, "cards": 2.0}  # fmt: skip
    shares = [
        plots.Share("patient-view", 80, 100),
        plots.Share("encounter-start, women over 65 years", 3, 7),
        plots.Share("problem-list-item-create", 0, 0),
    ]
    return [
        plots.line_plot(lines, title="Latency over a day", unit="ms"),
        plots.share_plot(shares, title="Cards shown, by service"),
        plots.bar_plot([plots.Bar("overridden", 12.0), plots.Bar("accepted", 30.0)],
                       title="Feedback by outcome"),
        plots.histogram(
            [plots.Bin(n, n + 1 if n < 9 else None, (n * 7) % 23) for n in range(10)],
            title="Seconds until the answer", unit="s",
        ),
        plots.waterfall(plots.spans_of(timings), title="Where the time went"),
        plots.line_plot((), title="Flag rate"),
    ]  # fmt: skip
