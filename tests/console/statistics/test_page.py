"""The page on how the service is doing: who may open it, and that it tells the report's figures."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import HTMLResponse
from typer.testing import CliRunner

from cds_hooks.app import AppHandlers, create_app
from cds_hooks.audit import Store
from cds_hooks.audit.day_counts import Counts
from cds_hooks.cli.application import app
from cds_hooks.console import Access, LinkedPages, error_page_of, make_router
from cds_hooks.console.rendering import make_page
from cds_hooks.console.statistics import words
from cds_hooks.console.statistics.page import page_of
from cds_hooks.statistics import (
    CountedReport,
    Period,
    StatisticsReports,
    count_all,
    make_report,
)
from cds_hooks.statistics.statistics_settings import StatisticsSettings
from cds_hooks.statistics.suppression import Share, share_of
from tests.audit.tampering import execute
from tests.console.conftest import NoPages, Served, demo_access, make_site
from tests.console.hostile import HOSTILE
from tests.statistics.month import MovedClock, record, rows_of, store_of

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Reported(Served):
    """The console with reports of a store."""

    def __init__(self, reports: StatisticsReports, access: Access | None = None) -> None:
        site = make_site()
        self.access = access or demo_access(site)
        handlers = AppHandlers(
            answer=None,  # type: ignore[arg-type]
            record_feedback=None,  # type: ignore[arg-type]
            ready=site.ready,
            metrics=lambda: (b"", "text/plain"),
            basis=HTMLResponse,
            version={"version": site.version},
            observe=lambda _: None,
            error_page=error_page_of(site),
        )
        linked = LinkedPages(site, NoPages())  # type: ignore[arg-type]
        console = make_router(site, linked, self.access, reports=reports)
        self.app = create_app(handlers, pages=[console], visit=self.access.attach)
        self.session = self.sign_in()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of a month, counted."""
    folder = tmp_path_factory.mktemp("month")

    async def fill() -> None:
        clock = MovedClock()
        store = store_of(folder / "records.sqlite", folder, clock)
        await store.open()
        await record(store, clock, rows_of(200, NOW, days=25))
        await count_all(store.statistics)
        await store.close()

    asyncio.run(fill())
    return folder


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    store = store_of(folder / "records.sqlite", folder, MovedClock())
    yield store
    asyncio.run(store.close())


@pytest.fixture
def served(store: Store) -> Reported:
    return Reported(_reports(store))


def _reports(store: Store) -> StatisticsReports:
    return StatisticsReports(store.statistics, StatisticsSettings(), clock=NOW.timestamp)


def _text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def test_the_page_tells_the_figures_of_the_json(served: Reported) -> None:
    page = served.get("/statistics").text
    told, text = served.get("/statistics.json").json(), _text(page)
    assert sum(told["hooks"].values()) == 200
    assert "Hooks answered 200" in text
    table = page[page.index('id="flags-table"') :]
    for flag in told["flags"]:
        row = re.search(rf"<th scope=\"row\">{flag['id']}</th>(.*?)</tr>", table, re.DOTALL)
        assert row is not None
        count, of = flag["share"]["count"], flag["share"]["of"]
        assert (f"{count} of {of}" if count is not None else "not shown") in row[1]
    for row in told["groups"]["sex"]:
        shown = "not shown" if row["consultations"] is None else str(row["consultations"])
        assert f'<th scope="row">{row["name"]}</th><td>{shown}</td>' in page
    assert f"{told['first']} to {told['last']} (UTC)" in text


def test_a_period_and_a_service_are_chosen_by_the_form(served: Reported) -> None:
    page = served.get("/statistics?weeks=1&service=chartside-encounter-start").text
    assert '<option value="1" selected>' in page
    assert "<option selected>chartside-encounter-start</option>" in page
    told = served.get("/statistics.json?weeks=1&service=chartside-encounter-start").json()
    assert (told["weeks"], told["first"], told["groups"]) == (1, "2026-11-23", {})
    assert 0 < sum(told["hooks"].values()) < 50


