"""Which findings the facts of a chart tell and deny, each with certainty, experiencer and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from fhir_mapping.chart import Certainty, Chart, Experiencer, Fact, Kind, Polarity
from fhir_mapping.context import Context, Readings, Temporality
from fhir_mapping.findings.codes import coded, denied_by_code
from fhir_mapping.findings.hit import FindingHit
from fhir_mapping.findings.phrases import Spelled, hits
from fhir_mapping.findings.vocabulary import Definition, narrower, of_family, vocabulary, wider

__all__ = ["FindingIndex", "Mention", "Told", "findings_of"]

_PLAIN = Context()
_OVER = frozenset({"abated", "completed", "inactive", "remission", "resolved", "stopped"})
_NOT_TAKEN = _OVER | {"cancelled", "draft", "ended", "entered-in-error", "not-taken", "on-hold"}
_DONE = frozenset({"", "completed", "in-progress"})
_LONGEST_NAME = 7
"""Words of the name of a finding; what is longer is a question. Ours."""
_NOTE_DAYS = 7.0
"""Older notes tell of another illness: this service's own limit."""

_PRESENT_ILLNESS = frozenset(
    {Kind.COMPLAINT, Kind.PROBLEM, Kind.OBSERVATION, Kind.NOTE, Kind.REPORT, Kind.FAMILY}
)
_BACKGROUND = frozenset({Kind.SOCIAL, Kind.PROCEDURE, Kind.DEVICE})
"""What these tell is no symptom: only findings of history are read in them."""

_READ = _PRESENT_ILLNESS | _BACKGROUND | {Kind.MEDICATION}
_KINDS_READ = {"medication": Kind.MEDICATION, "procedure": Kind.PROCEDURE}


class Mention(NamedTuple):
    """A finding in a fact, with what the chart says of it."""

    finding: str
    fact_id: str
    polarity: Polarity = Polarity.PRESENT
    certainty: Certainty = Certainty.CERTAIN
    experiencer: Experiencer = Experiencer.PATIENT
    time: Temporality = Temporality.CURRENT

    @property
    def is_denied(self) -> bool:
        """Whether the patient is said, for certain, not to have it now."""
        of_patient = self.experiencer is Experiencer.PATIENT
        is_now = self.time in (Temporality.CURRENT, Temporality.RESOLVED)
        absent = self.polarity in (Polarity.ABSENT, Polarity.REFUTED)
        return absent and of_patient and is_now and self.certainty is Certainty.CERTAIN

    def is_affirmed(self, *, past: bool = False, unsure: bool = False) -> bool:
        """Whether the patient has it; with `past` also had it; with `unsure` also perhaps."""
        if self.polarity is not Polarity.PRESENT or self.experiencer is not Experiencer.PATIENT:
            return False
        if self.certainty is Certainty.UNCERTAIN and not unsure:
            return False
        if self.time is Temporality.HISTORICAL:
            return past
        return self.time is not Temporality.HYPOTHETICAL


class Told(NamedTuple):
    """What one fact tells and denies, by ids of findings."""

    affirmed: frozenset[str]
    denied: frozenset[str]


