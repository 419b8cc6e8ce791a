"""What a questionnaire's items ask, where the answers came without the text of the question.

By the Questionnaire if it was handed in, else by the LOINC code in `linkId` or `definition`: the
name that the chart gives it elsewhere, or that of `tables/questions.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from fhir_mapping.chart import Code
from fhir_mapping.drafting.draft import MappingContext
from fhir_mapping.elements.json_values import objects, string
from fhir_mapping.tables import table

__all__ = ["QuestionnaireItems"]

_LOINC = "http://loinc.org"
_CODE = re.compile(r"(?<![\w-])(\d{1,7}-\d)(?![\w-])")
_DEEPEST = 6


class QuestionnaireItems:
    """The questions of one QuestionnaireResponse."""

    def __init__(self, response: Mapping[str, Any], ctx: MappingContext) -> None:
        self._response = response
        self._ctx = ctx

    def words(self, item: Mapping[str, Any]) -> str:
        """The question of an item, cleaned; '' if nothing here knows it."""
        said = self._ctx.words.typed(item.get("text"))
        if said:
            return said
        known = self._by_link.get(string(item.get("linkId")), "")
        return self._ctx.words.typed(known) or self._by_code(item)

    def codes(self, item: Mapping[str, Any]) -> tuple[Code, ...]:
        """The LOINC code of an item that names itself by one that is known here."""
        code = _loinc(item)
        known = table("questions")["items"].get(code)
        return (Code(_LOINC, code, known),) if known else ()

    def _by_code(self, item: Mapping[str, Any]) -> str:
        code = _loinc(item)
        if not code:
            return ""
        known: str = table("questions")["items"].get(code, "") or self._in_chart.get(code, "")
        return known or self._ctx.words.named([{"system": _LOINC, "code": code}])

    @cached_property
    def _in_chart(self) -> dict[str, str]:
        """LOINC codes of the results read so far, by the name they came with."""
        return {
            code.code: code.display
            for draft in self._ctx.found.drafts
            for code in draft.codes
            if code.system == _LOINC and code.display
        }

    @cached_property
    def _by_link(self) -> dict[str, str]:
        """The questions of the Questionnaire that was answered, by their linkId."""
        meant = self._response.get("questionnaire")
        literal = string(meant.get("reference") if isinstance(meant, dict) else meant)
        if not literal:
            return {}
        target = self._ctx.index.resolve(literal, self._response) or self._canonical(literal)
        found: dict[str, str] = {}
        _collect(target or {}, found, 0)
        return found

    def _canonical(self, literal: str) -> Mapping[str, Any] | None:
        url = literal.partition("|")[0]
        every = self._ctx.index.resources()
        return next(
            (r for r in every if r["resourceType"] == "Questionnaire" and r.get("url") == url), None
        )


def _collect(holder: Mapping[str, Any], found: dict[str, str], depth: int) -> None:
    for item in objects(holder.get("item")):
        text, link = string(item.get("text")), string(item.get("linkId"))
        if text and link:
            found.setdefault(link, text)
        if depth < _DEEPEST:
            _collect(item, found, depth + 1)


def _loinc(item: Mapping[str, Any]) -> str:
    """The last LOINC code of "/44249-1/44260-8", or of a definition's address; or ''."""
    for element in ("linkId", "definition"):
        found = _CODE.findall(string(item.get(element)))
        if found:
            return str(found[-1])
    return ""
