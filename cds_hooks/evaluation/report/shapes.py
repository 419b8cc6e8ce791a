"""The few SVG elements that plots are made of, as text."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

__all__ = ["WIDTH", "dot", "frame", "line", "svg", "text", "whisker"]

WIDTH = 720


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A line of a CSS class."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def dot(x: float, y: float) -> str:
    """A point of the series."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="dot"/>'


def frame(x: float, y: float, width: float, height: float, kind: str = "frame") -> str:
    """A rectangle of a CSS class."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} class="{kind}"/>'


def whisker(x: float, y: float, low: float, high: float) -> str:
    """A point with its interval, upright."""
    return line(x, low, x, high, "bar") + dot(x, y)


def text(x: float, y: float, said: str, anchor: str = "start", size: int = 13) -> str:
    """Words at a place; they are escaped."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f"<text {place}>{escape(said)}</text>"


def svg(title: str, told: Iterable[str], height: float, drawn: Iterable[str]) -> str:
    """A whole image with its title, and its figures in words."""
    head = f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label={quoteattr(title)}>'
    words = f"<title>{escape(title)}</title><desc>{escape('; '.join(told))}</desc>"
    return f"{head}{words}{''.join(drawn)}</svg>"
