"""The range of one result: the sender's, else a published one, else its words as they were sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.chart import Flag, Polarity, Range
from fhir_mapping.context import polarity_of_text
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.results.flags import flag_against, is_far_beyond, range_as_sent, range_for
from fhir_mapping.results.published_ranges import table_range

__all__ = ["set_range", "show_range"]

Resource = Mapping[str, Any]


def set_range(draft: Draft, ranges: Any, sent: Flag | None, ctx: MappingContext) -> None:
    """The range that fits the patient, and the flag by it.

    A published range counts where the sender gives neither range nor flag, or says that a value is
    normal which lies far beyond it.
    """
    found = None
    if ranges:
        found = range_for(
            ranges, ctx.words, draft.unit, ctx.age_years, ctx.sex, draft.codes, draft.value
        )
    if found is None and (ranges or sent is None or sent is Flag.NORMAL):
        found = table_range(draft.codes, draft.unit, ctx.age_years, ctx.sex)
        if sent is not None and not ranges and not is_far_beyond(draft.value, found):
            found = None
    _set_limits(draft, found)


def show_range(draft: Draft, element: Resource, ctx: MappingContext) -> None:
    """A range in words as it was sent; "positive" where "negative" is usual is abnormal."""
    if draft.range is not None or "referenceRange" not in element:
        return
    usual = range_as_sent(element["referenceRange"], ctx.words)
    if not usual:
        return
    draft.limits = f"range as sent: {usual}"
    found = polarity_of_text(draft.shown or "")
    if (found, polarity_of_text(usual)) == (Polarity.PRESENT, Polarity.ABSENT):
        draft.flag = draft.flag or Flag.ABNORMAL


def _set_limits(draft: Draft, limits: Range | None) -> None:
    if limits is not None and draft.value is not None:
        draft.range = limits
        draft.flag = flag_against(draft.value, draft.comparator, limits)
        draft.by_range = True
