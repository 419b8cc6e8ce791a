"""The page of a trial's report: what stands on top, and that it loads nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from cds_hooks.evaluation.report.trial_page import trial_page
from cds_hooks.evaluation.report.write import to_html, to_markdown
from cds_hooks.trial.cases import TrialCase
from cds_hooks.trial.drift import comparison, drift
from cds_hooks.trial.report import ReportSettings, report
from cds_hooks.trial.report.document import digest_of, document_of
from cds_hooks.trial.report.key_figures import key_figures
from tests.trial.trial_cases import case, drawn, finding, icd, proposed

MADE = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)


def pages(cases: list[TrialCase], **more: Any) -> tuple[str, str]:
    """The HTML and the Markdown of a report on these cases."""
    rng = np.random.default_rng(1)
    told = report(cases, ReportSettings(resamples=50), rng)
    document = document_of(told, made=MADE, program="0.1.0", **more)
    page = trial_page(told, document, digest_of(document))
    return to_html(page), to_markdown(page)


def some(n: int = 40) -> list[TrialCase]:
    return drawn(n, 0.5, np.random.default_rng(2))


def test_leaks_stand_above_every_figure() -> None:
    leaked = case(90, [], ["I21.4"], visible_codes=frozenset(icd("I21.4")))
    for text in pages([*some(), leaked]):
        assert text.index("LEAKS: in 1 of 41 consultations") < text.index("Cases right")
    assert "LEAKS" not in pages(some())[1]


def test_what_was_shown_to_people_and_what_is_mixed_is_said() -> None:
    mixed = [replace(each, silent=n > 4, model="ab" * (n > 9)) for n, each in enumerate(some())]
    text = pages(mixed)[1]
    assert "5 of 40 consultations were shown to people" in text
    assert "2 models are mixed in these figures: not known (10), abab" not in text
    assert "2 models are mixed in these figures: not known (10), ab (30)" in text


def test_the_plan_is_compared_with_what_was_reached() -> None:
    assert "No plan says how many" in pages(some())[1]
    for cases, word in ((40, "reached"), (41, "NOT reached")):
        assert f"40 are: {word}." in pages(some(), planned={"cases": cases})[1]


def test_the_page_loads_nothing_and_has_every_figure_of_the_markdown() -> None:
    rich = [
        replace(each, findings=(finding("<b>acs</b>", "I21.4"),), proposed=(proposed("I21.4"),))
        for each in some()
    ]
    html, markdown = pages(rich)
    assert not re.search(r"<script|<link|<img|url\(|https?://|src=", html)
    assert "&lt;b&gt;acs" in html
    assert "<b>acs" not in html
    for heading in re.findall(r"^## (.+)$", markdown, re.MULTILINE):
        assert f"<h2>{heading}</h2>" in html
    assert html.count("<svg") >= 4


def test_a_report_without_cases_is_a_page() -> None:
    text = pages([])[1]
    assert "no consultation" in text
    assert "0 cases with an outcome" in text


def test_drift_is_told_first_with_every_watched_figure() -> None:
    rng = np.random.default_rng(3)
    before = report(drawn(300, 0.9, rng), ReportSettings(resamples=50), rng)
    now = report(drawn(300, 0.2, rng), ReportSettings(resamples=50), rng)
    found = drift(key_figures(before), key_figures(now))
    compared = comparison(found, "ab" * 32)
    document = document_of(now, made=MADE, program="0.1.0", compared=compared)
    text = to_markdown(trial_page(now, document, digest_of(document), found))
    assert text.index("DRIFT: top1") < text.index("## Since the decision") < text.index("## Leaks")
    assert re.search(r"\| top1 \| 9\d\.\d %, n = 300 .*\| LEFT \|", text)
