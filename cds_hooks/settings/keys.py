"""Keys by name, in the file and in the environment."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from cds_hooks.section import Section
from cds_hooks.settings.schema import Settings

__all__ = ["PREFIX", "environment_name", "known_keys"]

PREFIX = "CHARTSIDE_"


def known_keys() -> Iterator[tuple[str, FieldInfo]]:
    """Every key, as `section.key`, with what is known of it."""
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Section):
            fields = type(field.default).model_fields
            yield from ((f"{name}.{key}", inner) for key, inner in fields.items())
        else:
            yield name, field


def environment_name(key: str) -> str:
    """`CHARTSIDE_SERVER__PORT` for `server.port`."""
    return PREFIX + key.replace(".", "__").upper()
