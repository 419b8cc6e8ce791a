"""The tables of the page: rows of words, each figure with how many cases it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.console.statistics import words
from cds_hooks.statistics.drift import ANY, FlagDrift, Week
from cds_hooks.statistics.flags import KINDS
from cds_hooks.statistics.group_report import COLUMNS, GroupRow
from cds_hooks.statistics.report import FlagShare, Latency
from cds_hooks.statistics.suppression import Share

__all__ = ["Table", "drift_table", "flag_table", "group_tables", "latency_table", "share_table"]

_HEADS = {
    "answered": "Answered by the model",
    "flagged": "Flagged by rules",
    "contradicted": "A diagnosis contradicted",
    "silent": "Hooks without a card",
    "overridden": "Feedback: set aside",
}
_STAGES = {"total": "in all", "gather": "reading the chart", "model": "the model"}
_DIMENSIONS = {
    "service": "Service",
    "model": "Model",
    "age": "Age in years",
    "sex": "Sex as recorded",
}


@dataclass(frozen=True, slots=True)
class Table:
    """`title` is its caption, `rows` are as long as `heads`; the first `texts` columns are
    words, and `marked` rows stand out."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: frozenset[int] = frozenset()
    texts: int = 1


def share_table(title: str, shares: Mapping[str, Share], what: str = "What") -> Table:
    """Shares by what they are of."""
    rows = tuple((name, *_share(share)) for name, share in shares.items())
    return Table(title, (what, "Count", "Share", "95 % interval (%)"), rows)


def latency_table(latency: Sequence[Latency]) -> Table:
    """How long answers took, by model and stage."""
    rows = tuple(
        (
            each.model or "any",
            _STAGES[each.stage],
            words.quantile(each.median),
            words.quantile(each.p95),
            f"{each.median.n:,}",
        )
        for each in latency
    )
    heads = ("Model", "Stage", "Median", "95th percentile", "n")
    return Table("Time to an answer", heads, rows, texts=2)


def flag_table(flags: Sequence[FlagShare]) -> Table:
    """How often each flag was raised."""
    rows = tuple((each.id, KINDS.get(each.kind, each.kind), *_share(each.share)) for each in flags)
    heads = ("Rule or check", "Kind", "Consultations", "Share", "95 % interval (%)")
    return Table("Flags raised", heads, rows, texts=2)


def group_tables(groups: Mapping[str, Sequence[GroupRow]]) -> tuple[Table, ...]:
    """One table a dimension: a row a group, its shares side by side."""
    heads = ("Consultations", *(_HEADS[column] for column in COLUMNS))
    return tuple(
        Table(
            f"By {_DIMENSIONS[name].lower()}", (_DIMENSIONS[name], *heads), tuple(map(_group, rows))
        )
        for name, rows in groups.items()
        if rows
    )


def drift_table(drift: Sequence[FlagDrift]) -> Table:
    """Each flag in the last two weeks, and the weeks in which it changed."""
    rows = tuple(_drifts(drift))
    marked = frozenset(place for place, each in enumerate(drift) if each.changed)
    heads = ("Rule or check", "Week before", "Last week", "Change (points)", "p", "Changed in")
    return Table("Change of flag rates, week on week", heads, rows, marked)


def _share(share: Share) -> tuple[str, str, str]:
    return (words.of(share), words.percent(share), words.interval(share))


def _group(row: GroupRow) -> tuple[str, ...]:
    shares = (words.share(row.shares[column]) for column in COLUMNS)
    return (row.name, words.count(row.consultations), *shares)


def _drifts(drift: Sequence[FlagDrift]) -> Iterator[tuple[str, ...]]:
    for each in drift:
        last, before = each.weeks[-1], each.weeks[-2] if len(each.weeks) > 1 else None
        name = "any flag by rules" if each.flag == ANY else each.flag.partition(":")[2]
        shares = (words.share(before.share) if before else "", words.share(last.share))
        yield (
            name,
            *shares,
            *_change(last),
            ", ".join(week.week for week in each.changed) or "no week",
        )


def _change(week: Week) -> tuple[str, str]:
    if week.change is None or week.change_low is None or week.change_high is None:
        return ("not compared", "")
    low, high = 100 * week.change_low, 100 * week.change_high
    p = "" if week.p is None else "<0.001" if week.p < 0.001 else f"{week.p:.3f}"
    return (f"{100 * week.change:+.1f}\n{low:+.1f} to {high:+.1f}", p)