class FindingIndex:
    """The findings of a chart. Of history (`Definition.history`) what is past counts as told; of
    what the patient comes for, what is suspected."""

    def __init__(self, mentions: Iterable[Mention], complaints: frozenset[str]) -> None:
        self.mentions = tuple(mentions)
        self._complaints = complaints

    def affirmed(self, finding: str, *, unsure: bool = False) -> tuple[str, ...]:
        """The ids of the facts that tell a finding as so of the patient, in chart order."""
        found = self._by_finding.get(finding, ())
        return tuple(dict.fromkeys(m.fact_id for m in found if self._counts(m, unsure)))

    def denied(self, finding: str) -> tuple[str, ...]:
        """The ids of the facts that say that the patient does not have a finding now."""
        found = self._by_finding.get(finding, ())
        return tuple(dict.fromkeys(m.fact_id for m in found if m.is_denied))

    def of_fact(self, fact_id: str) -> Told:
        """What a fact tells and denies. What it tells and denies at once it tells."""
        found = self._by_fact.get(fact_id, ())
        told = frozenset(m.finding for m in found if self._counts(m, unsure=False))
        return Told(told, frozenset(m.finding for m in found if m.is_denied) - told)

    def of(self, finding: str) -> tuple[Mention, ...]:
        """All mentions of a finding, whatever is said of it."""
        return tuple(self._by_finding.get(finding, ()))

    @cached_property
    def told(self) -> frozenset[str]:
        """All findings that the chart tells of the patient."""
        return frozenset(m.finding for m in self.mentions if self._counts(m, unsure=False))

    def _counts(self, mention: Mention, unsure: bool) -> bool:
        of_complaint = mention.fact_id in self._complaints
        is_history = vocabulary()[mention.finding].history
        return mention.is_affirmed(past=is_history, unsure=unsure or of_complaint)

    @cached_property
    def _by_finding(self) -> Mapping[str, Sequence[Mention]]:
        return _grouped(self.mentions, lambda m: m.finding)

    @cached_property
    def _by_fact(self) -> Mapping[str, Sequence[Mention]]:
        return _grouped(self.mentions, lambda m: m.fact_id)


def findings_of(chart: Chart, readings: Readings | None = None) -> FindingIndex:
    """The findings of a chart, each text looked through once. `readings` of its texts are used
    and added to."""
    known = Readings() if readings is None else readings
    texts = _Texts()
    found = [
        mention
        for fact in chart.facts
        if fact.kind in _READ and (fact.codes or texts[fact.text])
        for mention in _mentions(fact, texts[fact.text], known)
    ]
    complaints = frozenset(f.id for f in chart.facts if f.kind is Kind.COMPLAINT)
    return FindingIndex(found, complaints)


class _Texts(dict[str, list[FindingHit]]):
    """The findings that texts name, each looked through once."""

    def __init__(self) -> None:
        self._spelled = Spelled()

    def __missing__(self, text: str) -> list[FindingHit]:
        self[text] = found = hits(text, self._spelled)
        return found


def _mentions(fact: Fact, found: Iterable[FindingHit], readings: Readings) -> Iterator[Mention]:
    direct = dict.fromkeys([*_in_words(fact, found, readings), *_by_code(fact)])
    yield from direct
    yield from dict.fromkeys(implied for one in direct for implied in _implied(one))


def _in_words(fact: Fact, found: Iterable[FindingHit], readings: Readings) -> Iterator[Mention]:
    asked = _question_end(fact)
    for hit in found:
        if hit.end > asked and _is_read(hit.finding, fact):
            mention = _of_hit(hit, fact, readings)
            is_past = mention.time is Temporality.HISTORICAL
            if not hit.past or is_past or mention.experiencer is not Experiencer.PATIENT:
                yield mention


def _question_end(fact: Fact) -> int:
    """Where the question of an answer ends. A whole sentence that was asked ("Feeling down,
    depressed or hopeless in the last two weeks: several days") is not what the patient tells."""
    if fact.kind not in (Kind.OBSERVATION, Kind.SOCIAL):
        return 0
    end = fact.text.find(": ")
    is_long = len(fact.text[:end].split()) > _LONGEST_NAME
    return max(end if is_long else 0, fact.text.rfind("?"))


def _by_code(fact: Fact) -> Iterator[Mention]:
    for name in coded(fact.codes):
        if _is_read(name, fact):
            yield _of_fact(name, fact)
    for name in denied_by_code(fact.codes):
        yield _of_fact(name, fact)._replace(polarity=Polarity.ABSENT)


