"""A chart indexed for checks: facts by id, recorded problems by code, results by analyte."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from cds_hooks.plausibility.chart.results_by_analyte import Results
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.name_keys import key, key_words
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, MESH, CodeOption, Concept
from fhir_mapping.chart import Chart, Experiencer, Fact, Kind, Polarity
from fhir_mapping.context import Readings

__all__ = [
    "OVER",
    "DiagnosisIdentity",
    "RecordedProblem",
    "IndexedChart",
    "general_code",
    "identity_of",
    "index_chart",
    "recorded_problem",
]

OVER = frozenset({"abated", "completed", "inactive", "remission", "resolved", "stopped"})
"""Statuses of a fact that is no longer so."""

_NOT_TAKEN = OVER | {"cancelled", "draft", "ended", "entered-in-error", "not-taken", "on-hold"}
_BRACKETS = re.compile(r"\s*\([^()]*\)")
_ICD_CODE = re.compile(r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?$")
_UNSPECIFIC = re.compile(
    r"\bwithout\b.*|,? not elsewhere classified|\bother\b|\buncomplicated\b"
    r"|\bunspecified(?: (?:cause|degree|extent|kidney|organism|part|severity|side|site|stage"
    r"|trimester|type))?\b",
    re.IGNORECASE,
)
_ICD_SYSTEMS = frozenset({ICD_10_CM, "urn:oid:2.16.840.1.113883.6.90"})


@dataclass(frozen=True, slots=True)
class DiagnosisIdentity:
    """What a diagnosis is, as far as it can be told: ICD-10-CM codes, MeSH ids and tree numbers,
    keys of names, and of each code its category with the words of its title that say something.
    `options` are codes of which it is one, the chart does not tell which."""

    icd: frozenset[str] = frozenset()
    mesh: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    trees: frozenset[str] = frozenset()
    titles: frozenset[tuple[str, frozenset[str]]] = frozenset()
    options: frozenset[str] = frozenset()

    def covers_code(self, other: DiagnosisIdentity) -> bool:
        """Whether the other has an ICD-10-CM code that is one of these, lies below one, or is
        of the same category with a title that says all that the title of one says, and more."""
        below = any(b.startswith(a) for a in self.icd | self.options for b in other.icd)
        return below or any(
            a == b and wide and wide <= narrow
            for a, wide in self.titles
            for b, narrow in other.titles
        )

    def covers_name(self, other: DiagnosisIdentity) -> bool:
        """Whether both share a MeSH descriptor or a name, or the other's descriptor is below."""
        below = any(b.startswith(f"{a}.") for a in self.trees for b in other.trees)
        return below or self.same_concept(other)

    def same_concept(self, other: DiagnosisIdentity) -> bool:
        """Whether both share a MeSH descriptor or a name."""
        return bool(self.mesh & other.mesh or self.keys & other.keys)


@dataclass(frozen=True, slots=True)
class RecordedProblem:
    """A recorded problem with what it is; `codes` are its own ICD-10-CM codes."""

    fact: Fact
    identity: DiagnosisIdentity
    concepts: tuple[Concept, ...]
    codes: frozenset[str]

    @property
    def refuted(self) -> bool:
        mine = self.fact.experiencer is Experiencer.PATIENT
        return mine and self.fact.polarity is Polarity.REFUTED

    @property
    def active(self) -> bool:
        is_so = self.fact.polarity is Polarity.PRESENT and self.fact.status not in OVER
        return is_so and self.fact.experiencer is Experiencer.PATIENT


