"""Clients: what their EHR asks of these settings that the specification does not say.

One function a rule, from a client and the settings to a finding; the rules' words and sources are
in `client_rules.toml`. Nothing is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cds_hooks.addresses import is_loopback
from cds_hooks.cards import TOPICS
from cds_hooks.doctor.context import Context
from cds_hooks.doctor.findings import Finding, Level, find
from cds_hooks.runtime.configs import services_of
from cds_hooks.settings import Settings
from cds_hooks.settings.schema import ClientEntry
from cds_hooks.trust.published import is_public_issuer

__all__ = ["ClientCase", "client_findings", "family_of"]

SANDBOX, ORACLE = "https://sandbox.cds-hooks.org", "https://cds-hooks.cerner.com"
_EPIC_HOOKS = frozenset({"patient-view", "order-select", "order-sign"})
_EPIC_TOKEN_S = 900.0
_LONGEST_ANSWER_S = 5.0
_ORACLE_JKUS = "https://authorization.cerner.com/jwk"
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]{1,100}")
_PROBLEM_CHECK = "chartside-problem-check-view"


@dataclass(frozen=True, slots=True)
class ClientCase:
    """A client beside the settings that it is answered with."""

    settings: Settings
    client: ClientEntry
    place: int

    @property
    def where(self) -> str:
        """The client's place in the settings and its name."""
        return f"clients.{self.place} ({self.client.name})"

    @property
    def profile(self) -> str:
        """How its cards are made."""
        return self.client.card_profile or self.settings.cards.profile

    @property
    def address(self) -> str:
        """The service as this client knows it; empty where nothing says."""
        server = self.settings.server
        return server.public_url.rstrip("/") or self._loopback()

    @property
    def endpoints(self) -> str:
        """URLs of the enabled services."""
        ids = self.settings.services.enabled
        return ", ".join(f"{self.address}/cds-services/{each}" for each in ids)

    def _loopback(self) -> str:
        server = self.settings.server
        here = server.host == "localhost" or _is_loopback(server.host)
        return f"http://{server.host}:{server.port}" if here else ""

    def found(self, name: str, *, level: Level, **values: object) -> Finding:
        """A finding about this client."""
        return find(name, level, self.where, **values)  # type: ignore[arg-type]

    def judged(self, name: str, good: bool, bad: Level, **values: object) -> Finding:
        """It passes, or not."""
        return self.found(name, level=Level.PASS if good else bad, **values)


Rule = Callable[[ClientCase], Finding]


async def client_findings(context: Context) -> list[Finding]:
    """Every rule of each client's family, and those of all; nothing without a client."""
    settings = context.settings
    cases = [ClientCase(settings, each, place) for place, each in enumerate(settings.clients)]
    return [found for case in cases for found in _findings(case)]


def family_of(case: ClientCase) -> str:
    """epic, oracle, sandbox or generic: by the issuer where it tells, else by the card profile."""
    if is_public_issuer(case.client.issuer) or case.profile == "sandbox":
        return "sandbox"
    if _host(case.client.issuer).endswith(".cerner.com") or case.profile == "oracle":
        return "oracle"
    # Epic on FHIR: [base]/api/FHIR/R4, whatever comes before it.
    is_epic = "/api/fhir/" in f"{case.client.issuer.lower()}/" or case.profile == "epic"
    return "epic" if is_epic else "generic"


def _findings(case: ClientCase) -> Iterator[Finding]:
    return (rule(case) for rule in (*_OF_ALL, *_OF_FAMILY[family_of(case)]))


def _audience(case: ClientCase) -> Finding:
    """What a person types as `aud` where the EHR does not take the URL that it calls."""
    if own := case.client.audiences:
        rest = f", or another of {len(own)}" if len(own) > 1 else ""
        return case.judged("client-audience", True, Level.FAIL, audience=own[0], rest=rest)
    audience = f"{case.address}/cds-services/{case.settings.services.enabled[0]}"
    rest = ", and for each other service its own URL"
    return case.judged(
        "client-audience", bool(case.address), Level.FAIL, audience=audience, rest=rest
    )


def _fhir_server(case: ClientCase) -> Finding:
    bases = case.client.fhir_bases or case.settings.fhir.allowed_bases
    return case.judged("client-fhir-server", bool(bases), Level.WARN, bases=", ".join(bases))


def _answer_time(case: ClientCase) -> Finding:
    services = case.settings.services
    longest = max(services.answer_within_s, *services.answer_within.values(), 0.0)
    good = longest <= _LONGEST_ANSWER_S
    return case.judged("client-answer-time", good, Level.WARN, seconds=f"{longest:g}")


