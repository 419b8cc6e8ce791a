"""The store's tables; `schema` creates them.

`sealed_by` is the id of the data key that encrypts a payload. Times are UTC seconds since 1970;
retention deletes a record after `expires`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

__all__ = [
    "cards",
    "claims",
    "consultations",
    "counted_feedback",
    "data_keys",
    "feedback",
    "holds",
    "ledger",
    "ledger_checkpoints",
    "ledger_head",
    "ledger_nodes",
    "metadata",
    "review_queue",
    "reviews",
    "seen_tokens",
    "statistics",
    "store_metadata",
    "switched_off",
    "trial_outcomes",
]

metadata = MetaData()

# Values of the whole store by name: the schema version, the id of its site key, the last probe.
store_metadata = Table(
    "store_metadata",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

consultations = Table(
    "consultations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("content_key", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("patient_key", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("expires", Double, nullable=False),
    Column("payload_format", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("sealed_by", Text, nullable=False),
    Index("consultations_by_content", "content_key", "created"),
    Index("consultations_by_patient", "patient_key", "service", "created"),
    Index("consultations_by_expiry", "expires"),
)

cards = Table(
    "cards",
    metadata,
    Column("uuid", Text, primary_key=True),
    Column(
        "consultation_id", Text, ForeignKey("consultations.id", ondelete="CASCADE"), nullable=False
    ),
    Column("position", Integer, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("summary_digest", Text, nullable=False),
    Index("cards_by_consultation", "consultation_id"),
)

# `id` is a keyed hash of the whole entry, so that the same entry sent twice is one row.
feedback = Table(
    "feedback",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("card", Text, nullable=False),
    Column("consultation_id", Text),
    Column("outcome", Text, nullable=False),
    Column("outcome_at", Text, nullable=False),
    Column("received", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("payload_format", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("sealed_by", Text, nullable=False),
    Index("feedback_by_consultation", "consultation_id"),
    Index("feedback_by_card", "card"),
    Index("feedback_by_expiry", "expires"),
)

# Leases on content keys: one process works on each, until `until`.
claims = Table(
    "claims",
    metadata,
    Column("content_key", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Double, nullable=False),
)

# Used tokens of CDS clients, as keyed hashes, until they expire.
seen_tokens = Table(
    "seen_tokens",
    metadata,
    Column("token", Text, primary_key=True),
    Column("expires", Double, nullable=False),
    Index("seen_tokens_by_expiry", "expires"),
)

# Keys that encrypt payloads, one active key per owner: a patient's pseudonym, or `none`. The row of
# an erased key stays without the key, so that a restored backup is erased again.
data_keys = Table(
    "data_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("wrapped", LargeBinary),
    Column("wrapped_by", Text, nullable=False),
    Column("erased", Double),
    Index(
        "data_keys_live",
        "owner",
        unique=True,
        sqlite_where=text("erased IS NULL"),
        postgresql_where=text("erased IS NULL"),
    ),
)

# Legal holds: nothing they name is deleted or erased until `released`. `subject` is a patient's
# pseudonym or a consultation's id, `reference` the site's case number.
holds = Table(
    "holds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("placed", Double, nullable=False),
    Column("released", Double),
    Index("holds_by_subject", "subject"),
)

# Append-only. `leaf_hash` is the hash of the canonical bytes in `record`. `recorded` and `type` are
# copies to search by, and so is `attests_to`: the consultation whose payload digest the record has.
ledger = Table(
    "ledger",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("recorded", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("attests_to", Text),
    Index("ledger_by_type", "type", "seq"),
    Index(
        "ledger_by_attests_to",
        "attests_to",
        "seq",
        sqlite_where=text("attests_to IS NOT NULL"),
        postgresql_where=text("attests_to IS NOT NULL"),
    ),
)

# Inner nodes of the Merkle tree over `ledger`, each written once it is complete.
ledger_nodes = Table(
    "ledger_nodes",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)

# One row, locked by whoever appends.
ledger_head = Table(
    "ledger_head",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("last_hash", LargeBinary, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    CheckConstraint('"only" = 1', name="ledger_head_has_one_row"),
)

# Signed checkpoints (C2SP signed notes) by tree size.
ledger_checkpoints = Table(
    "ledger_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)

# Counts of what the ledger and the feedback say, by UTC day and CDS service; encrypted, since a
# small count tells of a patient. Derived: made in a store that has none, whatever made that store.
statistics = Table(
    "statistics",
    metadata,
    Column("day", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("payload_format", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("sealed_by", Text, nullable=False),
)

# Feedback that is within the counts. How far the ledger is, `store_metadata` has.
counted_feedback = Table(
    "counted_feedback",
    metadata,
    Column("id", Text, ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True),
)

# What is switched off now: a CDS service by its id, or `*` for all of them. `changed_by` is who
# said so, in clear; `event_id` is the ledger record's.
switched_off = Table(
    "switched_off",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("event_id", Text, nullable=False),
)

# Consultations to be reviewed: why, and by how many.
review_queue = Table(
    "review_queue",
    metadata,
    Column(
        "consultation_id",
        Text,
        ForeignKey("consultations.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("service", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("queued", Double, nullable=False),
    Column("wanted", Integer, nullable=False),
)

# Who reviews what: one reviewer at each place from 1 on. `reviewer` is a keyed hash; what they
# wrote is encrypted with the patient's key, `said` of the whole stays to be counted.
reviews = Table(
    "reviews",
    metadata,
    Column("id", Text, primary_key=True),
    Column(
        "consultation_id", Text, ForeignKey("consultations.id", ondelete="CASCADE"), nullable=False
    ),
    Column("place", Integer, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("assigned", Double, nullable=False),
    Column("answered", Double),
    Column("said", Text, nullable=False),
    Column("payload_format", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("sealed_by", Text, nullable=False),
    Index("reviews_by_place", "consultation_id", "place", unique=True),
    Index("reviews_by_reviewer", "consultation_id", "reviewer", unique=True),
)

# What patients turned out to have, one row a consultation: how reading ended, whether its window
# had closed (0 or 1), and the digest of the rules. Codes and times are encrypted.
trial_outcomes = Table(
    "trial_outcomes",
    metadata,
    Column(
        "consultation_id",
        Text,
        ForeignKey("consultations.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("state", Text, nullable=False),
    Column("final", Integer, nullable=False),
    Column("rules", Text, nullable=False),
    Column("read", Double, nullable=False),
    Column("payload_format", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("sealed_by", Text, nullable=False),
)
