"""The ways in which a name's words may be those of a term, from the strictest to the loosest.

Each step answers or passes on. None compares letters: a word is the same word or another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from cds_hooks.plausibility.terminology.concept_choice import ConceptChooser
from cds_hooks.plausibility.terminology.name_keys import key, normalise, strip_groups, tables, words
from cds_hooks.plausibility.terminology.non_diagnoses import NonDiagnosisKind
from cds_hooks.plausibility.terminology.qualifiers import (
    DRUG,
    ORGANISM,
    SITE,
    is_species,
    qualifies,
    read_word,
    without_form,
)
from cds_hooks.plausibility.terminology.resolution import Concept, MatchStatus, Resolution
from cds_hooks.plausibility.terminology.term_index import WordKind
from cds_hooks.plausibility.terminology.term_ranks import NOTE
from cds_hooks.plausibility.terminology.term_store import TermStore

__all__ = ["NameMatcher"]

_COMPANY = re.compile(
    r",? (?:with|due to|following|complicating|associated with|caused by|resulting|to)\b",
    re.IGNORECASE,
)
"""What follows one of these is not what a term names."""

_PREPOSITIONS = frozenset(
    {"after", "at", "by", "due", "for", "from", "in", "of", "on", "to", "with"}
)

_SPAN_WORDS = 12
_EXTRA_WORDS = 4
_TERM_HITS = 40
_WORD_HITS = 12


class NameMatcher:
    """Steps of looking a name up in one store."""

    def __init__(self, store: TermStore) -> None:
        self._store = store
        self._choose = ConceptChooser(store)

    def whole(self, name: str, written: list[str]) -> Resolution | None:
        """The whole name, or the name without words that change no disease."""
        return (
            self.exact(name, normalise(written))
            or self._generic(name, written)
            or self._without_modifiers(name, written)
        )

    def exact(self, name: str, found: list[str], gone: tuple[str, ...] = ()) -> Resolution | None:
        """A term of these very words."""
        hits = self._store.by_keys([key(found)]) if found else []
        return self._choose.answer(name, MatchStatus.EXACT, hits, stripped=gone) if hits else None

    def parts(self, name: str, written: list[str], *, longer: bool = False) -> Resolution:
        """What can be said of a name that is no term: the terms that hold it, or it holds. With
        `longer` of a name that is one: only terms that say more than it."""
        certainty = strip_groups()[0][1]
        left = [w for w in written if w not in certainty]
        kept = normalise(left)
        known = self._store.known_words(kept) if kept else {}
        known |= {w: kind for w in kept if w not in known and (kind := read_word(w))}
        unknown = tuple(w for w in kept if w not in known)
        for word in unknown:
            if is_species(word, kept, known):
                known[word] = ORGANISM
        known |= self._from_others([w for w in unknown if w not in known])
        unknown = tuple(w for w in unknown if w not in known)
        known |= self._species(kept, known)
        if unknown or not kept:
            return self._with_unknown(name, left, kept, unknown)
        if all(k.site and not k.organism for k in known.values()):
            return Resolution(name, MatchStatus.NOT_FOUND, uncovered=tuple(kept))
        return (
            self._all_words(name, kept, left, longer=longer)
            or self._main_clause(name, left)
            or self._without_form(name, kept)
            or self._longest_span(name, kept, known)
            or Resolution(name, MatchStatus.NOT_FOUND, uncovered=tuple(kept))
        )

    def _from_others(self, unknown: Sequence[str]) -> dict[str, WordKind]:
        """Those of the words that are a drug or an organism by themselves."""
        kinds = {
            NonDiagnosisKind.SUBSTANCE: DRUG,
            NonDiagnosisKind.ORGANISM: ORGANISM,
            NonDiagnosisKind.ANATOMY: SITE,
        }
        found = self._store.others(unknown)
        return {w: kinds[o.kind] for w, o in found.items() if o.kind in kinds}

    def _species(self, found: Sequence[str], known: Mapping[str, WordKind]) -> dict[str, WordKind]:
        """Words that are an organism together with the one before: "Bacillus cereus"."""
        pairs = {
            key([before, word]): word
            for before, word in pairwise(found)
            if word in known
            and not known[word].anywhere
            and before in known
            and known[before].organism
        }
        named = self._store.others(pairs) if pairs else {}
        return {pairs[k]: ORGANISM for k, o in named.items() if o.kind is NonDiagnosisKind.ORGANISM}

    def _with_unknown(
        self, name: str, left: list[str], kept: list[str], unknown: tuple[str, ...]
    ) -> Resolution:
        """A name with words that no term has is not found, but for two kinds of which a part is:
        what stands before "due to" and the like, and a poisoning by something not listed. There
        the words are told as left over."""
        if not unknown:
            return Resolution(name, MatchStatus.NOT_FOUND)
        found = self._main_clause(name, left)
        if found:
            rest = tuple(w for w in found.qualifiers if w not in unknown)
            return replace(found, qualifiers=rest, uncovered=unknown)
        if [w for w in kept if w not in unknown] != ["poisoning"]:
            return Resolution(name, MatchStatus.NOT_FOUND, unknown=unknown)
        hits = self._store.by_keys(["poisoning"])
        return self._choose.answer(name, MatchStatus.PARTIAL, hits, uncovered=unknown)

    def _generic(self, name: str, written: list[str]) -> Resolution | None:
        """The name with other words that only say that it is a disease: "Kawasaki" and "Kawasaki
        disease", "Sturge-Weber disease" and "syndrome". An organism alone is its infection, a
        part of the body alone is nothing."""
        found = normalise(written)
        tails = tables().qualifiers["tail"]
        bare = [w for w in found if w not in tails]
        kinds = self._store.known_words(bare).values() if bare else ()
        if not kinds or all(k.site and not k.organism for k in kinds):
            return None
        if all(k.organism for k in kinds):
            tails = frozenset({"infection"})
        keys = {key(bare), *(key([*bare, t]) for t in tails)} - {key(found)}
        hits = [h for h in self._store.by_keys(sorted(keys)) if h.rank < NOTE]
        if not hits:
            return None
        gone = tuple(w for w in found if w not in bare)
        answer = self._choose.answer(name, MatchStatus.EXACT, hits, stripped=gone)
        return answer if answer.exact else None

    def _without_modifiers(self, name: str, written: list[str]) -> Resolution | None:
        kept, gone = written, []
        for _, group in strip_groups():
            left = [w for w in kept if w not in group]
            if left and len(left) < len(kept):
                gone += [w for w in kept if w in group]
                kept = left
                found = self.exact(name, normalise(kept), tuple(gone))
                if found:
                    return _without_course(found)
        return None

    def _main_clause(self, name: str, written: list[str]) -> Resolution | None:
        """What stands before "due to", "with" and the like, when that alone is a disease."""
        joints = tables().qualifiers["joint"]
        at = next((i for i, w in enumerate(written) if i and w in joints), 0)
        head = normalise(written[:at])
        found = self.exact(name, head) or self._without_modifiers(name, written[:at])
        if found is None:
            return None
        rest = tuple(w for w in normalise(written[at:]) if w not in joints)
        return replace(found, status=MatchStatus.PARTIAL, qualifiers=rest)

    def _all_words(
        self, name: str, found: list[str], written: Sequence[str], *, longer: bool = False
    ) -> Resolution | None:
        wanted = set(found)
        if len(wanted) < 2:
            return None if longer else self._one_word(name, found[0])
        turning = tables().turning - wanted
        longest = len(wanted) + _EXTRA_WORDS
        terms = [
            (number, len(found))
            for number, found in self._store.holding(wanted, _TERM_HITS)
            if len(wanted) + longer <= len(found) <= longest and turning.isdisjoint(found)
        ]
        if not terms:
            return None
        noun = _noun(found, written)
        about = [h for h in self._store.terms(n for n, _ in terms) if _is_about(h.text, noun)]
        if not about:
            return None
        shortest = [h for h in about if h.size == about[0].size]
        return self._choose.answer(name, MatchStatus.PARTIAL, shortest)

    def _without_form(self, name: str, found: list[str]) -> Resolution | None:
        """The name without words for its course, and without an agent that induced it."""
        bare = without_form(found)
        if not bare or len(bare) == len(found):
            return None
        gone = tuple(w for w in found if w not in bare)
        answer = self.exact(name, bare) or self._generic(name, bare)
        if answer and not _denied(gone, answer.concepts):
            return replace(answer, status=MatchStatus.PARTIAL, qualifiers=gone)
        # A longer term says something more: what holds of it need not hold of the name.
        answer = self._all_words(name, bare, bare) if len(set(bare)) > 1 else None
        if answer is None or _denied(gone, answer.concepts):
            return None
        return replace(answer, stripped=gone)

    def _one_word(self, name: str, word: str) -> Resolution | None:
        """A word that only the names of one disease have: "tamponade"."""
        found = self._store.holding([word], _WORD_HITS)
        terms = [number for number, words in found if len(words) <= 2]
        common = len(terms) == _WORD_HITS or len(word) < 6 or word in tables().turning
        if common or not terms or self._store.known_words([word])[word].anywhere:
            return None
        answer = self._choose.answer(name, MatchStatus.PARTIAL, self._store.terms(terms))
        return answer if answer.status is MatchStatus.PARTIAL else None

    def _longest_span(
        self, name: str, found: list[str], known: Mapping[str, WordKind]
    ) -> Resolution | None:
        """The longest part that is a name and to which the rest may be a qualifier; failing
        that, the longest part, with the rest uncovered."""
        found = found[:_SPAN_WORDS]
        spans = _spans(found)
        keys = self._store.known_keys(spans)
        keys.sort(key=lambda k: (-k.count(" "), -spans[k]))
        for k in keys:
            same = self._store.by_keys([k])
            left = _left(found, k)
            concepts = [h.concept for h in same]
            if qualifies(left, found, known, concepts, k):
                answer = self._choose.answer(name, MatchStatus.PARTIAL, same, qualifiers=left)
                if not _denied(left, (*concepts, *answer.concepts)):
                    return answer
        if not keys:
            return None
        same = self._store.by_keys(keys[:1])
        return self._choose.answer(name, MatchStatus.PARTIAL, same, uncovered=_left(found, keys[0]))


def _is_about(term: str, noun: str) -> bool:
    """Whether a longer term has the noun of the name in what it names, not only in its company: an
    obstruction of the colon is no polyp "with obstruction"."""
    return noun in normalise(words(_COMPANY.split(term, maxsplit=1)[0]))


def _noun(found: Sequence[str], written: Sequence[str]) -> str:
    """The noun that a name is about: the last word before its first preposition."""
    at = next((i for i, w in enumerate(written) if i and w in _PREPOSITIONS), len(written))
    head = normalise(written[:at])
    return head[-1] if head else found[-1]


def _without_course(found: Resolution) -> Resolution:
    """Only a part is found when a course was taken away that the title leaves open: nephritis "not
    specified as acute or chronic" is not the code of an acute one."""
    course = strip_groups()[-1][1]
    taken = course.intersection(found.stripped)
    told = any(course.intersection(words(c.display)) for c in found.icd)
    return replace(found, status=MatchStatus.PARTIAL) if taken and told else found


def _left(found: list[str], k: str) -> tuple[str, ...]:
    """The words that a key does not cover."""
    covered = set(k.split(" "))
    return tuple(w for w in found if w not in covered)


def _denied(left: Sequence[str], concepts: Sequence[Concept]) -> bool:
    """Whether a title says of itself that it is not so: "noninfective colitis"."""
    titles = {w for c in concepts for w in words(c.display)}
    return any(f"non{w}" in titles for w in left)


def _spans(found: list[str]) -> dict[str, int]:
    """Keys of all runs of words shorter than the whole, with where they end."""
    size = len(found)
    return {
        key(found[i:j]): j
        for i in range(size)
        for j in range(i + 1, size + 1)
        if j - i < size and (j - i > 1 or len(found[i]) > 3)
    }
