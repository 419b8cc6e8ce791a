"""Every figure of the report against records that were counted by hand or by other code."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit.day_counts import Counts
from cds_hooks.consultation import Outcome
from cds_hooks.statistics import Period, Report, count_all, make_report
from tests.statistics.month import RULES, MovedClock, Row, record, rows_of, store_of

LAST = datetime(2026, 11, 27, 12, tzinfo=UTC)
TODAY = date(2026, 11, 27)
FAILED = {Outcome.DEADLINE, Outcome.ENGINE_FAILED, Outcome.OVERLOADED}


@pytest.fixture(scope="module")
def rows() -> tuple[Row, ...]:
    found = rows_of(260, LAST, days=25)
    assert found[0].at.date() >= date(2026, 11, 2)
    return found


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
)
def counts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, rows: tuple[Row, ...]
) -> Counts:
    """All counts of a store in which the rows are recorded, read back from it."""
    folder = tmp_path_factory.mktemp("month")
    place: Path | str = folder / "records.sqlite"
    if request.param == "postgresql":
        place = request.getfixturevalue("postgresql").new_database()

    async def counted() -> Counts:
        clock = MovedClock()
        store = store_of(place, folder, clock)
        await store.open()
        await record(store, clock, rows)
        await count_all(store.statistics)
        found = await store.statistics.days("2026-01-01", "2026-12-31")
        await store.close()
        return found

    return asyncio.run(counted())


@pytest.fixture
def report(counts: Counts) -> Callable[..., Report]:
    def make(weeks: int = 4, service: str = "", least: int = 1) -> Report:
        return make_report(counts, Period(weeks, TODAY), service=service, least=least)

    return make


def _first(row: Row) -> str:
    return "pending" if row.late else row.outcome.value


def _times(rows: Iterable[Row], part: Callable[[Row], float]) -> list[int]:
    """Two significant digits, as text does them."""
    told = (
        round(part(row)) for row in rows if row.outcome.value in ("answered", "empty-differential")
    )
    return sorted(int(float(f"{ms:.1e}")) for ms in told)


def test_hooks_and_consultations_are_counted_by_outcome(
    report: Callable[..., Report], rows: tuple[Row, ...]
) -> None:
    made = report()
    assert made.hooks == Counter(_first(row) for row in rows)
    assert made.consultations == Counter(row.outcome.value for row in rows)
    assert sum(made.hooks.values()) == len(rows) == 260
    shown = sum(row.shown for row in rows)
    assert (made.cards["shown"].count, made.cards["shown"].of) == (shown, 260)
    assert made.cards["silent"].count == 260 - shown


def test_one_service_is_told_alone(report: Callable[..., Report], rows: tuple[Row, ...]) -> None:
    made = report(service="chartside-encounter-start")
    mine = [row for row in rows if row.service == "chartside-encounter-start"]
    assert 20 < len(mine) < 100
    assert made.hooks == Counter(_first(row) for row in mine)
    assert made.groups == {}


def test_a_shorter_period_begins_on_a_monday(
    report: Callable[..., Report], rows: tuple[Row, ...]
) -> None:
    made = report(weeks=1)
    assert (made.first, made.last) == ("2026-11-23", "2026-11-27")
    mine = [row for row in rows if row.at.date() >= date(2026, 11, 23)]
    assert sum(made.hooks.values()) == len(mine)


def test_latency_is_the_nearest_rank_of_what_was_recorded(
    report: Callable[..., Report], rows: tuple[Row, ...]
) -> None:
    made = report()
    parts: dict[str, Callable[[Row], float]] = {
        # The ledger has whole milliseconds of each stage.
        "total": lambda row: round(row.ms[0]) + 10 + round(row.ms[1]),
        "gather": lambda row: row.ms[0],
        "model": lambda row: row.ms[1],
    }
    for each in made.latency:
        of = [row for row in rows if each.model in ("", row.model)]
        times = _times(of, parts[each.stage])
        assert each.median.n == each.p95.n == len(times)
        assert each.median.ms == times[math.ceil(len(times) / 2) - 1]
        assert each.p95.ms == times[math.ceil(0.95 * len(times)) - 1]
    assert {(each.stage, each.model) for each in made.latency} == {
        (stage, model) for stage in parts for model in ("", "smollm2", "medgemma")
    }


def test_flags_are_counted_once_a_consultation(
    report: Callable[..., Report], rows: tuple[Row, ...]
) -> None:
    made = report()
    counted = {(each.kind, each.id): each.share.count for each in made.flags}
    wanted = Counter(("rule", rule) for row in rows for rule in row.rules)
    wanted += Counter(("check", check) for row in rows for check in row.failed_checks)
    assert counted == wanted
    assert all(each.share.of == 260 for each in made.flags)
    assert made.flagged.count == sum(bool(row.rules) for row in rows)
    assert made.contradicted.count == sum(row.contradicted for row in rows)


def test_feedback_is_counted_by_outcome_and_reason(
    report: Callable[..., Report], rows: tuple[Row, ...]
) -> None:
    made = report()
    given = [row for row in rows if row.feedback and row.shown]
    assert {n: s.count for n, s in made.feedback.outcomes.items()} == Counter(
        row.feedback for row in given
    )
    ours = {"patient-ineligible": "patient-ineligible", "action-completed": "action-completed"}
    ours |= {"": "none-given", "of the client's own": "other"}
    reasons = Counter(ours[row.reason] for row in given if row.feedback == "overridden")
    assert {n: s.count for n, s in made.feedback.reasons.items()} == reasons


def _band(age: float | None) -> str:
    if age is None:
        return "not known"
    names = ("under 1", "1 to 17", "18 to 44", "45 to 64", "65 to 84", "85 and over")
    return names[sum(age >= begin for begin in (1, 18, 45, 65, 85))]


def _sex(row: Row) -> str:
    return {None: "not known", "unknown": "other"}.get(row.sex, row.sex or "")


def test_groups_tell_the_same_figures_side_by_side(
    report: Callable[..., Report], rows: tuple[Row, ...]
) -> None:
    made = report()
    by: dict[str, Callable[[Row], str]] = {
        "service": lambda row: row.service,
        "model": lambda row: row.model,
        "age": lambda row: _band(row.age),
        "sex": _sex,
    }
    assert set(made.groups) == set(by)
    for dimension, name_of in by.items():
        found = {row.name: row for row in made.groups[dimension]}
        assert set(found) == {name_of(row) for row in rows}
        for name, row in found.items():
            mine = [each for each in rows if name_of(each) == name]
            given = [each for each in mine if each.feedback and each.shown]
            shares = {column: (share.count, share.of) for column, share in row.shares.items()}
            assert row.consultations == len(mine)
            assert shares == {
                "answered": (sum(e.outcome is Outcome.ANSWERED for e in mine), len(mine)),
                "flagged": (sum(bool(e.rules) for e in mine), len(mine)),
                "contradicted": (sum(e.contradicted for e in mine), len(mine)),
                "silent": (sum(not e.shown for e in mine), len(mine)),
                "overridden": (sum(e.feedback == "overridden" for e in given), len(given)),
            }


def test_each_day_has_its_own_figures(report: Callable[..., Report], rows: tuple[Row, ...]) -> None:
    made = report()
    assert made.steps == "day"
    assert [step.start for step in made.over_time] == [
        str(date(2026, 11, 2) + timedelta(days=n)) for n in range(26)
    ]
    for step in made.over_time:
        mine = [row for row in rows if str(row.at.date()) == step.start]
        assert (step.hooks, step.consultations) == (len(mine), len(mine))
        assert step.pending.count == sum(row.late for row in mine)
        assert step.failed.count == sum(row.outcome in FAILED for row in mine)


def test_silence_is_told_week_by_week(report: Callable[..., Report], rows: tuple[Row, ...]) -> None:
    told = report().silent_by_week
    assert list(told) == ["2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23"]
    for week, share in told.items():
        mine = [row for row in rows if _monday(row) == week]
        assert (share.count, share.of) == (sum(not row.shown for row in mine), len(mine))


def _monday(row: Row) -> str:
    return str(row.at.date() - timedelta(days=row.at.weekday()))


def test_a_rule_that_speaks_more_often_is_marked_and_the_others_are_not(
    report: Callable[..., Report], rows: tuple[Row, ...]
) -> None:
    made = report()
    by_flag = {each.flag: each for each in made.drift}
    assert set(by_flag) == {"any", "check:age-range", *(f"rule:{rule}" for rule in RULES)}
    for flag, drift in by_flag.items():
        for week in drift.weeks:
            mine = [r for r in rows if _monday(r) == week.week]
            raised = [bool(r.rules) if flag == "any" else flag[5:] in r.rules for r in mine]
            if not flag.startswith("check:"):
                assert (week.share.count, week.share.of) == (sum(raised), len(mine))
    assert [week.week for week in by_flag["rule:sepsis-pattern"].changed] == ["2026-11-23"]
    assert not by_flag["rule:severe-hyperkalemia"].changed
    assert not by_flag["rule:rare-thing"].changed


def test_with_the_default_no_small_count_of_patients_is_told(
    report: Callable[..., Report],
) -> None:
    made = report(least=11)
    shares: list[Any] = [made.flagged, made.contradicted, *made.cards.values()]
    shares += [each.share for each in made.flags] + list(made.silent_by_week.values())
    shares += [s for kind in (made.feedback.outcomes, made.feedback.reasons) for s in kind.values()]
    shares += [s for rows in made.groups.values() for row in rows for s in row.shares.values()]
    shares += [week.share for each in made.drift for week in each.weeks]
    told = [(each.count, each.of) for each in shares if each.count is not None]
    assert len(told) > 40
    for count, of in told:
        assert count not in range(1, 11)
        assert of - count not in range(1, 11)
    assert all(each.of not in range(1, 11) for each in shares)
    assert all(each.share is None for each in shares if each.count is None)
    assert {row.name for row in made.groups["sex"] if row.consultations is None} >= {"other"}
    rare = next(each for each in made.flags if each.id == "rare-thing")
    assert rare.share.count is None
