"""The store's tables as the queries see them; `migrations` is what makes them.

`sealed_by` names the key that a payload is encrypted with; empty means plain.
Times are UTC seconds since 1970; `expires` is when retention lets the record go.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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
    "data_keys",
    "facts",
    "feedback",
    "ledger",
    "ledger_checkpoints",
    "ledger_head",
    "ledger_nodes",
    "holds",
    "metadata",
    "migrations",
    "seen_tokens",
]

metadata = MetaData()

migrations = Table(
    "migrations",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("applied", Double, nullable=False),
)

# What must hold for the whole store, by name: which site key it belongs to, the last probe.
facts = Table(
    "store_facts",
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
    Column("sealed_by", Text),
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
    Column("sealed_by", Text),
    Index("feedback_by_consultation", "consultation_id"),
    Index("feedback_by_card", "card"),
    Index("feedback_by_expiry", "expires"),
)

# Which process works on a question; from `until` on anybody else may.
claims = Table(
    "claims",
    metadata,
    Column("content_key", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Double, nullable=False),
)

# Tokens of CDS clients that were used, by a keyed hash, until they expire.
seen_tokens = Table(
    "seen_tokens",
    metadata,
    Column("token", Text, primary_key=True),
    Column("expires", Double, nullable=False),
    Index("seen_tokens_by_expiry", "expires"),
)

# What payloads are sealed with, one live key an owner: a patient's pseudonym, or `none`. An erased
# key's row stays, without the key, so that a restored backup is erased again.
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

# What may not be deleted or erased until it is released. `subject` is a patient's pseudonym or a
# consultation's id, `reference` the site's own name of the case; `released` ends it.
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

# Append-only. `record` are the canonical bytes that `leaf_hash` is of; `recorded` and `type` are
# copies, to search by, and so is `vouches_for`: the consultation whose payload's digest it has.
ledger = Table(
    "ledger",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("recorded", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("vouches_for", Text),
    Index("ledger_by_type", "type", "seq"),
    Index(
        "ledger_by_vouches_for",
        "vouches_for",
        "seq",
        sqlite_where=text("vouches_for IS NOT NULL"),
        postgresql_where=text("vouches_for IS NOT NULL"),
    ),
)

# Inner nodes of the tree over `ledger`, each written once it is complete.
ledger_nodes = Table(
    "ledger_nodes",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)

# One row: who appends locks it.
ledger_head = Table(
    "ledger_head",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("last_hash", LargeBinary, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
)

# Signed notes about the tree's root at a size.
ledger_checkpoints = Table(
    "ledger_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)
