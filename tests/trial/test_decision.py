"""The decision on a trial: what carries it, and who signed it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cds_hooks.trial.decision import Choice, decide, signed, verified
from cds_hooks.trial.trial_errors import DecisionRefused, DecisionUntrusted

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DIGEST = "ab" * 32


def document(cases: int = 400, planned: int | None = 381, leaks: int = 0) -> dict[str, Any]:
    return {
        "planned": {"cases": planned} if planned else None,
        "report": {"coverage": {"with_outcome": cases}, "leaks": {"cases": leaks}},
    }


def decided(choice: Choice, told: dict[str, Any], **more: Any) -> Any:
    given = {"by": "Dr. Who-Decides", "reason": "reached what was planned", "now": NOW} | more
    return decide(told, DIGEST, choice, **given)


def test_a_decision_says_what_it_rests_on() -> None:
    made = decided(Choice.GO_LIVE, document())
    assert (made.report_sha256, made.cases, made.planned, made.leaks) == (DIGEST, 400, 381, 0)
    assert made.date == "2026-06-01T09:00:00+00:00"
    assert not made.despite_leaks
    assert not made.despite_few


@pytest.mark.parametrize(
    ("told", "option", "message"),
    [
        (document(leaks=1), "despite_leaks", "1 cases with a leak"),
        (document(cases=380), "despite_few", "380 cases with an outcome, 381 were planned"),
    ],
)
def test_going_live_needs_a_report_that_carries_it(
    told: dict[str, Any], option: str, message: str
) -> None:
    with pytest.raises(DecisionRefused, match=message) as refused:
        decided(Choice.GO_LIVE, told)
    assert f"--{option.replace('_', '-')}" in refused.value.hint
    assert getattr(decided(Choice.GO_LIVE, told, **{option: True}), option) is True
    for choice in (Choice.STOP, Choice.CONTINUE):
        assert decided(choice, told).decision is choice


def test_as_many_as_planned_are_enough_and_no_plan_is_told() -> None:
    assert decided(Choice.GO_LIVE, document(cases=381)).planned == 381
    assert decided(Choice.GO_LIVE, document(cases=2, planned=None)).planned is None


@pytest.mark.parametrize("words", [{"by": " "}, {"reason": "ok"}, {"reason": "one\ntwo lines"}])
def test_a_decision_needs_a_person_and_a_reason(words: dict[str, str]) -> None:
    with pytest.raises(DecisionRefused, match="person and a reason"):
        decided(Choice.STOP, document(), **words)


def test_what_was_signed_is_verified_with_the_public_key_alone() -> None:
    key = Ed25519PrivateKey.generate()
    made = decided(Choice.GO_LIVE, document())
    assert verified(signed(made, key), [key.public_key()]) == made


def test_an_altered_decision_or_another_key_is_found() -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    fields = signed(decided(Choice.STOP, document()), key)
    turned = {**fields, "decision": {**fields["decision"], "decision": "go-live"}}
    with pytest.raises(DecisionUntrusted, match="altered"):
        verified(turned, [key.public_key()])
    with pytest.raises(DecisionUntrusted, match="not trusted"):
        verified(fields, [other.public_key()])
    with pytest.raises(DecisionUntrusted, match="not a decision"):
        verified({"decision": {"version": 1}}, [key.public_key()])
    with pytest.raises(DecisionUntrusted, match="base64"):
        verified({**fields, "signature": "no base64!"}, [key.public_key()])


def test_nobody_goes_live_on_no_case_at_all() -> None:
    with pytest.raises(DecisionRefused, match="0 cases with an outcome, no plan was given"):
        decided(Choice.GO_LIVE, document(cases=0, planned=None))
    assert decided(Choice.GO_LIVE, document(cases=0, planned=None), despite_few=True).despite_few
