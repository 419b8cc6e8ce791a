"""Which concepts a set of matching terms stands for, and whether they are one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from cds_hooks.plausibility.terminology.icd_hierarchy import common_code
from cds_hooks.plausibility.terminology.resolution import (
    ICD_10_CM,
    Concept,
    MatchStatus,
    Resolution,
)
from cds_hooks.plausibility.terminology.term_ranks import NOTE, PREFERRED
from cds_hooks.plausibility.terminology.term_store import TermHit, TermStore

__all__ = ["ConceptChooser", "StoredParents"]

_MAX_CONCEPTS = 8
_ELSEWHERE_HITS = 12
_SECONDARY = frozenset({"carcinomatosis", "metastasis", "metastatic", "secondary"})


class StoredParents:
    """ICD-10-CM code -> parent code, read when asked for."""

    def __init__(self, store: TermStore) -> None:
        self._store = store

    def get(self, code: str, /) -> str | None:
        """The parent of a code; None for a category and for what is no code."""
        found = self._store.concept(code)
        return found.parent if found else None


class ConceptChooser:
    """From terms to concepts."""

    def __init__(self, store: TermStore) -> None:
        self._store = store
        self._parents = StoredParents(store)

    def answer(
        self,
        name: str,
        status: MatchStatus,
        hits: Sequence[TermHit],
        *,
        stripped: tuple[str, ...] = (),
        qualifiers: tuple[str, ...] = (),
        uncovered: tuple[str, ...] = (),
    ) -> Resolution:
        """A resolution of this status, or ambiguous when the terms are of several concepts."""
        concepts, sure = self._choose(hits)
        return Resolution(
            name=name,
            status=status if sure else MatchStatus.AMBIGUOUS,
            concepts=concepts[:_MAX_CONCEPTS],
            matched=min(hits, key=lambda h: (h.rank, len(h.text), h.text)).text,
            stripped=stripped,
            qualifiers=qualifiers,
            uncovered=uncovered,
        )

    def _choose(self, hits: Sequence[TermHit]) -> tuple[tuple[Concept, ...], bool]:
        """The concepts that stand for the hits, and whether they are one."""
        icd = _direct(h for h in hits if h.concept.system == ICD_10_CM)
        mesh = _direct(h for h in hits if h.concept.system != ICD_10_CM)
        links = {c.link for c in mesh.values() if c.link}
        if not icd and not self._link_holds(hits, links):
            links = set()
        code = self._common(icd.keys() or links)
        if code is None and len(links) == 1 and links & icd.keys():
            code = next(iter(links))
        found = self._store.concept(code) if code else None
        others = tuple(icd[c] for c in sorted(icd)) if found is None else (found,)
        sure = len(others) + (len(mesh) if not others else 0) == 1
        return (*others, *(mesh[c] for c in sorted(mesh))), sure

    def _common(self, codes: Collection[str]) -> str | None:
        """The one code that stands for several; none without reading their trees when they are of
        several categories, as of "adverse effect" some hundred are."""
        one_category = len({c[:3] for c in codes}) == 1
        return common_code(codes, self._parents) if one_category else None

    def _link_holds(self, hits: Sequence[TermHit], links: Collection[str]) -> bool:
        """Whether the ICD-10-CM code of a MeSH heading also stands for this entry term of it: not
        when ICD-10-CM has the term's words elsewhere (MeSH files adhesive capsulitis under
        bursitis, ICD-10-CM has a code of its own), and not when it speaks of a tumor, which a
        cancer is, but not every tumor, or of a metastasis."""
        if any(_tumor(h) for h in hits):
            return False
        if any(h.rank == PREFERRED for h in hits):
            return True
        found = self._store.holding(hits[0].key.split(" "), _ELSEWHERE_HITS)
        terms = self._store.terms(number for number, _ in found)
        elsewhere = {h.concept.category for h in terms if h.rank < NOTE and h.concept.category}
        return not elsewhere or bool(elsewhere & {c[:3] for c in links})


def _tumor(hit: TermHit) -> bool:
    """Whether a tumor of a site is named, or a secondary one, and the code of its heading is that
    of a primary cancer."""
    concept, said = hit.concept, hit.key.split(" ")
    cancer = (concept.link or "").startswith("C")
    secondary = not _SECONDARY.isdisjoint(said)
    return cancer and (secondary or (concept.display.endswith("Neoplasms") and "tumor" in said))


def _direct(hits: Iterable[TermHit]) -> dict[str, Concept]:
    """Concepts whose terms match most directly, by code."""
    found = list(hits)
    best = min((h.rank for h in found), default=0)
    return {h.concept.code: h.concept for h in found if h.rank == best}
