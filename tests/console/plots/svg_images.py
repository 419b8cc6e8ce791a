"""An image as a reader of its markup sees it."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

from cds_hooks.console.plots import Plot

_LENGTH = re.compile(r"-?\d+(?:\.\d+)?")
_PLACES = ("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "width", "height", "d")


def image(plot: Plot) -> ElementTree.Element:
    """The SVG. Fails where it is no XML."""
    return ElementTree.fromstring(plot.svg)


def words(plot: Plot) -> list[str]:
    """Every text in it."""
    return [node.text or "" for node in image(plot).iter("text")]


def check(plot: Plot) -> None:
    """That it is an image with a title and words, all within its frame, and nothing but shapes."""
    root = image(plot)
    assert root.get("role") == "img"
    assert [child.tag for child in root][:2] == ["title", "desc"]
    assert root[1].text
    wide, high = map(float, (root.get("viewBox") or "").split()[2:])
    assert {node.tag for node in root.iter()} <= {
        "svg", "title", "desc", "line", "rect", "circle", "path", "text"
    }  # fmt: skip
    for node in root.iter():
        assert not [name for name in node.attrib if name == "style" or name.startswith("on")]
        for name in _PLACES:
            for found in _LENGTH.findall(node.get(name, "")):
                assert math.isfinite(float(found))
                assert -1 <= float(found) <= max(wide, high) + 1, (node.tag, name, found)
    assert not re.search(r"nan|inf", " ".join(node.get("d", "") for node in root.iter()))
    assert all(len(row) == len(plot.heads) for row in plot.rows)
