"""Admission: a record that says what was measured, and that nobody can alter."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.admission.lookup import SUFFIX, admission_of, require_admission, require_verifier
from cds_hooks.admission.manifest import Manifest
from cds_hooks.admission.record import AdmissionError, AdmissionRecord, Purpose
from cds_hooks.admission.signing import (
    create_key,
    key_id,
    load_public_key,
    load_signing_key,
    sign,
    verify,
)
from cds_hooks.consultation import Consultation, Outcome, Verdict
from cds_hooks.evaluation.admission.acceptance import FigureBound, acceptance, acceptance_suite
from cds_hooks.evaluation.admission.decision import decide
from cds_hooks.evaluation.matching import MatchRule, TruthMatcher
from cds_hooks.evaluation.runs.results import CaseResult
from cds_hooks.evaluation.runs.score import score
from cds_hooks.evaluation.suites.suite import Suite
from fhir_mapping import map_chart

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
Make = Callable[..., Consultation]


def named(record: AdmissionRecord, key: Ed25519PrivateKey) -> AdmissionRecord:
    """The record as it is signed: with the key that signed it."""
    return record.model_copy(update={"key_id": key_id(key.public_key())})


@pytest.fixture(scope="module")
def suite() -> Suite:
    return acceptance_suite(NOW)


@pytest.fixture(scope="module")
def hospital(manifest: Manifest) -> Manifest:
    """Of a model that is not for demonstration only."""
    return manifest.model_copy(update={"demonstration": False})


@pytest.fixture(scope="module")
def right(suite: Suite, consultation: Make, matcher: TruthMatcher) -> list[CaseResult]:
    """A model that knows all textbook presentations."""
    return [
        score(c, consultation((c.gold.name, Verdict.SUPPORTED, 1.0)), matcher, seconds=1.0)
        for c in suite.cases
    ]


@pytest.fixture(scope="module")
def record(hospital: Manifest, right: list[CaseResult]) -> AdmissionRecord:
    return decide(hospital, right, purpose=Purpose.CLINICAL, who="A. Clinician", now=NOW)


def test_the_set_is_charts_with_known_truths_and_sources(
    suite: Suite, matcher: TruthMatcher
) -> None:
    assert len(suite.cases) >= 10
    assert all(c.source for c in acceptance().case)
    for case in suite.cases:
        chart = map_chart(list(case.resources), patient_id=case.patient_id, now=NOW)
        assert {o.reason for o in chart.omissions} <= {"told-as-patient"}
        assert not chart.quality
        assert len(chart.facts) >= 3
        assert matcher.resolves(case.gold)
        assert MatchRule.EXACT in matcher.matches(case.gold, case.gold.name)


def test_out_of_range_results_are_flagged_from_the_ranges_given(suite: Suite) -> None:
    case = next(c for c in suite.cases if c.id == "ketoacidosis")
    facts = map_chart(list(case.resources), patient_id=case.patient_id, now=NOW).facts
    flags = {f.text.split()[0]: f.flag.value for f in facts if f.flag}
    assert (flags["Glucose"], flags["Bicarbonate"]) == ("high", "low")


def test_a_model_that_meets_every_requirement_is_admitted(record: AdmissionRecord) -> None:
    assert record.admitted
    assert all(r.met for r in record.requirements)
    assert record.figures["top5"].value == 1.0
    assert record.figures["top5"].n == len(acceptance().case)
    assert (record.date, record.who) == ("2026-03-01", "A. Clinician")


def test_a_model_that_misses_textbook_cases_is_not_admitted_for_patients(
    suite: Suite, hospital: Manifest, consultation: Make, matcher: TruthMatcher
) -> None:
    results = [
        score(c, consultation(("Pneumonia", Verdict.PLAUSIBLE, 1.0)), matcher, seconds=1.0)
        for c in suite.cases
    ]
    clinical = decide(hospital, results, purpose=Purpose.CLINICAL, who="x", now=NOW)
    assert not clinical.admitted
    assert [r.figure for r in clinical.requirements if not r.met] == ["top5"]
    shown = decide(hospital, results, purpose=Purpose.DEMONSTRATION, who="x", now=NOW)
    assert shown.admitted


def test_a_demonstration_model_is_admitted_for_demonstration_only(
    manifest: Manifest, right: list[CaseResult]
) -> None:
    assert manifest.demonstration
    assert not decide(manifest, right, purpose=Purpose.CLINICAL, who="x", now=NOW).admitted
    assert decide(manifest, right, purpose=Purpose.DEMONSTRATION, who="x", now=NOW).admitted


def test_a_case_without_an_answer_is_enough_to_refuse(
    hospital: Manifest, right: list[CaseResult]
) -> None:
    broken = [right[0].model_copy(update={"outcome": Outcome.DEADLINE.value}), *right[1:]]
    for purpose in Purpose:
        assert not decide(hospital, broken, purpose=purpose, who="x", now=NOW).admitted
        assert not decide(hospital, [], purpose=purpose, who="x", now=NOW).admitted


def test_a_figure_that_is_not_defined_meets_no_bound() -> None:
    assert not FigureBound(why="", at_least=0.0).met(float("nan"))
    assert not FigureBound(why="", at_most=1.0).met(float("nan"))


def test_what_was_signed_is_what_is_read(record: AdmissionRecord) -> None:
    document = sign(record, KEY)
    assert verify(document, [OTHER.public_key(), KEY.public_key()]) == named(record, KEY)
    assert sign(record, KEY) == document


def test_nobody_is_trusted_by_default_or_by_what_a_record_says(record: AdmissionRecord) -> None:
    for trusted in ([], [OTHER.public_key()]):
        with pytest.raises(AdmissionError, match="not trusted"):
            verify(sign(record, KEY), trusted)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["record"].update(who="B. Somebody"),
        lambda d: d["record"].update(admitted=False),
        lambda d: d["record"]["manifest"]["model"].update(sha256="1" * 64),
        lambda d: d["record"]["figures"]["top5"].update(value=0.5),
        lambda d: d["record"].update(extra=1),
    ],
)
def test_an_altered_record_is_refused(
    record: AdmissionRecord, change: Callable[[dict[str, object]], None]
) -> None:
    document = json.loads(sign(record, KEY))
    change(document)
    with pytest.raises(AdmissionError, match="altered"):
        verify(orjson.dumps(document), [KEY.public_key()])


@given(st.binary(max_size=200) | st.dictionaries(st.text(), st.text()).map(orjson.dumps))
def test_what_is_no_record_is_refused(document: bytes) -> None:
    with pytest.raises(AdmissionError):
        verify(document, [KEY.public_key()])


@given(st.integers(0, 3000), st.integers(1, 255))
def test_a_flipped_byte_is_never_read_as_another_record(
    record: AdmissionRecord, at: int, flip: int
) -> None:
    whole = bytearray(sign(record, KEY))
    whole[at % len(whole)] ^= flip
    with contextlib.suppress(AdmissionError):
        assert verify(bytes(whole), [KEY.public_key()]) == named(record, KEY)


def test_a_key_is_private_and_made_once(tmp_path: Path, record: AdmissionRecord) -> None:
    path = tmp_path / "keys" / "admission.pem"
    key = create_key(path)
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(AdmissionError, match="a key already"):
        create_key(path)
    public = load_public_key(path.with_name("admission.pem.pub"))
    assert verify(sign(record, load_signing_key(path)), [public]) == named(record, key)
    assert verify(sign(record, key), [public]) == named(record, key)


def test_a_key_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    create_key(path)
    path.chmod(0o644)
    with pytest.raises(AdmissionError, match="others may read"):
        load_signing_key(path)
    path.write_text("nothing")
    path.chmod(0o600)
    with pytest.raises(AdmissionError, match="not a private key"):
        load_signing_key(path)
    with pytest.raises(AdmissionError, match="not a public key"):
        load_public_key(path)
    with pytest.raises(AdmissionError, match="cannot be read"):
        load_signing_key(tmp_path / "none.pem")


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Ed25519PrivateKey, Path]:
    """A key and the file of its public half."""
    path = tmp_path / "keys" / "admission.pem"
    return create_key(path), path.with_name("admission.pem.pub")


def started(record: AdmissionRecord, moment: str, **changes: object) -> AdmissionRecord:
    manifest = record.manifest.model_copy(update={"started": moment})
    return record.model_copy(update={"manifest": manifest, **changes})


def test_the_newest_trusted_record_of_a_file_decides(
    record: AdmissionRecord, keys: tuple[Ed25519PrivateKey, Path], tmp_path: Path
) -> None:
    key, public = keys
    sha256 = record.model_sha256
    assert admission_of(sha256, tmp_path, public) is None
    with pytest.raises(AdmissionError, match="no trusted record"):
        require_admission(sha256, tmp_path, public)
    for name, document in {
        "a": sign(started(record, "2026-03-01T00:00:00+00:00"), key),
        "b": sign(started(record, "2027-01-01T00:00:00+00:00"), OTHER),
        "c": b"not a record",
    }.items():
        (tmp_path / f"{name}{SUFFIX}").write_bytes(document)
    found = require_admission(sha256, tmp_path, public)
    assert found == require_admission(sha256, tmp_path, public, purpose=Purpose.DEMONSTRATION)
    assert found.manifest.started.startswith("2026-03-01")
    assert admission_of("e" * 64, tmp_path, public) is None
    taken_back = sign(started(record, "2026-04-01T00:00:00+00:00", admitted=False), key)
    (tmp_path / f"0{SUFFIX}").write_bytes(taken_back)
    told = admission_of(sha256, tmp_path, public)
    assert told is not None
    assert not told.admitted
    with pytest.raises(AdmissionError, match="was not admitted"):
        require_admission(sha256, tmp_path, public)


def test_a_demonstration_is_not_served_to_patients(
    manifest: Manifest, right: list[CaseResult], keys: tuple[Ed25519PrivateKey, Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    key, public = keys
    shown = decide(manifest, right, purpose=Purpose.DEMONSTRATION, who="x", now=NOW)
    (tmp_path / f"model{SUFFIX}").write_bytes(sign(shown, key))
    sha256 = shown.model_sha256
    found = require_admission(sha256, tmp_path, public, purpose=Purpose.DEMONSTRATION)
    assert found == named(shown, key)
    with pytest.raises(AdmissionError, match="demonstration only"):
        require_admission(sha256, tmp_path, public)


def test_a_record_tells_the_decision_and_every_figure(record: AdmissionRecord) -> None:
    first, suite, *figures = record.told
    assert first == "Admitted for clinical use by A. Clinician, 2026-03-01."
    assert len(figures) == len(record.requirements)
    assert "n = " in suite + figures[0]
    assert any(line.startswith("top5 1 (") and line.endswith("met.") for line in figures)


def test_a_card_says_how_often_the_model_was_right_here(record: AdmissionRecord) -> None:
    assert re.fullmatch(
        r"measured here: right within the first five 1 \(0\.\d+ to 1\), n = \d+", record.accuracy
    )
    assert record.model_copy(update={"admitted": False}).accuracy == ""
    assert record.model_copy(update={"purpose": Purpose.DEMONSTRATION}).accuracy == ""
    assert record.model_copy(update={"figures": {}}).accuracy == ""


def test_reading_an_admission_needs_nothing_that_only_measuring_needs() -> None:
    program = "import sys, cds_hooks.admission.lookup; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


def test_only_the_verifier_that_the_record_names_is_admitted(record: AdmissionRecord) -> None:
    with pytest.raises(AdmissionError, match="another verifier, or none"):
        require_verifier(record, "a" * 64)
    named = record.model_copy(update={"verifier_sha256": "a" * 64})
    require_verifier(named, "a" * 64)
    assert f"Verifier: {'a' * 64}." in named.told
    with pytest.raises(AdmissionError):
        require_verifier(named, "b" * 64)
