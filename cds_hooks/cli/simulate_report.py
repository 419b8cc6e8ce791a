"""What became of many opened charts: outcomes, latency, cards and indicators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from cds_hooks.cli.hook_service import holds_differential

__all__ = ["Opened", "Simulated", "as_document", "summary_table"]


@dataclass(frozen=True, slots=True)
class Opened:
    """One chart: the response and the seconds it took, or the `code` of why there is none."""

    label: str
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    seconds: float = 0.0
    code: str = ""
    not_whole: bool = False

    @property
    def cards(self) -> list[Mapping[str, Any]]:
        """The cards that were shown."""
        found = self.document.get("cards")
        return [c for c in found if isinstance(c, dict)] if isinstance(found, list) else []

    @property
    def outcome(self) -> str:
        """`differential` (the model's answer was on a card), `cards`, `silent`, or the code."""
        if self.code:
            return self.code
        if holds_differential(self.document):
            return "differential"
        return "cards" if self.cards else "silent"


@dataclass(slots=True)
class Simulated:
    """All charts so far; `seconds` is how long the whole run took."""

    hook: str
    opened: list[Opened] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def problems(self) -> list[Opened]:
        """Charts whose hook was not answered."""
        return [each for each in self.opened if each.code]

    def add(self, one: Opened) -> None:
        """Note one more chart."""
        self.opened.append(one)


def as_document(done: Simulated) -> dict[str, Any]:
    """The summary as JSON. It names charts by their place alone."""
    cards = [card for each in done.opened for card in each.cards]
    return {
        "hook": done.hook,
        "charts": len(done.opened),
        "seconds": round(done.seconds, 2),
        "outcomes": dict(Counter(each.outcome for each in done.opened)),
        "latency_ms": _latency([each.seconds for each in done.opened if not each.code]),
        "cards": len(cards),
        "indicators": dict(Counter(str(card.get("indicator")) for card in cards)),
        "not_whole": [each.label for each in done.opened if each.not_whole],
        "problems": [{"chart": each.label, "code": each.code} for each in done.problems],
    }


def _latency(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and longest, by nearest rank, in milliseconds."""
    ranked = sorted(seconds)
    if not ranked:
        return {}
    parts = {"median": 0.5, "p95": 0.95, "longest": 1.0}
    return {
        name: round(ranked[max(ceil(part * len(ranked)) - 1, 0)] * 1000, 1)
        for name, part in parts.items()
    }


def summary_table(done: Simulated) -> Table:
    """The same for a person."""
    told = as_document(done)
    title = f"{told['charts']} charts, {done.hook}, {told['seconds']} s"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    table.add_column("what")
    table.add_column("n", justify="right")
    for outcome, count in told["outcomes"].items():
        table.add_row(Text(f"outcome: {outcome}"), str(count))
    for indicator, count in told["indicators"].items():
        table.add_row(Text(f"cards: {indicator}"), str(count))
    for name, milliseconds in told["latency_ms"].items():
        table.add_row(f"{name} ms", f"{milliseconds:.0f}")
    for each in done.problems:
        table.add_row(Text(each.label), Text(each.code))
    if told["not_whole"]:
        table.add_row("charts not read whole", str(len(told["not_whole"])))
    return table
