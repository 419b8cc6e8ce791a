"""A model server with known mistakes: it speaks OpenAI's protocol and answers as was drawn.

It knows a case by the weight in its chart, as nothing else names it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.simulated_hospital.encounters import Encounter, Listed
from tests.simulated_hospital.lists import places_of_samples
from tests.simulated_hospital.loopback import JSON, Reply, loopback

__all__ = ["MODEL", "SimulatedModel", "model_server"]

MODEL = "simulated"
_WEIGHT = re.compile(r"^(\w+) \| .*[Ww]eight (\d+(?:\.\d+)?) kg", re.MULTILINE)


@dataclass
class SimulatedModel:
    """What the server answers. `asked` counts requests by the number of their encounter."""

    encounters: Mapping[float, Encounter]
    asked: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, encounters: Iterable[Encounter]) -> SimulatedModel:
        return cls({each.weight_kg: each for each in encounters})

    def answers(self, body: Mapping[str, Any]) -> list[str]:
        """The samples that a request asks for."""
        prompt = body["messages"][-1]["content"]
        weight = _WEIGHT.search(prompt)
        assert weight, "every chart has a weight"
        encounter = self.encounters[float(weight[2])]
        self.asked[encounter.number] = self.asked.get(encounter.number, 0) + 1
        first, number = body["seed"], body.get("n", 1)
        samples = places_of_samples([each.votes for each in encounter.listed])
        return [
            _sample([encounter.listed[p] for p in places if p < len(encounter.listed)], prompt)
            for places in samples[first : first + number]
        ]


def _sample(listed: Iterable[Listed], prompt: str) -> str:
    diagnoses = [
        {
            "name": each.said.says,
            "group": "must-not-miss",
            "for": _evidence(each, prompt),
            "against": [],
            "discriminator": "further tests",
        }
        for each in listed
    ]
    return orjson.dumps({"diagnoses": diagnoses}).decode()


def _evidence(listed: Listed, prompt: str) -> list[dict[str, str]]:
    """A finding that is known to speak for it, and one that is said to be absent and is not, where
    the rules are to notice it."""
    told = [{"fact": _fact(listed.said.sign, prompt), "is": "present"}]
    return told if listed.cited else [*told, {"fact": _fact(listed.doubt, prompt), "is": "absent"}]


def _fact(text: str, prompt: str) -> str:
    found = re.search(rf"^(\w+) \| {re.escape(text)}( \||$)", prompt, re.MULTILINE)
    assert found, f"the chart has no {text}"
    return found[1]


@contextlib.asynccontextmanager
async def model_server(model: SimulatedModel) -> AsyncIterator[str]:
    """The base URL of the server, on a free port of this machine."""

    def answer(path: str, body: bytes) -> Reply:
        if path == "/v1/chat/completions":
            return _stream(model, orjson.loads(body)), "text/event-stream"
        if path == "/v1/models":
            card = {"id": MODEL, "object": "model", "owned_by": "tests"}
            return orjson.dumps({"object": "list", "data": [card]}), JSON
        return b'{"status":"ok"}', JSON

    async with loopback(answer) as base:
        yield base


def _stream(model: SimulatedModel, body: Mapping[str, Any]) -> bytes:
    said, prompt = model.answers(body), body["messages"][-1]["content"]
    chunks: list[Mapping[str, Any]] = []
    for index, text in enumerate(said):
        for delta, finish in (({"content": text}, None), ({}, "stop")):
            chunks.append({"choices": [{"index": index, "delta": delta, "finish_reason": finish}]})
    usage = {"prompt_tokens": len(prompt) // 3, "completion_tokens": sum(map(len, said)) // 4 + 1}
    chunks.append({"choices": [], "usage": usage})
    events = [b"data: " + orjson.dumps({"model": MODEL, **each}) + b"\n\n" for each in chunks]
    return b"".join(events) + b"data: [DONE]\n\n"
