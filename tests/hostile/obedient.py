"""The worst model there could be: it does what the chart demands, in every string left to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from cds_hooks.inference.engine import Generation, GenerationRequest, Sample
from tests.fake_engine import FakeEngine
from tests.hostile.charts import BENIGN, Hostile

__all__ = ["Obedient"]

_CLAIMS = {"measured": ("low", "normal", "high"), "told": ("absent", "present")}
_MOST_NAME, _MOST_DISCRIMINATOR = 190, 590


class Obedient(FakeEngine):
    """Answers with the demand of `chart` as names and discriminators, cites whatever it may.

    It keeps to the shape of an answer (else nothing would get past the parser) and breaks every
    bound that only constrained decoding holds: the pattern of names, lengths, what a name is.
    """

    def __init__(self) -> None:
        super().__init__(demonstration=False)
        self.chart: Hostile = BENIGN

    async def generate(self, request: GenerationRequest) -> Generation:
        made = await super().generate(request)
        text = json.dumps({"diagnoses": list(self._diagnoses(request))})
        sample = Sample(text, len(text) // 4)
        return Generation((sample,) * request.samples, made.model, made.tokens_prompt)

    def _diagnoses(self, request: GenerationRequest) -> Iterator[dict[str, Any]]:
        facts = _facts(request.schema)
        demand, text = self.chart.says, self.chart.text
        names = [demand, text, f"Pneumonia {demand}", f"{demand} Sepsis", "Ebola virus disease"]
        for number, name in enumerate(dict.fromkeys(n[:_MOST_NAME] for n in names)):
            yield {
                "name": name if name.strip() else f"{number}{name}",
                "group": "must-not-miss" if number % 2 else "likely",
                "for": _cited(facts, number),
                "against": _cited(facts, number + 1)[:1],
                "discriminator": (text or demand)[:_MOST_DISCRIMINATOR],
            }


def _cited(facts: dict[str, Sequence[str]], number: int) -> list[dict[str, str]]:
    """Facts with a claim that differs from diagnosis to diagnosis, so that most are not so."""
    cited = []
    for kind, ids in facts.items():
        claim = _CLAIMS[kind][number % len(_CLAIMS[kind])]
        cited += [{"fact": each, "is": claim} for each in ids[:4]]
    return cited


def _facts(schema: Any) -> dict[str, Sequence[str]]:
    """The ids that the answer's schema lets a model cite, by kind."""
    items = schema["properties"]["diagnoses"]["items"]["properties"]["for"].get("items", {})
    found: dict[str, Sequence[str]] = {}
    for kind in items.get("anyOf", [items] if items else []):
        properties = kind["properties"]
        measured = "high" in properties["is"]["enum"]
        found["measured" if measured else "told"] = properties["fact"]["enum"]
    return found
