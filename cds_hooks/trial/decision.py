"""The decision on a trial: by whom, why, on which report; signed (Ed25519, RFC 8032).

The signature covers the decision in the canonical form of RFC 8785. Decision and signature are one
record of the ledger: whoever has an export of it and the public key verifies both without the site.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, ValidationError

from cds_hooks.admission.signing import key_id
from cds_hooks.trial.trial_errors import DecisionRefused, DecisionUntrusted
from cds_hooks.trust import ed25519

__all__ = ["Choice", "TrialDecision", "decide", "read", "signed", "verified"]

_SHORTEST, _LONGEST = 3, 400


class Choice(StrEnum):
    """What was decided: cards are shown from now on, no longer tried, or tried for longer."""

    GO_LIVE = "go-live"
    STOP = "stop"
    CONTINUE = "continue"


class TrialDecision(BaseModel):
    """What is signed. `report_sha256` is the digest of the report, `cases` its cases with an
    outcome, `planned` how many were wanted (None: no plan), `leaks` its cases with a leak;
    `despite_leaks` and `despite_few` that somebody went live although the report did not carry it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = 1
    decision: Choice
    report_sha256: str
    by: str
    reason: str
    date: str
    cases: int
    planned: int | None
    leaks: int
    despite_leaks: bool = False
    despite_few: bool = False


def decide(
    document: Mapping[str, Any],
    digest: str,
    choice: Choice,
    *,
    by: str,
    reason: str,
    now: datetime,
    despite_leaks: bool = False,
    despite_few: bool = False,
) -> TrialDecision:
    """The decision on a report that was read with its digest. Raises DecisionRefused.

    Going live is refused on a report with leaks, with fewer cases than were planned or with none,
    unless the decision says so itself. To stop or to go on with the trial needs neither.
    """
    _require_words(by, reason)
    report, planned = document["report"], document["planned"]
    cases, leaks = report["coverage"]["with_outcome"], report["leaks"]["cases"]
    wanted = planned["cases"] if planned else None
    few = cases < (wanted or 1)
    if choice is Choice.GO_LIVE:
        if leaks and not despite_leaks:
            hint = "Find their cause, or give --despite-leaks and say why in the reason."
            raise DecisionRefused(f"the report found {leaks} cases with a leak", hint=hint)
        if few and not despite_few:
            hint = "Go on with the trial, or give --despite-few and say why in the reason."
            planning = "no plan was given" if wanted is None else f"{wanted} were planned"
            raise DecisionRefused(f"{cases} cases with an outcome, {planning}", hint=hint)
    return TrialDecision(
        decision=choice,
        report_sha256=digest,
        by=by.strip(),
        reason=reason.strip(),
        date=now.isoformat(timespec="seconds"),
        cases=cases,
        planned=wanted,
        leaks=leaks,
        despite_leaks=bool(leaks) and despite_leaks,
        despite_few=few and despite_few,
    )


def signed(decision: TrialDecision, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The decision with its signature, as the fields of a ledger record."""
    body = decision.model_dump(mode="json")
    return {
        "decision": body,
        "algorithm": "Ed25519",
        "key_id": key_id(key.public_key()),
        "signature": base64.b64encode(key.sign(rfc8785.dumps(body))).decode(),
    }


def verified(fields: Mapping[str, Any], trusted: Iterable[Ed25519PublicKey]) -> TrialDecision:
    """The decision, if one of the trusted keys signed exactly this. Raises DecisionUntrusted."""
    decision = read(fields)
    keys = [key for key in trusted if key_id(key) == fields.get("key_id")]
    if not keys:
        raise DecisionUntrusted("signed with a key that is not trusted here")
    try:
        signature = base64.b64decode(str(fields.get("signature")), validate=True)
    except binascii.Error:
        raise DecisionUntrusted("the signature is not base64") from None
    body = rfc8785.dumps(fields["decision"])
    if not any(ed25519.is_signed_by(key, signature, body) for key in keys):
        raise DecisionUntrusted("the signature does not fit the decision: it was altered")
    return decision


def read(fields: Mapping[str, Any]) -> TrialDecision:
    """The decision in a record, whoever signed it. Raises DecisionUntrusted."""
    try:
        return TrialDecision.model_validate(fields.get("decision"))
    except ValidationError:
        raise DecisionUntrusted("not a decision of this release") from None


def _require_words(by: str, reason: str) -> None:
    for name, text in (("--by", by), ("--reason", reason)):
        if not _SHORTEST <= len(text.strip()) <= _LONGEST or not text.isprintable():
            hint = f"One line of {_SHORTEST} to {_LONGEST} characters, without naming a patient."
            raise DecisionRefused("a decision names a person and a reason", where=name, hint=hint)
