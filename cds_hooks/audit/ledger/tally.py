"""Counts over a ledger that is read once: types of records, answers, and what they lack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

__all__ = ["Tally"]

_OF_CONSULTATIONS = ("consulted", "hook-answered")
_OF_A_MODEL = ("gguf_sha256", "template_sha256")


class Tally:
    """Counts records as they pass; `last_times` are those of each type's newest record.

    Of `hook-answered` records: `without_user`, `without_client`. `critical` counts cards,
    `modelled` records with a model's answer, `single` those of one diagnosis, `untraceable` those
    without the digest of model or template. `consultations` are the ids that records name.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.last_times: dict[str, str] = {}
        self.first_seq, self.first, self.last = -1, "", ""
        self.without_user = self.without_client = self.critical = 0
        self.modelled = self.single = self.untraceable = 0
        self.consultations: set[str] = set()

    def passing(self, records: Iterable[bytes]) -> Iterator[bytes]:
        """The same records, counted; what is no JSON object is left to verification."""
        for data in records:
            try:
                fields = orjson.loads(data)
            except orjson.JSONDecodeError:
                fields = None
            if isinstance(fields, dict):
                self._add(fields)
            yield data

    def _add(self, record: Mapping[str, Any]) -> None:
        type_, recorded = str(record.get("type", "")), str(record.get("recorded", ""))
        if not self.counts:
            seq = record.get("seq")
            self.first_seq, self.first = seq if isinstance(seq, int) else -1, recorded
        self.last = self.last_times[type_] = recorded
        self.counts[type_] += 1
        if type_ in _OF_CONSULTATIONS:
            self._add_consultation(record, type_)

    def _add_consultation(self, record: Mapping[str, Any], type_: str) -> None:
        self.consultations.add(str(record.get("consultation", "")))
        if type_ == "hook-answered":
            self.without_user += not record.get("user_ref")
            self.without_client += not record.get("client_iss")
        cards = record.get("cards", [])
        self.critical += sum(card.get("indicator") == "critical" for card in cards)
        if record.get("output_hmac"):
            self.modelled += 1
            self.single += len(record.get("checks", [])) == 1
            self.untraceable += not all(record.get(name) for name in _OF_A_MODEL)
