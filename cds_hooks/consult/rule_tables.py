"""The tables that an answer depends on besides the code: rules, words, what is read in text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["RuleTable", "rule_tables", "table_of", "tables_digest"]

_PLACES = {
    "plausibility": ("cds_hooks.plausibility", "data"),
    "cards": ("cds_hooks.cards", "data"),
    "mapping": ("fhir_mapping", "tables"),
}
_VERSION = re.compile(rb'^version = "?([\w.-]+)', re.MULTILINE)
_NAMED = re.compile(r'^\s*(?:id|source) = "([^"]+)"$', re.MULTILINE)
_SUFFIXES = (".toml", ".csv", ".j2")
# Sources of the compiled terminology, which tells its own digests.
_COMPILED = frozenset(
    f"plausibility.{name}"
    for name in ("disease_ontology", "mesh_descriptors", "mesh_others", "mondo")
)


@dataclass(frozen=True, slots=True)
class RuleTable:
    """One shipped table: its version, "" where it has none, and its SHA-256 in hexadecimal."""

    version: str
    sha256: str


@cache
def rule_tables() -> Mapping[str, RuleTable]:
    """Every table by a dotted name (`plausibility.chart_rules.heart`)."""
    return {
        name: _table(file)
        for begin, (package, folder) in _PLACES.items()
        for name, file in _below(files(package).joinpath(folder), begin)
        if name not in _COMPILED
    }


def tables_digest(tables: Mapping[str, RuleTable]) -> str:
    """SHA-256 over the names and digests of tables."""
    whole = hashlib.sha256()
    for name, table in sorted(tables.items()):
        whole.update(f"{name}\0{table.sha256}\n".encode())
    return whole.hexdigest()


def _below(folder: Traversable, begin: str) -> Iterator[tuple[str, Traversable]]:
    for each in sorted(folder.iterdir(), key=lambda found: found.name):
        stem, dot, suffix = each.name.partition(".")
        if each.is_dir() and not each.name.startswith("_"):
            yield from _below(each, f"{begin}.{each.name}")
        elif f"{dot}{suffix.rpartition('.')[2]}" in _SUFFIXES:
            yield f"{begin}.{stem}", each


def _table(file: Traversable) -> RuleTable:
    data = file.read_bytes()
    found = _VERSION.search(data[:4000]) if file.name.endswith(".toml") else None
    return RuleTable(found[1].decode() if found else "", hashlib.sha256(data).hexdigest())


@cache
def _defined() -> Mapping[str, str]:
    """The table of rules that defines an id, and the one that quotes a source."""
    found: dict[str, str] = {}
    folder = files(_PLACES["plausibility"][0]).joinpath(_PLACES["plausibility"][1])
    for name, file in _below(folder, "plausibility"):
        if file.name.endswith(".toml") and not name.endswith((".references", ".words")):
            for text in _NAMED.findall(file.read_text("utf-8")):
                found.setdefault(text, name)
    return found


def table_of(rule: str, source: str = "") -> str:
    """The table that a rule is in, by its id or else by the source that it quotes; "" for what is
    code."""
    return _defined().get(rule) or _defined().get(source, "")
