"""The hooks of the library, and a request for each about the synthetic patient."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from cds_hooks.cds_client.requests import filled_prefetch, place_in_time
from cds_hooks.protocol.hooks import USER_TOKENS

__all__ = ["HOOKS", "PATIENT_ID", "USER_TOKENS", "LibraryHook", "request_for"]

PATIENT_ID = "conform-patient"


@dataclass(frozen=True, slots=True)
class LibraryHook:
    """`tokens` may stand in prefetch templates; `context` as written in hooks.toml."""

    tokens: frozenset[str]
    context: Mapping[str, Any]


def _read() -> dict[str, LibraryHook]:
    raw = tomllib.loads(files("cds_hooks.conform").joinpath("hooks.toml").read_text("utf-8"))
    return {
        name: LibraryHook(frozenset(row["tokens"]), row["context"])
        for name, row in raw.items()
        if name != "version"
    }


HOOKS: Mapping[str, LibraryHook] = _read()


def request_for(
    hook: str, prefetch: Mapping[str, str], *, instance: str, now: datetime
) -> dict[str, Any]:
    """A hook request about the synthetic patient, with every template of `prefetch` filled.

    `instance` is the hookInstance. Raises KeyError for a hook that the library does not know.
    """
    resources = [place_in_time(r, now) for r in _patient()]
    context = {name: _field(text, resources) for name, text in HOOKS[hook].context.items()}
    return {
        "hook": hook,
        "hookInstance": instance,
        "context": context,
        "prefetch": filled_prefetch(prefetch, resources, context),
    }


def _field(text: Any, resources: list[dict[str, Any]]) -> Any:
    """A context field; what hooks.toml writes as words becomes the resources it speaks of."""
    words = text.split() if isinstance(text, str) else []
    if words[:1] == ["one"]:
        return _of_type(resources, words[1])[0]
    if words[:2] == ["bundle", "of"]:
        found = _of_type(resources, words[2], draft="draft" in words)
        entries = [{"resource": resource} for resource in found]
        return {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return text


def _of_type(
    resources: list[dict[str, Any]], kind: str, *, draft: bool = False
) -> list[dict[str, Any]]:
    found = [r for r in resources if r["resourceType"] == kind]
    return [r for r in found if (r.get("status") == "draft") == draft]


@cache
def _patient() -> tuple[dict[str, Any], ...]:
    raw = orjson.loads(files("cds_hooks.conform").joinpath("patient.json").read_bytes())
    return tuple(entry["resource"] for entry in raw["entry"])
