"""Any finite floats, none at all, and hostile labels give an image in its frame."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.console.plots import (
    Bar,
    Bin,
    Plot,
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
from cds_hooks.console.plots.scales import linear, times
from tests.console.hostile import HOSTILE
from tests.console.plots.svg_images import check, image

finite = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | st.floats()
text = st.text(max_size=60)
points = st.builds(Point, finite, maybe, maybe, maybe, st.none() | st.integers(0, 10**9))
series = st.builds(Series, text, st.lists(points, max_size=6).map(tuple))
shares = st.integers(0, 10**9).flatmap(
    lambda n: st.builds(Share, text, st.integers(0, n), st.just(n))
)


@given(st.lists(series, max_size=6), text, text)
def test_lines(each: list[Series], title: str, unit: str) -> None:
    check(line_plot(each, title=title, unit=unit))


@given(st.lists(st.builds(Bar, text, st.floats(), maybe, maybe, text), max_size=8), text)
def test_bars(bars: list[Bar], title: str) -> None:
    check(bar_plot(bars, title=title))


@given(st.lists(shares, max_size=8))
def test_shares(each: list[Share]) -> None:
    check(share_plot(each, title="Shares"))


@given(
    st.lists(st.builds(Bin, finite, st.none() | finite, st.integers(0, 10**9)), max_size=30), text
)
def test_histograms(bins: list[Bin], unit: str) -> None:
    check(histogram(bins, title="Spread", unit=unit))


@given(st.lists(st.builds(Span, text, st.floats(), st.floats(), st.integers(-9, 9), text)))
def test_waterfalls(spans: list[Span]) -> None:
    check(waterfall(spans, title="Time"))


@given(st.dictionaries(text, st.floats(), max_size=8))
def test_spans_of_any_timings(timings: dict[str, float]) -> None:
    spans = spans_of(timings)
    assert sorted(span.name for span in spans) == sorted(timings)
    check(waterfall(spans, title="Time"))


@given(st.lists(finite, max_size=6), st.booleans(), st.sampled_from([linear, times]))
def test_a_scale_holds_all_its_values_in_order(values: list[float], zero: bool, make: type) -> None:
    scale = make(values, 10.0, 110.0, **({"zero": zero} if make is linear else {}))
    places = [scale.at(value) for value in sorted(values)]
    assert all(10 <= place <= 110 for place in places)
    assert places == sorted(places)
    assert 1 <= len(scale.ticks) <= 60
    assert all(label for _, label in scale.ticks)


def _all_with(text: str) -> list[Plot]:
    point = Point(0.0, 1.0, 0.5, 2.0, 3)
    return [
        line_plot([Series(text, (point,))], title=text, unit=text),
        bar_plot([Bar(text, 1.0, told=text)], title=text, unit=text),
        share_plot([Share(text, 1, 2)], title=text),
        histogram([Bin(0.0, 1.0, 2)], title=text, unit=text),
        waterfall([Span(text, 0.0, 1.0, note=text)], title=text),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_labels_make_no_elements(text: str) -> None:
    for hostile, plain in zip(_all_with(text), _all_with("plain"), strict=True):
        check(hostile)
        found, wanted = (
            [(node.tag, sorted(node.attrib)) for node in image(plot).iter()]
            for plot in (hostile, plain)
        )
        assert found == wanted
        assert "<script" not in hostile.svg.lower()
