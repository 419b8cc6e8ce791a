"""What the desk needs of the running service."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from markupsafe import Markup

from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner, CheckpointVerifier
from cds_hooks.audit.ledger.source import LedgerSource
from cds_hooks.audit.ledger_store import LedgerStore
from cds_hooks.compliance.audit_events import Site as AuditSite
from cds_hooks.compliance.questions import QuestionFacts
from cds_hooks.console.access import Recording
from cds_hooks.console.reader import Reader
from cds_hooks.protocol.cards import Card

__all__ = ["Desk", "ReadConsultation"]

# The store has two threads that read.
_SEARCHES = 1

Addition = Callable[[str, Reader], Awaitable[Markup]]
"""From a consultation's id and its reader to HTML that stands on its page."""


@dataclass(frozen=True, slots=True)
class ReadConsultation:
    """A consultation that is on record as read: `told` is `replay.explanation`, `cards` are made
    again as of then, each with its summary's keyed hash as the ledger has it. `asked` is the id
    that was asked for: that of a question whose answer came later, or `id`. A `silent` one is of a
    trial: nobody was shown it."""

    id: str
    asked: str
    told: Mapping[str, Any]
    cards: tuple[tuple[Card, str], ...]
    service: str
    created: float
    silent: bool = False


class _Read(Protocol):
    def __call__(self, reference: str, reader: Reader) -> Awaitable[ReadConsultation]:
        """Record that somebody reads it, then give it. Raises ConsultationUnknown."""
        ...


@dataclass(slots=True)
class Desk:
    """`open_source` reads the ledger in a connection of its own, for a thread.

    `witnessed` reads a witness's checkpoints at `witness_place` ("" where there is none).
    `patient_keys` makes the pseudonyms of a FHIR id on one of `servers`, `user_keys` those of a
    user. `audit_site` is None without a public address, which identifiers of FHIR are named after.
    `question_facts` takes what a verification found and what is wrong, and is for a thread.
    `temporary` is where exports wait until they are sent (None: the system's place). `additions`
    put HTML on the page of a consultation. What takes long ends once `stopping` is set. `searching`
    and `counting` bound what is read at one time: hooks read the same store.
    """

    ledger: LedgerStore
    open_source: Callable[[], AbstractContextManager[LedgerSource]]
    key: CheckpointSigner
    keys: Sequence[CheckpointVerifier]
    witnessed: Callable[[], tuple[str, ...]]
    witness_place: str
    patient_keys: Callable[[str, str], tuple[str, ...]]
    user_keys: Callable[[str], tuple[str, ...]]
    servers: tuple[str, ...]
    audit_site: AuditSite | None
    read: _Read
    recording: Recording
    question_facts: Callable[[Callable[[LedgerSource], tuple[str, str]]], QuestionFacts]
    temporary: Path | None = None
    additions: list[Addition] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    searching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_SEARCHES))
    counting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
