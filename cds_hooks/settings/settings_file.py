"""Changes of a settings file's text that keep its comments, its order and its mode.

Only whole tables are added, and items to lists that stand on one line. Whatever the text looks
like, the result is parsed again and must hold exactly what was there and what was added.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cds_hooks.settings.errors import SettingsError

__all__ = ["FileNotChanged", "as_toml", "replace_text", "with_client"]

_EMPTY_CLIENTS = re.compile(r"^clients[ \t]*=[ \t]*\[[ \t]*\][^\n]*\n", re.MULTILINE)
_FHIR_TABLE = re.compile(r"^\[fhir\][ \t]*(#[^\n]*)?$", re.MULTILINE)
_NEXT_TABLE = re.compile(r"^\[", re.MULTILINE)
_BASES = re.compile(r"^(allowed_bases[ \t]*=[ \t]*\[)([^\]\n]*)(\][^\n]*)$", re.MULTILINE)


class FileNotChanged(SettingsError):
    """The settings file cannot be changed without a person's eye; it is as it was."""

    code = "settings-file-not-changed"


def as_toml(name: str, table: Mapping[str, Any]) -> str:
    """A table of texts, numbers and lists of texts, as `[name]` or `[[name]]` with its keys."""
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
    return "\n".join([name, *lines]) + "\n"


def with_client(text: str, entry: Mapping[str, Any], bases: tuple[str, ...] = ()) -> str:
    """The text with a `[[clients]]` table at its end, and its FHIR servers among the allowed ones.

    Raises FileNotChanged for a text that is no TOML or in which that cannot be done.
    """
    before = _parsed(text)
    wanted = _with_bases(before, bases)
    wanted["clients"] = [*wanted.get("clients", []), dict(entry)]
    changed = _EMPTY_CLIENTS.sub("", text) if before.get("clients") == [] else text
    changed = _bases_added(changed, before, bases)
    changed = f"{changed.rstrip()}\n\n{as_toml('[[clients]]', entry)}".lstrip("\n")
    if _same(changed, wanted):
        return changed
    told = as_toml("[[clients]]", entry).replace("\n", "; ")
    hint = f"Add it by hand: {told}"
    if bases:
        hint += f"and to [fhir]: allowed_bases = {json.dumps(list(bases))}."
    raise FileNotChanged("the file's form cannot be added to", where="clients", hint=hint)


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        hint = f"{error}."
        raise FileNotChanged("the settings file is not TOML", hint=hint) from None


def _same(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except (tomllib.TOMLDecodeError, RecursionError):
        return False


def _with_bases(before: Mapping[str, Any], bases: tuple[str, ...]) -> dict[str, Any]:
    fhir = before.get("fhir", {})
    missing = _missing(before, bases)
    if not missing or not isinstance(fhir, dict):
        return dict(before)
    listed = fhir.get("allowed_bases", [])
    return {**before, "fhir": {**fhir, "allowed_bases": [*listed, *missing]}}


def _missing(before: Mapping[str, Any], bases: tuple[str, ...]) -> list[str]:
    fhir = before.get("fhir", {})
    known = fhir.get("allowed_bases", []) if isinstance(fhir, dict) else []
    return [base for base in bases if base not in known]


def _bases_added(text: str, before: Mapping[str, Any], bases: tuple[str, ...]) -> str:
    missing = _missing(before, bases)
    if not missing:
        return text
    table = _FHIR_TABLE.search(text)
    if table is None:
        return f"{text.rstrip()}\n\n{as_toml('[fhir]', {'allowed_bases': missing})}"
    following = _NEXT_TABLE.search(text, table.end())
    ends = following.start() if following else len(text)
    body = text[table.end() : ends]
    items = ", ".join(json.dumps(each, ensure_ascii=False) for each in missing)
    if _BASES.search(body):
        body = _BASES.sub(lambda found: _joined(found, items), body, count=1)
    else:
        body = f"\nallowed_bases = [{items}]{body}"
    return text[: table.end()] + body + text[ends:]


def _joined(found: re.Match[str], items: str) -> str:
    listed = found[2].strip().rstrip(",")
    return f"{found[1]}{f'{listed}, ' if listed else ''}{items}{found[3]}"


def replace_text(path: Path, text: str) -> None:
    """Write a file that is there, whole or not at all, with the owner and the mode that it has.

    Raises OSError.
    """
    path = path.resolve()
    had = path.stat()
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), stat.S_IMODE(had.st_mode))
            if (had.st_uid, had.st_gid) != (os.getuid(), os.getgid()):
                os.fchown(file.fileno(), had.st_uid, had.st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
