"""Reading the tables of this package: what is not expected in them is an error that says where."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from importlib.resources.abc import Traversable
from typing import Any

from cds_hooks.errors import ChartsideError

__all__ = ["RelevanceError", "refuse_unknown_keys", "read_table", "text_list"]


class RelevanceError(ChartsideError):
    """A table of relevance does not say what it must, or says what nobody reads."""

    code = "relevance-table"
    status = 500


def read_table(file: Traversable) -> dict[str, Any]:
    """A table as it stands. Raises RelevanceError when it is no TOML, or has no version."""
    try:
        raw = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RelevanceError("the table is not readable", where=file.name, hint=_HINT) from error
    if not isinstance(raw.get("version"), str):
        raise RelevanceError("the table has no version", where=file.name, hint=_HINT)
    return raw


def refuse_unknown_keys(raw: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raises RelevanceError for the first key that is not known."""
    for name in raw:
        if name not in known:
            raise RelevanceError("unknown key", where=f"{where}: {name}", hint=_HINT)


def text_list(raw: Any, where: str) -> tuple[str, ...]:
    """A list of texts. Raises RelevanceError for anything else."""
    if not isinstance(raw, list) or not all(isinstance(t, str) for t in raw):
        raise RelevanceError("a list of texts is needed", where=where, hint=_HINT)
    return tuple(raw)


_HINT = "See docs/design/relevance.md for the form."
