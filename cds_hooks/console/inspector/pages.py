"""The inspector's pages on the way to a fired hook: choose, the list of patients, what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cds_hooks.cds_client.patient_search import FoundPatients
from cds_hooks.cds_client.sample_patients import sample_patients
from cds_hooks.cds_client.sandboxes import sandboxes
from cds_hooks.console.access.cookies import inspector_cookie
from cds_hooks.console.inspector.choosing import patients_in, service_named
from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.console.inspector.inspector import Inspector
from cds_hooks.console.inspector.inspector_errors import (
    AddressNotListed,
    ChoiceIncomplete,
    ServiceSilent,
)
from cds_hooks.console.inspector.keeping import InspectorSession
from cds_hooks.console.inspector.uploads import SentFile, form_of
from cds_hooks.console.reader import Reader, Role
from cds_hooks.console.rendering import make_page
from cds_hooks.console.site import Site
from cds_hooks.errors import ChartsideError
from cds_hooks.services import ServiceDefinition, find

__all__ = ["InspectorPages"]


class InspectorPages:
    """Makes them; `router.py` gives them their addresses."""

    def __init__(self, site: Site, inspector: Inspector) -> None:
        self._site = site
        self._inspector = inspector
        self._cookie = inspector_cookie(site.base_url, local=site.demo)

    def existing(self, request: Request, reader: Reader) -> InspectorSession:
        """The browser's session. Raises InspectionExpired."""
        key = self._cookie.read(request)
        return self._inspector.sessions.existing(key, reader.subject)

    def choose(self, request: Request, reader: Reader) -> Response:
        """Services, and the three ways to a chart; and what this browser fired lately."""
        session = self._session(request, reader)
        page = make_page(
            self._site,
            "inspector/choose.html.j2",
            here="inspector",
            sends=True,
            service=self._asked_for(request),
            services=self._inspector.services,
            samples=sample_patients(),
            allowed=self._inspector.allowed,
            sandboxes=sandboxes(),
            fired=tuple(reversed(session.fired.values())),
            kept_min=round(self._inspector.settings.kept_s / 60),
        )
        return self._with_cookie(page, session)

    async def fire(self, request: Request, reader: Reader) -> Response:
        """Fire what the form says, or show the patients to choose from."""
        session = self._session(request, reader)
        content_type, body = request.headers.get("content-type", ""), await request.body()
        fields, files = await asyncio.to_thread(form_of, content_type, body)
        service = service_named(fields.get("service", ""), self._inspector.services)
        self._require_open(service.id, fields.get("from", ""), reader)
        answer = await self._next(session, service, fields, files)
        if isinstance(answer, Inspected):
            answer = RedirectResponse(answer.id, 303)
        return self._with_cookie(answer, session)

    def _require_open(self, service_id: str, source: str, reader: Reader) -> None:
        """Refuse to show of a real chart what a trial keeps silent. Raises ServiceSilent."""
        is_real = source != "sample"
        if is_real and self._inspector.silent(service_id) and not reader.may(Role.INVESTIGATOR):
            raise ServiceSilent(service_id)

    async def _next(
        self,
        session: InspectorSession,
        service: ServiceDefinition,
        fields: Mapping[str, str],
        files: Sequence[SentFile],
    ) -> Inspected | Response:
        inspector, patient = self._inspector, fields.get("patient", "")
        prefetched = fields.get("send", "prefetch") == "prefetch"
        session.require_list(source := fields.get("from", ""), fields.get("list", ""))
        match source:
            case "sample":
                return inspector.fire_sample(session, service, fields.get("sample", ""))
            case "files":
                return await self._dropped(session, service, files)
            case "dropped":
                return inspector.fire_dropped(session, service, patient)
            case "server":
                access = inspector.server(fields.get("server", ""), fields.get("token", ""))
                session.server, number = access, session.new_list("patient")
                found = await inspector.patients(access, fields.get("find", ""))
                words = str(access.base)
                return self._listed(service, found, words, number, prefetched=prefetched)
            case "patient":
                return inspector.fire_server(session, service, patient, prefetched=prefetched)
        hint = "Choose a sample patient, files or a FHIR server."
        raise ChoiceIncomplete("no chart was chosen", where="from", hint=hint)

    async def _dropped(
        self, session: InspectorSession, service: ServiceDefinition, files: Sequence[SentFile]
    ) -> Inspected | Response:
        dropped = await self._inspector.drop(session, files)
        found = patients_in(dropped.content)
        if len(found) < 2:
            patient = found[0][0] if found else ""
            return self._inspector.fire_dropped(session, service, patient)
        rows = [(each, name, "", "") for each, name in found]
        number = session.lists["dropped"]
        return self._patients(service, rows, dropped.words, "dropped", number, prefetched=True)

    def _listed(
        self,
        service: ServiceDefinition,
        found: FoundPatients,
        words: str,
        number: str,
        *,
        prefetched: bool,
    ) -> Response:
        rows = [(p.id, p.name, p.birth_date, p.gender) for p in found.rows]
        return self._patients(
            service, rows, words, "patient", number, prefetched=prefetched, more=found.more
        )

    def _patients(
        self,
        service: ServiceDefinition,
        rows: Sequence[tuple[str, str, str, str]],
        words: str,
        source: str,
        number: str,
        *,
        prefetched: bool,
        more: bool = False,
    ) -> Response:
        return make_page(
            self._site,
            "inspector/patients.html.j2",
            here="inspector",
            root="../",
            sends=True,
            service=service,
            rows=rows,
            words=words,
            source=source,
            number=number,
            send="prefetch" if prefetched else "none",
            more=more,
        )

    def trouble(self, error: ChartsideError, depth: int) -> HTMLResponse:
        """What went wrong and what to do, with its code; `depth` is of the address below the
        service's root."""
        page = make_page(
            self._site,
            "inspector/trouble.html.j2",
            here="inspector",
            root="../" * depth,
            sends=True,
            error=error,
            listing=error if isinstance(error, AddressNotListed) else None,
        )
        page.status_code = error.status if 400 <= error.status < 600 else 500
        return page

    def _asked_for(self, request: Request) -> ServiceDefinition:
        """The service that the address names, else the first."""
        services = self._inspector.services
        named = find(request.query_params.get("service", ""), services)
        return named or services[0]

    def _session(self, request: Request, reader: Reader) -> InspectorSession:
        key = self._cookie.read(request)
        return self._inspector.sessions.open(key, reader.subject)

    def _with_cookie(self, response: Response, session: InspectorSession) -> Response:
        self._cookie.write(response, session.key)
        return response
