"""FamilyMemberHistory: what runs in the family. Names of relatives are never read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.chart import Kind, Polarity
from fhir_mapping.concepts import wording
from fhir_mapping.draft import Draft, Scene
from fhir_mapping.quantities import shown_quantity
from fhir_mapping.reading import objects

__all__ = ["map_family_history"]


def map_family_history(resource: Mapping[str, Any], ref: str, scene: Scene) -> None:
    """One fact for each condition of the relative, or one for the relative without conditions."""
    relative = wording(resource.get("relationship"), scene.words) or "Relative"
    relative = relative[:1].upper() + relative[1:]
    when = scene.times.days_ago(resource.get("date"))
    status = resource.get("status") if isinstance(resource.get("status"), str) else ""
    found = 0
    for condition in objects(resource.get("condition")):
        term = scene.term(condition.get("code"))
        if term.name:
            found += 1
            text = f"{relative}: {term.name}{_details(condition, scene)}"
            draft = Draft(Kind.FAMILY, f"{relative}|{term.identity}", text,
                          ref, when, term.codes, str(status))  # fmt: skip
            scene.found.told(draft)
    if not found:
        _without_condition(resource, relative, ref, when, scene)


def _without_condition(
    resource: Mapping[str, Any], relative: str, ref: str, when: float | None, scene: Scene
) -> None:
    notes = " ".join(scene.words.typed(n.get("text")) for n in objects(resource.get("note")))
    if notes.strip():
        scene.found.told(Draft(Kind.FAMILY, ref, f"{relative}: {notes}", ref, when))
    elif any(v is True for k, v in resource.items() if k.startswith("deceased")):
        scene.found.told(Draft(Kind.FAMILY, ref, f"{relative}: deceased", ref, when))
    elif resource.get("status") == "health-unknown":
        draft = Draft(Kind.FAMILY, ref, f"{relative}: health unknown", ref, when)
        draft.polarity = Polarity.UNKNOWN
        scene.found.told(draft)
    else:
        scene.found.leave(ref, "no-value", "No condition of the relative is given.", Kind.FAMILY)


def _details(condition: Mapping[str, Any], scene: Scene) -> str:
    said = []
    age = condition.get("onsetAge")
    onset = shown_quantity(age, scene.words) or scene.words.typed(condition.get("onsetString"))
    if onset:
        said.append(f"onset at {onset.replace(' a', ' years')}")
    if condition.get("contributedToDeath") is True:
        said.append("contributed to death")
    outcome = wording(condition.get("outcome"), scene.words)
    if outcome:
        said.append(outcome.lower())
    return f" ({', '.join(said)})" if said else ""
