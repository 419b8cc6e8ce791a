"""What each plot shows of its figures, and the table beside it."""

from __future__ import annotations

import pytest

from cds_hooks.console.plots import (
    Bar,
    Bin,
    Point,
    Series,
    Share,
    Span,
    bar_plot,
    histogram,
    line_plot,
    share_plot,
    spans_of,
    waterfall,
)
from cds_hooks.console.plots.scales import linear, number, times
from tests.console.plots.svg_images import image, words

NOON = 1_764_417_600.0  # 2025-11-29 12:00 UTC


def _of(plot: object, tag: str, kind: str) -> list[dict[str, str]]:
    nodes = image(plot).iter(tag)  # type: ignore[arg-type]
    return [dict(node.attrib) for node in nodes if kind in node.get("class", "").split()]


@pytest.mark.parametrize("draw", [line_plot, bar_plot, share_plot, histogram, waterfall])
def test_without_figures_the_image_says_so(draw: object) -> None:
    plot = draw((), title="Latency")  # type: ignore[operator]
    assert plot.empty
    assert image(plot)[0].text == "Latency"
    assert image(plot)[1].text in ("No figures yet.", "")
    assert plot.rows == ()


def test_a_line_has_its_band_and_its_gap() -> None:
    points = (
        Point(NOON, 10.0, 8.0, 12.0, 40),
        Point(NOON + 3600, 20.0, 18.0, 25.0, 41),
        Point(NOON + 7200, None),
        Point(NOON + 10800, 30.0, None, None, 7),
    )
    plot = line_plot([Series("p95", points)], title="Latency", unit="ms")
    assert len(_of(plot, "path", "stroke")) == 2
    [band] = _of(plot, "path", "band")
    assert band["d"].endswith("Z")
    assert plot.heads == ("Series", "Time (UTC)", "Value (ms)", "Interval", "n")
    assert plot.rows[0] == ("p95", "2025-11-29 12:00", "10", "8 to 12", "40")
    assert plot.rows[2] == ("p95", "2025-11-29 14:00", "none", "", "")
    assert image(plot)[1].text == "p95: last 30 ms"
    assert "13:00" in words(plot)


def test_a_higher_value_is_drawn_higher() -> None:
    plot = line_plot([Series("n", (Point(NOON, 1.0), Point(NOON + 60, 9.0)))], title="Answers")
    low, high = (float(dot["cy"]) for dot in _of(plot, "circle", "fill")[:2])
    assert high < low


def test_shares_carry_counts_and_wilson_intervals() -> None:
    # Wilson 1927: 8 of 10 at 95 % is 49.0 to 94.3 %.
    plot = share_plot([Share("shown", 8, 10), Share("none yet", 0, 0)], title="Cards")
    assert plot.rows == (
        ("shown", "80.0 %", "49 to 94.3", "8", "10"),
        ("none yet", "none", "", "0", "0"),
    )
    [bar] = _of(plot, "rect", "fill")
    assert float(bar["width"]) == pytest.approx(0.8 * (640 - 200 - 84), abs=0.1)
    assert "8 of 10" in words(plot)
    with pytest.raises(ValueError, match="between 0 and n"):
        share_plot([Share("x", 3, 2)], title="Cards")


def test_bars_below_zero_go_the_other_way() -> None:
    plot = bar_plot([Bar("up", 2.0), Bar("down", -2.0)], title="Change", unit="%")
    up, down = _of(plot, "rect", "fill")
    [axis] = _of(plot, "line", "axis")
    assert float(up["x"]) == pytest.approx(float(axis["x1"]), abs=0.2)
    assert float(down["x"]) + float(down["width"]) == pytest.approx(float(axis["x1"]), abs=0.2)


def test_a_histogram_counts_and_tells_shares() -> None:
    plot = histogram([Bin(0, 1, 8), Bin(1, None, 2)], title="Seconds", unit="s")
    assert plot.rows == (
        ("0 to 1 s", "8", "80.0 %", "49.0 to 94.3"),
        ("1 s and more", "2", "20.0 %", "5.7 to 51.0"),
    )


def test_stages_follow_each_other_and_parts_lie_within() -> None:
    spans = spans_of({"gather": 12.0, "map": 4.0, "model": 4000.0, "model.decode": 3000.0})
    assert spans == (
        Span("gather", 0.0, 12.0),
        Span("map", 12.0, 4.0),
        Span("model", 16.0, 4000.0),
        Span("model.decode", 16.0, 3000.0, depth=1),
    )
    plot = waterfall(spans, title="Where the time went")
    assert plot.rows[3] == ("part: model.decode", "16", "3,000", "")
    boxes = _of(plot, "rect", "fill")
    assert [float(box["x"]) for box in boxes] == sorted(float(box["x"]) for box in boxes)


@pytest.mark.parametrize(("took", "unit", "figure"), [
    (9_999.0, "ms", "9,999 ms"), (10_000.0, "s", "10 s"), (47_331.3, "s", "47.3 s"),
])  # fmt: skip
def test_a_long_consultation_is_told_in_seconds(took: float, unit: str, figure: str) -> None:
    spans = (Span("gather", 0.0, 0.0, note=""), Span("model", 0.0, took))
    plot = waterfall(spans, title="Where the time went")
    assert {unit, figure, "0 ms"} <= set(words(plot))
    assert plot.rows[1][2] == number(took)


def test_a_part_of_what_is_not_timed_stands_by_itself() -> None:
    assert spans_of({"model.decode": 5.0}) == (Span("model.decode", 0.0, 5.0),)


def test_long_labels_are_cut_in_the_image_and_whole_in_the_table() -> None:
    label = "patient-view " * 9
    plot = bar_plot([Bar(label, 1.0)], title="Services")
    assert plot.rows[0][0] == label
    assert any(text.endswith("…") for text in words(plot))


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0, 10], ["0", "2", "4", "6", "8", "10"]),
        ([0, 0.3], ["0", "0.1", "0.2", "0.3"]),
        ([], ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ([0, 1e6], ["0", "200,000", "400,000", "600,000", "800,000", "1,000,000"]),
    ],
)
def test_ticks_are_round_numbers(values: list[float], ticks: list[str]) -> None:
    assert [label for _, label in linear(values, 0, 100).ticks] == ticks


@pytest.mark.parametrize(
    ("seconds", "first"),
    [(4, "12:00:00"), (3600, "12:00"), (30 * 86_400, "4 Dec"), (4 * 365 * 86_400, "Dec 2025")],
)
def test_times_are_told_as_finely_as_they_lie(seconds: float, first: str) -> None:
    labels = [label for _, label in times([NOON, NOON + seconds], 0, 100).ticks]
    assert labels[0] == first
    assert 1 < len(labels) <= 7


def test_numbers_are_told_in_words() -> None:
    assert [number(v) for v in (12345.0, 1.5e-5, None, float("nan"), -3.0)] == [
        "12,345", "1.5e-05", "", "", "-3"
    ]  # fmt: skip
    assert number(3, "ms") == "3 ms"
