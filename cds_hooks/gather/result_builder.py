"""From what was read to what is kept: only this patient's, each once, and a state for each key.

Pure. Nothing is set aside without a note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from cds_hooks.consultation import KeyArrival, KeyState
from cds_hooks.gather.key_reading import KeyReading
from cds_hooks.gather.ownership import Owner, Ownership
from cds_hooks.gather.result import GatherNote, NoteCode, Resource

__all__ = ["GatherResultBuilder"]

_SET_ASIDE = {Ownership.OTHER: NoteCode.OTHER_PATIENT, Ownership.UNSAID: NoteCode.SUBJECT_MISSING}
_SAID = frozenset({
    NoteCode.ERROR_OUTCOME, NoteCode.WARNING_OUTCOME, NoteCode.NOT_A_RESOURCE, NoteCode.WRONG_TYPE,
})  # fmt: skip
"""What is said by what arrived."""


class GatherResultBuilder:
    """Collects what is kept, in the order it comes; the states and notes of the keys."""

    def __init__(self, owner: Owner) -> None:
        self.resources: list[Resource] = []
        self.states: dict[str, KeyState] = {}
        self.notes: list[GatherNote] = []
        self.arrivals: dict[str, KeyArrival] = {}
        self._owner = owner
        self._seen: set[tuple[str, str]] = set()

    def key(self, key: str, reading: KeyReading, expected: str) -> None:
        """Settle one of our keys, which asked for resources of type `expected`."""
        found: Counter[Ownership] = Counter()
        answers = 0
        for resource in reading.resources:
            belongs = self._owner.judge(resource)
            found[belongs] += 1
            if belongs not in _SET_ASIDE:
                answers += expected in {"", resource["resourceType"]}
                self.add(resource)
        aside = {_SET_ASIDE[belongs]: n for belongs, n in found.items() if belongs in _SET_ASIDE}
        self.note(key, {**reading.notes, **aside})
        self.states[key] = _state(reading, answers, aside)
        if self.states[key] in (KeyState.UNAVAILABLE, KeyState.PARTIAL):
            noted = [n.code.value for n in self.notes if n.key == key and n.code not in _SAID]
            self.arrivals[key] = KeyArrival(reading.arrived, tuple(noted))

    def unknown(self, reading: KeyReading) -> None:
        """Resources under a key of the client's own: used if they are plainly the patient's."""
        aside = 0
        for resource in reading.resources:
            own = self._owner.judge(resource) is Ownership.OWN
            if own or resource["resourceType"] == "Medication":
                self.add(resource)
            else:
                aside += 1
        self.note("?", {NoteCode.UNKNOWN_KEY: aside})

    def add(self, resource: Resource) -> None:
        """Keep a resource unless one of its type and id is kept already."""
        identity = resource.get("id")
        if isinstance(identity, str):
            name = (resource["resourceType"], identity)
            if name in self._seen:
                return
            self._seen.add(name)
        self.resources.append(resource)

    def note(self, key: str, notes: Mapping[NoteCode, int]) -> None:
        """Write down the codes of one key."""
        self.notes += [GatherNote(key, code, count) for code, count in notes.items() if count > 0]


def _state(reading: KeyReading, answers: int, aside: Mapping[NoteCode, int]) -> KeyState:
    """When all that came was somebody else's, or only a part came and it was empty, the question
    was not answered; that is not the same as "none recorded".
    """
    whole = reading.complete and NoteCode.SUBJECT_MISSING not in aside
    if not reading.obtained or (answers == 0 and (aside or not whole)):
        return KeyState.UNAVAILABLE
    if not whole:
        return KeyState.PARTIAL
    if answers == 0:
        return KeyState.EMPTY
    return KeyState.FETCHED if reading.fetched else KeyState.PREFETCHED
