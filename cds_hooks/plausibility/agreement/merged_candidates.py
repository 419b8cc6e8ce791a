"""One candidate out of what several samples wrote of the same diagnosis."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.consultation import Candidate, Differential, Evidence, Group
from cds_hooks.plausibility.agreement.votes import Votes, votes
from cds_hooks.plausibility.chart.chart_dependent_codes import resolve_by_chart
from cds_hooks.plausibility.chart.indexed_chart import (
    DiagnosisIdentity,
    IndexedChart,
    general_code,
    identity_of,
)
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.resolution import Resolution

__all__ = ["MergedCandidate", "merge_candidates"]


@dataclass(frozen=True, slots=True)
class CandidateMention:
    """A candidate with the sample that wrote it and its place there, 0 first."""

    candidate: Candidate
    sample: int
    rank: int


@dataclass(frozen=True, slots=True)
class MergedCandidate:
    """The mentions of one diagnosis, what the name resolved to, and the model of each sample.

    `others` are mentions of a wider or narrower one in other samples: they vote for it, but their
    words and evidence are not its own.
    """

    mentions: tuple[CandidateMention, ...]
    resolution: Resolution
    identity: DiagnosisIdentity
    models: tuple[str, ...]
    others: tuple[CandidateMention, ...] = ()

    @property
    def votes(self) -> Votes:
        """Which share of each model's samples named it."""
        named = {m.sample for m in (*self.mentions, *self.others)}
        return votes([i in named for i in range(len(self.models))], self.models)

    @property
    def agreement(self) -> float:
        """The share of samples that named it, 0 to 1; of several models the mean of theirs."""
        return self.votes.share

    @property
    def rank(self) -> float:
        """The mean of its best place in each sample that named it."""
        best: dict[int, int] = {}
        for m in self.mentions:
            best[m.sample] = min(m.rank, best.get(m.sample, m.rank))
        return sum(best.values()) / len(best)

    @property
    def name(self) -> str:
        """How most samples wrote it; of equals the first."""
        written = [m.candidate.diagnosis for m in self.mentions]
        return max(dict.fromkeys(written), key=written.count)

    @property
    def group(self) -> Group:
        """Must-not-miss as soon as one sample says so."""
        dire = any(m.candidate.group is Group.MUST_NOT_MISS for m in self.mentions)
        return Group.MUST_NOT_MISS if dire else Group.LIKELY

    @property
    def evidence_for(self) -> tuple[Evidence, ...]:
        return tuple(dict.fromkeys(e for m in self.mentions for e in m.candidate.evidence_for))

    @property
    def evidence_against(self) -> tuple[Evidence, ...]:
        return tuple(dict.fromkeys(e for m in self.mentions for e in m.candidate.evidence_against))

    @property
    def discriminator(self) -> str:
        return next(
            (m.candidate.discriminator for m in self.mentions if m.candidate.discriminator), ""
        )

    @property
    def likeliest(self) -> tuple[float | None, int]:
        """The highest log-probability of its names, and that name's tokens; None of free text."""
        told = [m.candidate for m in self.mentions]
        known = [(c.log_probability, c.name_tokens) for c in told if c.log_probability is not None]
        return max(known, default=(None, 0))

    @property
    def written_as(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(m.candidate.diagnosis for m in self.mentions))

    @property
    def related(self) -> tuple[str, ...]:
        """The wider or narrower names that other samples wrote."""
        return tuple(dict.fromkeys(m.candidate.diagnosis for m in self.others))


def merge_candidates(
    differentials: Sequence[Differential],
    terminology: Terminology,
    indexed: IndexedChart | None = None,
) -> list[MergedCandidate]:
    """Candidates of all samples, one a diagnosis, by agreement and then by place.

    Two names are one diagnosis when both resolve to the same one concept (ICD-10-CM code without
    its unspecific ending, else MeSH descriptor), or when they are the same words. Of a diagnosis
    and a kind of it that no sample names side by side, the one that more samples wrote stays and
    has the votes of both ("myocardial infarction", "STEMI"). The `indexed` chart tells the
    code of a name that depends on it.
    """
    groups: dict[str, list[CandidateMention]] = {}
    found: dict[str, Resolution] = {}
    for sample, differential in enumerate(differentials):
        for rank, candidate in enumerate(differential.candidates):
            resolution = terminology.resolve(candidate.diagnosis)
            label = _label(candidate.diagnosis, resolution, terminology)
            found.setdefault(label, resolution)
            groups.setdefault(label, []).append(CandidateMention(candidate, sample, rank))
    absorbed = _absorbed(groups, found)
    merged = [
        MergedCandidate(
            mentions=tuple(mentions),
            resolution=(told := resolve_by_chart(found[label], indexed)),
            identity=_identity(told, terminology),
            models=tuple(d.model for d in differentials),
            others=tuple(
                m for gone, into in absorbed.items() if into == label for m in groups[gone]
            ),
        )
        for label, mentions in groups.items()
        if label not in absorbed
    ]
    return sorted(merged, key=lambda m: (-m.agreement, m.rank))


def _absorbed(
    groups: Mapping[str, Sequence[CandidateMention]], found: Mapping[str, Resolution]
) -> dict[str, str]:
    """Which groups are told with another: the wider or narrower that more samples wrote."""
    order = sorted(groups, key=lambda label: -len({m.sample for m in groups[label]}))
    into: dict[str, str] = {}
    taken = {label: {m.sample for m in groups[label]} for label in order}
    for at, kept in enumerate(order):
        for label in order[at + 1 :] if kept not in into else ():
            if label in into or taken[kept] & taken[label]:
                continue
            if _kind_of(kept, label, found) or _kind_of(label, kept, found):
                into[label] = kept
                taken[kept] |= taken[label]
    return into


def _kind_of(narrow: str, wide: str, found: Mapping[str, Resolution]) -> bool:
    """Whether one label is a kind of the other in ICD-10-CM. A code "with" something says more than
    the disease: gallstones are not gallstones with cholecystitis, so these stay two."""
    if not (narrow.startswith("icd ") and wide.startswith("icd ") and narrow.startswith(wide)):
        return False
    return _COMPLICATED.search(found[narrow].icd[0].display) is None


_COMPLICATED = re.compile(r"\b(?:with|due to|in diseases|complicat\w+)\b", re.IGNORECASE)


def _label(name: str, found: Resolution, terminology: Terminology) -> str:
    if found.exact and found.icd:
        return f"icd {general_code(found.icd[0], terminology)}"
    if found.exact:
        return f"mesh {found.concepts[0].code}"
    words = identity_of(name, (), None).keys
    return f"name {next(iter(words), name)}"


def _identity(found: Resolution, terminology: Terminology) -> DiagnosisIdentity:
    """An ambiguous or partial name is only its own words: it must not match by a part."""
    concepts = found.concepts if found.exact else ()
    return identity_of(found.name, concepts, terminology, found.options)
