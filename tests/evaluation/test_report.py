"""Reports: one file that needs nothing else, in which no text becomes markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.admission.manifest import Manifest
from cds_hooks.consultation import Consultation, Verdict
from cds_hooks.evaluation.matching import TruthMatcher
from cds_hooks.evaluation.metrics import Figure, calibration, proportion, verdict_confusion
from cds_hooks.evaluation.report.page import Page, PageSection, PageTable, number, percent
from cds_hooks.evaluation.report.runs import Run, run_page
from cds_hooks.evaluation.report.svg import (
    Point,
    calibration_plot,
    interval_plot,
    scatter_plot,
    verdict_plot,
)
from cds_hooks.evaluation.report.write import to_html, to_markdown
from cds_hooks.evaluation.research.catalogue import catalogue
from cds_hooks.evaluation.research.paper_page import paper_page
from cds_hooks.evaluation.research.replay import Replay, replay
from cds_hooks.evaluation.runs.score import failed, score
from cds_hooks.evaluation.runs.summary import summarise
from cds_hooks.evaluation.suites.suite import Suite, Task
from tests.sample.places import Data

SHARES = st.integers(0, 50).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
UNKNOWN = Figure(float("nan"), 0, float("nan"), float("nan"), "none")


class Tags(HTMLParser):
    """Tags and the attributes that could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [f"{tag} {k}" for k, _ in attrs if k in ("src", "href", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    return tags


@pytest.fixture(scope="module")
def published(eurorad_csv: Path) -> Replay:
    return replay(eurorad_csv, catalogue(), splits=30)


@pytest.fixture(scope="module")
def replayed(sample: Data) -> Replay:
    return replay(sample.recording, catalogue(), splits=30)


@pytest.fixture(scope="module")
def runs(
    small_suite: Suite, manifest: Manifest, consultation: Callable[..., Consultation],
    matcher: TruthMatcher,
) -> list[Run]:  # fmt: skip
    def consultation_of(name: str) -> Consultation:
        return consultation(
            (name, Verdict.SUPPORTED, 1.0),
            ("Sepsis", Verdict.CONTRADICTED, 0.5),
            ("Zorblatt <script>", Verdict.UNRECOGNISED, 0.25),
        )

    results = [
        score(c, consultation_of(c.gold.name), matcher, seconds=1.0 + i)
        for i, c in enumerate(small_suite.cases[:-1])
    ]
    results.append(failed(small_suite.cases[-1], "deadline", seconds=9.0))
    summary = summarise(results)
    other = manifest.model_copy(update={"model": {"name": "other & <b>"}})
    return [Run(manifest, summary), Run(other, summary)]


def test_a_report_is_one_file_that_loads_nothing_and_runs_nothing(
    runs: list[Run], replayed: Replay
) -> None:
    for page in (run_page(runs), run_page(runs[:1]), paper_page(replayed)):
        tags = read(to_html(page))
        assert tags.loads == []
        assert not {"script", "link", "img", "iframe", "object", "b"} & set(tags.tags)
        assert "svg" in tags.tags


def test_every_accuracy_in_a_report_has_its_n_and_interval(runs: list[Run]) -> None:
    markdown = to_markdown(run_page(runs[:1]))
    accuracy = markdown.split("## How often the truth was said")[1].split("##")[0]
    cells = [c for c in re.split(r"[|\n]", accuracy) if "%" in c]
    assert cells
    assert all(re.search(r"n = \d+", c) and "(" in c for c in cells)
    assert "exact" in accuracy
    assert "Same ICD-10-CM code" in markdown


def test_a_report_of_one_run_tells_what_was_asked_and_how_it_ended(runs: list[Run]) -> None:
    text = read(to_html(run_page(runs[:1]))).text
    assert all(word in text for word in ("f" * 64, "deadline 1", "demonstration only", "direction"))


def test_tasks_of_different_kinds_never_share_a_plot(runs: list[Run]) -> None:
    closed = runs[1].manifest.suite.model_copy(update={"task": Task.CLOSED})
    other = Run(runs[1].manifest.model_copy(update={"suite": closed}), runs[1].summary)
    titles = [s.title for s in run_page([runs[0], other]).sections]
    assert titles[:2] == ["All runs: open-ended", "All runs: closed-list"]


def test_the_page_says_which_figures_are_met_and_which_rows_slipped(replayed: Replay) -> None:
    markdown = to_markdown(paper_page(replayed))
    assert "| Gemini 3.1 Pro: majority | 91.8 | 87.5 | NO |" in markdown
    assert "5013, 5014, 5015, 5016, 5017" in markdown
    met = sum(h.same for h in replayed.comparisons)
    assert f"{met} of 87 published figures are met to the printed digit." in markdown


def test_the_paper_page_says_how_many_figures_are_met(published: Replay) -> None:
    markdown = to_markdown(paper_page(published))
    assert "87 of 87 published figures are met to the printed digit." in markdown
    assert "| NO |" not in markdown
    assert "19089, 19091, 19092, 19094, 19098, 19100, 19101" in markdown


def test_a_published_figure_that_is_not_met_is_told(published: Replay) -> None:
    panels = (replace(published.panels[0], size=UNKNOWN), *published.panels[1:])
    spoilt = replace(published, panels=panels)
    markdown = to_markdown(paper_page(spoilt))
    assert "86 of 87 published figures" in markdown
    assert "| NO |" in markdown


@given(st.lists(st.tuples(st.text(max_size=50), SHARES), max_size=6))
def test_any_interval_plot_is_well_formed(rows: list[tuple[str, tuple[int, int]]]) -> None:
    printable = [(label, proportion(*counts)) for label, counts in rows if label.isprintable()]
    drawn = interval_plot(printable, title="<&>")
    root = ElementTree.fromstring(drawn)
    dots = [e for e in root.iter() if e.get("class") == "dot"]
    assert len(dots) == sum(f.known for _, f in printable)
    assert "nan" not in drawn


@given(st.lists(st.tuples(st.floats(0, 1000), SHARES), max_size=5))
def test_any_scatter_plot_is_well_formed(points: list[tuple[float, tuple[int, int]]]) -> None:
    drawn = scatter_plot(
        [Point("a<b", x, proportion(*counts)) for x, counts in points], title="t", x_label="s"
    )
    ElementTree.fromstring(drawn)
    assert "nan" not in drawn


def test_plots_tell_their_figures_in_words() -> None:
    rows = verdict_confusion([(Verdict.SUPPORTED, True), (Verdict.SUPPORTED, False)])
    assert "supported 1 of 2" in verdict_plot(rows, title="t")
    made = calibration([0.9, 0.9, 0.1, 0.1], [True, True, False, True])
    drawn = calibration_plot(made, title="t", stated="s")
    assert "stated 0.90, observed 1.00" in drawn
    ElementTree.fromstring(drawn)


def test_a_plot_of_nothing_is_still_a_plot() -> None:
    for drawn in (
        interval_plot([], title="t"),
        verdict_plot([], title="t"),
        scatter_plot([], title="t", x_label="x"),
    ):
        ElementTree.fromstring(drawn)


@given(st.text(max_size=60), st.text(max_size=60))
def test_text_never_becomes_markup(text: str, cell: str) -> None:
    table = PageTable((text, "b"), ((cell, text),), cell)
    page = Page(text, (cell,), (PageSection(text, (cell,), tables=(table,)),))
    other = PageTable(("t", "b"), (("t", "t"),), "t")
    plain = Page("t", ("t",), (PageSection("t", ("t",), tables=(other,)),))
    assert read(to_html(page)).tags.count("p") == read(to_html(plain)).tags.count("p")
    rows = [line for line in to_markdown(page).splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 3 for row in rows[-1:])


@pytest.mark.parametrize(
    ("figure", "shares", "numbers"),
    [
        (
            Figure(0.872, 107, 0.8, 0.925, ""),
            "87.2 % (80.0 to 92.5), n = 107",
            "0.87 (0.80 to 0.93), n = 107",
        ),
        (UNKNOWN, "\u2013 n = 0", "\u2013 n = 0"),
        (Figure(2.0, 3, float("nan"), float("nan"), ""), None, "2.00, n = 3"),
    ],
)  # fmt: skip
def test_figures_as_text(figure: Figure, shares: str | None, numbers: str) -> None:
    assert shares is None or percent(figure) == shares
    assert number(figure) == numbers
