"""The pages of the desk. What is asked is on record before it is shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.responses import HTMLResponse

from cds_hooks.audit.ledger.query import LedgerQuery
from cds_hooks.audit.ledger.record import Record
from cds_hooks.compliance.questions import answers
from cds_hooks.console.desk.consultation_view import view_values
from cds_hooks.console.desk.desk import Desk
from cds_hooks.console.desk.desk_errors import SearchRefused
from cds_hooks.console.desk.searching import PAGE, found_records, record_search, rows_of
from cds_hooks.console.desk.terms import Terms
from cds_hooks.console.desk.verifying import Verifications
from cds_hooks.console.reader import Reader
from cds_hooks.console.rendering import make_page
from cds_hooks.console.site import Site
from cds_hooks.consultation import Outcome

__all__ = ["DeskPages"]

_NOT_YET = "not verified yet"
_BELOW = re.compile(r"[0-9]{1,15}", re.ASCII)
# Cards of a consultation are shown from its beginning on; another process's clock may be behind.
_BEFORE_S = 3_600
_OF_HOOKS = frozenset({"hook-answered", "silent-hook-answered"})


class DeskPages:
    """Makes them; `router.py` gives them their addresses."""

    def __init__(self, site: Site, desk: Desk, verifications: Verifications) -> None:
        self._site = site
        self._desk = desk
        self._verifications = verifications

    def form(self, terms: Terms | None = None, error: SearchRefused | None = None) -> HTMLResponse:
        """The search, before anything was looked for."""
        page = self._search_page(terms or Terms(), error=error)
        page.status_code = error.status if error else 200
        return page

    async def search(self, form: Mapping[str, str], reader: Reader) -> HTMLResponse:
        """What was found. Raises StoreUnavailable."""
        try:
            terms = Terms.of(form).with_pseudonyms(self._desk)
        except SearchRefused as error:
            return self.form(error=error)
        below = form.get("below", "")
        await record_search(self._desk, reader, terms)
        at = int(below) if _BELOW.fullmatch(below) else None
        found = await found_records(self._desk, terms.query(self._desk), at)
        return self._search_page(terms, rows=rows_of(found.records), below=found.below, asked=True)

    def _search_page(self, terms: Terms, **more: Any) -> HTMLResponse:
        values = {"rows": (), "below": None, "asked": False, "error": None, **more}
        root = "../" if values["asked"] or values["error"] else ""
        return make_page(
            self._site,
            "desk/search.html.j2",
            here="desk",
            tab="search",
            root=root,
            sends=True,
            terms=terms,
            most=PAGE,
            services=tuple(each.id for each in self._site.services),
            outcomes=tuple(each.value for each in Outcome),
            servers=self._desk.servers,
            events=self._desk.audit_site is not None,
            **values,
        )

    def verify(self) -> HTMLResponse:
        """What verifying found, how far it is, and how to do it elsewhere."""
        return self._verification("desk/verify.html.j2", root="../")

    def verify_content(self) -> HTMLResponse:
        """The part of that page that changes."""
        return self._verification("desk/verify_content.html.j2", root="../")

    def _verification(self, template: str, *, root: str) -> HTMLResponse:
        verifications = self._verifications
        return make_page(
            self._site,
            template,
            here="desk",
            tab="verify",
            root=root,
            sends=True,
            running=verifications.running,
            progress=verifications.progress,
            last=verifications.last,
            public_key=self._desk.key.public.line(),
            witness=self._desk.witness_place,
        )

    async def questions(self) -> HTMLResponse:
        """A reviewer's questions, each with its answer for this installation."""
        found, trouble = self._verified()
        async with self._desk.counting:
            facts = await asyncio.to_thread(self._desk.question_facts, lambda _: (found, trouble))
        given = answers(facts)
        return make_page(
            self._site,
            "desk/questions.html.j2",
            here="desk",
            tab="questions",
            root="../",
            answers=given,
            facts=facts,
            whole=sum(each.is_whole for each in given),
        )

    def _verified(self) -> tuple[str, str]:
        """What the service last found of its own ledger, and what is wrong with it."""
        told, last = self._site.ready().checks.get("ledger_verified", ""), self._verifications.last
        trouble = told if told and not told.startswith(("ok", _NOT_YET)) else ""
        if last is not None and not last.error:
            words = "; ".join(last.words)
            return (
                (f"Verified {last.at} at this desk: {words}.", trouble)
                if last.whole
                else ("", words)
            )
        own = told.startswith("ok")
        return f"The service verifies its own ledger ({told})." if own else "", trouble

    async def consultation(self, reference: str, reader: Reader) -> HTMLResponse:
        """Everything that is on record of one. Raises ConsultationUnknown, StoreUnavailable."""
        read = await self._desk.read(reference, reader)
        since = datetime.fromtimestamp(read.created - _BEFORE_S, UTC)
        shown = await self._shown({read.id, read.asked}, since.strftime("%Y-%m-%dT%H:%M"))
        # Nothing of a silent one goes into the queue of reviews, which others read.
        to_add = () if read.silent else self._desk.additions
        additions = [await add(read.id, reader) for add in to_add]
        return make_page(
            self._site,
            "desk/consultation.html.j2",
            here="desk",
            tab="search",
            root="../../",
            sends=True,
            additions=additions,
            rows=rows_of(shown),
            **view_values(read, shown),
        )

    async def _shown(self, ids: set[str], since: str) -> tuple[Record, ...]:
        """Records of hooks that were answered with one of these consultations, the newest first."""
        of_hooks = LedgerQuery(types=_OF_HOOKS, since=since)
        found: list[Record] = []
        for each in ids:
            query = replace(of_hooks, consultation=each)
            found += (await found_records(self._desk, query, None)).records
        return tuple(sorted(found, key=lambda record: -record.seq))
