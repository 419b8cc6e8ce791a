"""What is built into the simulated hospital, for a trial's report to find again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cds_hooks.trial.cases import MatchLevel

__all__ = ["Parameters", "Stratum"]

SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Stratum:
    """Patients and hours that the model is equally good with; `share` of all encounters."""

    age: str
    sex: str
    hours: str
    share: float


def _by_level() -> dict[MatchLevel, float]:
    return {MatchLevel.SAME: 0.78, MatchLevel.CATEGORY: 0.13, MatchLevel.RELATED: 0.09}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Shares from 0 to 1. Groups are drawn apart from each other, and what the model does depends
    on group and day alone, so that each figure's expectation is a sum over few cases.

    `listed` is the share of truths that are on the model's list, to which the groups add; `places`
    of these at which place of it, `levels` how exactly named. `first_right` and `first_wrong` are
    how many of three samples name the first of the list (three, two, one). `refuted` are diagnoses
    that the chart calls refuted, `cited` those of the rest for which every cited finding is so
    (beside a known sign of them, the others are given one that is not); each for the truth and for
    what is wrong. `fires` is how often a rule
    fires where it is right, and where it is wrong. `uncharted` patients have no outcome, and
    `empty` lists name nothing. `falls` is by how much the first place is less often right from
    `falls_on` on (a day from 0). Medians are in hours and seconds, each with the spread of its
    logarithm.
    """

    days: int = 30
    encounters: int = 2000
    ages: Mapping[str, float] = field(
        default_factory=lambda: {
            "18 to 44": 0.3,
            "45 to 64": 0.3,
            "65 to 84": 0.28,
            "85 and over": 0.12,
        }
    )
    sexes: Mapping[str, float] = field(default_factory=lambda: {"female": 0.55, "male": 0.45})
    hours: Mapping[str, float] = field(
        default_factory=lambda: {
            "00 to 05 h": 0.15,
            "06 to 11 h": 0.3,
            "12 to 17 h": 0.33,
            "18 to 23 h": 0.22,
        }
    )
    listed: float = 0.86
    adds: Mapping[str, float] = field(
        default_factory=lambda: {
            "18 to 44": 0.05,
            "65 to 84": -0.05,
            "85 and over": -0.15,
            "male": -0.04,
            "00 to 05 h": -0.08,
        }
    )
    places: tuple[float, ...] = (0.68, 0.14, 0.08, 0.06, 0.04)
    levels: Mapping[MatchLevel, float] = field(default_factory=_by_level)
    first_right: tuple[float, float, float] = (0.7, 0.2, 0.1)
    first_wrong: tuple[float, float, float] = (0.35, 0.4, 0.25)
    refuted: tuple[float, float] = (0.05, 0.12)
    cited: tuple[float, float] = (0.85, 0.25)
    fires: tuple[float, float] = (0.6, 0.12)
    uncharted: float = 0.08
    empty: float = 0.02
    returning: float = 0.1
    reopened: float = 0.05
    leaks: int = 0
    falls: float = 0.0
    falls_on: int = 20
    charted_after_h: tuple[float, float] = (30.0, 0.8)
    seconds: tuple[float, float] = (9.0, 0.4)

    def strata(self) -> Iterator[Stratum]:
        """Every group of age, sex and hours."""
        for age, by_age in self.ages.items():
            for sex, by_sex in self.sexes.items():
                for hours, by_hours in self.hours.items():
                    yield Stratum(age, sex, hours, by_age * by_sex * by_hours)

    def listed_in(self, stratum: Stratum) -> float:
        """The share of truths on the list in one group, before anything falls."""
        groups = (stratum.age, stratum.sex, stratum.hours)
        return self.listed + sum(self.adds.get(each, 0.0) for each in groups)
