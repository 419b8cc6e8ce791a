"""Encounters of the simulated hospital, and what the model will say of each. Pure: a seed and the
parameters give the same encounters every time."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from cds_hooks.trial.cases import MatchLevel
from tests.simulated_hospital.catalogue import KNOWN, Complaint, Diagnosis, Said, complaints
from tests.simulated_hospital.expected import expected
from tests.simulated_hospital.lists import AGREEMENTS
from tests.simulated_hospital.parameters import Parameters, Stratum

__all__ = ["BEGIN", "Encounter", "Listed", "Patient", "draw"]

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
# Within the window in which outcomes are looked for; hardly any would come later.
_LATEST_H = 29 * 24
_NEVER = datetime.max.replace(tzinfo=UTC)
T = TypeVar("T")
_YEARS = {"18 to 44": (18, 44), "45 to 64": (45, 64), "65 to 84": (65, 84), "85 and over": (85, 99)}


@dataclass(frozen=True, slots=True)
class Patient:
    """`age` in whole years; `known` are ICD-10-CM codes of what they have had for years."""

    id: str
    age: int
    age_band: str
    sex: str
    known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """One diagnosis of the model's list. `level` is how near it is to the truth, None where it is
    wrong; `votes` how many samples name it; `refuted` by the chart; `cited` with findings that are
    all so, which makes it supported; else `doubt` is cited as absent and is not."""

    said: Said
    level: MatchLevel | None
    votes: int
    refuted: bool
    cited: bool
    doubt: str


@dataclass(frozen=True, slots=True)
class Encounter:
    """One visit. `charted` is when its truth is written down, None where it never is; `seen_again`
    when the chart is opened once more. `leaks`: the truth's code is in the chart from the start."""

    number: int
    patient: Patient
    asked: datetime
    complaint: Complaint
    truth: Diagnosis
    charted: datetime | None
    rule_fires: bool
    listed: tuple[Listed, ...]
    seconds: float
    seen_again: datetime | None = None
    leaks: bool = False

    @property
    def id(self) -> str:
        return f"e{self.number}"

    @property
    def shown(self) -> tuple[Listed, ...]:
        """The list as the service shows it: supported ones first, without what is refuted."""
        left = [each for each in self.listed if not each.refuted]
        return tuple(sorted(left, key=lambda each: not each.cited))

    @property
    def weight_kg(self) -> float:
        """A measurement that no other encounter has: by it the model's server knows the case."""
        return round(50 + self.number / 100, 2)


def draw(parameters: Parameters, seed: int, begin: datetime = BEGIN) -> list[Encounter]:
    """All encounters, in the order in which their charts are opened, from midnight of `begin`."""
    made = _Draw(parameters, random.Random(f"simulated hospital {seed}"), begin)
    encounters = made.encounters()
    charted = [each.number for each in encounters if each.charted]
    leaking = set(made.random.sample(charted, parameters.leaks))
    return [replace(each, leaks=each.number in leaking) for each in encounters]


