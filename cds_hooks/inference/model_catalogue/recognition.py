"""Which catalogue entry a model file is: by its digest, its header, or its name.

A header is what somebody wrote into a file, so it is told how an entry was found. What only the
very file could claim (its published results) is told of the entry's authors; a file with another
name in its header, as a fine-tuned variant has, gets the markers of its family and nothing else.
"""

from __future__ import annotations

import functools
import logging
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cds_hooks.inference.model_catalogue.catalogue import (
    Catalogue,
    ModelEntry,
    ModelFamily,
    stand_in,
)
from cds_hooks.inference.model_catalogue.model_names import file_name, normal, of_hex
from cds_hooks.inference.model_files.gguf import Header, ModelFileError
from cds_hooks.inference.model_files.split_files import first_part, read_model

__all__ = ["Evidence", "Recognition", "header_name", "known_entry", "recognise"]

_log = logging.getLogger(__name__)

_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kmbt])(?:-a\d+(?:\.\d+)?[kmbt])?", re.IGNORECASE)
_BILLIONS = {"k": 1e-6, "m": 1e-3, "b": 1.0, "t": 1e3}
_NEAR = 0.25
_CONTEXT = 8192
_LONGEST = 80


class Evidence(StrEnum):
    """What an entry was found by."""

    DIGEST = "digest"
    HEADER = "header"
    FILE_NAME = "file-name"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Recognition:
    """The entry that a file is, and what it was found by; or none, and then its family if known.

    `rivals` are entries that fit as well as each other, so that none of them was taken; `misnamed`
    is one that the file's name gives and whose architecture is another.
    """

    entry: ModelEntry | None
    by: Evidence
    family: ModelFamily | None = None
    rivals: tuple[str, ...] = ()
    misnamed: ModelEntry | None = None

    def described(self, path: Path, header: Header | None, template: str = "") -> ModelEntry:
        """The entry, else one that claims only what the file and its family say.

        `template` stands for the file's chat template, where the site gives one. A variant thinks
        only when its template knows the family's marker for it.
        """
        entry = self.entry or _stand_in(path, header, self.family)
        if template:
            entry = entry.model_copy(update={"chat_template": template})
        if self.entry is None and entry.thinking is not None:
            used = entry.chat_template or (header.chat_template if header else "")
            if entry.thinking.stop not in used:
                entry = entry.model_copy(update={"thinking": None})
        return entry


def recognise(
    catalogue: Catalogue, path: Path, header: Header | None, sha256: str = ""
) -> Recognition:
    """The entry for a file: by digest, then by header, then by the file's name.

    A site's own entry that lists the file goes before what its header says. Otherwise a name in
    the header that no entry has is stronger than the file's: entries that could be told by a
    header are then not taken for it.
    """
    if known := catalogue.for_digest(sha256):
        return Recognition(known, Evidence.DIGEST)
    family = _family(catalogue, header)
    told = _by_header(catalogue, header)
    own = [e for e in catalogue.entries if e.name in catalogue.own]
    if listed := [e for e in own if e.listed(path) and e not in told]:
        ours = [*listed, *(e for e in told if e in own)]
        return _taken(catalogue.closest(ours, path), Evidence.FILE_NAME, family)
    if told:
        return _taken(catalogue.closest(told, path), Evidence.HEADER, family)
    by_name = [e for e in catalogue.entries if e.matches(path)]
    if header is not None:
        by_name = [e for e in by_name if not (e.named and header_name(header))]
    fits = [e for e in by_name if not _is_other(e, header)]
    if by_name and not fits:
        return Recognition(None, Evidence.NOTHING, family, misnamed=by_name[0])
    return _taken(catalogue.closest(fits, path), Evidence.FILE_NAME, family)


def _taken(fits: tuple[ModelEntry, ...], by: Evidence, family: ModelFamily | None) -> Recognition:
    """The only entry; of several that fit as closely none."""
    if len(fits) == 1:
        return Recognition(fits[0], by, family)
    return Recognition(None, Evidence.NOTHING, family, tuple(entry.name for entry in fits))


