"""The list of record types is what the code writes: nothing is missing, nothing is invented."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cds_hooks.audit.ledger.record_types import RECORD_TYPES

ROOT = Path(__file__).resolve().parents[2] / "cds_hooks"
_KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# Calls whose first text is the type of a record, by the name that is called.
_WRITING = {"record_event", "happened", "_append", "_wrote", "_entry"}
_METHODS = {"record": "_edge", "_note": "self"}
_DIFFERENCES = "_WATCHED"
_WRITES = re.compile(
    r"record_event|happened\(|_append\(|_wrote\(|_entry\(|Entry\(|_note\(|_edge\.record|_WATCHED"
)
_CONSTANT = re.compile(r"^(_?[A-Z][A-Z_]*) = \"([a-z0-9-]+)\"$", re.MULTILINE)


@cache
def _texts() -> tuple[str, ...]:
    return tuple(file.read_text("utf-8") for file in ROOT.rglob("*.py"))


def _written() -> Iterator[str]:
    """Types in calls that write records, and constants that name one there."""
    named = dict(pair for text in _texts() for pair in _CONSTANT.findall(text))
    for text in _texts():
        if not _WRITES.search(text):
            continue
        for node in ast.walk(ast.parse(text)):
            for value in _types(node):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value
                elif isinstance(value, ast.Name) and value.id in named:
                    yield named[value.id]


def _types(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == _DIFFERENCES:
        assert isinstance(node.value, ast.Dict)
        yield from node.value.values
    if not isinstance(node, ast.Call):
        return
    name = ast.unparse(node.func).rpartition(".")[2]
    if name == "Entry":
        for keyword in node.keywords:
            if keyword.arg == "type":
                yield from _alternatives(keyword.value)
    owner = ast.unparse(node.func).rpartition(".")[0]
    if name == "of" and owner == "Entry":
        yield from _alternatives(node.args[0])
    if name in _WRITING or (name in _METHODS and owner.endswith(_METHODS[name])):
        yield from node.args[:3]


def _alternatives(value: ast.expr) -> list[ast.expr]:
    return [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]


def test_each_type_that_the_code_writes_is_listed_with_what_it_proves() -> None:
    written = {each for each in _written() if _KEBAB.fullmatch(each)}
    missing = written - RECORD_TYPES.keys()
    assert not missing, f"add to cds_hooks/audit/ledger/record_types.toml: {sorted(missing)}"
    assert len(written) > 25


def test_no_listed_type_is_of_something_that_nothing_writes() -> None:
    whole = "\n".join(_texts())
    assert [name for name in RECORD_TYPES if f'"{name}"' not in whole] == []


def test_a_record_of_destruction_is_told_as_such() -> None:
    found = {name for name, each in RECORD_TYPES.items() if each.destroys}
    assert found == {"records-dropped", "patient-erased"}