def _is_read(name: str, fact: Fact) -> bool:
    definition = vocabulary()[name]
    if definition.reads:
        return fact.kind is _KINDS_READ[definition.reads] and _is_in_time(definition, fact)
    if fact.kind is Kind.PROCEDURE:
        return _was_done(definition, fact)
    if fact.kind is Kind.MEDICATION or fact.value is not None:
        return False
    return definition.history or fact.kind not in _BACKGROUND


def _was_done(definition: Definition, fact: Fact) -> bool:
    """Whether a procedure tells a history: a kidney transplant does, a test for HIV does not."""
    days, age = definition.in_procedures, fact.days_ago
    if days is None or fact.status not in _DONE:
        return False
    return days == 0 or (age is not None and age <= days)


def _is_in_time(definition: Definition, fact: Fact) -> bool:
    if definition.within_days is None:
        return fact.status not in _NOT_TAKEN
    age = fact.days_ago
    return fact.status in _DONE and age is not None and -1 <= age <= definition.within_days


def _of_hit(hit: FindingHit, fact: Fact, readings: Readings) -> Mention:
    """What the words say of a finding, within what the fact as a whole is."""
    said = readings[fact.text].at(hit.start)
    whole = _of_fact(hit.finding, fact)
    if said == _PLAIN and not hit.denied:
        return whole
    denied = hit.denied or said.polarity is Polarity.ABSENT
    unsure = Certainty.UNCERTAIN in (said.certainty, whole.certainty)
    return Mention(
        finding=hit.finding,
        fact_id=fact.id,
        polarity=Polarity.ABSENT if denied else whole.polarity,
        certainty=Certainty.UNCERTAIN if unsure else Certainty.CERTAIN,
        experiencer=_whose(hit.finding, said, whole),
        time=_when(hit, said, whole),
    )


def _when(hit: FindingHit, said: Context, whole: Mention) -> Temporality:
    """When a finding is so. What a word denies ("never smoker") it denies of now; a problem that is
    over stays so whatever its text says."""
    if hit.denied or whole.time is Temporality.HISTORICAL:
        return whole.time
    return said.temporality


def _whose(name: str, said: Context, whole: Mention) -> Experiencer:
    if said.experiencer is Experiencer.PATIENT or _is_of_family(name):
        return whole.experiencer
    return said.experiencer


def _is_of_family(name: str) -> bool:
    return name.startswith("family-history-")


def _of_fact(name: str, fact: Fact) -> Mention:
    """A finding that is as the fact as a whole is. A family history is the patient's own."""
    is_over = fact.kind is Kind.PROBLEM and fact.status in _OVER
    past = is_over or (fact.kind is Kind.NOTE and not _is_recent(fact))
    unknown = fact.polarity is Polarity.UNKNOWN
    return Mention(
        finding=name,
        fact_id=fact.id,
        polarity=Polarity.PRESENT if unknown else fact.polarity,
        certainty=Certainty.UNCERTAIN if unknown else fact.certainty,
        experiencer=Experiencer.PATIENT if _is_of_family(name) else fact.experiencer,
        time=Temporality.HISTORICAL if past else Temporality.CURRENT,
    )


def _is_recent(note: Fact) -> bool:
    return note.days_ago is not None and -1 <= note.days_ago <= _NOTE_DAYS


def _implied(mention: Mention) -> Iterator[Mention]:
    """The wider findings of one that is so; the narrower ones of one that is denied; of a
    relative's, the family history."""
    denied = mention.polarity is not Polarity.PRESENT
    if mention.experiencer is Experiencer.FAMILY and not denied and mention.finding in of_family():
        mine = Experiencer.PATIENT
        yield mention._replace(finding=of_family()[mention.finding], experiencer=mine)
    names = (narrower() if denied else wider()).get(mention.finding, ())
    for name in names:
        yield mention._replace(finding=name)


def _grouped(
    mentions: Iterable[Mention], key: Callable[[Mention], str]
) -> Mapping[str, Sequence[Mention]]:
    found: dict[str, list[Mention]] = {}
    for mention in mentions:
        found.setdefault(key(mention), []).append(mention)
    return found
