"""Settings of the store: where it is, and how long it keeps what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field

from cds_hooks.section import Section

__all__ = ["RetentionSettings", "StoreSettings"]


def _is_password(name: str) -> bool:
    """Of libpq's parameters: `password`, and `sslpassword` of a private key."""
    return "password" in name.lower()


def _without_password(value: str) -> str:
    parts = urlsplit(value if "://" in value else "")
    if parts.password is not None or any(map(_is_password, parse_qs(parts.query))):
        raise ValueError("must not hold a password; use the database's own password file")
    return value


class StoreSettings(Section):
    """Where records are kept, and the key that encrypts them (docs/operators/records.md)."""

    path: Annotated[str, AfterValidator(_without_password)] = Field(
        "build/records/records.sqlite",
        min_length=1,
        description="File, or SQLAlchemy URL of a database.",
    )
    site_key: Path = Field(
        Path("build/records/site.key"),
        description="Key that keyed hashes are made with and records are encrypted under; where "
        "the file is not there, the systemd credential `chartside-site-key`.",
    )


class RetentionSettings(Section):
    """How long each kind of record is kept; `chartside audit hold` keeps some longer."""

    consultations_days: float = Field(
        30.0, gt=0, description="Days after which consultations and their cards are deleted."
    )
    feedback_days: float = Field(30.0, gt=0, description="Days after which feedback is deleted.")
    statistics_days: float = Field(
        1095.0, gt=0, description="Days after which the counts of a day are deleted."
    )
