"""What one prefetch key or one answer of a FHIR server came to: its state and its resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cds_hooks.gather.arrival import NOT_SENT
from cds_hooks.gather.result import NoteCode, Resource

__all__ = ["ABSENT", "KeyReading", "KeyShape"]


class KeyShape(StrEnum):
    """The seven states of a prefetch key, and two that only mistakes have."""

    ABSENT = "absent"
    NULL = "null"
    RESOURCE = "resource"
    EMPTY_BUNDLE = "empty-bundle"
    BUNDLE = "bundle"
    PAGED_BUNDLE = "paged-bundle"
    OUTCOME = "operation-outcome"
    WRONG_TYPE = "wrong-resource-type"
    NOT_A_RESOURCE = "not-a-resource"


_NOT_OBTAINED = {KeyShape.ABSENT, KeyShape.OUTCOME, KeyShape.WRONG_TYPE, KeyShape.NOT_A_RESOURCE}
_CUT = {
    NoteCode.MORE_PAGES,
    NoteCode.FEWER_THAN_TOTAL,
    NoteCode.ERROR_OUTCOME,
    NoteCode.ENTRY_UNREADABLE,
}


@dataclass(frozen=True, slots=True)
class KeyReading:
    """What was read under one key.

    `next_url` is where the next page lies, as written. `total` is how many matches the search
    says it has, `matches` how many are here, `head` how many were asked for (the newest ones).
    `urns` maps an entry's urn to `Type/id`; `notes` counts what was noted, by code; `fetched`
    says that some of it came from the FHIR server. `arrived` names what came where it does not
    answer the question ("text", "html", "operation-outcome forbidden"), "" else.
    """

    shape: KeyShape
    resources: tuple[Resource, ...] = ()
    next_url: str | None = None
    total: int | None = None
    matches: int = 0
    head: int | None = None
    urns: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[NoteCode, int] = field(default_factory=dict)
    fetched: bool = False
    arrived: str = ""

    @property
    def obtained(self) -> bool:
        """Whether this answers the question: nothing found is an answer, an error is none."""
        return self.shape not in _NOT_OBTAINED

    @property
    def complete(self) -> bool:
        """Whether all that was asked for is here."""
        return self.obtained and not _CUT & self.notes.keys()

    def noting(self, *codes: NoteCode) -> KeyReading:
        """The same with notes added."""
        return replace(self, notes=Counter(self.notes) + Counter(codes))

    def shaped(self) -> KeyReading:
        """A bundle with the state that its content gives it, noted where it is not whole."""
        if not self.obtained:
            return self
        asked = self.head is not None and self.matches >= self.head
        if self.next_url is not None and not asked:
            return replace(self, shape=KeyShape.PAGED_BUNDLE).noting(NoteCode.MORE_PAGES)
        if self.total is not None and self.total > self.matches and not asked:
            return replace(self, shape=KeyShape.BUNDLE).noting(NoteCode.FEWER_THAN_TOTAL)
        if self.resources:
            return replace(self, shape=KeyShape.BUNDLE, next_url=None)
        unclear = {NoteCode.ERROR_OUTCOME, NoteCode.ENTRY_UNREADABLE} & self.notes.keys()
        return replace(self, shape=KeyShape.OUTCOME if unclear else KeyShape.EMPTY_BUNDLE)

    def joined(self, page: KeyReading) -> KeyReading:
        """This and its next page, which the FHIR server gave, as one."""
        notes = Counter(self.notes) + Counter(page.notes)
        del notes[NoteCode.MORE_PAGES], notes[NoteCode.FEWER_THAN_TOTAL]
        return replace(
            self,
            resources=self.resources + page.resources,
            next_url=page.next_url,
            matches=self.matches + page.matches,
            urns={**page.urns, **self.urns},
            notes=notes,
            fetched=True,
        ).shaped()


ABSENT = KeyReading(KeyShape.ABSENT, arrived=NOT_SENT)
