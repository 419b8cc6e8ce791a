"""One look at a page in a real browser: everything that the checks want to know, in one visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Looked", "look", "unfold", "watched"]

_TRANSITION_MS = 400  # colours of Swagger UI change within 300 ms

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """async options => (await axe.run(document, options)).violations.map(found => ({
  rule: found.id, help: found.help, nodes: found.nodes.map(node => node.target.join(' ')) }))"""
_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
_TOO_WIDE = """() => [...document.querySelectorAll('body *')].filter(each =>
  each.getBoundingClientRect().right > document.documentElement.clientWidth + 1
  && !each.closest('.scroll, pre, table')).map(each => each.outerHTML.slice(0, 90))"""
# Every control that a keyboard must reach. Radio buttons of one name are one stop.
_CONTROLS = """() => { const names = new Set();
  return [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
  .filter(each => !each.disabled && each.checkVisibility({visibilityProperty: true}))
  .filter(each => each.tabIndex >= 0)
  .filter(each => each.type !== 'radio' || (!names.has(each.name) && names.add(each.name)))
  .map((each, number) => { each.dataset.stop = number; return each.outerHTML.slice(0, 120); }); }"""
_FOCUSED = """() => { const each = document.activeElement, style = getComputedStyle(each);
  const radio = each.type === 'radio'
    && document.querySelector(`[name="${each.name}"][data-stop]`);
  return { stop: (radio || each).dataset.stop ?? null, markup: each.outerHTML.slice(0, 120),
    body: each === document.body,
    seen: style.outlineStyle !== 'none' || style.boxShadow !== 'none' }; }"""
_PRINTED = """() => ({ paper: getComputedStyle(document.body).backgroundColor,
  ink: getComputedStyle(document.body).color, text: document.body.innerText.length })"""


@dataclass
class Looked:
    """What one page did and showed. Lists are empty where nothing is wrong."""

    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    bytes: int = 0
    light: list[dict[str, Any]] = field(default_factory=list)
    dark: list[dict[str, Any]] = field(default_factory=list)
    narrow: list[dict[str, Any]] = field(default_factory=list)
    sideways: list[str] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)
    unseen_focus: list[str] = field(default_factory=list)
    printed: dict[str, Any] = field(default_factory=dict)


@cache
def _axe() -> str:
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")


def look(
    browser: Any,
    url: str,
    shown: str,
    *,
    act: Callable[[Any], None] | None = None,
    third_party: str = "",
    cookies: Sequence[Any] = (),
) -> Looked:
    """Open the page in light, dark, narrow and on paper, and walk through it by keyboard.

    `act` leads from the page at `url` to the one that is meant, until `shown` is there. How the
    focus looks is not asked of a page with a `third_party` in it: it is not ours to draw.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    context.add_cookies(list(cookies))
    page, looked = watched(context)
    responses: list[Any] = []
    page.on("response", lambda response: responses.append(response))
    try:
        page.goto(url)
        if act:
            responses.clear()
            act(page)
        page.wait_for_selector(shown)
        page.wait_for_timeout(150)  # scripts that begin when the page is whole
        looked.bytes = _weight(responses)
        unfold(page)
        _walk(page, looked, third_party)
        page.evaluate(_axe())
        looked.light = _judge(page)
        _change(page, color_scheme="dark")
        looked.dark = _judge(page, only=["color-contrast", "link-in-text-block"])
        _change(page, media="print")
        looked.printed = page.evaluate(_PRINTED)
        _change(page, media="screen", color_scheme="light")
        page.set_viewport_size({"width": 320, "height": 640})
        looked.narrow = _judge(page)
        looked.sideways = page.evaluate(_TOO_WIDE) or ["?"] if page.evaluate(_WIDE) else []
    finally:
        context.close()
    return looked


def _weight(responses: list[Any]) -> int:
    """Bytes of all that was loaded, uncompressed; a stream of events has no end to wait for."""
    whole = [r for r in responses if "event-stream" not in r.headers.get("content-type", "")]
    return sum(_bytes(response) for response in whole)


def _bytes(response: Any) -> int:
    try:
        return len(response.body())
    except Exception:  # of a redirect, and of what the page before had asked for
        return int(response.headers.get("content-length", 0))


def watched(context: Any) -> tuple[Any, Looked]:
    """A new page, and what it asks for and complains of from now on."""
    page, looked = context.new_page(), Looked()
    page.on("request", lambda request: looked.asked.append(request.url))
    page.on("pageerror", lambda error: looked.complaints.append(str(error)))
    page.on("dialog", lambda dialog: looked.complaints.append(f"dialog: {dialog.message}"))
    page.on(
        "console",
        lambda told: told.type in ("error", "warning") and looked.complaints.append(told.text),
    )
    return page, looked


def _change(page: Any, **media: str) -> None:
    page.emulate_media(**media)
    page.wait_for_timeout(_TRANSITION_MS)


def unfold(page: Any) -> None:
    """Show what waits to be opened or scrolled to."""
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    later = "document.querySelectorAll('.later').forEach"
    page.evaluate(f"{later}(each => each.style.contentVisibility = 'visible')")


def _judge(page: Any, only: list[str] | None = None) -> list[dict[str, Any]]:
    chosen: dict[str, Any] = {"type": "tag", "values": TAGS}
    options: dict[str, Any] = {"resultTypes": ["violations"], "runOnly": chosen}
    if only:
        options["runOnly"] = {"type": "rule", "values": only}
    else:
        options["rules"] = {"target-size": {"enabled": True}}
    found: list[dict[str, Any]] = page.evaluate(_RUN, options)
    return found


def _walk(page: Any, looked: Looked, third_party: str) -> None:
    """Tab from the first control to the last; each must be reached, with a focus that is seen."""
    controls = page.evaluate(_CONTROLS)
    reached, unseen = set(), []
    for _ in range(len(controls) + 5):
        page.keyboard.press("Tab")
        at = page.evaluate(_FOCUSED)
        if at["stop"] is not None:
            reached.add(int(at["stop"]))
            unseen += [] if at["seen"] else [at["markup"]]
    looked.not_reached = [c for number, c in enumerate(controls) if number not in reached]
    looked.unseen_focus = [] if third_party else unseen
