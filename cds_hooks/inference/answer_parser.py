"""A sample's text -> `Differential`, checked as if no constraint had shaped it.

A grammar that fails can let free text through (ggml-org/llama.cpp issue 19051), so every shipped
answer is validated again here. Errors name the place in the answer and never its content.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from cds_hooks.consultation import Candidate, Differential, Evidence, Group
from cds_hooks.errors import ChartsideError

__all__ = ["CLAIMS", "InvalidOutput", "Limits", "parse_differential"]

CLAIMS = frozenset({"high", "low", "abnormal", "normal", "present", "absent"})
_KEYS = frozenset({"name", "group", "for", "against"})
_OPTIONAL = frozenset({"discriminator"})


class InvalidOutput(ChartsideError):
    """What a sample said is not a differential of this chart; `where` is the path in it."""

    code = "invalid-output"
    status = 503
    issue = "processing"


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps that are checked after decoding: lengths in characters, lists in items."""

    text: int = 65_536
    diagnoses: int = 20
    evidence: int = 24
    name: int = 200
    discriminator: int = 600


def parse_differential(
    text: str,
    fact_ids: Collection[str],
    *,
    model: str = "",
    sample: int = 0,
    limits: Limits = Limits(),
) -> Differential:
    """The differential that one sample wrote about a chart whose prompt showed `fact_ids`.

    Raises InvalidOutput for anything that is not exactly the shape, cites a fact that the prompt
    did not show, claims something unknown, exceeds a cap or names a diagnosis twice. A citation
    repeated word for word in one list says nothing new and is kept once.
    """
    return Differential(_Reader(frozenset(fact_ids), limits).candidates(text), model, sample)


@dataclass(frozen=True, slots=True)
class _Reader:
    facts: frozenset[str]
    limits: Limits

    def candidates(self, text: str) -> tuple[Candidate, ...]:
        document = _object(self._json(text), "$", frozenset({"diagnoses"}))
        items = _list(document["diagnoses"], "$.diagnoses", self.limits.diagnoses)
        found = tuple(
            self._candidate(item, f"$.diagnoses[{number}]") for number, item in enumerate(items)
        )
        _refuse_repeats((item.diagnosis.casefold() for item in found), "$.diagnoses", "name")
        return found

    def _json(self, text: str) -> Any:
        if len(text) > self.limits.text:
            raise InvalidOutput("The answer is longer than an answer may be", where="$")
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise InvalidOutput("The answer is not JSON", where="$") from None

    def _candidate(self, item: Any, path: str) -> Candidate:
        fields = _object(item, path, _KEYS, _OPTIONAL)
        name = _text(fields["name"], f"{path}.name", self.limits.name)
        if not name:
            raise InvalidOutput("A diagnosis has no name", where=f"{path}.name")
        group = _one_of(fields["group"], f"{path}.group", frozenset(Group))
        return Candidate(
            diagnosis=name,
            group=Group(group),
            evidence_for=self._evidence(fields["for"], f"{path}.for"),
            evidence_against=self._evidence(fields["against"], f"{path}.against"),
            discriminator=_text(
                fields.get("discriminator", ""), f"{path}.discriminator", self.limits.discriminator
            ),
        )

    def _evidence(self, value: Any, path: str) -> tuple[Evidence, ...]:
        found: dict[Evidence, None] = {}
        for number, item in enumerate(_list(value, path, self.limits.evidence)):
            at = f"{path}[{number}]"
            fields = _object(item, at, frozenset({"fact", "is"}))
            fact = _one_of(fields["fact"], f"{at}.fact", self.facts)
            found[Evidence(fact, _one_of(fields["is"], f"{at}.is", CLAIMS))] = None
        return tuple(found)


def _object(
    value: Any, path: str, keys: frozenset[str], optional: frozenset[str] = frozenset()
) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() - optional != keys:
        raise InvalidOutput("Not an object with exactly the expected keys", where=path)
    return value


def _list(value: Any, path: str, limit: int) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidOutput("Not a list", where=path)
    if len(value) > limit:
        raise InvalidOutput(f"More than {limit} items", where=path)
    return value


def _text(value: Any, path: str, limit: int) -> str:
    """One line of text without characters that nobody sees, such as bidirectional controls."""
    if not isinstance(value, str):
        raise InvalidOutput("Not a string", where=path)
    if len(value) > limit:
        raise InvalidOutput(f"Longer than {limit} characters", where=path)
    shown = (char for char in value if char.isprintable() or char.isspace())
    return " ".join("".join(shown).split())


def _one_of(value: Any, path: str, known: frozenset[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise InvalidOutput("Not one of the values that are known here", where=path)
    return value


def _refuse_repeats(values: Iterable[str], path: str, what: str) -> None:
    seen: set[str] = set()
    for number, value in enumerate(values):
        if value in seen:
            raise InvalidOutput(f"The same {what} twice", where=f"{path}[{number}].{what}")
        seen.add(value)
