"""`docs/integrators/prefetch.md`, made from the service definitions.

`python -m cds_hooks.services.prefetch_page > docs/integrators/prefetch.md` writes it again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from cds_hooks.services import REGISTRY, ServiceDefinition

__all__ = ["prefetch_page"]

_HEAD = """\
# The services and their prefetch, to type in by hand

Made from the service definitions; a test keeps it equal to what discovery says.

Some EHRs never read discovery: somebody enters the endpoint and the prefetch queries into the EHR's
own records. This page has what to enter. Rules that save a day:

- The endpoint is the base URL you run the service under, then the path given below, exactly.
- Keys are case-sensitive. Type each query in one line, with no space in it.
- `{{context.patientId}}` and `{{context.encounterId}}` are filled in by the EHR.
- Only keys marked *required* must be had. Leave out what your EHR does not offer: the service reads
  what is missing from the FHIR server if it is given `fhirServer` and a token, and otherwise says
  in the card what was not available. Leaving a key out is better than sending an empty one.
- Keys that are not listed here are ignored.
- A query may be made narrower (a smaller `_count`, a `date=ge...`), never wider.
"""


def prefetch_page(services: tuple[ServiceDefinition, ...] = REGISTRY) -> str:
    """The page in Markdown."""
    return "\n".join([_HEAD, *(line for service in services for line in _section(service))])


def _section(service: ServiceDefinition) -> Iterator[str]:
    yield f"## {service.title}\n"
    yield f"{service.description}\n"
    yield f"- hook: `{service.hook}` (version {service.on.version})"
    yield f"- path: `/cds-services/{service.id}`"
    yield f"- feedback path: `/cds-services/{service.id}/feedback`"
    yield f"- required context: {_fields(service)}\n"
    yield f"{service.usage_requirements}\n"
    yield "| key | query | gives | why |"
    yield "|---|---|---|---|"
    for template in service.templates:
        key = f"`{template.key}`" + (" (*required*)" if template.required else "")
        yield f"| {key} | `{template.query}` | {template.gives} | {template.why} |"
    yield ""


def _fields(service: ServiceDefinition) -> str:
    return ", ".join(f"`{name}`" for name in sorted(service.on.required))


if __name__ == "__main__":
    sys.stdout.write(prefetch_page())
