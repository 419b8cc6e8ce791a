"""What a consultation rested on and what an answer would rest on today: the differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from cds_hooks.consultation import PreparedConsultation
from cds_hooks.replay.today import Today

__all__ = ["DECODING", "Change", "RecordedTables", "changes_since", "in_words"]

DECODING = (
    "threads", "prompt_threads", "batch", "micro_batch", "flash_attention", "kv_type", "swa",
    "gpu_layers", "split_mode", "tensor_split", "main_gpu", "extra_buffers", "parallel", "tune",
    "portable_library",
)  # fmt: skip
"""Settings of a model that change no question, but may change the last bits of a logit."""

_CARDS = ("cards.", "services.speak", "services.silent")
_MAPPING = ("services.assessments", "fhir.version")
_SHORT = 16


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not what it was. `code` is stable: program, rules, terminology, template,
    model, engine, decoding, sampling, panel, cards, mapping, fact, setting or unrecorded."""

    code: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RecordedTables:
    """The ledger's record of the tables behind a consultation: version and digest by name."""

    tables: Mapping[str, str] = field(default_factory=dict)
    terminology: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def find(cls, records: Sequence[bytes], done: PreparedConsultation) -> RecordedTables:
        """The one among the ledger's `tables-loaded` that a consultation names; else empty."""
        wanted = (done.basis.tables_sha256, done.basis.terminology_sha256)
        for data in reversed(records):
            told: Any = orjson.loads(data).get("details", {})
            if (told.get("tables_sha256"), told.get("terminology_sha256")) == wanted:
                return cls(told.get("tables", {}), told.get("terminology", {}))
        return cls()


def changes_since(
    done: PreparedConsultation, today: Today, recorded: RecordedTables
) -> tuple[Change, ...]:
    """All that changed since a consultation, as far as its record tells."""
    return (
        *_rules(done, today, recorded),
        *_template(done, today),
        *_verifier(done, today),
        *_model(done, today),
        *_settings(done, today),
    )


def in_words(change: Change) -> str:
    """`rules plausibility.scores.heart: 1 0a3b -> 2 77fe`."""
    before, after = (text or "none" for text in (change.before, change.after))
    return f"{change.code} {change.what}: {before} -> {after}"


def _rules(done: PreparedConsultation, today: Today, recorded: RecordedTables) -> Iterator[Change]:
    was, now = done.basis, today.basis
    if not was.tables_sha256:
        yield Change("unrecorded", "versions of rules and terminology", "", now.version)
        return
    if was.version != now.version:
        yield Change("program", "version", was.version, now.version)
    if was.tables_sha256 != now.tables_sha256:
        told = {name: f"{t.version} {t.sha256[:_SHORT]}" for name, t in today.tables.items()}
        found = list(_differing("rules", recorded.tables, told)) if recorded.tables else []
        whole = Change("rules", "tables", was.tables_sha256[:_SHORT], now.tables_sha256[:_SHORT])
        yield from found or [whole]
    if was.terminology_sha256 != now.terminology_sha256:
        versions = today.terminology.versions
        found = list(_differing("terminology", recorded.terminology, versions))
        digests = (was.terminology_sha256[:_SHORT], now.terminology_sha256[:_SHORT])
        yield from (
            found
            if recorded.terminology and found
            else [Change("terminology", "compiled from", *digests)]
        )


def _verifier(done: PreparedConsultation, today: Today) -> Iterator[Change]:
    was, now = done.basis.verifier_sha256, today.basis.verifier_sha256
    if was != now:
        yield Change("verifier", "file", was[:_SHORT], now[:_SHORT])


def _differing(code: str, one: Mapping[str, str], two: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys((*one, *two)):
        before, after = one.get(name, ""), two.get(name, "")
        if before != after:
            yield Change(code, name, before, after)


def _template(done: PreparedConsultation, today: Today) -> Iterator[Change]:
    if done.prompt is None:
        return
    was, now = done.prompt.template, today.template.ref
    if was != now:
        before, after = (f"{t.id}/{t.version} {t.sha256[:_SHORT]}" for t in (was, now))
        yield Change("template", "prompt", before, after)


def _model(done: PreparedConsultation, today: Today) -> Iterator[Change]:
    was = done.model
    if was is None:
        return
    sha256 = today.engine.model.sha256 if today.engine else today.model_sha256
    if sha256 and sha256 != was.sha256:
        yield Change("model", "digest", was.sha256[:_SHORT], sha256[:_SHORT])
    if today.engine is None:
        return
    now = today.engine.model
    if now.engine != was.engine:
        yield Change("engine", "build", was.engine, now.engine)
    for name in ("name", "demonstration"):
        before, after = (str(getattr(each, name)) for each in (was, now))
        if before != after:
            yield Change("model", name, before, after)


def _settings(done: PreparedConsultation, today: Today) -> Iterator[Change]:
    was, now = done.basis.sampling, today.sampling
    if was is not None:
        for name in ("samples", "temperature", "seed", "max_tokens", "names"):
            before, after = (str(getattr(each, name)) for each in (was, now))
            if before != after:
                yield Change("sampling", name, before, after)
    if done.basis.tables_sha256:
        for found in _differing("setting", done.basis.settings, today.basis.settings):
            if code := _code_of(found.what):
                yield Change(code, found.what, found.before or "default", found.after or "default")


def _code_of(key: str) -> str:
    """What kind of setting a key is; "" for what `sampling` tells already."""
    section, _, name = key.partition(".")
    if section == "model" and name in ("seed", "temperature", "names_by_construction"):
        return ""
    if key == "services.samples":
        return ""
    if section == "model" and name in DECODING:
        return "decoding"
    if key in _MAPPING:
        return "mapping"
    if section in ("panel", "model_server"):
        return "panel"
    return "cards" if key.startswith(_CARDS) else "setting"
