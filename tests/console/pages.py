"""Every page of the console: its routes, how to come to it, and what it may do that others may not.

Whoever adds a route that gives HTML adds it here; `test_every_page` fails until it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from cds_hooks.audit.switches import make_change
from tests.console.desking import open_consultation, search, searched, verify
from tests.console.inspecting import choose_patients, compare, fact_of, fire, fire_and_hold
from tests.console.whole_service import WholeService

__all__ = ["NOT_PAGES", "PAGES", "Page"]

KB = 1024
_MANY = 12


@dataclass(frozen=True)
class Page:
    """One page in one state. `address` brings the service into it and gives the path to open; where
    that needs a patient it takes `service.somebody()`, whose chart may hold hostile strings.

    `shown` is a selector of what is there once the page is whole; `weight` the most bytes of all
    that it loads, uncompressed; `excused` names rules of axe with the reason why they do not hold;
    `sent` gives the page where a form has to be sent for it, whose fields `act` fills in a browser;
    `signed_in` opens it with a session of every role; `third_party` is a selector of what a library
    draws.
    """

    name: str
    routes: tuple[str, ...]
    address: Callable[[WholeService], str]
    shown: str = "h1"
    weight: int = 200 * KB
    status: int = 200
    signed_in: bool = False
    act: Callable[[Any], None] | None = None
    sent: Callable[[WholeService], httpx.Response] | None = None
    excused: Mapping[str, str] = field(default_factory=dict)
    third_party: str = ""

    def response(self, service: WholeService) -> httpx.Response:
        """The page as it is sent to a browser."""
        if self.sent:
            return self.sent(service)
        return service.get(self.address(service), signed_in=self.signed_in)


def _at(path: str) -> Callable[[WholeService], str]:
    return lambda _: path


def _after(act: Callable[[WholeService], str], path: str) -> Callable[[WholeService], str]:
    """The path of a page that shows what was done before."""

    def address(service: WholeService) -> str:
        act(service)
        return path

    return address


def _answer_to(service: WholeService) -> str:
    return service.consultation(service.somebody())


def _pending(service: WholeService) -> str:
    return service.pending_consultation(service.somebody())


def _drop_two_patients(page: Any) -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": []}
    for name in ("Quellfeld", "Anderson"):
        who = {"resourceType": "Patient", "id": name.lower(), "name": [{"family": name}]}
        bundle["entry"].append({"resource": who})  # type: ignore[attr-defined]
    file = {"name": "two.json", "mimeType": "application/json"}
    page.set_input_files("#file", {**file, "buffer": json.dumps(bundle).encode()})
    page.click("text=Fire for the files")


def _fire_many(service: WholeService) -> str:
    """So many that their counts are not held back as small."""
    for _ in range(_MANY):
        service.fire(service.somebody())
    return service.consultation(service.somebody())


def _queue_one(service: WholeService) -> str:
    id_ = open_consultation(service).rpartition("/")[2]
    service.run(service.runtime.store.reviews.enqueue(id_, "by-hand", {"user": "ann"}))
    return "/desk/reviews"


def _review_one(service: WholeService) -> str:
    """The page of a consultation that the reader has taken to review."""
    path = open_consultation(service)
    id_, reviews = path.rpartition("/")[2], service.runtime.store.reviews
    service.run(reviews.enqueue(id_, "by-hand", {"user": "ann"}))
    service.run(reviews.take(id_, "clinician", {"user": "tester"}))
    return path


def _switch_one_off(service: WholeService) -> None:
    change = make_change(
        "chartside-appointment-book",
        "wrong cards",
        off=True,
        now=1.79e9,
        user="ann",
        name="Ann Lee",
    )
    service.run(service.runtime.store.switches.change(change))


_FIRED = ("/inspector/{fired}", "/inspector/{fired}/content")
_CONSULTATION = ("/consultations/{link}", "/consultations/{link}/content")

PAGES = (
    Page("overview", ("/",), _at("/")),
    Page("overview-signed-in", ("/",), _at("/"), signed_in=True),
    Page(
        "api",
        ("/docs",),
        _at("/docs"),
        shown=".opblock",
        weight=2_100 * KB,  # Swagger UI alone has 1.9 MB; for integrators in the demo profile
        third_party="#api",
    ),
    Page("sign-in", ("/sign-in",), _at("/sign-in")),
    Page("link-used", ("/open/{token}",), _at("/open/x"), status=403),
    Page("signed-in", ("/signed-in",), _at("/signed-in"), signed_in=True),
    Page("signed-out", ("/signed-out",), _at("/signed-out")),
    Page("nobody", ("/account",), _at("/account"), status=401),
    Page("account", ("/account",), _at("/account"), signed_in=True),
    Page("reviews", ("/desk/reviews",), _queue_one, signed_in=True),
    Page("review", (), _review_one, shown="#review", signed_in=True),
    Page("services", ("/services",), _after(_switch_one_off, "/services"), signed_in=True),
    Page("inspector", ("/inspector",), _after(fire, "/inspector"), signed_in=True),
    Page(
        "inspector-patients",
        (),
        _at("/inspector"),
        shown="text=Choose a patient",
        signed_in=True,
        act=_drop_two_patients,
        sent=choose_patients,
    ),
    Page("fired", _FIRED, fire, shown="#cards", signed_in=True),
    Page("firing", _FIRED, fire_and_hold, shown="#live", signed_in=True),
    Page("fact", ("/inspector/{fired}/facts/{id}",), fact_of, signed_in=True),
    Page(
        "resource",
        ("/inspector/{fired}/resources/{id}",),
        lambda service: fact_of(service, "resources"),
        signed_in=True,
    ),
    Page("compared", ("/inspector/compare",), compare, signed_in=True),
    Page("fired-gone", _FIRED, _at("/inspector/gone"), signed_in=True, status=410),
    Page("statistics", ("/statistics",), _after(_fire_many, "/statistics"), signed_in=True),
    Page("desk", ("/desk",), _at("/desk"), signed_in=True),
    Page("desk-found", (), _at("/desk"), signed_in=True, act=search, sent=searched, shown="#found"),
    Page(
        "desk-verify",
        ("/desk/verify", "/desk/verify/content"),
        _at("/desk/verify"),
        signed_in=True,
    ),
    Page("desk-verified", (), verify, signed_in=True, shown=".notice.good"),
    Page("desk-questions", ("/desk/questions",), _at("/desk/questions"), signed_in=True),
    Page(
        "desk-consultation",
        ("/desk/consultations/{reference}",),
        open_consultation,
        signed_in=True,
        shown="#facts",
    ),
    Page("basis", ("/basis",), _at("/basis")),
    Page("consultation", _CONSULTATION, _answer_to),
    Page("unknown-link", ("/consultations/{link}",), _at("/consultations/nothing.1.x"), status=404),
    Page("unknown-page", ("other",), _at("/no-such-page"), status=404),
    Page("pending-consultation", _CONSULTATION, _pending, shown="#waiting"),
)

NOT_PAGES = {
    "/cds-services": "JSON",
    "/sign-in/start": "a redirect to the identity provider, where there is one",
    "/sign-in/return": "a redirect from there",
    "/inspector/{fired}/events": "server-sent events",
    "/inspector/{fired}/request": "JSON",
    "/inspector/{fired}/case": "JSON",
    "/healthz": "JSON",
    "/readyz": "JSON",
    "/version": "JSON",
    "/metrics": "text for Prometheus",
    "/openapi.json": "JSON",
    "/statistics.json": "JSON",
    "/assets/{name}": "style, scripts and pictures",
    "/consultations/{link}/events": "server-sent events",
    "/smart/launch": "a redirect to the EHR, where one starts this service as an app",
    "/smart/callback": "a redirect from there",
    "/smart/{handle}/consultation": "the page of a consultation: tests/console/smart_launch",
    "/smart/{handle}/consultation/content": "its changing part",
    "/smart/{handle}/consultation/events": "server-sent events",
}
"""Routes that a browser may GET and that are no page of their own, with what they give."""
