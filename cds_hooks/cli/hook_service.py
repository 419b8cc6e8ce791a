"""The hook of a file, sent to a running service as a CDS client sends it: signed, over TLS."""

from __future__ import annotations

import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from cds_hooks.cards import LISTED
from cds_hooks.cli.mapping import UsageError
from cds_hooks.errors import ChartsideError
from cds_hooks.runtime.own_calls import OwnToken
from cds_hooks.tls_client import certificate_told, client_context
from cds_hooks.trust.egress import Destination, DestinationInvalid, parse
from cds_hooks.trust.signing import SigningKey

__all__ = [
    "CallRefused",
    "CdsClient",
    "ServiceNotReached",
    "client_of",
    "holds_differential",
    "require_private_way",
    "service_tls",
]

MakeRequest = Callable[[str, Mapping[str, str]], dict[str, Any]]
"""A hook's name and the service's prefetch templates -> the request."""

_DISCOVERY = "/cds-services"
_PATIENCE_S, _PAUSE_S = 30.0, 1.0
_LARGEST = 8 * 2**20


class ServiceNotReached(ChartsideError):
    """No service answers at the address, or not over a connection that is trusted."""

    code = "service-not-reached"
    status = 503


class CallRefused(ChartsideError):
    """The service answered, and not with what was asked; `where` is its path."""

    code = "call-refused"
    status = 400


