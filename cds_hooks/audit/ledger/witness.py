"""Witnesses: copies of checkpoints that the service's machine alone cannot take back.

Without one, whoever controls machine and key could cut off the newest records and sign the rest.
"""

from __future__ import annotations

import os
import re
import syslog
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.audit.ledger.checkpoint import epoch_of
from cds_hooks.audit.ledger.ledger_errors import WitnessFailed

__all__ = ["FolderWitness", "SyslogWitness", "Witness"]

# Epoch and size; those of the first epoch have the size alone.
_NAME = re.compile(r"checkpoint-(?:(\d{6})-)?(\d{16})\.note", re.ASCII)
_MAX_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class FolderWitness:
    """A folder, such as a mounted share that keeps what was written; one file per checkpoint."""

    folder: Path

    def keep(self, size: int, note: str) -> None:
        """Write a checkpoint, whole or not at all, never over another. Raises WitnessFailed."""
        place = self.folder / _name(epoch_of(note), size)
        beside = self.folder / f".{place.name}.{os.getpid()}"
        try:
            with beside.open("w", encoding="utf-8") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            _link_once(beside, place)
            _sync(self.folder)
        except OSError as error:
            hint = "See that it is mounted and that the service's user may write into it."
            message = f"the witness folder cannot be written ({error.strerror})"
            raise WitnessFailed(message, where=str(self.folder), hint=hint) from None

    def notes(self) -> Iterator[str]:
        """All checkpoints by epoch, the smallest first. Raises WitnessFailed."""
        with self._faults():
            places = self._places()
            yield from self._read(places[order] for order in sorted(places))

    def newest(self) -> tuple[str, ...]:
        """The checkpoint of the largest size in each epoch. Raises WitnessFailed."""
        with self._faults():
            places = self._places()
            largest = {epoch: (epoch, size) for epoch, size in sorted(places)}
            return tuple(self._read(places[order] for order in largest.values()))

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"the witness folder cannot be read ({error.strerror})"
            raise WitnessFailed(message, where=str(self.folder)) from None

    def _places(self) -> dict[tuple[int, int], Path]:
        """The files by epoch and size. One name each: no second one takes the place of a file."""
        found = ((_NAME.fullmatch(place.name), place) for place in self.folder.iterdir())
        orders = ((int(name[1] or 1), int(name[2]), place) for name, place in found if name)
        return {(e, size): place for e, size, place in orders if place.name == _name(e, size)}

    def _read(self, places: Iterable[Path]) -> Iterator[str]:
        for place in places:
            with place.open("rb") as file:
                yield file.read(_MAX_BYTES).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class SyslogWitness:
    """The system log, for a site that forwards it to another machine; one line per checkpoint."""

    ident: str = "chartside"

    def keep(self, size: int, note: str) -> None:
        """Send a checkpoint. syslog(3) does not report whether it arrived."""
        syslog.openlog(self.ident, facility=syslog.LOG_AUTH)
        syslog.syslog(syslog.LOG_NOTICE, f"checkpoint {size} " + note.replace("\n", "|"))


Witness = FolderWitness | SyslogWitness


def _name(epoch: int, size: int) -> str:
    return f"checkpoint-{epoch:06}-{size:016}.note" if epoch > 1 else f"checkpoint-{size:016}.note"


def _link_once(beside: Path, place: Path) -> None:
    """Give the file its name unless that is taken: the checkpoint of a size stays as it was."""
    try:
        os.link(beside, place)
    except FileExistsError:
        pass
    except OSError:  # a share without hard links
        if not place.exists():
            beside.replace(place)
            return
    beside.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some shares cannot sync a folder
        return
    finally:
        os.close(descriptor)
