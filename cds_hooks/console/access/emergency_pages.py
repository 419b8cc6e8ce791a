"""Taking a role in an emergency, giving it back, and having it taken away."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cds_hooks.app.errors import PathUnknown
from cds_hooks.console.access.access import Access
from cds_hooks.console.access.emergency import ReasonMissing, read_form, roles_offered
from cds_hooks.console.access.session_pages import SessionPages
from cds_hooks.console.access.sessions import Emergency, Session
from cds_hooks.console.reader import Role

__all__ = ["EmergencyPages"]


class EmergencyPages:
    """One method a form; both lead back to the page of who one is."""

    def __init__(self, access: Access, sessions: SessionPages) -> None:
        self._access = access
        self._sessions = sessions

    async def take(self, request: Request) -> Response:
        """Take a role; it is on record before it takes effect. Raises StoreUnavailable."""
        await self._access.admit(request, tuple(Role))
        session: Session = request.state.session
        offered = roles_offered(session.reader, self._access.config)
        if not offered:
            raise PathUnknown
        now = self._access.clock()
        try:
            form = read_form(await request.body(), offered, now)
        except ReasonMissing as error:
            return self._sessions.account_page(request, status=400, typed=error.typed)
        until = now + self._access.config.emergency_s
        ends = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")
        taken = {"role": form.role.value, "until": ends, "reason": form.reason}
        await self._access.recording.happened("emergency-role-taken", session.reader, **taken)
        session.emergency = Emergency(form.role, until)
        return RedirectResponse("../account", 303)

    async def end(self, request: Request) -> Response:
        """Give one's own role back; an administrator ends that of the session in the form."""
        reader = await self._access.admit(request, tuple(Role))
        own: Session = request.state.session
        form = await request.body()
        session = self._access.sessions.named(form) if b"&session=" in form else own
        if session is None:  # it has ended by itself
            return RedirectResponse("../../account", 303)
        if session is not own and not reader.may(Role.ADMINISTRATOR):
            raise PathUnknown
        if session.emergency is not None:
            role, session.emergency = session.emergency.role, None
            by = {} if session is own else {"by": reader.subject}
            await self._access.recording.happened(
                "emergency-role-ended", session.reader, role=role.value, **by
            )
        return RedirectResponse("../../account", 303)
