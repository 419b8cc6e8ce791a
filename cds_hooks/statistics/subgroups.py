"""The groups that a consultation is counted in: all, its model, and the patient's age and sex."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

from cds_hooks.consultation import Consultation

__all__ = ["ALL", "DIMENSIONS", "OWN_TRIALS", "UNKNOWN", "groups_of"]

ALL = "all"
OWN_TRIALS = frozenset({"chartside-inspector"})
"""Issuers under which the service's own pages ask: trials, which say nothing of care."""

DIMENSIONS = ("model", "age", "sex")
UNKNOWN = "not known"
_SEXES = frozenset({"female", "male"})


class _Band(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    from_: int = Field(alias="from")
    name: str


def groups_of(consultation: Consultation | None) -> tuple[str, ...]:
    """`all`, `model:...`, `age:...` and `sex:...`; one that cannot be read is of none known, and
    one that the inspector asked for is in no group."""
    if consultation is None:
        return (ALL, *(f"{dimension}:{UNKNOWN}" for dimension in DIMENSIONS))
    if consultation.caller is not None and consultation.caller.issuer in OWN_TRIALS:
        return ()
    patient, model = consultation.chart.patient, consultation.model
    return (
        ALL,
        f"model:{_plain(model.name) if model else 'none'}",
        f"age:{_age_band(patient.age_years)}",
        f"sex:{_sex(patient.recorded_sex)}",
    )


def _plain(name: str) -> str:
    """A model's name without the sign that keys of counts are made with."""
    return name.replace("|", "/").strip() or "none"


def _age_band(years: float | None) -> str:
    if years is None or years < 0:
        return UNKNOWN
    return next(band.name for band in reversed(age_bands()) if years >= band.from_)


def _sex(recorded: str | None) -> str:
    if recorded is None:
        return UNKNOWN
    return recorded if recorded in _SEXES else "other"


@cache
def age_bands() -> tuple[_Band, ...]:
    """The bands of age, the youngest first."""
    raw = tomllib.loads(files(__package__).joinpath("data", "age_bands.toml").read_text("utf-8"))
    return tuple(_Band.model_validate(band) for band in raw["band"])
