"""`RecordedEngine` replays what a model said before; `Recorder` writes that down.

A recording is a JSON Lines file: first the model, then a line for each answer with what was asked,
and one for each text whose tokens were counted, by its digest. It holds charts in the clear, so it
is for test charts, and only its owner may read it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cds_hooks.consultation import ModelIdentity, ModelPart
from cds_hooks.inference.engine import (
    Engine,
    EngineError,
    EngineState,
    EngineUnavailable,
    Generation,
    GenerationRequest,
    Sample,
)
from cds_hooks.inference.panel import Panel

__all__ = ["NotRecorded", "RecordedEngine", "Recorder", "RecordingInvalid", "request_digest"]

_LARGEST = 256 << 20
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0)]


class RecordingInvalid(EngineError):
    """A file that is no recording, or one of another model; `where` is its name and line."""

    code = "recording-invalid"
    status = 500


class NotRecorded(EngineUnavailable):
    """Something was asked that the recording holds no answer to."""

    code = "not-recorded"


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Part(_Line):
    name: str
    sha256: str
    scale: float


class _Model(_Line):
    recording: Literal[1] = 1
    name: str
    sha256: str
    engine: str
    licence: str
    demonstration: bool
    parts: list[_Part] = []


class _Sample(_Line):
    text: str
    tokens: _Count
    finish: str
    thinking: str = ""
    thinking_cut: bool = False


class _Answer(_Line):
    request: dict[str, Any]
    samples: list[_Sample]
    tokens_prompt: _Count
    tokens_reused: _Count
    timings_ms: dict[str, float]


class _Counted(_Line):
    text_sha256: _Digest
    tokens: _Count


_LINE: TypeAdapter[_Model | _Answer | _Counted] = TypeAdapter(_Model | _Answer | _Counted)


def request_digest(request: GenerationRequest) -> str:
    """The SHA-256 of what an answer depends on: all of a request but its deadline."""
    return _digest(_content(request))


class RecordedEngine:
    """An `Engine` that knows the answers of one recording and no others. Raises RecordingInvalid.

    Of what was recorded twice the last counts.
    """

    def __init__(self, path: Path) -> None:
        self._recording = _read(path)
        self._status = "ready"

    @property
    def model(self) -> ModelIdentity:
        """The model that was recorded."""
        return self._recording.model

    @property
    def state(self) -> EngineState:
        """Ready, until it is stopped."""
        return EngineState(self._status)

    async def start(self) -> None:
        """Become ready."""
        self._status = "ready"

    async def stop(self) -> None:
        """Become failed."""
        self._status = "failed"

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The recorded counts. Raises NotRecorded."""
        digests = [_text_digest(text) for text in texts]
        if any(digest not in self._recording.counts for digest in digests):
            raise NotRecorded("A text's tokens were not recorded")
        return [self._recording.counts[digest] for digest in digests]

    async def generate(self, request: GenerationRequest) -> Generation:
        """The recorded answer to the same request, whatever its deadline. Raises NotRecorded."""
        digest = request_digest(request)
        if digest not in self._recording.answers:
            raise NotRecorded("This was not recorded", where=digest)
        return self._recording.answers[digest]


