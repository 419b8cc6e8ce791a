"""A plot with its figures in words, and the few SVG elements that plots are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

__all__ = ["WIDTH", "Canvas", "Plot", "clean", "shortened"]

WIDTH = 640
# What no XML document may hold, and what would turn a text around.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


@dataclass(frozen=True, slots=True)
class Plot:
    """`svg` is markup in which every text is escaped; `heads` and `rows` are the table of its
    figures. `empty` plots have an image that says so."""

    title: str
    svg: Markup
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.rows


def clean(text: str) -> str:
    """A text as XML and a reader can take it."""
    return _UNFIT.sub("\ufffd", text)


def shortened(text: str, longest: int) -> str:
    """At most `longest` characters of a text; what is cut ends in an ellipsis."""
    return text if len(text) <= longest else f"{text[: max(longest - 1, 0)]}…"


class Canvas:
    """An image that elements are added to; lengths are in user units, `kind` is a CSS class."""

    def __init__(self, title: str, about: str, height: float) -> None:
        self._root = Element(
            "svg",
            {
                "viewBox": f"0 0 {WIDTH} {height:.0f}",
                "role": "img",
                "class": "plot-image",
                "focusable": "false",
            },
        )
        SubElement(self._root, "title").text = clean(title)
        SubElement(self._root, "desc").text = clean(about)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """A straight line."""
        self._add("line", kind, x1=x1, y1=y1, x2=x2, y2=y2)

    def box(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        """A rectangle."""
        self._add("rect", kind, x=x, y=y, width=max(width, 0.0), height=max(height, 0.0))

    def dot(self, x: float, y: float, kind: str, radius: float = 2.5) -> None:
        """A point of a series."""
        self._add("circle", kind, cx=x, cy=y, r=radius)

    def path(self, points: Iterable[tuple[float, float]], kind: str, *, closed: bool) -> None:
        """A line through points, or the area within them."""
        steps = " L".join(f"{_length(x)},{_length(y)}" for x, y in points)
        if steps:
            end = " Z" if closed else ""
            SubElement(self._root, "path", {"d": f"M{steps}{end}", "class": kind})

    def text(self, x: float, y: float, said: str, anchor: str = "start", kind: str = "") -> None:
        """Words at a place; `anchor` is start, middle or end."""
        place = {"x": _length(x), "y": _length(y), "text-anchor": anchor}
        node = SubElement(self._root, "text", place | ({"class": kind} if kind else {}))
        node.text = clean(said)

    def done(self, title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Plot:
        """The plot with its table."""
        svg = tostring(self._root, encoding="unicode")
        table = tuple(tuple(map(clean, row)) for row in rows)
        return Plot(clean(title), Markup(svg), tuple(heads), table)  # noqa: S704 - escaped above

    def _add(self, name: str, kind: str, **lengths: float) -> None:
        places = {key: _length(value) for key, value in lengths.items()}
        SubElement(self._root, name, places | {"class": kind})


def _length(value: float) -> str:
    return f"{value:.1f}"