@pytest.mark.parametrize(
    "query",
    ["weeks=3", "weeks=", "weeks=-4", "weeks=4.0", "weeks=٤", "service=nobodys", "weeks=1e3"],
)
@pytest.mark.parametrize("path", ["/statistics", "/statistics.json"])
def test_what_cannot_be_chosen_is_told(served: Reported, path: str, query: str) -> None:
    answer = served.get(f"{path}?{query}", headers={"accept": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "statistics-choice-unknown"


@pytest.mark.parametrize("path", ["/statistics", "/statistics.json"])
def test_nobody_reads_it_without_a_session(served: Reported, path: str) -> None:
    served.session = ""
    answer = served.get(path)
    assert answer.status_code != 200
    assert "200" not in answer.text.replace("2000", "")
    assert "severe-hyperkalemia" not in answer.text


def test_nothing_of_a_patient_is_told(served: Reported) -> None:
    for path in ("/statistics", "/statistics.json"):
        text = served.get(path).text
        for word in (
            "p1:",
            "consultation-",
            "card-",
            "Observation/",
            "Made-up disease",
            "Creatinine",
        ):
            assert word not in text, (path, word)


def test_small_counts_stand_in_no_text(served: Reported) -> None:
    """Every "N of M" of what says something of patients."""
    page = served.get("/statistics").text
    patients = page[page.index('id="cards"') :]
    told = [(int(a), int(b)) for a, b in re.findall(r"(\d+) of (\d+)", patients)]
    assert len(told) > 20
    for count, of in told:
        assert not 0 < count < 11
        assert not 0 < of - count < 11


def test_no_consultation_is_read_for_the_page(folder: Path, store: Store) -> None:
    """With none that could be read it tells the same, so their number does not matter."""
    before = Reported(_reports(store)).get("/statistics.json").json()
    execute(folder / "records.sqlite", "UPDATE consultations SET payload = x'00'")
    execute(folder / "records.sqlite", "UPDATE feedback SET payload = x'00'")
    assert Reported(_reports(store)).get("/statistics.json").json() == before
    assert sum(before["hooks"].values()) == 200


_MEASURES = ("consultation", "ended:answered", "read", "hook", "hook:answered", "shown")
_MEASURES += ("flag:rule:x", "flagged", "ms:total:1200", "feedback:accepted")


def counts_of(model: str) -> Counts:
    """A few figures of one model, on one day."""
    groups = ("all", f"model:{model}")
    return {("2026-11-27", "a"): Counter({f"{g}|{each}": 40 for g in groups for each in _MEASURES})}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_model_is_called_is_no_markup(
    name: str, elements_of: Callable[[str], Any]
) -> None:
    report = make_report(counts_of(name), Period(4, NOW.date()), least=11)
    values = page_of(CountedReport(report, "2026-11-27T12:00:00Z", 0), ("a",))
    page = make_page(make_site(), "statistics/page.html.j2", here="statistics", **values)
    harmless = make_report(counts_of("plain"), Period(4, NOW.date()), least=11)
    plain = page_of(CountedReport(harmless, "2026-11-27T12:00:00Z", 0), ("a",))
    other = make_page(make_site(), "statistics/page.html.j2", here="statistics", **plain)
    tags = [tag for tag, _ in elements_of(bytes(page.body).decode()).found]
    assert tags == [tag for tag, _ in elements_of(bytes(other.body).decode()).found]


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    store = store_of(tmp_path / "s" / "records.sqlite", tmp_path, MovedClock())
    page = Reported(_reports(store)).get("/statistics")
    assert page.status_code == 200
    assert "Nothing to show yet" in page.text
    asyncio.run(store.close())


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (share_of(60, 260, 11), "23.1 %\n18.4 to 28.6\n60 of 260"),
        (Share(None, 260), "not shown"),
        (Share(None, None), "not shown"),
        (share_of(0, 0, 11), "none"),
    ],
)
def test_a_share_in_words(share: Share, text: str) -> None:
    assert words.share(share) == text


def test_the_command_tells_the_same_without_the_service(
    folder: Path, served: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults: Any = StatisticsReports.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "clock", NOW.timestamp)
    settings = folder / "settings.toml"
    settings.write_text(
        f'[store]\npath = "{folder}/records.sqlite"\nsite_key = "{folder}/site.key"\n'
        "[retention]\nconsultations_days = 1e5\nfeedback_days = 1e5\nstatistics_days = 2e4\n"
    )
    run: Callable[..., Any] = CliRunner().invoke
    found = run(app, ["statistics", "--config", str(settings), "--json"])
    told = json.loads(found.stdout)
    wanted = served.get("/statistics.json").json()
    assert {**told, "made": ""} == {**wanted, "made": ""}
    printed = run(app, ["statistics", "--config", str(settings)]).stdout
    assert "Flags raised" in printed
    assert "not shown" in printed
