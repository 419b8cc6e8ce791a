"""Who reads stored consultations: a list to which nobody is added without a decision about silent
ones. What is not on it reads through `Store`, which leaves them out."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "cds_hooks"

OF_THE_TABLE = {
    "audit/consultation_reads.py": "silent or shown, as its user was made",
    "audit/consultations.py": "silent or shown, as asked",
    "audit/encryption/erasure.py": "erases both, decrypts none",
    "audit/feedback.py": "takes feedback on shown ones alone",
    "audit/integrity_check.py": "opens both, tells ids of what cannot be opened",
    "audit/key_operations.py": "counts",
    "audit/ledger/record_integrity.py": "digests",
    "audit/ledger/stored_consultations.py": "digests",
    "audit/legal_holds.py": "ids",
    "audit/retention.py": "deletes both, decrypts none",
    "audit/reviews.py": "queues shown ones alone; what it seals is a review's",
    "audit/silent_format.py": "the condition itself",
    "audit/trial_outcomes.py": "the trial's own: ids and pseudonyms",
    "audit/uncounted.py": "opens shown ones alone",
    "runtime/question_facts.py": "counts",
    "runtime/store_facts.py": "ids and counts",
}
OF_SILENT_ONES = {
    "cli/trial_outcomes.py": "the trial's command",
    "runtime/consultation_reading.py": "for whoever may, on record",
    "runtime/service.py": "for the consultant that answers silently",
    "trial/collection.py": "the trial's report",
    "cli/tune_trial.py": "training cases of a trial, by whoever may report on it",
}


def _modules(pattern: str) -> set[str]:
    found = re.compile(pattern)
    files = (each for each in ROOT.rglob("*.py") if found.search(each.read_text("utf-8")))
    return {each.relative_to(ROOT).as_posix() for each in files}


def test_whoever_reads_the_table_has_decided_about_silent_ones() -> None:
    assert _modules(r"\btables\.consultations\b") == set(OF_THE_TABLE)


def test_what_is_silent_is_read_by_the_trial_alone() -> None:
    assert _modules(r"\bstore\.silent\b") == set(OF_SILENT_ONES)
