"""What the checks look at, as plain values that were gathered at the edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["InstallationFacts", "LedgerFacts", "ServiceFacts", "StoreFacts"]


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """A service that is offered: the resource types that it asks for, and prefetch keys for which
    no reason is published."""

    id: str
    resource_types: tuple[str, ...]
    unexplained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """The ledger of the store, read once from its first record to its last.

    Times are RFC 3339 in UTC, empty where there is none. `first_seq` is the number of the first
    record that is there (-1: none); `last_times` are of each type's newest. `failure` says what
    verification found wrong, empty when nothing, and `other_state` which stored consultation
    differs from what the last record attests. `self_verified` is when the running
    service last found its records whole. `unrecorded` stored consultations are in no record.
    Of answers (`hook-answered`): `without_user`, `without_client`; `critical` counts cards. Of
    records of a model's answer (`modelled`): `single` name one diagnosis alone, `untraceable` lack
    the digest of model or template. `switched_off` times a service was switched off by hand, and
    `while_off` answers with cards are of one that was off. `compared` checkpoints of the witness's
    folder must hold too; `not_compared` is why they could not be read.
    """

    records: int = 0
    first_seq: int = -1
    first: str = ""
    last: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    last_times: Mapping[str, str] = field(default_factory=dict)
    covered: int = 0
    signed_at: str = ""
    self_verified: str = ""
    failure: str = ""
    other_state: str = ""
    unrecorded: int = 0
    answers: int = 0
    without_user: int = 0
    without_client: int = 0
    critical: int = 0
    modelled: int = 0
    single: int = 0
    untraceable: int = 0
    switched_off: int = 0
    while_off: int = 0
    compared: int = 0
    not_compared: str = ""


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """Rows of the store's tables.

    `payloads` counts encrypted records that can be read, `unsealed` those among them whose data
    key is not in the table of keys. `erased_keys` are data keys that were destroyed, `overdue`
    records that retention should have deleted a day ago or more.
    """

    payloads: int = 0
    unsealed: int = 0
    data_keys: int = 0
    erased_keys: int = 0
    holds: int = 0
    overdue: int = 0


@dataclass(frozen=True, slots=True)
class InstallationFacts:
    """An installation at a moment (`at`, RFC 3339 in UTC).

    `settings` are values by key (`console.idle_s`). `lacks` are code and key of what production
    lacks, `open_files` the keys of files and folders that others can read, `config_mode` the mode
    bits of the settings file (None without one). `destinations` are setting, address and whether it
    is this machine, of all that the configuration lets the service speak to. `own_texts` are our
    words on cards, `caution` the words that every card with diagnoses bears, `most_diagnoses` what
    the prompt template lets a model list. `admitted_for` is the purpose of the model's admission,
    empty without one. `known_types` are the types of ledger records that are documented.
    `ledger` and `store` are None where there is no store to read, and `unread` says why;
    `destroyed` are the ledger's records of what was destroyed.
    `operator_answers` are the site's, by key (`chartside export describe`).
    `risk_characteristics` are characteristics of (b)(11)(vi) with the number of hazards in the risk
    file that concern them.
    """

    at: str
    settings: Mapping[str, Any]
    lacks: tuple[tuple[str, str], ...] = ()
    open_files: tuple[str, ...] = ()
    config_mode: int | None = None
    site_key_origin: str = ""
    destinations: tuple[tuple[str, str, bool], ...] = ()
    services: tuple[ServiceFacts, ...] = ()
    own_texts: tuple[str, ...] = ()
    caution: str = ""
    most_diagnoses: int = 0
    admitted_for: str = ""
    known_types: frozenset[str] = frozenset()
    ledger: LedgerFacts | None = None
    store: StoreFacts | None = None
    unread: str = ""
    destroyed: tuple[Mapping[str, Any], ...] = ()
    operator_answers: Mapping[str, str] = field(default_factory=dict)
    risk_characteristics: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_production(self) -> bool:
        return bool(self.settings["profile"] == "production")

    @property
    def is_local(self) -> bool:
        """Whether it listens on this machine alone."""
        return self.settings["server.host"] in ("127.0.0.1", "::1", "localhost")

    def lacking(self, *codes: str) -> tuple[str, ...]:
        """Those of these codes that production lacks, each with its key."""
        return tuple(f"{code} at {key}" for code, key in self.lacks if code in codes)
