"""Prefetch templates: the subset of FHIR queries and tokens that 2.0.1 lets a service publish.

Source: CDS Hooks 2.0.1, Prefetch Template, Prefetch tokens, Prefetch query restrictions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cds_hooks.protocol.hooks import USER_TOKENS, Hook

__all__ = ["LONGEST_TEMPLATE", "template_problems"]

LONGEST_TEMPLATE = 200
"""Characters. Very long templates fail at clients (cds-hooks/sandbox #47: URI length)."""

_TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
_VALUE = r"[^&=?#/{}\s]+"
_READ = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]+")
_SEARCH = re.compile(rf"[A-Z][A-Za-z]+\?{_VALUE}={_VALUE}(?:&{_VALUE}={_VALUE})*")
_NAME = re.compile(r"[a-z][a-z-]*(:in)?|_count|_sort")
_OTHER_PREFIX = re.compile(r"(ne|sa|eb|ap)\d")


def template_problems(template: str, hook: Hook) -> list[str]:
    """What is wrong with a template of a service on `hook`; empty when it may be published."""
    return list(_problems(template, hook))


def _problems(template: str, hook: Hook) -> Iterator[str]:
    if len(template) > LONGEST_TEMPLATE:
        yield f"is longer than {LONGEST_TEMPLATE} characters"
    for token in _TOKEN.findall(template):
        if token not in USER_TOKENS and token.removeprefix("context.") not in _tokens(hook, token):
            yield f"has a token that the hook does not offer: {token}"
    filled = _TOKEN.sub("x", template)
    if template == "{{context.userId}}" or _READ.fullmatch(filled):
        return
    if not _SEARCH.fullmatch(filled):
        yield "is neither a read nor a search relative to the FHIR server"
        return
    yield from _query_problems(filled.partition("?")[2])


def _tokens(hook: Hook, token: str) -> frozenset[str]:
    return hook.tokens if token.startswith("context.") else frozenset()


def _query_problems(query: str) -> Iterator[str]:
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if not _NAME.fullmatch(name):
            yield f"uses {name}, which is outside the recommended subset"
        elif name == "_count" and not value.isdecimal():
            yield "has a _count that is no number"
        elif _OTHER_PREFIX.match(value):
            yield f"compares {name} with a prefix outside eq, lt, gt, ge, le"
