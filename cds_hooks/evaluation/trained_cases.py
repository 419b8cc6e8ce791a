"""Nothing is measured on what it was fitted on: cases as digests, and the refusal.

Whatever is fitted (a fine-tuned model, a verifier's coefficients) writes the digests of its cases
into its manifest, under `case_digests`. Before it is measured, the cases of the suite are compared
with them. A case has two digests, of its id and of its words, so that the same case is found under
another id, in another suite and after its dates moved.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.errors import ChartsideError
from cds_hooks.evaluation.evaluation_errors import RunError
from cds_hooks.evaluation.suites.leaks import content_words
from cds_hooks.evaluation.suites.lookup import tokens
from cds_hooks.evaluation.suites.suite import EvaluationCase, Suite

__all__ = [
    "SIDECAR",
    "TrainedCase",
    "case_digests",
    "fitted_cases",
    "id_digest",
    "left_out",
    "overlap",
    "require_unseen",
    "text_digest",
    "trained_beside",
]

SIDECAR = ".tuning.json"
"""What follows the name of a model's or adapter's file in the name of its training manifest."""

_KEY = "case_digests"
_UNSEEN = "unseen"


class TrainedCase(ChartsideError):
    """A model would be measured on a case that something of it was fitted on."""

    code = "measured-on-training-case"
    status = 400


def case_digests(suite: str, case: EvaluationCase) -> tuple[str, ...]:
    """The digests of a case of a suite: SHA-256 of its id and, where it has words, of these."""
    words = content_words(case.text) if case.text else list(tokens(case))
    named = id_digest(suite, case.id)
    return (named, _digest("words", *words)) if words else (named,)


def id_digest(suite: str, case_id: str) -> str:
    """The digest of a case by its id alone: what a run's results tell of it."""
    return _digest("id", suite, case_id)


def text_digest(text: str) -> str:
    """The digest by words of a text that is no case of a suite."""
    return _digest("words", *content_words(text))


def fitted_cases(path: Path) -> frozenset[str]:
    """All digests of a manifest that something was fitted on. Raises RunError.

    Parts that are named `unseen` were kept for measuring, and do not count.
    """
    try:
        found = frozenset(_found(_document(path)))
    except RecursionError:
        raise RunError("not a manifest", where=str(path)) from None
    if not found:
        raise RunError(
            f"a manifest without {_KEY}",
            where=str(path),
            hint="Without them nobody can say what it was fitted on.",
        )
    return found


def _document(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise RunError("cannot be read", where=str(path)) from error
    except orjson.JSONDecodeError:
        raise RunError("not a manifest", where=str(path)) from None


def trained_beside(files: Iterable[Path]) -> tuple[Path, ...]:
    """The training manifests that lie beside model or adapter files, or beside what a link of
    such a name leads to. One that cannot be read is among them: reading it then tells so."""
    places = (place for file in files for place in (file, file.resolve()))
    beside = dict.fromkeys(place.with_name(place.name + SIDECAR) for place in places)
    return tuple(path for path in beside if os.path.lexists(path))


def overlap(suite: Suite, fitted: Collection[str]) -> tuple[str, ...]:
    """The ids of cases of a suite that something was fitted on, in the suite's order."""
    known = frozenset(fitted)
    return tuple(c.id for c in suite.cases if not known.isdisjoint(case_digests(suite.id, c)))


def require_unseen(suite: Suite, manifests: Sequence[Path]) -> None:
    """Raises TrainedCase when a case of the suite is in one of the manifests."""
    for path in manifests:
        seen = overlap(suite, fitted_cases(path))
        if seen:
            shown = ", ".join(seen[:3]) + (" ..." if len(seen) > 3 else "")
            raise TrainedCase(
                f"{len(seen)} of {len(suite.cases)} cases of {suite.id} were trained on ({shown})",
                where=str(path),
                hint="Measure on other cases, or leave these out with --leave-out-fitted.",
            )


def left_out(suite: Suite, manifests: Sequence[Path]) -> Suite:
    """What of a suite may be measured: of one that something was fitted on only the cases that were
    kept for it (others may be too much like a trained one), or where none were all but the fitted
    ones; any other suite whole."""
    for path in manifests:
        fitted = fitted_cases(path)
        if seen := overlap(suite, fitted):
            kept = overlap(suite, frozenset(_kept(_document(path))) - fitted)
            rest = [c.id for c in suite.cases if c.id not in seen]
            suite = suite.only(kept or rest)
    return suite


def _kept(document: Any) -> Iterator[str]:
    parts = document.get("parts") if isinstance(document, dict) else None
    if isinstance(parts, dict):
        yield from _found([parts.get(_UNSEEN)])


def _found(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _found(each)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == _KEY and isinstance(inner, list):
                yield from (each for each in inner if isinstance(each, str))
            elif key != _UNSEEN:
                yield from _found(inner)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(("chartside-case", *parts)).encode()).hexdigest()
