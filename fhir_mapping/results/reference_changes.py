"""Whether a result changed by more than assay and person vary (`reference_changes.toml`)."""

from __future__ import annotations

from functools import cache

from fhir_mapping.chart import Kind
from fhir_mapping.drafting.draft import Draft
from fhir_mapping.tables import table

__all__ = ["is_within_variation"]

_LOINC = "http://loinc.org"


def is_within_variation(first: Draft, last: Draft) -> bool:
    """Whether two results of one test, with numbers in one unit, may differ by chance alone."""
    if not first.value or last.value is None:
        return False
    percent = _percent_of(last)
    # rounded: 2.0 -> 2.1 is 5 percent, whatever the binary digits say
    return percent is not None and round(_change(first.value, last.value), 6) <= percent


def _change(first: float, last: float) -> float:
    """By how many percent of the first value it changed."""
    return abs(last - first) / abs(first) * 100


def _percent_of(draft: Draft) -> float | None:
    """The change that may be by chance; None where any change may tell something."""
    for code in draft.codes:
        if code.system in ("", _LOINC):
            known = _by_code().get(code.code)
            if known is not None:
                return known
    other = table("reference_changes")["other"]
    if draft.kind is not Kind.LAB or (draft.unit or "").rpartition("/")[2] not in other["volumes"]:
        return None
    return float(other["percent"])


@cache
def _by_code() -> dict[str, float]:
    rows = table("reference_changes")["changes"]
    return {code: row["percent"] for row in rows for code in row["codes"]}