class Recorder:
    """An `Engine` that passes everything on to another one and writes down what it says.

    A recording that is there already is gone on with, if it is of the same model; otherwise the
    first answer raises RecordingInvalid. Raises ValueError for a panel: record its models apart.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        if isinstance(engine, Panel):
            raise ValueError("record the models of a panel one by one")
        self._engine = engine
        self._path = path
        self._begun = False

    @property
    def model(self) -> ModelIdentity:
        """The model of the engine that is recorded."""
        return self._engine.model

    @property
    def state(self) -> EngineState:
        """The state of the engine that is recorded."""
        return self._engine.state

    async def start(self) -> None:
        """Start the engine."""
        await self._engine.start()

    async def stop(self) -> None:
        """Stop the engine."""
        await self._engine.stop()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """What the engine counts, once it is written down."""
        counts = await self._engine.count_tokens(texts)
        pairs = dict(zip(map(_text_digest, texts), counts, strict=True))
        self._write(*(_Counted(text_sha256=text, tokens=n) for text, n in pairs.items()))
        return counts

    async def generate(self, request: GenerationRequest) -> Generation:
        """What the engine generates, once it is written down. Its errors are not recorded."""
        generation = await self._engine.generate(request)
        answer = _Answer(
            request=_content(request),
            samples=[_Sample(**asdict(sample)) for sample in generation.samples],
            tokens_prompt=generation.tokens_prompt,
            tokens_reused=generation.tokens_reused,
            timings_ms=dict(generation.timings_ms),
        )
        self._write(answer)
        return generation

    def _write(self, *lines: _Line) -> None:
        if not self._begun:
            self._begin()
        _append(self._path, lines)

    def _begin(self) -> None:
        """Write the head, or go on behind the last whole line of what is there."""
        model = self._engine.model
        if not self._path.exists() or not self._path.stat().st_size:
            _append(
                self._path,
                [_Model(**{**asdict(model), "parts": [_Part(**asdict(p)) for p in model.parts]})],
            )
        else:
            recording = _read(self._path)
            if recording.model != model:
                raise RecordingInvalid("The recording is of another model", where=self._path.name)
            os.truncate(self._path, recording.size)
        self._begun = True


@dataclass(frozen=True, slots=True)
class _Recording:
    """A recording as it was read; `size` is its bytes without a last line that was cut short."""

    model: ModelIdentity
    answers: Mapping[str, Generation]
    counts: Mapping[str, int]
    size: int


def _read(path: Path) -> _Recording:
    whole = _bytes(path)
    lines = list(_lines(whole, path.name))
    head = lines[0] if lines else None
    if not isinstance(head, _Model):
        raise RecordingInvalid("Not a recording", where=path.name)
    model = ModelIdentity(
        head.name,
        head.sha256,
        head.engine,
        head.licence,
        head.demonstration,
        tuple(ModelPart(part.name, part.sha256, part.scale) for part in head.parts),
    )
    if any(isinstance(line, _Model) for line in lines[1:]):
        raise RecordingInvalid("A recording has one model", where=path.name)
    answers = {_digest(a.request): _said(a, model) for a in lines if isinstance(a, _Answer)}
    counts = {c.text_sha256: c.tokens for c in lines if isinstance(c, _Counted)}
    return _Recording(model, answers, counts, whole.rfind(b"\n") + 1)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise RecordingInvalid("The recording is too large", where=path.name)
        return path.read_bytes()
    except OSError as error:
        kind = type(error).__name__
    raise RecordingInvalid("The recording cannot be read", where=f"{path.name} ({kind})")


def _lines(whole: bytes, name: str) -> Iterator[_Model | _Answer | _Counted]:
    for number, line in enumerate(whole.split(b"\n")[:-1], 1):
        try:
            yield _LINE.validate_python(orjson.loads(line))
            continue
        except (orjson.JSONDecodeError, ValidationError):
            pass
        raise RecordingInvalid("Not a line of a recording", where=f"{name}:{number}")


def _said(answer: _Answer, model: ModelIdentity) -> Generation:
    samples = tuple(Sample(**dict(sample)) for sample in answer.samples)
    return Generation(samples, model, answer.tokens_prompt, answer.tokens_reused, answer.timings_ms)


def _append(path: Path, lines: Iterable[_Line]) -> None:
    """Whole lines in one go, so that a crash can only cut the last of them short."""
    data = b"".join(orjson.dumps(line.model_dump()) + b"\n" for line in lines)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(data)
    except OSError as error:
        where = f"{path.name} ({type(error).__name__})"
        raise RecordingInvalid("The recording cannot be written", where=where) from None


def _content(request: GenerationRequest) -> dict[str, Any]:
    """What decides the answer: not how long it may take, nor when or whether it is made alone."""
    content = asdict(request)
    del content["deadline_s"], content["exclusive"], content["priority"]
    return cast("dict[str, Any]", orjson.loads(orjson.dumps(content)))


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
