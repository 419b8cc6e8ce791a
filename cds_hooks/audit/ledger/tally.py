"""Counts over a ledger that is read once: what its records of consultations have and lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

__all__ = ["Tally"]

_OF_CONSULTATIONS = ("consulted", "hook-answered")
_OF_A_MODEL = ("gguf_sha256", "template_sha256")


class Tally:
    """Counts records as they pass.

    Of `hook-answered` records (`answers`): `without_user`, `without_client`. `critical` counts
    cards, `modelled` records with a model's answer, `single` those of one diagnosis, `untraceable`
    those without the digest of model or template. `consultations` are the ids that records name.
    """

    def __init__(self) -> None:
        self.answers = self.without_user = self.without_client = self.critical = 0
        self.modelled = self.single = self.untraceable = 0
        self.consultations: set[str] = set()

    def passing(self, records: Iterable[bytes]) -> Iterator[bytes]:
        """The same records, counted."""
        for data in records:
            record = orjson.loads(data)
            if record.get("type") in _OF_CONSULTATIONS:
                self._add(record)
            yield data

    def _add(self, record: Mapping[str, Any]) -> None:
        self.consultations.add(str(record.get("consultation", "")))
        if record["type"] == "hook-answered":
            self.answers += 1
            self.without_user += not record.get("user_ref")
            self.without_client += not record.get("client_iss")
        cards = record.get("cards", [])
        self.critical += sum(card.get("indicator") == "critical" for card in cards)
        if record.get("output_hmac"):
            self.modelled += 1
            self.single += len(record.get("checks", [])) == 1
            self.untraceable += not all(record.get(name) for name in _OF_A_MODEL)
