"""What an OpenAI-compatible endpoint has to do for us, asked of one: no patient in any request.

For endpoints with a router or gateway in them, whose routing is theirs: that they answer at all is
seen by `try_server`; this looks at what such a middle changes.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from cds_hooks.doctor.contract_asking import SHORT, Endpoint, EndpointAnswer, bound, long_answer
from cds_hooks.doctor.findings import Level
from cds_hooks.inference.engine import EngineError
from cds_hooks.inference.remote.server_faults import FaultCode, ServerFault

__all__ = ["Clause", "ClauseText", "clauses", "examined_endpoint"]

_SAMPLES = 3
_LARGE = 48 * 1024
_BUSY = frozenset({FaultCode.BUSY, FaultCode.UNAVAILABLE})
_NOT_THERE = "chartside-no-such-model"
Found = tuple[Level, str]
_NOTHING: Found = (Level.UNCHECKED, "there was no answer to look at")


class ClauseText(BaseModel):
    """A row of `contract.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    needs: str
    mend: str


@cache
def clauses() -> Mapping[str, ClauseText]:
    """Every clause by its id, in the order in which they are asked."""
    raw = tomllib.loads(files("cds_hooks.doctor").joinpath("contract.toml").read_text("utf-8"))
    return {key: ClauseText.model_validate(row) for key, row in raw["clause"].items()}


@dataclass(frozen=True, slots=True)
class Clause:
    """What was found about one clause."""

    id: str
    level: Level
    says: str

    @property
    def mend(self) -> str:
        """What to do; empty where nothing is wrong."""
        bad = self.level in (Level.WARN, Level.FAIL)
        return clauses()[self.id].mend if bad else ""

    def document(self) -> dict[str, str]:
        """For a program."""
        told = {"id": self.id, "level": self.level.value, "needs": clauses()[self.id].needs}
        return told | {"says": self.says, "mend": self.mend}


async def examined_endpoint(
    endpoint: Endpoint, names: Collection[str] = ()
) -> AsyncIterator[Clause]:
    """Each clause, or those of these names, as it is found.

    When there is no answer at all, what rests on one is not asked.
    """
    wanted = set(names) or set(clauses())
    if "models" in wanted:
        yield Clause("models", *await _told(_models(endpoint)))
    one = await endpoint.ask(SHORT)
    for name, found in _of_one(one).items():
        if name in wanted:
            yield Clause(name, *found)
    for name, asks in _ASKED.items():
        if name in wanted and one.samples:
            yield Clause(name, *await _told(asks(endpoint)))
        elif name in wanted:
            yield Clause(name, *_NOTHING)


def _of_one(one: EndpointAnswer) -> dict[str, Found]:
    """What one answer tells."""
    if not one.samples:
        return {"answer": _answer(one), "streamed": _NOTHING, "usage": _NOTHING}
    return {"answer": _answer(one), "streamed": _streamed(one), "usage": _usage(one)}


async def _told(asked: Awaitable[Found]) -> Found:
    try:
        return await asked
    except EngineError as error:
        return Level.FAIL, f"{error.code}: {error.message}"


async def _models(endpoint: Endpoint) -> Found:
    listed = await endpoint.listed()
    if endpoint.model in listed:
        return Level.PASS, f"{len(listed)} listed"
    return Level.FAIL, f"{endpoint.model} is none of {len(listed)} listed"


def _answer(one: EndpointAnswer) -> Found:
    if one.fault is not None:
        return Level.FAIL, f"{one.fault.code}: {one.fault.message}"
    if not one.samples:
        return Level.FAIL, "nothing whole came"
    return (Level.PASS, "bound") if bound(one.samples[0]) else (Level.FAIL, "not bound to it")


def _streamed(one: EndpointAnswer) -> Found:
    return (Level.WARN, "it came in one piece") if one.whole else (Level.PASS, "streamed")


def _usage(one: EndpointAnswer) -> Found:
    if not one.usage.prompt or not one.usage.answer:
        return Level.WARN, "none were told"
    return Level.PASS, f"{one.usage.prompt} read, {one.usage.answer} written"


async def _samples(endpoint: Endpoint) -> Found:
    several = (await endpoint.ask(replace(SHORT, samples=_SAMPLES))).or_raise()
    told = f"{several.begun} of {_SAMPLES} came"
    return (Level.PASS if several.begun == _SAMPLES else Level.WARN), told


async def _text(endpoint: Endpoint, seed: int, name: str = "Anna") -> str:
    return (await endpoint.ask(long_answer(seed, name))).or_raise().samples[0]


async def _seeds(endpoint: Endpoint) -> Found:
    if await _text(endpoint, 1) == await _text(endpoint, 2):
        return Level.FAIL, "two seeds gave one text"
    return Level.PASS, "two seeds gave two texts"


async def _repeats(endpoint: Endpoint) -> Found:
    if await _text(endpoint, 1) == await _text(endpoint, 1):
        return Level.PASS, "one seed gave one text"
    return Level.WARN, "one seed gave two texts"


async def _fresh(endpoint: Endpoint) -> Found:
    """Two questions that are almost one: a cache by meaning takes them for the same."""
    if await _text(endpoint, 1, "Anna") == await _text(endpoint, 1, "Anne"):
        return Level.FAIL, "two questions got one text"
    return Level.PASS, "two questions got two texts"


async def _own_model(endpoint: Endpoint) -> Found:
    other = await endpoint.ask(SHORT, model=_NOT_THERE)
    if other.fault is None:
        return Level.WARN, "a model that is not there answered"
    if other.fault.fault is FaultCode.OTHER_MODEL:
        return Level.WARN, "another model answered in its place"
    return Level.PASS, f"refused ({other.fault.code})"


async def _large(endpoint: Endpoint) -> Found:
    schema = {**SHORT.schema, "description": "x" * _LARGE}
    (await endpoint.ask(replace(SHORT, schema=schema))).or_raise()
    return Level.PASS, "taken"


async def _cancelled(endpoint: Endpoint) -> Found:
    begun = [await endpoint.give_up(long_answer(n, tokens=2000)) for n in range(2)]
    if not all(begun):
        return Level.UNCHECKED, "a long answer ended before it could be given up"
    (await endpoint.ask(SHORT)).or_raise()
    return Level.PASS, "given up twice, and answered behind it"


async def _many(endpoint: Endpoint) -> Found:
    asked = await asyncio.gather(*(endpoint.ask(SHORT) for _ in range(endpoint.in_flight)))
    faults = [each.fault for each in asked if each.fault is not None]
    told = f"{len(asked) - len(faults)} of {len(asked)} answered"
    if other := [fault for fault in faults if fault.fault not in _BUSY]:
        return Level.FAIL, f"{told}; {other[0].code}: {other[0].message}"
    if not faults:
        return Level.PASS, told
    waits = [fault.retry_after_s for fault in faults if fault.retry_after_s is not None]
    level = Level.PASS if len(waits) == len(faults) else Level.WARN
    return level, f"{told}, {len(faults)} refused as busy, {len(waits)} with Retry-After"


async def _key(endpoint: Endpoint) -> Found:
    if not endpoint.has_key:
        return Level.UNCHECKED, "no key is given"
    fault: ServerFault | None = (await endpoint.ask(SHORT, without_key=True)).fault
    if fault is None:
        return Level.WARN, "a request without it was answered"
    refused = fault.fault in (FaultCode.UNAUTHORIZED, FaultCode.FORBIDDEN)
    return (Level.PASS if refused else Level.WARN), f"without it: {fault.code}"


_ASKED: dict[str, Callable[[Endpoint], Awaitable[Found]]] = {
    "samples": _samples,
    "seeds": _seeds,
    "repeats": _repeats,
    "fresh": _fresh,
    "own-model": _own_model,
    "large": _large,
    "cancelled": _cancelled,
    "many": _many,
    "key": _key,
}


def as_json(found: list[Clause]) -> bytes:
    """One object; `holds` is whether nothing failed."""
    document: dict[str, Any] = {"holds": all(each.level is not Level.FAIL for each in found)}
    document["clauses"] = [each.document() for each in found]
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)
