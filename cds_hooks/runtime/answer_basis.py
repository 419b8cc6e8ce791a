"""What the answers of this service rest on: for each record, and once for the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any

import orjson

from cds_hooks.audit import Store
from cds_hooks.consult.rule_tables import rule_tables, tables_digest
from cds_hooks.consultation import Basis, Sampling
from cds_hooks.runtime.operator import user_fields
from cds_hooks.runtime.verifying import verifier_digest
from cds_hooks.section import Section
from cds_hooks.settings import Settings
from prompts import Template

__all__ = ["TABLES_LOADED", "answer_basis", "tables_record", "terminology_digest"]

TABLES_LOADED = "tables-loaded"

# Sections whose settings bear on what a card says.
_BEARING = (
    "services",
    "model",
    "model_server",
    "panel",
    "cards",
    "fhir",
    "terminology",
    "verifier",
)
_LONGEST = 200
_DIGITS = 16


def answer_basis(
    settings: Settings,
    template: Template,
    terminology: Mapping[str, str],
    *,
    samples: int,
    names: bool,
) -> Basis:
    """The basis of every consultation under these settings; `terminology` as compiled."""
    sampling = Sampling(
        samples=samples,
        temperature=settings.model.temperature,
        seed=settings.model.seed,
        max_tokens=template.settings.max_output_tokens,
        names=names,
    )
    return Basis(
        version=version("chartside"),
        tables_sha256=tables_digest(rule_tables()),
        terminology_sha256=terminology_digest(terminology),
        sampling=sampling,
        settings=dict(
            pair for name in _BEARING for pair in _changed(name, getattr(settings, name))
        ),
        verifier_sha256=verifier_digest(settings),
    )


def terminology_digest(compiled: Mapping[str, str]) -> str:
    """SHA-256 over what the compiler recorded of its sources."""
    return hashlib.sha256(orjson.dumps(dict(compiled), option=orjson.OPT_SORT_KEYS)).hexdigest()


def tables_record(
    settings: Settings, terminology: Mapping[str, str]
) -> Callable[[Store], Awaitable[None]]:
    """Makes a ledger record of each table's version and digest, unless the last one is the same."""
    return partial(_record_tables, terminology, user_fields(settings))


async def _record_tables(
    terminology: Mapping[str, str], who: Mapping[str, str], store: Store
) -> None:
    tables = rule_tables()
    digests = {
        "tables_sha256": tables_digest(tables),
        "terminology_sha256": terminology_digest(terminology),
    }
    last = await store.ledger.last_record(TABLES_LOADED)
    before = orjson.loads(last).get("details", {}) if last else {}
    if {name: before.get(name) for name in digests} == digests:
        return
    told = {name: f"{each.version} {each.sha256[:_DIGITS]}" for name, each in tables.items()}
    compiled = dict(terminology)
    changed = _differing(before, tables=told, terminology=compiled) if before else {}
    await store.record_event(
        TABLES_LOADED, tables=told, terminology=compiled, **digests, **changed, **who
    )


def _differing(before: Mapping[str, Any], **now: Mapping[str, str]) -> dict[str, list[str]]:
    """The names that are new, gone or other than in the record before."""
    changed = [
        f"{kind}.{name}"
        for kind, values in now.items()
        for name in sorted({*values, *before.get(kind, {})})
        if values.get(name) != before.get(kind, {}).get(name)
    ]
    return {"changed": changed}


def _changed(name: str, section: Section) -> list[tuple[str, str]]:
    """Settings of a section that differ from their defaults, without paths, as JSON text."""
    fields, told = type(section).model_fields, section.model_dump(mode="json")
    return [
        (f"{name}.{key}", _text(told[key]))
        for key, field in fields.items()
        if (value := getattr(section, key)) != field.get_default(call_default_factory=True)
        and not _is_path(key, value)
    ]


def _is_path(key: str, value: Any) -> bool:
    return hasattr(value, "__fspath__") or key == "path"


def _text(value: Any) -> str:
    """JSON; of a long one its digest."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    if len(text) <= _LONGEST:
        return text.decode()
    return f"sha256:{hashlib.sha256(text).hexdigest()}"
