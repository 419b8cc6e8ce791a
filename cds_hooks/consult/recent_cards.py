"""Answers and their cards of the last moment, for the same chart fired several times at once.

An EHR that opens a chart may fire one hook from several of its parts. The first reads the answer
from the store and makes its cards; the others of that moment get the same words under ids of their
own. Each is recorded all the same before it leaves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.protocol.cards import Response

__all__ = ["RecentCardCache"]

_MOST = 32
_MOMENT_S = 5.0


@dataclass(frozen=True, slots=True)
class _Kept:
    done: Consultation
    responses: dict[Hashable, Response]
    until: float


class RecentCardCache:
    """At most 32 answers, each for a moment: a card tells its age in minutes, a link its end.

    `clock` is monotonic, `new_id` makes the ids of cards and suggestions.
    """

    def __init__(
        self, new_id: Callable[[], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._new_id = new_id
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def answer(self, key: str) -> Consultation | None:
        """The answer to this question that was shown a moment ago."""
        kept = self._kept.get(key)
        return kept.done if kept is not None and kept.until > self._clock() else None

    def again(self, done: Consultation, about: Hashable) -> Response | None:
        """What was shown of this very answer, `about` the same, as new cards."""
        if self.answer(done.key) is not done:
            return None
        response = self._kept[done.key].responses.get(about)
        return None if response is None else self._anew(response)

    def put(self, done: Consultation, about: Hashable, response: Response) -> None:
        """Keep the cards of an answer; of anything else, which may change, nothing is kept."""
        if done.outcome is not Outcome.ANSWERED:
            return
        if self.answer(done.key) is not done:
            self._kept.pop(done.key, None)
            self._kept[done.key] = _Kept(done, {}, self._clock() + _MOMENT_S)
            while len(self._kept) > _MOST:
                self._kept.pop(next(iter(self._kept)))
        self._kept[done.key].responses[about] = response

    def _anew(self, response: Response) -> Response:
        """The same cards under new ids: feedback tells by them which one it is about."""
        cards = (
            replace(
                card,
                uuid=self._new_id(),
                suggestions=tuple(replace(s, uuid=self._new_id()) for s in card.suggestions),
            )
            for card in response.cards
        )
        return replace(response, cards=tuple(cards))
