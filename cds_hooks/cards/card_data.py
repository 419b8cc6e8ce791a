"""The words, profiles and override reasons that ship beside this module, checked when read."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cds_hooks.consultation import KeyState, Outcome, Seriousness, Verdict
from cds_hooks.protocol.cards import Coding
from prompts import StatusWords

__all__ = ["LISTED", "Profile", "Texts", "override_reasons", "profile", "profiles", "texts"]

LISTED = "differential (AI)"
"""In the label of a card's source when the card has a model's list: topics tell what leads."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OutcomeText(_Data):
    """What a card says when there is no differential, and in `short` beside an earlier one."""

    summary: str
    short: str
    detail: str


class CheckTexts(_Data):
    """`claim` is the check of what a model says of a fact; `told` need no line of their own;
    `noted` are told although they judge nothing, and how; `worded` with their own words."""

    claim: str
    told: frozenset[str]
    claimed: str
    noted: dict[str, str]
    worded: frozenset[str]


class SummaryTexts(_Data):
    """Words of the summary; `proper` are first words of names that keep their capital."""

    rules: str
    fit: str
    fit_recorded: str
    uncertain: str
    also: str
    plain: str
    model: str
    demonstration: str
    none_stands: str
    only_recorded: str
    proper: frozenset[str]


class Texts(_Data):
    """`data/texts.toml`, by the names of the verdicts, states and outcomes; `faults` by code."""

    version: str
    source: dict[str, str]
    status: StatusWords
    blocks: dict[str, str]
    seriousness: dict[Seriousness, str]
    consensus: dict[str, str]
    groups: dict[str, str]
    verdicts: dict[Verdict, str]
    checks: CheckTexts
    uncertain: dict[str, str]
    states: dict[KeyState, str]
    keys: dict[str, str]
    arrivals: dict[str, str]
    acronyms: dict[str, str]
    omissions: dict[str, str]
    systems: dict[str, str]
    outcomes: dict[Outcome, OutcomeText]
    faults: dict[str, str]
    annotations: dict[str, str]
    summary: SummaryTexts
    entered: dict[str, str]
    suggestion: dict[str, str]
    withheld: dict[str, str]


class Profile(_Data):
    """What a family of CDS clients needs differently; the defaults are CDS Hooks 2.0.1."""

    condition_system: str = "http://hl7.org/fhir/sid/icd-10-cm"
    selection_behavior: Literal["any", "at-most-one"] = "any"
    topic_system: str = "urn:chartside:card-topic"
    extension: dict[str, str] = {}


class _Reason(_Data):
    code: str
    display: str


class _Reasons(_Data):
    version: str
    system: str
    reasons: tuple[_Reason, ...]


@cache
def texts() -> Texts:
    """The shipped words."""
    return Texts.model_validate(_read("texts.toml"))


@cache
def profiles() -> dict[str, Profile]:
    """Every profile by its name."""
    tables = {name: table for name, table in _read("profiles.toml").items() if name != "version"}
    return {name: Profile.model_validate(table) for name, table in tables.items()}


def profile(name: str) -> Profile:
    """One profile. Raises ValueError that names the ones there are."""
    try:
        return profiles()[name]
    except KeyError:
        known = ", ".join(sorted(profiles()))
        raise ValueError(f"no card profile of this name; there are {known}") from None


@cache
def override_reasons() -> tuple[Coding, ...]:
    """The shipped override reasons; each has a display, which the specification requires."""
    found = _Reasons.model_validate(_read("override_reasons.toml"))
    return tuple(Coding(r.code, found.system, r.display) for r in found.reasons)


def _read(name: str) -> dict[str, object]:
    return tomllib.loads(files(__package__).joinpath("data", name).read_text("utf-8"))
