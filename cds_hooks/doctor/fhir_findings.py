"""A FHIR server, its clock, and each prefetch template: from what was seen to findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cds_hooks.cds_client.server_chart import happened_and_todo
from cds_hooks.consultation import KeyState
from cds_hooks.doctor.findings import Finding, Level, find

__all__ = [
    "GOOD_STATES",
    "ServerSeen",
    "TemplateRead",
    "clock_finding",
    "server_finding",
    "template_finding",
    "time_finding",
]

_TEMPLATE, _SERVER = "prefetch-template", "fhir-server"
_KNOWN_VERSIONS = ("3.0", "4.0", "4.3", "5.0")

GOOD_STATES = frozenset({KeyState.FETCHED, KeyState.EMPTY})
"""A key that is there whole, or whose search found nothing."""


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """A CapabilityStatement: the `version` it tells, `code` of what failed, and the server's time
    less ours, in seconds (None: it told none)."""

    base: str
    version: str | None
    code: str
    ms: int
    skew_s: float | None


@dataclass(frozen=True, slots=True)
class TemplateRead:
    """What one template brought. `codes` say what was wrong, never a value."""

    key: str
    count: int
    state: KeyState | None
    codes: tuple[str, ...]
    ms: int
    required: bool = False


def clock_finding(server: str, skew_s: float, leeway_s: float) -> Finding:
    """A second is what HTTP's Date can tell: less than two are none."""
    off = abs(skew_s)
    level = Level.FAIL if off > leeway_s else Level.WARN if off > leeway_s / 2 else Level.PASS
    told = {"skew": f"{skew_s:+.0f}", "server": server, "leeway": f"{leeway_s:.0f}"}
    return find("clock", level if off >= 2 else Level.PASS, server, **told)


def server_finding(seen: ServerSeen) -> Finding:
    """By what its CapabilityStatement says."""
    if seen.code:
        words = happened_and_todo(seen.code)
        problem = f"{words['happened']} ({seen.code})"
        return find(_SERVER, Level.FAIL, seen.base, words["todo"], problem=problem)
    if not seen.version:
        problem = "its CapabilityStatement names no fhirVersion: the version is guessed by shape"
        mend = 'fhir.version = "R4"   # or what it speaks'
        return find(_SERVER, Level.WARN, seen.base, mend, problem=problem)
    if not seen.version.startswith(_KNOWN_VERSIONS):
        problem = f"FHIR {seen.version} is not read here: STU3, R4, R4B and R5 are"
        mend = "use the server's R4 base URL"
        return find(_SERVER, Level.FAIL, seen.base, mend, problem=problem)
    return find(_SERVER, Level.PASS, seen.base, version=seen.version, ms=seen.ms)


def template_finding(read: TemplateRead) -> Finding:
    """One that the service cannot do without fails; any other is a warning."""
    if read.state is None:
        problem = "it needs an encounter of the patient: --encounter ID"
        return find(_TEMPLATE, Level.UNCHECKED, read.key, problem=problem)
    told: dict[str, Any] = {
        "count": read.count,
        "state": read.state.value,
        "codes": ", ".join(read.codes),
        "ms": read.ms,
    }
    if read.state in GOOD_STATES and not (read.required and not read.count):
        return find(_TEMPLATE, Level.PASS, read.key, **told)
    mend = happened_and_todo(read.codes[0] if read.codes else "other")["todo"]
    partly = bool(read.count) and not read.required
    return find(_TEMPLATE, Level.WARN if partly else Level.FAIL, read.key, mend, **told)


def time_finding(seconds: float, within_s: float) -> Finding:
    """The whole chart as a hook reads it, beside what a hook has."""
    level = Level.WARN if seconds > within_s else Level.PASS
    told = {"seconds": f"{seconds:.2f}", "within": f"{within_s:g}"}
    proposed = f"{max(within_s, round(seconds * 1.5, 1)):g}"
    return find("fhir-in-time", level, "fhir.gather_within_s", proposed=proposed, **told)
