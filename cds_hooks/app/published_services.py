"""Discovery as it is now: made and checked once for each set of services that are on."""

from __future__ import annotations

from cds_hooks.app.handlers import AppHandlers
from cds_hooks.protocol.json_output import to_json
from cds_hooks.services import discovery_of

__all__ = ["PublishedServices"]


class PublishedServices:
    """Raises ValueError or AnswerInvalid at once when the services cannot be published."""

    def __init__(self, handlers: AppHandlers) -> None:
        self._handlers = handlers
        self._made: dict[frozenset[str], bytes] = {}
        self._without(frozenset())

    def document(self) -> bytes:
        """What `GET /cds-services` answers."""
        return self._without(self._handlers.hidden())

    def _without(self, hidden: frozenset[str]) -> bytes:
        if hidden not in self._made:
            shown = (each for each in self._handlers.services if each.id not in hidden)
            self._made[hidden] = to_json(discovery_of(tuple(shown)))
        return self._made[hidden]
