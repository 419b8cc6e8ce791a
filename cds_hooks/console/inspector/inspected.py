"""One fired hook as the inspector keeps it: every stage, while it runs and afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from cds_hooks.consultation import CheckedConsultation, Consultation
from cds_hooks.errors import ChartsideError
from cds_hooks.gather import GatherNote, GatherResult
from cds_hooks.inference.engine import SampleProgress
from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.json_output import to_document
from cds_hooks.services import ServiceDefinition
from prompts import Message

__all__ = ["HeldResource", "Inspected", "ShownAnswer", "Stage"]


class Stage(StrEnum):
    """How far a fired hook has come."""

    READING = "reading the chart"
    GATHERING = "gathering what the request did not bring"
    RULES = "mapping it, and looking with rules"
    MODEL = "the model is writing"
    CHECKING = "checking what the model wrote"
    DONE = "finished"
    FAILED = "not answered"

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self in (Stage.DONE, Stage.FAILED)


@dataclass(frozen=True, slots=True)
class HeldResource:
    """A resource that the chart was made of, as JSON; `reference` is "Observation/o1"."""

    reference: str = field(repr=False)
    body: bytes = field(repr=False)

    def document(self) -> dict[str, Any]:
        """It, parsed."""
        found: dict[str, Any] = orjson.loads(self.body)
        return found


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """A response as it was sent, `after_ms` after the hook was fired; `document` is its JSON."""

    after_ms: float
    response: Response = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)


@dataclass(eq=False, slots=True)
class Inspected:
    """What one fired hook left. `source` says in words where the chart is from; `began` is in
    monotonic seconds, `created` in UTC seconds. `sent` counts the resources under each prefetch
    key, `states` are what gathering made of it.

    `version` grows with every change; `wait` returns at the next one.
    """

    id: str
    service: ServiceDefinition
    source: str
    created: float
    began: float = field(default_factory=time.monotonic)
    stage: Stage = Stage.READING
    request: bytes = field(default=b"", repr=False)
    sent: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[GatherNote, ...] = ()
    resources: tuple[HeldResource, ...] = field(default=(), repr=False)
    messages: tuple[Message, ...] = field(default=(), repr=False)
    samples: dict[tuple[str, int], SampleProgress] = field(default_factory=dict, repr=False)
    answers: list[ShownAnswer] = field(default_factory=list, repr=False)
    consultation: Consultation | None = field(default=None, repr=False)
    error: ChartsideError | None = None
    marks: dict[str, float] = field(default_factory=dict)
    version: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def checked(self) -> CheckedConsultation | None:
        """The consultation once it has ended."""
        return self.consultation if isinstance(self.consultation, CheckedConsultation) else None

    @property
    def size(self) -> int:
        """Bytes that it takes, about: what was sent, what was read, and as much again of ours."""
        held = sum(len(each.body) for each in self.resources)
        return 2 * (len(self.request) + held) + (1 << 16)

    def becomes(self, stage: Stage) -> None:
        """Come to a stage; one that is behind the present one is not gone back to."""
        order = list(Stage)
        if not self.stage.ended and order.index(stage) >= order.index(self.stage):
            self.marks[stage.name.lower()] = self.elapsed_ms
            self.stage = stage
            self.tell()

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since it was fired."""
        return 1000 * (time.monotonic() - self.began)

    def gathered(self, found: GatherResult) -> None:
        """Keep what the chart is made of."""
        self.states = {key: state.value for key, state in found.states.items()}
        self.notes = found.notes
        self.resources = tuple(
            HeldResource(f"{r['resourceType']}/{r.get('id', '')}", orjson.dumps(r))
            for r in found.resources
        )
        self.becomes(Stage.RULES)

    def sampled(self, progress: SampleProgress) -> None:
        """Keep how far a sample is."""
        self.samples[progress.model, progress.number] = progress
        self.tell()

    def keep_answer(self, response: Response) -> None:
        """Keep a response. Raises AnswerInvalid for one that the service would not send."""
        self.answers.append(ShownAnswer(self.elapsed_ms, response, to_document(response)))
        self.tell()

    def failed(self, error: ChartsideError) -> None:
        """It ended with an error instead of an answer."""
        self.error = error
        self.becomes(Stage.FAILED)

    def tell(self) -> None:
        """Wake whoever waits for a change."""
        self.version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def wait(self, seen: int, seconds: float) -> bool:
        """Whether there is a change since version `seen`, at the latest after `seconds`."""
        if self.version == seen:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
        return self.version != seen
