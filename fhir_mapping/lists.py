"""List: only what an empty one says: "no known allergies". Its entries are read by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.chart import Experiencer, Kind, Polarity
from fhir_mapping.concepts import first_code
from fhir_mapping.draft import Draft, Scene
from fhir_mapping.tables import table

__all__ = ["map_list"]


def map_list(resource: Mapping[str, Any], ref: str, scene: Scene) -> None:
    """A fact of absence for a list that is empty because nothing is known."""
    if resource.get("entry"):
        scene.found.leave(ref, "told-elsewhere", "Its entries are read by themselves.")
        return
    tables = table("absence")["empty_lists"]
    meant = tables["codes"].get(scene.term(resource.get("code")).code)
    if meant is None or first_code(resource.get("emptyReason")) not in tables["reasons"]:
        scene.found.leave(ref, "no-value", "The list is empty, and does not say why.")
        return
    draft = Draft(Kind(meant["kind"]), f"{ref}|", meant["text"], ref)
    draft.days_ago = scene.times.days_ago(resource.get("date"))
    draft.polarity = Polarity.ABSENT
    if draft.kind is Kind.FAMILY:
        draft.experiencer = Experiencer.FAMILY
    scene.found.told(draft)
