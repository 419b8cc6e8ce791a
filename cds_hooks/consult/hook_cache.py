"""Hooks of the last minutes: what was prepared for each, and for a moment the cards that it got.

EHRs fire the same hook several times while a chart is open, some of them at once. A hook that is
sent again is not gathered, mapped and rendered again, and within a moment it gets the same cards
under ids of their own. Each response is recorded all the same before it leaves.

Nothing that was read from a FHIR server is kept here: what a token allowed one user to see is not
shown to another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from cds_hooks.consultation import (
    CheckedConsultation,
    Consultation,
    KeyState,
    Outcome,
    PreparedConsultation,
)
from cds_hooks.protocol.cards import Card, Response
from cds_hooks.protocol.request import HookRequest

__all__ = ["CachedHook", "HookCache"]

_MOST = 32
# A card tells its age in minutes, a link its end: they are not shown again for long.
_CARDS_S = 5.0
_SENT_WHOLE = {KeyState.PREFETCHED, KeyState.EMPTY}


@dataclass(frozen=True, slots=True)
class CachedHook:
    """`request` is without its resources and its token; `answer` and `response` were shown until
    `cards_until`."""

    prepared: PreparedConsultation
    request: HookRequest
    until: float
    answer: CheckedConsultation | None = None
    response: Response | None = None
    cards_until: float = 0.0


class HookCache:
    """At most 32 hooks, each for `seconds`, by the digest of what was sent and by whom.

    `clock` is monotonic, `new_id` makes the ids of cards and suggestions.
    """

    def __init__(
        self,
        seconds: float,
        new_id: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._new_id = new_id
        self._clock = clock
        self._hooks: dict[bytes, CachedHook] = {}

    def get(self, digest: bytes) -> CachedHook | None:
        """The hook with this digest, while it is kept."""
        now = self._clock()
        self._hooks = {key: each for key, each in self._hooks.items() if each.until > now}
        return self._hooks.get(digest)

    def put(self, digest: bytes, prepared: PreparedConsultation, request: HookRequest) -> None:
        """Keep what was prepared, unless something had to be read or could not be had."""
        whole = set(prepared.key_states.values()) <= _SENT_WHOLE
        if not digest or self._seconds <= 0 or not whole:
            return
        slim = replace(request, prefetch={}, fhir_authorization=None, extension={})
        self._hooks[digest] = CachedHook(prepared, slim, self._clock() + self._seconds)
        while len(self._hooks) > _MOST:
            self._hooks.pop(next(iter(self._hooks)))

    def cards(self, digest: bytes) -> tuple[CheckedConsultation, Response] | None:
        """The answer that this hook got a moment ago, and its cards under new ids: feedback tells
        by them which one it is about."""
        hook = self._hooks.get(digest)
        if hook is None or hook.cards_until <= self._clock():
            return None
        if hook.answer is None or hook.response is None:
            return None
        cards = tuple(self._under_new_ids(card) for card in hook.response.cards)
        return hook.answer, replace(hook.response, cards=cards)

    def put_cards(self, digest: bytes, answer: Consultation, response: Response) -> None:
        """Keep the cards of an answer; of anything else, which may change, nothing is kept."""
        hook = self._hooks.get(digest)
        if hook is None or not isinstance(answer, CheckedConsultation):
            return
        if answer.outcome is not Outcome.ANSWERED:
            return
        until = self._clock() + _CARDS_S
        self._hooks[digest] = replace(hook, answer=answer, response=response, cards_until=until)

    def _under_new_ids(self, card: Card) -> Card:
        suggestions = tuple(replace(s, uuid=self._new_id()) for s in card.suggestions)
        return replace(card, uuid=self._new_id(), suggestions=suggestions)
