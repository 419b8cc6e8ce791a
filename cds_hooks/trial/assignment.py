"""Which hooks are silent: of a service whose mode says so, or of an encounter that was drawn.

The draw is a keyed hash, so it needs no memory: the same encounter is drawn alike at every hook, in
every process, after every restart. Nobody without the site's key can tell or choose what is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cds_hooks.services import ServiceDefinition

__all__ = ["Mode", "SilentTrial", "Subject", "draw", "silent_services"]

_PURPOSE = "trial-assignment"
# 52 bits: a double holds every such fraction exactly.
_HEX_DIGITS = 13


class Mode(StrEnum):
    """Whether a service shows its cards, or is answered without any and only recorded."""

    CARDS = "cards"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a hook is about: bare ids, "" where it names none. `scope` is within what these ids are
    one patient's (`consult.terms.patient_scope`): tenants may share an id."""

    scope: str = field(repr=False)
    encounter: str = field(default="", repr=False)
    patient: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SilentTrial:
    """Decides which hooks are silent.

    `services` are ids of services that always are; of the others a `share` (0 to 1) of encounters
    is. `digest` makes keyed hashes; another `name` draws again.
    """

    digest: Callable[..., str]
    services: frozenset[str] = frozenset()
    share: float = 0.0
    name: str = ""

    def is_silent(self, service_id: str, subject: Subject) -> bool:
        """Whether a hook of a service about `subject` is answered without cards.

        A hook without an encounter is drawn by its patient; one with neither is silent as soon as
        any share is, since nobody can tell which it belongs to.
        """
        if service_id in self.services:
            return True
        if self.share <= 0.0:
            return False
        if not subject.encounter and not subject.patient:
            return True
        return draw(self.digest, subject, self.name) < self.share

    def may_be_silent(self, service_id: str) -> bool:
        """Whether some or all hooks of a service are silent."""
        return service_id in self.services or self.share > 0.0


def draw(digest: Callable[..., str], subject: Subject, name: str = "") -> float:
    """A number from 0 up to but not including 1 for an encounter, or a patient without one."""
    kind = "encounter" if subject.encounter else "patient"
    id_ = subject.encounter or subject.patient
    hashed = digest(_PURPOSE, name, kind, subject.scope.rstrip("/"), id_)
    digits = hashed.rpartition(":")[2][:_HEX_DIGITS]
    return float(int(digits, 16) / 16**_HEX_DIGITS)


def silent_services(
    services: Iterable[ServiceDefinition], mode: Mode, by_service: Mapping[str, Mode]
) -> frozenset[str]:
    """The ids of services that are always silent.

    One that only starts work makes answers for the services that show them: where one of those is
    silent, it is silent too, or its answers could be read.
    """
    offered = tuple(services)
    named = {each.id for each in offered if by_service.get(each.id, mode) is Mode.SILENT}
    showing = {each.id for each in offered if not (each.only_starts or each.checks_new_problems)}
    starting = {each.id for each in offered if each.only_starts}
    return frozenset(named | (starting if named & showing else set()))