@dataclass(frozen=True, slots=True)
class CdsClient:
    """An EHR to a service at `url`. `token` signs its calls, where the service wants that.

    For `wait_s` seconds it opens the chart again and again until the model's answer is there.
    """

    url: str
    token: OwnToken | None
    tls: ssl.SSLContext | None
    wait_s: int = 0

    def token_for(self, service_id: str) -> str:
        """A token for one call of a service. Raises UsageError without a key."""
        if self.token is None:
            raise UsageError("there is no key to sign a token with", where="--key")
        return self.token.token(f"{self.token.base_url}{_DISCOVERY}/{service_id}")

    def fire(self, hook: str, request: MakeRequest) -> dict[str, Any]:
        """The response to a hook; `request` makes it with prefetch as the service's discovery asks.

        Raises ServiceNotReached, CallRefused, and what `request` raises.
        """
        with httpx.Client(
            base_url=self.url,
            auth=self.token,
            verify=True if self.tls is None else self.tls,
            trust_env=False,
            timeout=_PATIENCE_S,
        ) as http:
            service = _offered(_json(_sent(http, "GET", _DISCOVERY)), hook)
            body = request(hook, _templates(service))
            return self._post(http, f"{_DISCOVERY}/{service['id']}", body)

    def _post(self, http: httpx.Client, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The response once the model's answer is on a card, or the last one within the time."""
        ends = time.monotonic() + self.wait_s
        while True:
            again = {**body, "hookInstance": str(uuid.uuid4())}
            document = _json(_sent(http, "POST", path, content=orjson.dumps(again)))
            if holds_differential(document) or time.monotonic() + _PAUSE_S > ends:
                return document
            time.sleep(_PAUSE_S)


def client_of(
    url: str,
    *,
    key: Path | None,
    kid: str,
    issuer: str,
    audience: str,
    authority: Path | None,
    certificate: tuple[Path, Path] | None,
    wait_s: int,
) -> CdsClient:
    """The client that a command line describes. `audience` is the service's address in tokens
    where it is known by another than `url`. Raises UsageError, KeyUnusable."""
    require_private_way(url)
    if (key is None) != (not issuer):
        hint = "The service knows a client by the issuer and verifies by the key's public part."
        raise UsageError("--key and --issuer belong together", where="--key", hint=hint)
    token = None
    if key is not None:
        known_as = (audience or url).rstrip("/")
        token = OwnToken(SigningKey.load(key, kid=kid), issuer, known_as)
    return CdsClient(url.rstrip("/"), token, service_tls(url, authority, certificate), wait_s)


def require_private_way(url: str, where: str = "--url") -> Destination:
    """A chart goes over TLS, or stays on this machine. Raises UsageError."""
    try:
        service = parse(url, where)
    except DestinationInvalid:
        service = None
    if service is None or service.scheme not in ("http", "https"):
        raise UsageError(f"{where} is no http address", where=where)
    if service.scheme == "http" and not service.here:
        hint = "Use https; http is for a service on this machine."
        raise UsageError("a chart is not sent in clear", where=where, hint=hint)
    return service


def service_tls(
    url: str, authority: Path | None, certificate: tuple[Path, Path] | None
) -> ssl.SSLContext | None:
    if urlsplit(url).scheme != "https":
        return None
    try:
        context = client_context(authority)
        if certificate is not None:
            context.load_cert_chain(*certificate)
    except (OSError, ssl.SSLError):
        hint = "Give PEM files; a private key without a password."
        where = "--authority, --certificate"
        raise UsageError("a certificate's file cannot be used", where=where, hint=hint) from None
    return context


def _offered(document: Mapping[str, Any], hook: str) -> dict[str, Any]:
    """The first service that is offered for a hook."""
    listed = document.get("services")
    offered = [s for s in listed if isinstance(s, dict)] if isinstance(listed, list) else []
    service = next((s for s in offered if s.get("hook") == hook and s.get("id")), None)
    if service is None:
        names = {str(s.get("hook"))[:80] for s in offered[:20]}
        hooks = ", ".join(sorted(filter(str.isprintable, names))) or "none"
        raise CallRefused(
            "the service does not offer this hook", where=_DISCOVERY, hint=f"It offers: {hooks}."
        )
    return service


def _templates(service: Mapping[str, Any]) -> dict[str, str]:
    """The prefetch templates of a service; what is no text is nothing that a client can answer."""
    listed = service.get("prefetch")
    pairs = listed.items() if isinstance(listed, dict) else ()
    return {key: template for key, template in pairs if isinstance(template, str)}


def _bounded(http: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    """The answer with its whole body. Raises CallRefused for one that is too large."""
    with http.stream(method, path, **options) as answer:
        body = bytearray()
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > _LARGEST:
                raise CallRefused(f"the answer has more than {_LARGEST} bytes", where=path)
        return httpx.Response(answer.status_code, content=bytes(body), request=answer.request)


def _sent(http: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    try:
        answer = _bounded(http, method, path, headers=headers, **options)
    except httpx.HTTPError as error:
        why = certificate_told(error) or f"{type(error).__name__}: see the address."
        hint = f"{why} For a site's own TLS see --authority."
        raise ServiceNotReached("no service answers", where=path, hint=hint) from None
    if answer.status_code == httpx.codes.OK:
        return answer
    status = f"the service answered {answer.status_code}"
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise CallRefused(f"{status}: the token did not let the call in", where=path, hint=_WHY)
    raise CallRefused(f"{status}{_told(answer)}", where=path)


def holds_differential(document: Mapping[str, Any]) -> bool:
    cards = document.get("cards")
    found = [card for card in cards if isinstance(card, dict)] if isinstance(cards, list) else []
    sources = [card["source"] for card in found if isinstance(card.get("source"), dict)]
    return any(LISTED in str(source.get("label")) for source in sources)


_WHY = (
    "The reason is in its log (`call-refused`, `code`); on its machine `chartside hook ... "
    "--print-token | chartside doctor token - --config FILE` tells each step."
)


def _told(answer: httpx.Response) -> str:
    """The code of an error that a service of ours answers with; it holds nothing of a chart."""
    try:
        code = orjson.loads(answer.content)["issue"][0]["details"]["coding"][0]["code"]
    except (ValueError, LookupError, TypeError):
        return ""
    return f" ({code})" if isinstance(code, str) and code.replace("-", "").isalnum() else ""


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = orjson.loads(answer.content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        hint = "Give the base URL of a CDS Hooks service: [base]/cds-services is its discovery."
        raise CallRefused("the answer is no JSON object", where=answer.url.path, hint=hint)
    return document
