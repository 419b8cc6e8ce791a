"""What a service is: its place in discovery and the prefetch it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from cds_hooks.protocol.discovery import Discovery, ServiceEntry
from cds_hooks.protocol.hooks import Hook
from cds_hooks.protocol.prefetch_template_rules import template_problems

__all__ = ["STARTED", "PrefetchTemplate", "ServiceDefinition", "discovery_of"]

STARTED = "org.chartside.started"
"""The extension of the answer in which a service that only starts work tells the outcome so far."""


@dataclass(frozen=True, slots=True)
class PrefetchTemplate:
    """One prefetch key: the query, what it `gives` and why it is wanted, in a reader's words.

    Without a `required` key the service cannot answer; without any other it answers with less.
    """

    key: str
    query: str
    gives: str
    why: str
    required: bool = False


@dataclass(frozen=True)
class ServiceDefinition:
    """One service on one hook. Refuses templates that 2.0.1 does not let it publish.

    One that `only_starts` begins the work and answers with no card at once, whatever was found. One
    that `checks_new_problems` asks no model: it checks what was just entered against the chart.
    """

    id: str
    on: Hook
    title: str
    description: str
    usage_requirements: str
    templates: tuple[PrefetchTemplate, ...]
    only_starts: bool = False
    checks_new_problems: bool = False

    def __post_init__(self) -> None:
        keys = [template.key for template in self.templates]
        if len(set(keys)) < len(keys):
            raise ValueError(f"{self.id}: a prefetch key is there twice")
        for template in self.templates:
            for problem in template_problems(template.query, self.on):
                raise ValueError(f"{self.id}: the template of {template.key} {problem}")

    @property
    def hook(self) -> str:
        """The hook's name."""
        return self.on.name

    @cached_property
    def prefetch(self) -> MappingProxyType[str, str]:
        """Key to template, as discovery publishes them."""
        return MappingProxyType({t.key: t.query for t in self.templates})

    @cached_property
    def required(self) -> frozenset[str]:
        """The keys without which the service cannot answer (412)."""
        return frozenset(t.key for t in self.templates if t.required)

    def entry(self) -> ServiceEntry:
        """This service in discovery."""
        return ServiceEntry(
            id=self.id,
            hook=self.hook,
            title=self.title,
            description=self.description,
            usage_requirements=self.usage_requirements,
            prefetch=self.prefetch,
            hook_version=self.on.version,
        )


def discovery_of(definitions: tuple[ServiceDefinition, ...]) -> Discovery:
    """The discovery answer for some services, each with an id of its own.

    The specification lets one id stand for several hooks, but clients that key services by URL
    (the CDS Hooks Sandbox among them) then call only the last one.
    """
    ids = [definition.id for definition in definitions]
    if len(set(ids)) < len(ids):
        raise ValueError("two services have the same id")
    return Discovery(tuple(definition.entry() for definition in definitions))
