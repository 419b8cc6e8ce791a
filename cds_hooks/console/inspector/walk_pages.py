"""The pages of a fired hook: the walk through it, a resource of its chart, two hooks compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from cds_hooks.console.inspector.answer_views import answer_views, time_plot
from cds_hooks.console.inspector.comparing import compared
from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.console.inspector.inspector import Inspector
from cds_hooks.console.inspector.inspector_errors import ChoiceIncomplete
from cds_hooks.console.inspector.json_parts import abridged, marked_json
from cds_hooks.console.inspector.keeping import InspectorSession
from cds_hooks.console.inspector.prompt_sections import counted_sections
from cds_hooks.console.inspector.request_views import redacted_case, request_view
from cds_hooks.console.inspector.walk import walk_values
from cds_hooks.console.rendering import make_page
from cds_hooks.console.site import Site

__all__ = ["WalkPages"]


class WalkPages:
    """Makes them; `router.py` gives them their addresses."""

    def __init__(self, site: Site, inspector: Inspector) -> None:
        self._site = site
        self._inspector = inspector

    async def walk(self, session: InspectorSession, inspected: Inspected) -> Response:
        """What was fired, as it stands."""
        return await self._walk(session, inspected, "inspector/walk.html.j2")

    async def content(self, session: InspectorSession, inspected: Inspected) -> Response:
        """The changing part of that page alone."""
        return await self._walk(session, inspected, "inspector/walk_content.html.j2")

    async def _walk(
        self, session: InspectorSession, inspected: Inspected, template: str
    ) -> Response:
        sections = await counted_sections(_messages(inspected), self._inspector.engine)
        return make_page(
            self._site,
            template,
            here="inspector",
            root="../",
            sends=True,
            sections=sections,
            answers=answer_views(inspected),
            plot=time_plot(inspected),
            request=await request_view(inspected, self._site),
            others=[each for each in session.fired.values() if each is not inspected],
            **walk_values(inspected),
        )

    def compared(self, session: InspectorSession, one: str, other: str) -> Response:
        """Two of them side by side. Raises InspectionExpired, ChoiceIncomplete."""
        before, after = session.find(one), session.find(other)
        return make_page(
            self._site,
            "inspector/compared.html.j2",
            here="inspector",
            root="../",
            sends=True,
            before=before,
            after=after,
            found=compared(before, after),
        )

    async def case(self, inspected: Inspected) -> Response:
        """The request as a redacted test case, to save."""
        text = await redacted_case(inspected, self._inspector.is_term)
        named = {"Content-Disposition": 'attachment; filename="hook-case.json"'}
        return Response(text, media_type="application/json", headers=named)

    def fact(self, inspected: Inspected, fact_id: str) -> Response:
        """A fact with every resource that it came from, and the part of it."""
        found = inspected.consultation.chart.fact(fact_id) if inspected.consultation else None
        if found is None:
            hint = "Go back to the consultation: its facts are listed there."
            raise ChoiceIncomplete("the chart has no such fact", where="facts", hint=hint)
        parts: dict[str, list[str]] = {source: [] for source in found.sources}
        for path in found.paths:
            reference, _, part = path.partition("#")
            parts.setdefault(reference, []).append(part)
        held = {each.reference: each for each in inspected.resources}
        shown = [
            (reference, abridged(marked_json(held[reference].document(), tuple(marks))))
            for reference, marks in parts.items()
            if reference in held
        ]
        title = f"Fact {found.id}"
        return self._resources(inspected, title, found.text, shown)

    def resource(self, inspected: Inspected, number: int) -> Response:
        """One resource of the chart."""
        if not 0 <= number < len(inspected.resources):
            hint = "Go back to the consultation: its resources are listed there."
            raise ChoiceIncomplete("the chart has no such resource", where="resources", hint=hint)
        held = inspected.resources[number]
        shown = [(held.reference, abridged(marked_json(held.document(), ())))]
        return self._resources(inspected, held.reference, "", shown)

    def _resources(
        self, inspected: Inspected, title: str, text: str, shown: Sequence[tuple[str, Any]]
    ) -> Response:
        return make_page(
            self._site,
            "inspector/resources.html.j2",
            here="inspector",
            root="../../../",
            sends=True,
            fired=inspected,
            title=title,
            text=text,
            shown=shown,
        )


def _messages(inspected: Inspected) -> Sequence[Any]:
    found = inspected.consultation
    return found.prompt.messages if found and found.prompt else inspected.messages
