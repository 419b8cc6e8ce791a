"""`docs/integrators/what-clients-show.md`, made from the data of this package.

`python -m cds_hooks.console.ehr_views.clients_page > docs/integrators/what-clients-show.md` writes
it again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from cds_hooks.console.ehr_views.clients import Client, clients
from cds_hooks.console.ehr_views.findings import rows

__all__ = ["clients_page"]

_HEAD = """\
# What each EHR shows of a card, and what it sends

Made from `clients.toml` and `request_findings.toml` in `cds_hooks/console/ehr_views`; a test keeps
it equal to them. The console shows a real response in this way, with each remark beside the element
that it is about, and tells what a real request had that the specification does not allow.

Nothing here was tried in a hospital's system: it is what each client's documentation says. Where
that says nothing, neither does this page. Set-up: [Epic](epic.md),
[Oracle Health](oracle-health.md), [CDS Hooks Sandbox](cds-hooks-sandbox.md),
[any other EHR](any-other-ehr.md).
"""
_SENT = """\
## What clients send

`shall` breaks the specification (CDS Hooks 2.0.1); a `note` is allowed, or the specification is
silent and clients differ. This service reads all of it; another may not.

| level | what came | how it is read here | source |
|---|---|---|---|"""


def clients_page() -> str:
    """The page in Markdown."""
    shown = (line for client in clients().values() for line in _client(client))
    sent = (
        f"| {row.level} | {row.general or row.words} | {row.read} | {row.source} |"
        for row in rows().values()
    )
    return "\n".join([_HEAD, *shown, _SENT, *sent, ""])


def _client(client: Client) -> Iterator[str]:
    yield f"## {client.name}\n"
    hooks = ", ".join(f"`{hook}`" for hook in client.hooks) or "any"
    yield f"- hooks: {hooks}. {client.other_hooks}".rstrip()
    places = "; ".join(f"`{level}` {place}" for level, place in client.placement.items())
    yield f"- where a card appears: {places}"
    yield f"- order: {client.order_words}"
    yield f"- source: {client.source}\n"
    yield "| about | effect | what becomes of it | source |"
    yield "|---|---|---|---|"
    for rule in client.rules:
        what = rule.rule.replace("-", " ")
        yield f"| {what} | {rule.effect} | {rule.general or rule.words} | {rule.source} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(clients_page())
