"""Checks of suggestions and their actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_hooks.conform.shapes import Problem, brief, is_text

__all__ = ["action_problems", "suggestion_problems"]

_BEHAVIORS = ("at-most-one", "any")


def suggestion_problems(card: Mapping[str, Any], where: str) -> Iterator[Problem]:
    """What is wrong with the suggestions of a card."""
    suggestions = card.get("suggestions", [])
    behavior = card.get("selectionBehavior")
    if (suggestions or "selectionBehavior" in card) and behavior not in _BEHAVIORS:
        yield Problem("card-selection-behavior", brief(behavior), where)
    if not isinstance(suggestions, list):
        yield Problem("card-suggestions", type(suggestions).__name__, f"{where}.suggestions")
        return
    for place, suggestion in enumerate(suggestions):
        yield from _suggestion(suggestion, f"{where}.suggestions[{place}]")
    chosen = [s for s in suggestions if isinstance(s, dict) and s.get("isRecommended") is True]
    if len(chosen) > 1 and behavior != "any":
        yield Problem("card-recommended", f"{len(chosen)} recommended", where)


def _suggestion(suggestion: Any, where: str) -> Iterator[Problem]:
    if not isinstance(suggestion, dict):
        yield Problem("card-suggestions", type(suggestion).__name__, where)
        return
    if not is_text(suggestion.get("label")):
        yield Problem("card-suggestions", "no label", where)
    if not isinstance(suggestion.get("uuid", ""), str):
        yield Problem("card-suggestions", "a uuid that is no text", where)
    if not isinstance(suggestion.get("isRecommended", False), bool):
        yield Problem("card-suggestions", "isRecommended is no boolean", where)
    actions = suggestion.get("actions", [])
    if not isinstance(actions, list):
        yield Problem("card-actions", type(actions).__name__, f"{where}.actions")
        return
    for place, action in enumerate(actions):
        for said in action_problems(action, described=True):
            yield Problem("card-actions", said, f"{where}.actions[{place}]")


def action_problems(action: Any, *, described: bool) -> Iterator[str]:
    """What an action lacks, in words; `described` where a description is required."""
    if not isinstance(action, dict):
        yield type(action).__name__
        return
    kind = action.get("type")
    if kind not in ("create", "update", "delete"):
        yield f"type: {brief(kind)}"
    if described and not is_text(action.get("description")):
        yield "no description"
    resource = action.get("resource")
    if kind in ("create", "update") and not _is_resource(resource):
        yield "no resource"
    # A text in `resource` of a delete is deprecated and still allowed.
    if kind == "delete" and not is_text(action.get("resourceId")) and not resource:
        yield "no resourceId"


def _is_resource(value: Any) -> bool:
    return isinstance(value, dict) and is_text(value.get("resourceType"))
