"""The rules of outcomes as a file: what ships holds, and what no rule may say is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import cds_hooks.trial.outcomes as package
from cds_hooks.trial.outcomes.moments import Moment, Side, begin_of, parse_moment
from cds_hooks.trial.outcomes.rules import OutcomeRulesInvalid, load_rules

SHIPPED = (Path(package.__file__).parent / "outcomes.toml").read_text()


def test_the_rules_that_ship_say_where_they_are_from() -> None:
    rules = load_rules()
    rows = [*rules.sources, *rules.no_diagnosis, *rules.same]
    assert all(each.reason and each.source for each in rows)
    assert rules.version
    assert rules.digest.startswith("sha256:")


def test_a_site_gives_its_own_file_which_has_its_own_digest(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(SHIPPED.replace("window_days = 30", "window_days = 14"))
    assert load_rules(own).time.window_days == 14
    assert load_rules(own).digest != load_rules().digest


@pytest.mark.parametrize(
    ("changed", "to", "where"),
    [
        ('verification = ["confirmed"]', 'verification = ["confirmed", "refuted"]', "condition"),
        ('verification = ["confirmed"]', 'verification = ["entered-in-error"]', "condition"),
        ("window_days = 30", "window_days = 0", "time.window_days"),
        ("window_days = 30", 'window_days = "long"', "time.window_days"),
        ("window_days = 30", "window_day = 30", "time.window_days"),
        ('same_day = "unless-in-chart"', 'same_day = "perhaps"', "time.same_day"),
        ('kinds = ["problem", "complaint"]', 'kinds = ["gossip"]', "known.kinds.0"),
        ('codes = ["R"]', 'codes = ["r07"]', "no_diagnosis.0.codes"),
        ('icd_10_cm = "I63.9"', 'icd_10_cm = "stroke"', "same.0.icd_10_cm"),
        ('written = ["http://hl7.org/fhir/sid/icd-10|I64"]', 'written = ["I64"]', "same.0.written"),
        ('id = "condition-problem-list"', 'id = "condition-encounter-diagnosis"', "the file"),
        ('categories = ["health-concern"]', 'uses = ["DD"]', "sources.6"),
        ('uses = ["CM"]', "", "sources.1"),
        ('version = "1"', "", "version"),
        ("[known]", "[known", "line"),
    ],
)  # fmt: skip
def test_what_no_rule_may_say_is_refused_with_its_place(
    changed: str, to: str, where: str, tmp_path: Path
) -> None:
    assert changed in SHIPPED
    own = tmp_path / "own.toml"
    own.write_text(SHIPPED.replace(changed, to, 1))
    with pytest.raises(OutcomeRulesInvalid) as refused:
        load_rules(own)
    assert refused.value.code == "outcome-rules-invalid"
    assert str(own) in refused.value.where
    assert where in refused.value.where
    assert refused.value.hint


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_file_that_is_no_text_or_not_there_is_refused(
    content: bytes | None, tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    if content is not None:
        own.write_bytes(content)
    with pytest.raises(OutcomeRulesInvalid):
        load_rules(own)


def stamp(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("written", "earliest", "latest", "precision"),
    [
        ("2026-11-29T12:00:00Z", (2026, 11, 29, 12), (2026, 11, 29, 12), "instant"),
        ("2026-11-29T12:00:00.5+01:00", (2026, 11, 29, 11, 0, 0, 500_000),
         (2026, 11, 29, 11, 0, 0, 500_000), "instant"),
        ("2026-11-29T12:00:00", (2026, 11, 29, 12), (2026, 11, 29, 12), "instant"),
        ("2026-11-29", (2026, 11, 29), (2026, 11, 30), "day"),
        ("2024-02-29", (2024, 2, 29), (2024, 3, 1), "day"),
        ("2026-12", (2026, 12, 1), (2027, 1, 1), "month"),
        ("2026", (2026, 1, 1), (2027, 1, 1), "year"),
    ],
)  # fmt: skip
def test_a_time_is_as_exact_as_it_is_written(
    written: str, earliest: tuple[int, ...], latest: tuple[int, ...], precision: str
) -> None:
    expected = Moment(stamp(*earliest), stamp(*latest), precision)
    assert parse_moment(written, UTC) == expected


@pytest.mark.parametrize(
    "written", ["", "soon", "2026-13", "2026-02-30", "29.11.2026", "20261129", None, 5, [], {}]
)
def test_what_is_no_time_of_fhir_is_none(written: object) -> None:
    assert parse_moment(written, UTC) is None


def test_a_day_is_the_site_s_day_also_when_clocks_change() -> None:
    day = parse_moment("2026-10-25", ZoneInfo("Europe/Berlin"))
    assert day is not None
    assert day.latest - day.earliest == 25 * 3600
    west = parse_moment("2026-11-29", timezone(timedelta(hours=-8)))
    assert west is not None
    assert west.earliest == stamp(2026, 11, 29, 8)


@pytest.mark.parametrize(
    ("moment", "side"),
    [
        (Moment(99, 99), Side.BEFORE),
        (Moment(100, 100), Side.BEFORE),
        (Moment(101, 101), Side.AFTER),
        (Moment(50, 100, "day"), Side.BEFORE),
        (Moment(50, 101, "day"), Side.AMBIGUOUS),
        (Moment(99, 101, "day"), Side.AMBIGUOUS),
        (Moment(100, 150, "day"), Side.AFTER),
        (Moment(101, 150, "day"), Side.AFTER),
    ],
)
def test_a_moment_lies_before_after_or_around_a_hook(moment: Moment, side: Side) -> None:
    assert moment.side_of(100) is side


def test_a_period_began_at_its_start_or_else_before_its_end() -> None:
    assert begin_of({"start": "2026", "end": "2027"}, UTC) == parse_moment("2026", UTC)
    assert begin_of({"end": "2027"}, UTC) == parse_moment("2027", UTC)
    assert begin_of({}, UTC) is None
