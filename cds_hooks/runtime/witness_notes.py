"""What the witness's folder of the settings has, for whoever verifies on this machine."""

from __future__ import annotations

from cds_hooks.audit.ledger.witness import FolderWitness
from cds_hooks.settings import Settings

__all__ = ["folder_notes"]


def folder_notes(settings: Settings) -> tuple[str, ...]:
    """The copies of checkpoints there; none without a folder. Raises WitnessFailed."""
    folder = settings.ledger.witness_folder
    return tuple(FolderWitness(folder).notes()) if folder else ()
