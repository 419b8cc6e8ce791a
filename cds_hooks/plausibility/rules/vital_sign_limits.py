"""Limits of vital signs by age and in pregnancy: `data/limits.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.rules.diagnosis_rules import ResultRule
from fhir_mapping.chart import Fact

__all__ = ["VitalSignLimit", "diastolic", "limit_for", "vital_sign_limits", "with_limit"]

_ADULT = 40.0
"""An age not recorded is taken for an adult's."""
_PRESSURE = re.compile(r"(?<!\d)\d{2,3}(?:\.\d+)?/(\d{2,3}(?:\.\d+)?)(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalSignLimit:
    """Where a finding begins, for ages `from_years` to below `to_years`: `above` or `below` a
    value, `below_per_year` for each year of age; or `diastolic_above`, in mm[Hg]."""

    finding: str
    source: str
    says: str
    looked_up: str | bool
    from_years: float = 0.0
    to_years: float = 200.0
    pregnant: bool = False
    above: float | None = None
    below: float | None = None
    below_per_year: float = 0.0
    diastolic_above: float | None = None

    def fits(self, age_years: float, *, pregnant: bool) -> bool:
        """Whether it is of such a patient."""
        return self.pregnant is pregnant and self.from_years <= age_years < self.to_years


@cache
def vital_sign_limits() -> Mapping[str, Sequence[VitalSignLimit]]:
    """The limits of each finding, in the table's order. Unknown keys are an error."""
    raw = read_toml("limits.toml")
    found: dict[str, list[VitalSignLimit]] = {}
    for row in raw["limit"]:
        limit = VitalSignLimit(**{**row, "source": raw["sources"][row["source"]]})
        found.setdefault(limit.finding, []).append(limit)
    return found


def limit_for(finding: str, age_years: float | None, *, pregnant: bool) -> VitalSignLimit | None:
    """The limit of a finding for a patient; in pregnancy that of pregnancy, where there is one."""
    age = _ADULT if age_years is None else age_years
    known = vital_sign_limits().get(finding, ())
    ways = (True, False) if pregnant else (False,)
    return next((x for way in ways for x in known if x.fits(age, pregnant=way)), None)


def with_limit(rule: ResultRule, limit: VitalSignLimit, age_years: float | None) -> ResultRule:
    """A finding's rule with the limit of the patient."""
    below = limit.below
    if below is not None:
        below += limit.below_per_year * (age_years or 0.0)
    return replace(rule, above=limit.above, below=below)


def diastolic(fact: Fact) -> float | None:
    """The diastolic pressure of a blood pressure told as "150/112", of which the value is the
    systolic one; None of any other fact."""
    found = _PRESSURE.search(fact.text)
    return float(found[1]) if found and fact.unit == "mm[Hg]" else None
