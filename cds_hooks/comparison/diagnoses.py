"""How the list of diagnoses differs: rank, verdict, agreement, reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_hooks.comparison.differences import Difference, differing
from cds_hooks.consultation import Assessment, CheckedConsultation, Consultation, Verdict

__all__ = ["DiagnosisDifference", "Placed", "compared_diagnoses"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A diagnosis at its rank from 1."""

    rank: int
    assessment: Assessment

    @property
    def verdict(self) -> Verdict:
        return self.assessment.verdict

    @property
    def fact_ids(self) -> frozenset[str]:
        """The facts that it cites and that its reasons saw."""
        found = self.assessment
        cited = (*found.evidence_for, *found.evidence_against)
        seen = (fact for reason in found.reasons for fact in reason.fact_ids)
        return frozenset((*(each.fact_id for each in cited), *seen))


@dataclass(frozen=True, slots=True)
class DiagnosisDifference:
    """One diagnosis on both sides; None where that list does not have it. `reasons` are the checks
    whose result or words differ."""

    name: str
    before: Placed | None
    after: Placed | None
    reasons: tuple[Difference, ...] = ()

    @property
    def rank_changed(self) -> bool:
        return _of(self.before, "rank") != _of(self.after, "rank")

    @property
    def verdict_changed(self) -> bool:
        return _of(self.before, "verdict") != _of(self.after, "verdict")

    @property
    def differs(self) -> bool:
        """Whether anything of it does: place, verdict, share of samples, reasons."""
        shares = [side.assessment.agreement if side else None for side in (self.before, self.after)]
        changed = self.rank_changed or self.verdict_changed or bool(self.reasons)
        return changed or shares[0] != shares[1]


def _of(placed: Placed | None, name: str) -> object:
    return getattr(placed, name) if placed else None


def compared_diagnoses(
    before: Consultation, after: Consultation
) -> tuple[DiagnosisDifference, ...]:
    """Every diagnosis of both lists, by the later list's order, then what is on it no longer.

    The same diagnosis has the same name, or else shares a code.
    """
    one, two = _placed(before), _placed(after)
    pairs = _paired(one, two)
    earlier = {later.rank: first for first, later in pairs}
    gone = [each for each in one if each not in [first for first, _ in pairs]]
    return (
        *(_difference(earlier.get(each.rank), each) for each in two),
        *(_difference(each, None) for each in gone),
    )


def _placed(done: Consultation) -> list[Placed]:
    listed = done.assessments if isinstance(done, CheckedConsultation) else ()
    return [Placed(rank, each) for rank, each in enumerate(listed, 1)]


def _paired(one: Sequence[Placed], two: Sequence[Placed]) -> list[tuple[Placed, Placed]]:
    pairs: list[tuple[Placed, Placed]] = []
    for same in (_same_name, _same_code):
        for first in one:
            if any(first is taken for taken, _ in pairs):
                continue
            free = (each for each in two if not any(each is taken for _, taken in pairs))
            found = next((each for each in free if same(first.assessment, each.assessment)), None)
            if found:
                pairs.append((first, found))
    return pairs


def _same_name(one: Assessment, two: Assessment) -> bool:
    return one.name.casefold() == two.name.casefold()


def _same_code(one: Assessment, two: Assessment) -> bool:
    codes = [{(code.system, code.code) for code in each.codes} for each in (one, two)]
    return bool(codes[0] & codes[1])


def _difference(before: Placed | None, after: Placed | None) -> DiagnosisDifference:
    named = after or before
    assert named is not None  # noqa: S101 - an invariant, for the type checker
    both = (dict(_reasons(before)), dict(_reasons(after))) if before and after else ({}, {})
    return DiagnosisDifference(named.assessment.name, before, after, tuple(differing(*both)))


def _reasons(placed: Placed | None) -> Iterator[tuple[str, str]]:
    seen: dict[str, int] = {}
    for reason in placed.assessment.reasons if placed else ():
        number = seen[reason.check] = seen.get(reason.check, 0) + 1
        name = reason.check if number == 1 else f"{reason.check} ({number})"
        yield name, f"{reason.result}: {reason.text}" if reason.text else reason.result
