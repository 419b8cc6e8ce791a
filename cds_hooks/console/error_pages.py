"""The page that a browser gets where something went wrong: what happened, and what to do."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from cds_hooks.app import ErrorPage
from cds_hooks.console.rendering import make_page
from cds_hooks.console.site import Site
from cds_hooks.errors import ChartsideError
from prompts import visible

__all__ = ["error_page_of"]

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}", re.ASCII)
_DEEPEST = 12
_HOUR_S, _DAY_S = 3600.0, 86_400.0


class _Text(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1)
    what: str
    todo: str


class _Texts(BaseModel):
    """`error_texts.toml`: by an error's code, else by its status."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    codes: Mapping[str, _Text]
    statuses: Mapping[str, _Text]


@cache
def _texts() -> _Texts:
    text = files(__package__).joinpath("error_texts.toml").read_text("utf-8")
    return _Texts.model_validate(tomllib.loads(text))


def error_page_of(site: Site) -> ErrorPage:
    """Pages of errors for this site; nothing of a request is shown but the exchange's id."""

    def page(error: ChartsideError, path: str, request_id: str) -> Response:
        return make_page(
            site,
            "errors/page.html.j2",
            here="",
            root=_root(path),
            text=_text(error, site),
            add=_lines(getattr(error, "add", "")),
            code=error.code,
            request_id=request_id if _ID.fullmatch(request_id) else "",
        )

    return page


def _text(error: ChartsideError, site: Site) -> _Text:
    """Ours where there is one; else the error's own words."""
    known = _texts()
    kind = getattr(error, "page_text", error.code)
    text = (
        known.codes.get(error.code)
        or known.codes.get(kind)
        or known.statuses.get(str(error.status))
    )
    if text is None:
        message = visible(error.message)
        return _Text(
            title=message[:1].upper() + message[1:], what="", todo=visible(error.hint or "")
        )
    return text.model_copy(update={"what": text.what.format(link_time=_time(site.link_s))})


def _lines(text: str) -> str:
    return "\n".join(visible(line) for line in text.splitlines())


def _time(seconds: float) -> str:
    """ "24 hours", "30 minutes"."""
    if seconds >= 2 * _DAY_S:
        return f"{seconds / _DAY_S:.0f} days"
    if seconds >= _HOUR_S:
        hours = round(seconds / _HOUR_S)
        return f"{hours} hour{'' if hours == 1 else 's'}"
    minutes = max(round(seconds / 60), 1)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def _root(path: str) -> str:
    """The way from a path to the service's root, for relative addresses."""
    depth = path.count("/") - 1
    return "../" * depth if 0 <= depth <= _DEEPEST else "/"
