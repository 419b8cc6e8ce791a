"""What a clinician sees whom the EHR led here: the patient's newest consultation, no other's."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from cds_hooks.app.notes import notes_of
from cds_hooks.app.state import read_body
from cds_hooks.cards.card_data import override_reasons
from cds_hooks.console.access.own_pages import has_token, is_same_origin
from cds_hooks.console.consultations import CONTENT, PAGE, AnswerStreams, Launched, page_of
from cds_hooks.console.local import NotFromHere
from cds_hooks.console.reader import Visit, visiting
from cds_hooks.console.site import Site
from cds_hooks.console.smart_launch.launch_sessions import LaunchSession, LaunchSessions
from cds_hooks.console.smart_launch.launching import Launching
from cds_hooks.consult import ConsultationPages, PatientScope
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import judged_of, parse_form
from cds_hooks.trust.smart.launch_context import LaunchContext

__all__ = ["LaunchEdge", "LaunchedPages", "consultation_named"]


class _Record(Protocol):
    """Appends a record to the ledger; `user` as a hook names it. Raises StoreUnavailable."""

    def __call__(self, type_: str, /, *, user: str, **details: str) -> Awaitable[None]:
        """Durable once it returns."""
        ...


@dataclass(frozen=True, slots=True)
class LaunchEdge:
    """What launched pages call: `keys` gives the pseudonyms of a patient of a FHIR server, `record`
    writes to the ledger, `feed_back` keeps what was judged by whom in which exchange."""

    keys: Callable[[str, str], tuple[str, ...]]
    record: _Record
    feed_back: Callable[[str, FeedbackEntry, str, str], Awaitable[None]]


class LaunchedPages:
    """One method a page."""

    def __init__(
        self,
        site: Site,
        pages: ConsultationPages,
        launching: Launching,
        sessions: LaunchSessions,
        edge: LaunchEdge,
    ) -> None:
        self.launching = launching
        self._site = site
        self._pages = pages
        self._sessions = sessions
        self._edge = edge
        self._streams = AnswerStreams(pages)
        self._reasons = frozenset(reason.code for reason in override_reasons())

    async def launch(self, request: Request) -> Response:
        """From the EHR to its authorization server."""
        return await self.launching.start(request)

    async def callback(self, request: Request) -> Response:
        """From the authorization server, with a new session, to the page."""
        if request.method != "GET":
            return Response()
        context = await self.launching.finished(request)
        await self._edge.record("signed-in", user=context.user, how="smart", client=context.client)
        handle = self._sessions.new_handle()
        response = RedirectResponse(f"{handle}/consultation", 303)
        scope = self._scope(context)
        self._sessions.begin(response, handle, context.user, context.client, scope)
        return response

    async def page(self, handle: str, request: Request) -> Response:
        """The consultation; its opening is on record before it is shown."""
        return await self._shown(handle, request, PAGE)

    async def content(self, handle: str, request: Request) -> Response:
        """The page's changing part alone."""
        return await self._shown(handle, request, CONTENT)

    async def events(self, handle: str, request: Request) -> StreamingResponse:
        """Server-sent events: `answered` once there is an answer."""
        session = self._sessions.find(request, handle)
        return await self._streams.follow(self._pages.pending_of(session.scope))

    async def feedback(self, handle: str, request: Request) -> Response:
        """Keep what the page's form says of single diagnoses, and by whom; then the page again."""
        session = await self._own(handle, request)
        body = await read_body(request)
        said, words = parse_form(body, self._reasons)
        service, entry = await self._pages.feedback_of(session.scope, said, words, judged_of(body))
        request_id = notes_of(request.scope).request_id
        await self._edge.feed_back(service, entry, session.user, request_id)
        return RedirectResponse("../consultation", 303)

    async def end(self, handle: str, request: Request) -> Response:
        """End the session."""
        session = await self._own(handle, request)
        response = RedirectResponse("../../basis", 303)
        self._sessions.end(request, response, handle)
        await self._edge.record("signed-out", user=session.user, how="smart", client=session.client)
        return response

    async def _shown(self, handle: str, request: Request, template: str) -> Response:
        session = self._sessions.find(request, handle)
        opened = await self._pages.open_of(session.scope)
        shown = opened.consultation.id
        if template == PAGE or shown not in session.told:
            await self._opened(session, shown, opened.consultation.patient_key, request)
        visiting(Visit(csrf=session.csrf))
        named = session.scope.named
        launched = Launched(session.user, "end", named not in ("", shown))
        return page_of(
            self._site, opened, template, link="consultation", root="../../", launched=launched
        )

    async def _opened(
        self, session: LaunchSession, consultation: str, patient_key: str, request: Request
    ) -> None:
        await self._edge.record(
            "consultation-opened",
            user=session.user,
            consultation=consultation,
            patient_pseudonym=patient_key,
            request_id=notes_of(request.scope).request_id,
            client=session.client,
            how="smart",
        )
        session.told.add(consultation)

    async def _own(self, handle: str, request: Request) -> LaunchSession:
        """The session of a form that its own page sent. Raises SessionOver, NotFromHere."""
        session = self._sessions.find(request, handle)
        same = is_same_origin(request, self._site.base_url)
        if not (same and await has_token(request, session.csrf)):
            raise NotFromHere
        return session

    def _scope(self, context: LaunchContext) -> PatientScope:
        keys = self._edge.keys(context.server, context.patient)
        return PatientScope(keys, consultation_named(context.app_context))


def consultation_named(app_context: str) -> str:
    """The consultation that a card named when it was made; "" for another app's context."""
    try:
        read = json.loads(app_context)
    except ValueError:
        return ""
    named = read.get("consultation") if isinstance(read, dict) else None
    return named if isinstance(named, str) else ""