@dataclass(frozen=True, slots=True)
class IndexedChart:
    """A chart with its facts by id, its problems looked up, its results by analyte, and its
    current medications with their texts in lower case. `readings` tell what in a text is so."""

    chart: Chart
    facts: dict[str, Fact]
    problems: tuple[RecordedProblem, ...]
    results: Results
    drugs: tuple[tuple[Fact, str], ...]
    drug_text: str
    readings: Readings = field(default_factory=Readings, compare=False)
    _of_kinds: dict[tuple[Kind, ...], tuple[Fact, ...]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def of(self, *kinds: Kind) -> tuple[Fact, ...]:
        """The facts of these kinds, in chart order, looked for once."""
        if kinds not in self._of_kinds:
            self._of_kinds[kinds] = self.chart.of(*kinds)
        return self._of_kinds[kinds]

    def taken(self, pattern: re.Pattern[str]) -> tuple[str, ...]:
        """The ids of the current medications of which the text has the pattern."""
        if not pattern.search(self.drug_text):  # most are not taken: one look tells so
            return ()
        return tuple(f.id for f, text in self.drugs if pattern.search(text))


def index_chart(chart: Chart, terminology: Terminology | None) -> IndexedChart:
    """Index a chart once for all checks. Without a terminology problems are told apart by
    their own codes and words only."""
    problems = tuple(recorded_problem(f, terminology) for f in chart.of(Kind.PROBLEM))
    facts = {f.id: f for f in chart.facts}
    drugs = tuple((f, f.text.lower()) for f in chart.of(Kind.MEDICATION) if _is_current(f))
    whole = "\n".join(dict.fromkeys(text for _, text in drugs))
    return IndexedChart(chart, facts, problems, Results(chart.facts), drugs, whole)


def _is_current(medication: Fact) -> bool:
    return medication.polarity is Polarity.PRESENT and medication.status not in _NOT_TAKEN


def identity_of(
    name: str,
    concepts: tuple[Concept, ...],
    terminology: Terminology | None,
    options: tuple[CodeOption, ...] = (),
) -> DiagnosisIdentity:
    """What a name and the concepts it resolved to identify."""
    coded = [c for c in concepts if c.system == ICD_10_CM]
    own = _own_key(name)
    return DiagnosisIdentity(
        icd=frozenset(general_code(c, terminology) for c in coded),
        mesh=frozenset(c.code for c in concepts if c.system == MESH),
        keys=frozenset({own} if own else ()),
        trees=frozenset(t for c in concepts for t in c.trees),
        titles=frozenset((c.category, _says(c.display)) for c in coded),
        options=frozenset(general_code(o.concept, terminology) for o in options),
    )


@lru_cache(maxsize=4096)
def _own_key(name: str) -> str:
    return key(key_words(_BRACKETS.sub("", name)))


def general_code(concept: Concept, terminology: Terminology | None) -> str:
    """The code that means the disease itself: E11 for E11.9 "without complications", I26 for
    I26.99 "Other pulmonary embolism without acute cor pulmonale"; K74.6 for K74.60 "Unspecified
    cirrhosis of liver", whose category is of fibrosis too."""
    while terminology is not None and concept.parent and _UNSPECIFIC.search(concept.display):
        parent = terminology.concept(concept.parent)
        if parent is None or _says(concept.display) != _says(parent.display):
            break
        concept = parent
    return concept.code


@lru_cache(maxsize=4096)
def _says(title: str) -> frozenset[str]:
    """The words of a title apart from what it leaves open: "Acute myocardial infarction,
    unspecified" says no more than its category, "ST elevation ... of unspecified site" does."""
    return frozenset(key_words(_UNSPECIFIC.sub(" ", title)))


def recorded_problem(fact: Fact, terminology: Terminology | None) -> RecordedProblem:
    """A problem of a chart with what it is by its codes, else by its name."""
    names = [c.display for c in fact.codes if c.display] or [fact.text]
    concepts = dict.fromkeys(_coded(fact, terminology))
    for name in names:
        if terminology is not None and not concepts:
            concepts.update(dict.fromkeys(_named(name, terminology)))
    raw = frozenset(_icd_codes(fact))
    found = [identity_of(n, tuple(concepts), terminology) for n in names]
    return RecordedProblem(
        fact=fact,
        identity=DiagnosisIdentity(
            icd=raw.union(*(f.icd for f in found)),
            mesh=frozenset().union(*(f.mesh for f in found)),
            keys=frozenset().union(*(f.keys for f in found)),
            trees=frozenset().union(*(f.trees for f in found)),
            titles=frozenset().union(*(f.titles for f in found)),
        ),
        concepts=tuple(concepts),
        codes=raw,
    )


def _icd_codes(fact: Fact) -> list[str]:
    codes = (c.code.strip().upper() for c in fact.codes if c.system in _ICD_SYSTEMS)
    return [c for c in codes if _ICD_CODE.match(c)]


def _coded(fact: Fact, terminology: Terminology | None) -> list[Concept]:
    if terminology is None:
        return []
    return [c for c in map(terminology.concept, _icd_codes(fact)) if c is not None]


def _named(name: str, terminology: Terminology) -> tuple[Concept, ...]:
    """Names in a chart are looked up whole: a part of a recorded name is another problem."""
    found = terminology.lookup(_BRACKETS.sub("", name))
    return found.concepts if found.exact else ()
