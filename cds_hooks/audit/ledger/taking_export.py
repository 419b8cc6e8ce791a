"""An export of a ledger, taken whole: records, checkpoints, its stated end, a page to read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner, CheckpointVerifier
from cds_hooks.audit.ledger.export import write_export
from cds_hooks.audit.ledger.export_end import last_checkpoint, sign_end
from cds_hooks.audit.ledger.export_page import ExportPage
from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid
from cds_hooks.audit.ledger.source import LedgerSource

__all__ = ["TakenExport", "take_export"]


@dataclass(frozen=True, slots=True)
class TakenExport:
    """What an export has. `last` is the checkpoint that it ends on; without one it states no end.

    `newer` records came after it, and are not in the export. `exported_at` is UTC, RFC 3339.
    """

    records: int
    checkpoints: int
    last: Checkpoint | None
    exported_at: str
    public_key: str
    newer: int = 0


def take_export(
    folder: Path,
    source: LedgerSource,
    key: CheckpointSigner,
    keys: Sequence[CheckpointVerifier],
    exported_at: str,
    *,
    watch: Callable[[Iterable[bytes]], Iterable[bytes]] = iter,
) -> TakenExport:
    """Write a ledger into a new or empty folder, up to its last checkpoint, which `key` states.

    `watch` sees records pass. Raises ExportUnreadable.
    """
    line, page = key.public.line(), ExportPage()
    notes = list(source.notes())
    last = _last(notes, keys)
    end = sign_end(last, notes, exported_at, key) if last else ""
    records = source.records()
    found = islice(records, last.size if last else None)
    count = write_export(folder, watch(page.watching(found)), notes, line, end)
    html = page.html(len(notes), line, last.signed_at if last else "", exported_at)
    place = folder / "index.html"
    place.touch(mode=0o600)
    place.write_text(html, encoding="utf-8")
    return TakenExport(count, len(notes), last, exported_at, line, sum(1 for _ in records))


def _last(notes: list[str], keys: Sequence[CheckpointVerifier]) -> Checkpoint | None:
    """Where the export ends. None when nobody of ours signed that: it shows all then, unstated."""
    try:
        return last_checkpoint(notes, keys)
    except CheckpointInvalid:
        return None
