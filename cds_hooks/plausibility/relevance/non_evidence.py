"""Kinds of facts that are no evidence by themselves: `data/systems/no_evidence.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from cds_hooks.plausibility.data_files import data_file
from cds_hooks.plausibility.relevance.table_files import (
    RelevanceError,
    read_table,
    refuse_unknown_keys,
    text_list,
)
from fhir_mapping.chart import Fact, Kind

__all__ = ["NoEvidence", "no_evidence", "rules"]

_KEYS = ("id", "kinds", "words", "not_words", "normal", "reason")


@dataclass(frozen=True, slots=True)
class NoEvidence:
    """A kind of fact, narrowed by words of its text or to results that are not abnormal."""

    id: str
    kinds: frozenset[Kind]
    reason: str
    words: re.Pattern[str] | None
    not_words: re.Pattern[str] | None
    normal: bool

    def holds(self, fact: Fact) -> bool:
        """Whether the fact, of one of the kinds, is one of these."""
        if self.normal:
            return fact.flag is not None and not fact.is_abnormal
        text = fact.text.lower()
        if self.words is not None and not self.words.search(text):
            return False
        return self.not_words is None or not self.not_words.search(text)


def no_evidence(fact: Fact) -> NoEvidence | None:
    """The first rule by which a fact is no evidence. An abnormal result always may be one."""
    if fact.is_abnormal:
        return None
    return _first(fact)


@lru_cache(maxsize=4096)
def _first(fact: Fact) -> NoEvidence | None:
    return next((r for r in _by_kind().get(fact.kind, ()) if r.holds(fact)), None)


@cache
def rules() -> tuple[NoEvidence, ...]:
    """The shipped rules in order. Raises RelevanceError."""
    file = data_file("systems", "no_evidence.toml")
    raw = read_table(file)
    refuse_unknown_keys(raw, ("version", "source", "looked_up", "rule"), file.name)
    return tuple(_rule(r) for r in raw["rule"])


def _rule(raw: dict[str, Any]) -> NoEvidence:
    where = f"no_evidence.toml: {raw.get('id', '?')}"
    refuse_unknown_keys(raw, _KEYS, where)
    if not raw.get("reason"):
        raise RelevanceError("no reason", where=where)
    words, not_words = (_pattern(text_list(raw.get(k, []), where)) for k in ("words", "not_words"))
    kinds = frozenset(Kind(k) for k in text_list(raw["kinds"], where))
    return NoEvidence(
        raw["id"], kinds, raw["reason"], words, not_words, bool(raw.get("normal", False))
    )


def _pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    if not words:
        return None
    return re.compile(rf"(?<![a-z0-9.])(?:{'|'.join(map(re.escape, words))})")


@cache
def _by_kind() -> Mapping[Kind, tuple[NoEvidence, ...]]:
    return {kind: tuple(r for r in rules() if kind in r.kinds) for kind in Kind}


def load() -> None:
    """Read the table of this module. Raises RelevanceError."""
    _by_kind()
