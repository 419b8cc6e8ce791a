"""List: only what an empty one says: "no known allergies". Its entries are read by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.chart import Kind
from fhir_mapping.drafting.absence import told_as_empty
from fhir_mapping.drafting.draft import Draft, MappingContext

__all__ = ["map_list"]


def map_list(resource: Mapping[str, Any], ref: str, ctx: MappingContext) -> None:
    """A fact of absence for a list that is empty because nothing is known; else why it is empty."""
    if resource.get("entry"):
        ctx.found.leave(ref, "told-elsewhere", "Its entries are read by themselves.")
        return
    draft = Draft(Kind.CARE, "", "", ref, ctx.times.days_ago(resource.get("date")))
    code = ctx.term(resource.get("code"))
    if not told_as_empty(code, resource.get("emptyReason"), draft, ref, ctx):
        ctx.found.leave(ref, "no-value", "The list is empty, and does not say why.")
