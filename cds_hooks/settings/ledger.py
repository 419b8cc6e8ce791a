"""The ledger: who signs it, how often, and where copies of its checkpoints go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cds_hooks.settings.kinds import Section, Unset

__all__ = ["Ledger"]


class Ledger(Section):
    name: str = Field(
        "chartside",
        pattern=r"^[^\s+]{1,200}$",
        description="The name it is signed under, such as the service's host name.",
    )
    signing_key: Annotated[Path | None, Unset] = Field(
        None, description="Ed25519 key (PEM) of checkpoints; unset: `ledger.key` beside the site's."
    )
    earlier_keys: tuple[str, ...] = Field(
        (), description="Public keys (`name+id+base64`) that signed before the present one."
    )
    every_s: float = Field(60.0, gt=0, description="Seconds after which records are signed.")
    every_records: int = Field(1000, gt=0, description="Records after which they are signed.")
    witness_folder: Annotated[Path | None, Unset] = Field(
        None, description="Folder on another machine for copies of checkpoints."
    )
    witness_syslog: bool = Field(False, description="Send checkpoints to the system's log, too.")
    users: Literal["keyed", "plain"] = Field(
        "keyed", description="Whether users stand in records by a keyed hash or by their id."
    )
