"""The ledger and the store: what is recorded, whether it is whole, and how long it is kept."""

from __future__ import annotations

from datetime import datetime

from cds_hooks.compliance.checks.finding import (
    Evidence,
    Finding,
    Result,
    decide,
    no_ledger,
    record_count,
    setting,
)
from cds_hooks.compliance.checks.installation_facts import InstallationFacts, LedgerFacts

__all__ = [
    "checkpoints_witnessed",
    "event_list_complete",
    "events_recorded",
    "ledger_kept",
    "ledger_whole",
    "stop_effective",
    "stored_states_attested",
]

# In days: six months have 184 at most.
_SIX_MONTHS = 184


def _of(installation: InstallationFacts) -> LedgerFacts | None:
    """The ledger, if it has records or should have."""
    ledger = installation.ledger
    return ledger if ledger is not None and (ledger.records or ledger.failure) else None


def events_recorded(installation: InstallationFacts) -> Finding:
    """Starts and every stored consultation are on record."""
    ledger = _of(installation)
    if ledger is None:
        return no_ledger(installation)
    faults = []
    if not ledger.counts.get("service-started"):
        faults.append("no start of the service is on record")
    if ledger.unrecorded:
        faults.append(f"{ledger.unrecorded} stored consultations are in no record")
    told = ", ".join(f"{count} {name}" for name, count in sorted(ledger.counts.items()))
    shown = Evidence("ledger", "records by type", told)
    said = "what the service did is on record; a card leaves only after its record is durable"
    return decide(faults, said, record_count(ledger), shown)


def ledger_whole(installation: InstallationFacts) -> Finding:
    """Verification of every record, signature and checkpoint, now and offline."""
    ledger = _of(installation)
    if ledger is None:
        return no_ledger(installation)
    signed = f"{ledger.covered} of {ledger.records} under a signed checkpoint"
    shown = Evidence("ledger", "verification", f"{signed}, the last of {ledger.signed_at or '-'}")
    own = Evidence("table", "store_metadata: the service's own", ledger.self_verified or "none yet")
    witness = Evidence("ledger", "checkpoints of the witness's folder", f"{ledger.compared} hold")
    faults = [each for each in (ledger.failure, ledger.not_compared) if each]
    said = "no record was changed, moved, removed or inserted"
    if not ledger.compared:
        said = f"{said}; that none was cut off at the end only a witness tells, which was not asked"
    every = setting(installation, "ledger.verify_every_s")
    return decide(faults, said, shown, witness, own, every)


def stored_states_attested(installation: InstallationFacts) -> Finding:
    """Each stored consultation is in the state that its last record attests."""
    ledger = _of(installation)
    if ledger is None:
        return no_ledger(installation)
    faults = [ledger.other_state] if ledger.other_state else []
    shown = Evidence("table", "consultations", "each payload's digest compared with the ledger")
    said = "stored consultations are as the ledger attests; payloads are authenticated (AES-GCM)"
    return decide(faults, said, shown)


def checkpoints_witnessed(installation: InstallationFacts) -> Finding:
    """Signed checkpoints are copied to a place that the service cannot rewrite."""
    keys = ("ledger.witness_folder", "ledger.witness_syslog", "witness.fhir_server")
    faults = [] if any(installation.settings[key] for key in keys) else ["there is no witness"]
    faults += installation.lacking("witness-not-https")
    said = "checkpoints are copied elsewhere: a ledger that was cut or made again is found"
    return decide(faults, said, *(setting(installation, key) for key in keys))


def ledger_kept(installation: InstallationFacts) -> Finding:
    """The ledger is there from its first record on; no setting deletes from it."""
    ledger = _of(installation)
    if ledger is None:
        return no_ledger(installation)
    faults = []
    if ledger.first_seq:
        before = f"records before number {ledger.first_seq} are gone"
        faults.append(before if ledger.first_seq > 0 else ledger.failure)
    days = _days(ledger.first, installation.at) if ledger.first else 0
    shown = Evidence("ledger", "oldest record", f"{ledger.first}, {days} days ago")
    content = setting(installation, "retention.consultations_days")
    if not faults and days < _SIX_MONTHS:
        early = f"the oldest record is {days} days old, none is gone; six months have not passed"
        return Finding(Result.NOT_ASSESSED, early, (shown, content))
    said = (
        f"all records since the first, {days} days ago, are kept; nothing deletes from the ledger. "
        "What consultations hold (prompt, output) is kept for the days of the setting alone"
    )
    return decide(faults, said, shown, content)


def _days(since: str, until: str) -> int:
    """Whole days between two RFC 3339 times."""
    return max(0, (datetime.fromisoformat(until) - datetime.fromisoformat(since)).days)


def event_list_complete(installation: InstallationFacts) -> Finding:
    """Every type of record in the ledger is one that is documented with what it proves."""
    ledger = _of(installation)
    if ledger is None:
        return no_ledger(installation)
    unknown = sorted(set(ledger.counts) - installation.known_types)
    faults = [f"undocumented types of records: {', '.join(unknown)}"] if unknown else []
    told = f"{len(installation.known_types)} documented, {len(ledger.counts)} in this ledger"
    shown = Evidence("ledger", "types of records", told)
    said = "every type of record is in the event list (chartside export ai-act)"
    return decide(faults, said, shown)


def stop_effective(installation: InstallationFacts) -> Finding:
    """After a service was switched off by hand, none of its cards is on record."""
    ledger = _of(installation)
    if ledger is None:
        return no_ledger(installation)
    shown = Evidence("ledger", "records service-switched-off", str(ledger.switched_off))
    if not ledger.switched_off:
        said = "no service was ever switched off here: whether that works here was not tried"
        return Finding(Result.NOT_ASSESSED, said, (shown,))
    faults = [f"{ledger.while_off} answers with cards are of a service that was off"]
    said = "a service that is switched off shows no card until it is switched on again"
    return decide(faults if ledger.while_off else (), said, shown)