class _Draw:
    def __init__(self, parameters: Parameters, rng: random.Random, begin: datetime) -> None:
        self.parameters, self.random, self._begin = parameters, rng, begin
        self._before: list[Patient] = []
        self._had: dict[str, set[str]] = {}
        # So much less often is the truth on the list that the first place loses `falls`.
        usual = expected(replace(parameters, falls=0.0))["top-1, category"]
        self._kept = 1 - parameters.falls / usual

    def encounters(self) -> list[Encounter]:
        times = sorted(self._time() for _ in range(self.parameters.encounters))
        return [self._encounter(number, asked) for number, asked in enumerate(times)]

    def _time(self) -> datetime:
        day = self.random.randrange(self.parameters.days)
        first = int(self._one(self.parameters.hours)[:2])
        seconds = self.random.randrange(6 * 3600)
        return self._begin + timedelta(days=day, hours=first, seconds=seconds)

    def _encounter(self, number: int, asked: datetime) -> Encounter:
        patient, complaint = self._who(number)
        self._before.append(patient)
        self._had.setdefault(patient.id, set()).add(complaint.reason)
        truth = self.random.choice(complaint.truths)
        unknown = self._happens(self.parameters.uncharted)
        charted = None if unknown else asked + self._delay()
        again = asked + timedelta(hours=1 + 4 * self.random.random())
        is_opened_again = self._happens(self.parameters.reopened)
        return Encounter(
            number=number,
            patient=patient,
            asked=asked,
            complaint=complaint,
            truth=truth,
            charted=charted,
            rule_fires=self._rule_fires(complaint, truth),
            listed=self._list(complaint, truth, self._listed_share(patient, asked)),
            seconds=self._lognormal(self.parameters.seconds),
            seen_again=again if is_opened_again and again < (charted or _NEVER) else None,
        )

    def _who(self, number: int) -> tuple[Patient, Complaint]:
        """Somebody new, or one who was here before and now has another complaint."""
        if self._before and self._happens(self.parameters.returning):
            patient = self.random.choice(self._before)
            had = self._had[patient.id]
            if others := [each for each in complaints() if each.reason not in had]:
                return patient, self.random.choice(others)
        return self._patient(number), self.random.choice(complaints())

    def _patient(self, number: int) -> Patient:
        band, sex = self._one(self.parameters.ages), self._one(self.parameters.sexes)
        age = self.random.randint(*_YEARS[band])
        known = [each for each in KNOWN if self._happens(age / 300)]
        return Patient(f"p{number}", age, band, sex, tuple(known))

    def _listed_share(self, patient: Patient, asked: datetime) -> float:
        hours = next(h for h in self.parameters.hours if int(h[:2]) <= asked.hour <= int(h[6:8]))
        share = self.parameters.listed_in(Stratum(patient.age_band, patient.sex, hours, 0.0))
        return share * (
            self._kept if (asked - self._begin).days >= self.parameters.falls_on else 1.0
        )

    def _rule_fires(self, complaint: Complaint, truth: Diagnosis) -> bool:
        if complaint.rule is None:
            return False
        right, wrong = self.parameters.fires
        return self._happens(right if truth.code == complaint.rule.of else wrong)

    def _list(self, complaint: Complaint, truth: Diagnosis, share: float) -> tuple[Listed, ...]:
        if self._happens(self.parameters.empty):
            return ()
        place = self._place() if self._happens(share) else None
        level = self._one(self.parameters.levels)
        shares = self.parameters.first_right if place == 0 else self.parameters.first_wrong
        agreements = self.random.choices(AGREEMENTS, shares)[0]
        wrong = [each for each in complaint.diagnoses if each.code != truth.code]
        self.random.shuffle(wrong)
        names: list[tuple[Said, MatchLevel | None]] = [(each, None) for each in wrong]
        if place is not None:
            names.insert(place, (truth.at(level), level))
        return tuple(
            self._one_listed(said, level, votes, complaint)
            for (said, level), votes in zip(names, agreements, strict=False)
        )

    def _one_listed(
        self, said: Said, level: MatchLevel | None, votes: int, complaint: Complaint
    ) -> Listed:
        which = 0 if level else 1
        refuted = self._happens(self.parameters.refuted[which])
        cited = self._happens(self.parameters.cited[which])
        doubt = next(each for each in complaint.signs if each != said.sign)
        return Listed(said, level, votes, refuted, cited, doubt)

    def _place(self) -> int:
        return self.random.choices(range(len(self.parameters.places)), self.parameters.places)[0]

    def _delay(self) -> timedelta:
        hours = self._lognormal(self.parameters.charted_after_h)
        return timedelta(hours=min(hours, _LATEST_H))

    def _one(self, shares: Mapping[T, float]) -> T:
        return self.random.choices(list(shares), list(shares.values()))[0]

    def _happens(self, share: float) -> bool:
        return self.random.random() < share

    def _lognormal(self, spread: Sequence[float]) -> float:
        median, sigma = spread
        return self.random.lognormvariate(math.log(median), sigma)