def known_entry(
    catalogue: Catalogue, path: Path, sha256: str = "", template: str = ""
) -> ModelEntry:
    """What is known of a file that is to be loaded; the engine refuses a file that is none.

    `sha256` is the digest that the settings ask for, and `template` their chat template.
    """
    header = _header_of(path)
    found = recognise(catalogue, path, header, sha256)
    if found.rivals:
        _warn_once(path.name, found.rivals)
    entry = found.described(path, header, template)
    return entry.model_copy(update={"sha256": sha256 or entry.sha256})


@functools.cache
def _warn_once(file: str, rivals: tuple[str, ...]) -> None:
    _log.warning("catalogue-ambiguous: %s fit %s, so none is taken", ", ".join(rivals), file)


def header_name(header: Header) -> str:
    """The model's name in its header, in one spelling; empty when there is none that tells."""
    name = header.text("general.name")
    if name and not of_hex(name):
        return normal(name)
    parts = [header.text(f"general.{key}") for key in ("basename", "size_label", "finetune")]
    if not parts[0] or any(map(of_hex, parts)):
        return ""
    return normal("-".join(filter(None, parts)))


def _by_header(catalogue: Catalogue, header: Header | None) -> tuple[ModelEntry, ...]:
    name = header_name(header) if header else ""
    if header is None or not name:
        return ()
    return tuple(
        entry
        for entry in catalogue.entries
        if entry.architecture == header.architecture
        and name in entry.named
        and _agrees(header, name, entry)
    )


def _agrees(header: Header, name: str, entry: ModelEntry) -> bool:
    """Whether the rest of the header says nothing else: another size, or a fine-tuning.

    A fine-tuning that the model's own name holds (`it`, `text-it`) is the model's.
    """
    tuned = header.text("general.finetune")
    if tuned and not of_hex(tuned) and f"-{normal(tuned)}-" not in f"-{name}-":
        return False
    size = _SIZE.fullmatch(header.text("general.size_label"))
    if size is None or not entry.parameters:
        return True
    billions = float(size[1]) * _BILLIONS[size[2].lower()]
    return abs(billions / entry.parameters - 1) <= _NEAR


def _is_other(entry: ModelEntry, header: Header | None) -> bool:
    """Whether a header has the architecture of another model than a well-known name says. An entry
    with patterns of files alone is a site's choice."""
    if header is None or not entry.named:
        return False
    return header.architecture not in ("", entry.architecture)


def _family(catalogue: Catalogue, header: Header | None) -> ModelFamily | None:
    if header is None:
        return None
    fits = [f for f in catalogue.families if header.architecture in f.architectures]
    return fits[-1] if fits else None


def _stand_in(path: Path, header: Header | None, family: ModelFamily | None) -> ModelEntry:
    context = header.of_architecture("context_length") if header else 0
    architecture = (header.architecture if header else "") or "unknown"
    entry = stand_in(path, architecture=architecture, context=max(context or _CONTEXT, 256))
    # A name that is only a digest tells nobody anything; the header's is cut to harmless letters.
    if not file_name(path) and header and (name := header_name(header)):
        entry = entry.model_copy(update={"name": re.sub(r"[^a-z0-9.-]", "", name)[:_LONGEST]})
    if family is None:
        return entry
    told = {
        "family": family.name,
        "thinking": family.thinking,
        "template_options": family.template_options,
        "sampling": family.sampling,
    }
    return entry.model_copy(update=told)


def _header_of(path: Path) -> Header | None:
    """A file's header, read again only when the file is another."""
    try:
        seen = first_part(path).stat()
        return _read_once(path, seen.st_size, seen.st_mtime_ns)
    except (OSError, ModelFileError):
        return None


@functools.lru_cache(maxsize=8)
def _read_once(path: Path, _size: int, _changed: int) -> Header:
    return read_model(path)