def _hooks(name: str, known: frozenset[str]) -> Rule:
    def rule(case: ClientCase) -> Finding:
        offered = services_of(case.settings)
        called = [service.id for service in offered if service.hook in known]
        others = [service.id for service in offered if service.hook not in known]
        told = {"services": ", ".join(called), "others": ", ".join(others) or "no other"}
        return case.judged(name, bool(called), Level.FAIL, **told)

    return rule


def _entered_problems(case: ClientCase) -> Finding:
    good = _PROBLEM_CHECK in case.settings.services.enabled
    return case.judged("epic-entered-problems", good, Level.WARN)


def _endpoint(name: str) -> Rule:
    def rule(case: ClientCase) -> Finding:
        problem = _endpoint_problem(case.settings.server.public_url)
        told = {"endpoints": case.endpoints, "problem": problem}
        return case.judged(name, not problem, Level.FAIL, **told)

    return rule


def _endpoint_problem(url: str) -> str:
    if not url:
        return "no address is set under which it could be registered"
    if urlsplit(url).scheme != "https":
        return "the address is not https"
    if url.endswith("/"):
        return "the address ends with a slash: //cds-services would be registered"
    return ""


def _epic_issuer(case: ClientCase) -> Finding:
    bases = {each.rstrip("/") for each in _bases(case)}
    good = case.client.issuer.rstrip("/") in bases
    return case.judged("epic-issuer", good, Level.WARN, issuer=case.client.issuer)


def _bases(case: ClientCase) -> Iterable[str]:
    return case.client.fhir_bases or case.settings.fhir.allowed_bases


def _algorithm(name: str, algorithm: str) -> Rule:
    def rule(case: ClientCase) -> Finding:
        return case.judged(name, algorithm in case.client.algorithms, Level.FAIL)

    return rule


def _epic_lifetime(case: ClientCase) -> Finding:
    seconds = case.client.max_lifetime_s
    told = {"seconds": f"{seconds:g}"}
    return case.judged("epic-lifetime", seconds >= _EPIC_TOKEN_S, Level.FAIL, **told)


def _epic_topics(case: ClientCase) -> Finding:
    good = all(_ALPHANUMERIC.fullmatch(each) for each in TOPICS)
    return case.judged("epic-topics", good, Level.FAIL, topics=", ".join(TOPICS))


def _card_profile(name: str, wanted: str) -> Rule:
    def rule(case: ClientCase) -> Finding:
        return case.judged(name, case.profile == wanted, Level.WARN, profile=case.profile)

    return rule


def _links(name: str) -> Rule:
    def rule(case: ClientCase) -> Finding:
        address = case.address or "the service's address"
        return case.found(name, level=Level.UNCHECKED, address=address)

    return rule


def _oracle_issuer(case: ClientCase) -> Finding:
    return case.judged("oracle-issuer", case.client.issuer == ORACLE, Level.FAIL)


def _oracle_keys(case: ClientCase) -> Finding:
    address = case.client.jku
    listed = _host(address).endswith(".cerner.com") and address.rstrip("/") != _ORACLE_JKUS
    good = not case.client.fetches or listed
    return case.judged("oracle-keys", good, Level.WARN, address=address)


def _sandbox_issuer(case: ClientCase) -> Finding:
    return case.judged("sandbox-issuer", case.client.issuer == SANDBOX, Level.FAIL)


def _sandbox_origin(case: ClientCase) -> Finding:
    listed = SANDBOX in case.settings.server.cors_origins
    return case.judged("sandbox-origin", listed, Level.FAIL)


def _sandbox_key(case: ClientCase) -> Finding:
    server, here = case.settings.server, bool(case._loopback())
    public = _host(server.public_url)
    away = not here or bool(public and public != "localhost" and not _is_loopback(public))
    bad = away or case.settings.profile == "production"
    return case.found("sandbox-published-key", level=Level.FAIL if bad else Level.WARN)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return is_loopback(host)
    except ValueError:
        return False


_OF_ALL: tuple[Rule, ...] = (_audience, _fhir_server, _answer_time)
_OF_FAMILY: Mapping[str, tuple[Rule, ...]] = {
    "generic": (),
    "epic": (
        _hooks("epic-hooks", _EPIC_HOOKS),
        _entered_problems,
        _endpoint("epic-endpoint"),
        _epic_issuer,
        _algorithm("epic-algorithm", "RS384"),
        _epic_lifetime,
        _epic_topics,
        _card_profile("epic-card-profile", "epic"),
        _links("epic-links"),
    ),
    "oracle": (
        _hooks("oracle-hooks", frozenset({"patient-view"})),
        _oracle_issuer,
        _endpoint("oracle-endpoint"),
        _oracle_keys,
        _card_profile("oracle-card-profile", "oracle"),
        _links("oracle-links"),
    ),
    "sandbox": (
        _sandbox_issuer,
        _algorithm("sandbox-algorithm", "ES384"),
        _sandbox_origin,
        _sandbox_key,
    ),
}
