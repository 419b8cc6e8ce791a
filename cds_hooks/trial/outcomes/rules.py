"""The rules of outcomes as data: what counts, in which window, and what a code means."""

from __future__ import annotations

import hashlib
import re
import tomllib
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from cds_hooks.errors import ChartsideError
from fhir_mapping.chart import Kind

__all__ = ["NEVER", "OutcomeRules", "OutcomeRulesInvalid", "SourceRule", "load_rules"]

NEVER = frozenset({"refuted", "entered-in-error"})
"""Values of Condition.verificationStatus that no rule can count."""

_CODED = re.compile(r"[^|\s]+\|[^|\s]+")
_ICD = re.compile(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?")
_BEGINS = re.compile(r"[A-Z](\d[0-9A-Z]?(\.[0-9A-Z]{0,4})?)?")
_LARGEST = 1024 * 1024


class OutcomeRulesInvalid(ChartsideError):
    """A file of rules that cannot be read, or says what no rule may say; `where` is its path."""

    code = "outcome-rules-invalid"
    status = 400


def _each(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        if any(not pattern.fullmatch(each) for each in values):
            raise ValueError(f"must be {what}")
        return values

    return AfterValidator(check)


Prefixes = Annotated[tuple[str, ...], _each(_BEGINS, "beginnings of ICD-10-CM codes")]
Coded = Annotated[tuple[str, ...], Field(min_length=1), _each(_CODED, "codes as system|code")]
Text = Annotated[str, Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TimeRules(_Table):
    """When an outcome must have been charted; see `outcomes.toml`."""

    window_days: float = Field(gt=0, le=3650)
    onset_days_before: float = Field(ge=0, le=3650)
    same_day: Literal["never", "unless-in-chart", "always"]


class EncounterRules(_Table):
    """Which encounters are read and count."""

    statuses: tuple[str, ...] = Field(min_length=1)
    begun_days_before: int = Field(ge=0, le=3650)


class ConditionRules(_Table):
    """Which statuses of a Condition count."""

    verification: tuple[str, ...]
    without_verification: bool
    clinical: tuple[str, ...]
    without_clinical: bool
    not_uses: tuple[str, ...]

    @model_validator(mode="after")
    def _never(self) -> Self:
        if NEVER & set(self.verification):
            raise ValueError("what was refuted or entered in error is never an outcome")
        return self


class KnownRules(_Table):
    """Which facts of the stored chart say that something was known."""

    kinds: tuple[Kind, ...]
    suspected: bool


class SourceRule(_Table):
    """A place in which a diagnosis is found. `id` is what an outcome names as its source."""

    id: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)
    resource: Literal["Encounter", "Condition"]
    counts: bool = True
    uses: tuple[str, ...] = ()
    without_use: bool = False
    categories: tuple[str, ...] = ()
    without_category: bool = False
    reason: Text
    source: Text

    @model_validator(mode="after")
    def _of_its_resource(self) -> Self:
        encounter, condition = (
            bool(self.uses) or self.without_use,
            bool(self.categories) or self.without_category,
        )
        wanted = (True, False) if self.resource == "Encounter" else (False, True)
        if (encounter, condition) != wanted:
            raise ValueError("Encounter has uses, Condition has categories, and one is needed")
        return self


class NoDiagnosis(_Table):
    """Beginnings of ICD-10-CM codes that are no diagnoses, but for `except_`."""

    codes: Prefixes = Field(min_length=1)
    except_: Prefixes = Field(alias="except")
    reason: Text
    source: Text


class SameCode(_Table):
    """Codes of other systems that mean an ICD-10-CM code."""

    written: Coded
    icd_10_cm: str = Field(pattern=f"^{_ICD.pattern}$")
    reason: Text
    source: Text


class OutcomeRules(_Table):
    """All rules of one file, with the digest of its bytes."""

    version: Text
    source: Text
    looked_up: str = ""
    time: TimeRules
    encounter: EncounterRules
    condition: ConditionRules
    known: KnownRules
    sources: tuple[SourceRule, ...] = Field(min_length=1)
    no_diagnosis: tuple[NoDiagnosis, ...] = ()
    same: tuple[SameCode, ...] = ()
    digest: str = ""

    @model_validator(mode="after")
    def _sources_are_told_apart(self) -> Self:
        ids = [each.id for each in self.sources]
        if len(set(ids)) != len(ids):
            raise ValueError("two sources have the same id")
        if not any(each.counts for each in self.sources):
            raise ValueError("no source counts")
        return self

    def is_diagnosis(self, icd: str) -> bool:
        """Whether an ICD-10-CM code is of a diagnosis rather than a symptom or a circumstance."""
        return not any(
            icd.startswith(each.codes) and not icd.startswith(each.except_ or ("?",))
            for each in self.no_diagnosis
        )

    @cached_property
    def meanings(self) -> dict[str, str]:
        """ICD-10-CM code by `system|code`."""
        return {written: each.icd_10_cm for each in self.same for written in each.written}


def load_rules(path: Path | None = None) -> OutcomeRules:
    """The rules in a file, or those that ship. Raises OutcomeRulesInvalid."""
    name = str(path) if path else "outcomes.toml"
    try:
        found = path or files("cds_hooks.trial.outcomes").joinpath("outcomes.toml")
        raw = found.read_bytes()
        parsed = tomllib.loads(raw[:_LARGEST].decode("utf-8"))
    except OSError:
        hint = "Name a file that this user may read, or none for the rules that ship."
        raise OutcomeRulesInvalid("the rules cannot be read", where=name, hint=hint) from None
    except ValueError as error:  # also of TOML and of UTF-8
        line = re.search(r"line (\d+)", str(error))
        where = f"{name}, line {line[1]}" if line else name
        hint = "Write it as TOML in UTF-8, as outcomes.toml is."
        raise OutcomeRulesInvalid("the rules are no TOML", where=where, hint=hint) from None
    return _validated(parsed, f"sha256:{hashlib.sha256(raw).hexdigest()}", name)


def _validated(parsed: dict[str, Any], digest: str, name: str) -> OutcomeRules:
    try:
        return OutcomeRules.model_validate({**parsed, "digest": digest})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(str(each) for each in first["loc"]) or "the file"
        message = f"{first['msg'].removeprefix('Value error, ')}"
        hint = "Compare it with the rules that ship: chartside trial outcomes --show-rules."
        raise OutcomeRulesInvalid(message, where=f"{name}: {path}", hint=hint) from None
