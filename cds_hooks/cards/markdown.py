"""The Markdown templates. Every value a template prints is escaped, whether it asks or not."""

from __future__ import annotations

import re
from functools import cache

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cds_hooks.cards.escape import escape

__all__ = ["markdown"]

_BLANK_LINES = re.compile(r"\n{3,}")


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=jinja2.PackageLoader("cds_hooks.cards", "data"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # HTML's escaping is the wrong one for Markdown; `finalize` is ours.
        finalize=escape,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def markdown(template: str, **values: object) -> str:
    """`data/{template}.md.j2` rendered; `values` are raw, only the template itself is markup."""
    text = _environment().get_template(f"{template}.md.j2").render(**values)
    return _BLANK_LINES.sub("\n\n", text).strip()
