"""From reasons to a verdict, by a rule table that is data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from cds_hooks.consultation import Reason, Verdict
from cds_hooks.plausibility.data_files import read_toml

__all__ = ["VerdictRule", "verdict", "verdict_meanings", "verdict_rules"]


@dataclass(frozen=True, slots=True)
class VerdictRule:
    """A verdict and the conditions ("check:result") under which it is given."""

    verdict: Verdict
    reason: str
    any: frozenset[str]
    all: frozenset[str]
    none: frozenset[str]

    def applies(self, given: frozenset[str]) -> bool:
        """Whether the conditions hold among the results given."""
        some = not self.any or bool(self.any & given)
        return some and self.all <= given and not self.none & given


VerdictTable = Literal["rule", "entered"]
"""Of a diagnosis that a model proposed, or of a problem that a clinician entered."""


@cache
def _shipped() -> dict[str, Any]:
    return read_toml("verdicts.toml")


@cache
def verdict_meanings() -> Mapping[Verdict, str]:
    """What each verdict means, in the words that every card and page uses."""
    return {v: _shipped()["meaning"][v.value] for v in Verdict}


@cache
def verdict_rules(table: VerdictTable = "rule") -> tuple[VerdictRule, ...]:
    """The shipped rules of one table of `data/verdicts.toml`, in order."""
    return tuple(
        VerdictRule(
            verdict=Verdict(r["verdict"]),
            reason=r["reason"],
            any=frozenset(r.get("any", ())),
            all=frozenset(r.get("all", ())),
            none=frozenset(r.get("none", ())),
        )
        for r in _shipped()[table]
    )


def verdict(reasons: Iterable[Reason], table: VerdictTable = "rule") -> Verdict:
    """The verdict of the first rule of the table that applies; `UNCERTAIN` when none does."""
    given = frozenset(f"{r.check}:{r.result}" for r in reasons)
    return next((r.verdict for r in verdict_rules(table) if r.applies(given)), Verdict.UNCERTAIN)
