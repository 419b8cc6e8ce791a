"""Counts over a ledger that is read once: what its records of consultations have and lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

__all__ = ["GRACE_S", "Tally"]

_OF_CONSULTATIONS = ("consulted", "hook-answered")
_SILENT = ("silent-consulted", "silent-hook-answered")
_OFF = "service-switched-off"
_SWITCHES = (_OFF, "service-switched-on")
_ALL = "*"
GRACE_S = 5.0
_OF_A_MODEL = ("gguf_sha256", "template_sha256")


class Tally:
    """Counts records as they pass.

    Of `hook-answered` records (`answers`): `without_user`, `without_client`. `critical` counts
    cards, `modelled` records with a model's answer, `single` those of one diagnosis, `untraceable`
    those without the digest of model or template. `consultations` are the ids that records name.
    `switched_off` counts switches, `while_off` answers with cards of a service that was off for
    more than `GRACE_S`, in which every process has read the switch. Answers to clients of `trials`
    were shown to no clinician, and are left out; so are those of silent trials.
    """

    def __init__(self, trials: frozenset[str] = frozenset()) -> None:
        self._trials = trials
        self.switched_off = self.while_off = 0
        self._off: dict[str, str] = {}
        self.answers = self.without_user = self.without_client = self.critical = 0
        self.modelled = self.single = self.untraceable = 0
        self.consultations: set[str] = set()

    def passing(self, records: Iterable[bytes]) -> Iterator[bytes]:
        """The same records, counted."""
        for data in records:
            record = orjson.loads(data)
            if record.get("type") in _OF_CONSULTATIONS:
                self._add(record)
            elif record.get("type") in _SILENT:
                self.consultations.add(str(record.get("consultation", "")))
            elif record.get("type") in _SWITCHES:
                self._switch(record)
            yield data

    def _switch(self, record: Mapping[str, Any]) -> None:
        scope = _ALL if record.get("details", {}).get("all") else str(record.get("service_id", ""))
        if record["type"] == _OFF:
            self.switched_off += 1
            self._off.setdefault(scope, str(record["recorded"]))
        else:
            self._off.pop(scope, None)

    def _was_off(self, record: Mapping[str, Any]) -> bool:
        since = (self._off.get(scope) for scope in (str(record.get("service_id", "")), _ALL))
        return any(_seconds(each, str(record["recorded"])) > GRACE_S for each in since if each)

    def _add(self, record: Mapping[str, Any]) -> None:
        self.consultations.add(str(record.get("consultation", "")))
        if record.get("client_iss") in self._trials:
            return
        if record["type"] == "hook-answered":
            self.answers += 1
            self.without_user += not record.get("user_ref")
            self.without_client += not record.get("client_iss")
        cards = record.get("cards", [])
        self.while_off += bool(cards) and self._was_off(record)
        self.critical += sum(card.get("indicator") == "critical" for card in cards)
        if record.get("output_hmac"):
            self.modelled += 1
            self.single += len(record.get("checks", [])) == 1
            self.untraceable += not all(record.get(name) for name in _OF_A_MODEL)


def _seconds(since: str, until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()
