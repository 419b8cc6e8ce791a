"""`docs/settings.md`, made from the settings themselves: `python -m` this module prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from cds_hooks.settings import environment_name, known_keys
from cds_hooks.settings.kinds import Section

__all__ = ["page"]

_HEAD = """\
# Settings

One TOML file (`chartside serve --config FILE`) with the environment on top. Every key has a
default that suits the demo profile on one machine; `deploy/chartside.toml` names them all.

- A key that is not known is an error that names it and the nearest one that is, in the file and
  among environment variables that begin with `CHARTSIDE_`.
- In the environment a list is JSON or separated by commas, and an empty text is "unset".
- A relative path in the file starts at the file's folder; one in the environment at the working
  directory.
- A default path (`build/...`) is in the checkout that the command was installed from, wherever it
  is called. Of a package that is installed without a checkout, model, names and terminology are in
  `/usr/share/chartside`. What the service writes (`build/records`, `build/cache`) is then, and in a
  checkout in which this user may not write, in the user's own folders: records in
  `$XDG_STATE_HOME/chartside` (`~/.local/state/chartside`), the cache in `$XDG_CACHE_HOME/chartside`
  (`~/.cache/chartside`). Where `store.path` names a file and `store.site_key` nothing, the key is
  `site.key` beside that file.
- No setting is a secret. Keys and passwords are in files of their own, which settings name.
- The service listens beyond loopback only with `[[clients]]` and `[tls]` or `[proxy]`
  (docs/integrators/clients.md); the `production` profile starts only when nothing is missing, and
  says what is.
"""
_NAMES = {str: "text", int: "number", float: "number", bool: "true, false", Path: "path"}


def page() -> str:
    """The whole page, as Markdown."""
    return _HEAD + "".join(_lines())


def _lines() -> Iterator[str]:
    last = ""
    for key, field in known_keys():
        section = key.partition(".")[0] if "." in key else "at the top"
        if section != last:
            title = f"[{section}]" if "." in key else "At the top"
            yield f"\n## {title}\n\n| key | environment | kind | default | what it is |\n"
            yield "|---|---|---|---|---|\n"
            last = section
        cells = (f"`{key}`", f"`{environment_name(key)}`", _kind(field.annotation))
        yield f"| {' | '.join((*cells, _default(field), str(field.description)))} |\n"


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin is Literal:
        return ", ".join(map(str, get_args(annotation)))
    if origin is Mapping:
        return "table"
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "tables"
    if origin is tuple:
        return f"list of {_kind(get_args(annotation)[0])}"
    if isinstance(annotation, UnionType) or origin is not None:
        inner = [each for each in get_args(annotation) if each is not NoneType]
        return f"{_kind(inner[0])} or unset"
    return _NAMES.get(annotation, "text")


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value in ("", (), {}):
        return "unset" if value is None else "empty"
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.stdout.write(page())
