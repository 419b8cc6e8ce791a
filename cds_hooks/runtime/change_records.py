"""What runs, compared with what the ledger last told of it: one record for each change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from cds_hooks.audit import Store
from cds_hooks.runtime.operator import user_fields
from cds_hooks.runtime.told_settings import CLIENTS, told_settings
from cds_hooks.settings import Settings

__all__ = ["ChangeRecords"]

_RUNNING = "running"
_CLIENTS, _SETTINGS = "clients-changed", "settings-changed"
_DIGEST = "settings_sha256"
# What is compared with the last start, and the record that a difference makes.
_WATCHED = {
    "version": "version-changed",
    "model_sha256": "model-changed",
    "template_sha256": "template-changed",
    "signing_key": "key-changed",
    "site_key": "key-changed",
}
# The names of what changed, for a reader of digests.
_NAMED = {"model_sha256": ("model_id", "model"), "template_sha256": ("template_id", "template")}


@dataclass(frozen=True, slots=True)
class _Known:
    """What runs, or ran: `facts` by name, `settings` by key (empty where no record has them)."""

    facts: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


class ChangeRecords:
    """Makes the records of changes. The first start records what runs (`running`); later ones
    record only what differs, each with this process's user of the operating system."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._last: _Known | None = None

    async def record(self, facts: Mapping[str, str]) -> None:
        """Record what differs from the last record, of this process once it made or read one:
        others may run beside it with other settings. Raises StoreUnavailable.
        """
        settings = self._last.settings if self._last else self._told()
        now = _Known(_watched(facts), settings)
        if self._last is not None and {**self._last.facts, **now.facts} == self._last.facts:
            return
        # A round that fails midway reads the ledger again, and records only what is missing there.
        before, self._last = self._last or await _last_known(self._store), None
        for type_, fields in _changes(before, now, facts):
            await self._store.record_event(type_, **fields, **user_fields(self._settings))
        now = replace(now, facts={**before.facts, **now.facts})
        if not before.settings or now.facts.keys() != before.facts.keys():
            await self._store.record_event(_RUNNING, **now.facts, settings=dict(now.settings))
        self._last = now

    def _told(self) -> dict[str, str]:
        return told_settings(self._settings, self._store.ledger.digest)


def _watched(facts: Mapping[str, str]) -> dict[str, str]:
    """What is compared of the facts, so far as it is known yet: a model is when it is loaded."""
    return {name: facts[name] for name in (*_WATCHED, _DIGEST) if facts.get(name)}


def _changes(
    before: _Known, now: _Known, facts: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records to make, each as its type and its fields."""
    for name, type_ in _WATCHED.items():
        if (told := _differs(before.facts, now.facts, name)) is not None:
            field_, fact = _NAMED.get(name, ("", ""))
            yield type_, {**told, **({field_: facts[fact]} if facts.get(fact) else {})}
    digests = _differs(before.facts, now.facts, _DIGEST)
    if not before.settings:  # a ledger that has only their digest
        if digests is not None:
            yield _SETTINGS, digests
        return
    changed = _changed(before.settings, now.settings)
    clients = {key: each for key, each in changed.items() if key.startswith(CLIENTS)}
    own = {key: each for key, each in changed.items() if key not in clients}
    if own:
        yield _SETTINGS, {**(digests or {"what": _DIGEST}), "changed": own}
    if clients:
        told = {"what": "clients", "changed": clients}
        yield _CLIENTS, {**told, "config_sha256": now.facts.get(_DIGEST, "")}


def _differs(before: Mapping[str, str], now: Mapping[str, str], name: str) -> dict[str, Any] | None:
    if not before.get(name) or not now.get(name) or before[name] == now[name]:
        return None
    return {"what": name, "before": before[name], "now": now[name]}


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Each key that differs: its value `before` and `now`, left out where there was or is none."""
    return {
        key: {
            when: values[key]
            for when, values in (("before", before), ("now", now))
            if key in values
        }
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key)
    }


async def _last_known(store: Store) -> _Known:
    """The last `running` record with the changes after it."""
    last = await store.ledger.last_record(_RUNNING)
    if last is None:
        return _Known()
    begun = orjson.loads(last)
    known = _of_running(begun)
    later = []
    for type_ in {*_WATCHED.values(), _SETTINGS, _CLIENTS}:
        later += [orjson.loads(data) for data in await store.ledger.records_of(type_)]
    for record in sorted(later, key=lambda each: each["seq"]):
        if record["seq"] > begun["seq"]:
            known = _with_change(known, record)
    return known


def _of_running(record: Mapping[str, Any]) -> _Known:
    """Fields that every record may have stand beside the details, where they are looked for too."""
    details = dict(record.get("details", {}))
    settings = details.pop("settings", {})
    beside = {name: record[name] for name in _WATCHED if isinstance(record.get(name), str)}
    return _Known({**details, **beside}, settings)


def _with_change(known: _Known, record: Mapping[str, Any]) -> _Known:
    details = record.get("details", {})
    facts, settings = dict(known.facts), dict(known.settings)
    if "now" in details:
        facts[details["what"]] = details["now"]
    if record.get("config_sha256"):
        facts[_DIGEST] = record["config_sha256"]
    for key, each in details.get("changed", {}).items():
        settings.pop(key, None)
        settings |= {key: each["now"]} if "now" in each else {}
    return _Known(facts, settings)
