"""A training set as a folder for its owner alone: examples, tokens, manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from cds_hooks.private_files import make_folder
from cds_hooks.tuning.dividing import Part
from cds_hooks.tuning.example import write_examples, write_marked
from cds_hooks.tuning.manifest import (
    MANIFEST,
    ModelPart,
    PartFacts,
    SourceFacts,
    TuningManifest,
    write_manifest,
)
from cds_hooks.tuning.prepare import Prepared, PreparedPart, Preparing
from cds_hooks.tuning.tuning_errors import TuningDataError

__all__ = ["write_set"]


def write_set(
    folder: Path,
    prepared: Prepared,
    how: Preparing,
    *,
    sources: Sequence[SourceFacts],
    apart_from: Sequence[SourceFacts],
    model: ModelPart | None,
    now: datetime,
) -> TuningManifest:
    """Write a set and return its manifest, which is written last.

    Raises TuningDataError when the folder holds a set already: two sets never share files.
    """
    if (folder / MANIFEST).exists():
        hint = "Give another folder with --output, or delete this one."
        raise TuningDataError("the folder holds a training set", where=str(folder), hint=hint)
    make_folder(folder)
    parts = {part.value: _written(folder, part, each) for part, each in prepared.parts.items()}
    reference = how.template.ref
    manifest = TuningManifest(
        made=now.isoformat(timespec="seconds"),
        chartside=version("chartside"),
        sources=tuple(sources),
        apart_from=tuple(apart_from),
        template={"id": f"{reference.id}/{reference.version}", "sha256": reference.sha256},
        split={
            "by": "SHA-256 of the seed and the patient",
            "seed": str(how.seed),
            "heldout": str(how.shares.heldout),
            "unseen": str(how.shares.unseen),
        },
        model=model,
        sequence=how.sequence if model else 0,
        dropped=dict(sorted(prepared.dropped.items())),
        traces_dropped=dict(sorted(prepared.traces_dropped.items())),
        removed=tuple(prepared.removed),
        parts=parts,
        patient_text=prepared.private,
    )
    write_manifest(folder, manifest)
    return manifest


def _written(folder: Path, part: Part, made: PreparedPart) -> PartFacts:
    name = f"{part.value}.jsonl"
    text = write_examples(folder / name, made.examples)
    facts = PartFacts(
        file=name,
        sha256=hashlib.sha256(text).hexdigest(),
        examples=len(made.examples),
        patients=len({e.patient for e in made.examples}),
        traces=sum(bool(e.trace) for e in made.examples),
        case_digests=tuple(dict.fromkeys(made.digests)),
    )
    if not made.marked:
        return facts
    tokens = f"{part.value}.tokens.jsonl"
    raw = write_marked(folder / tokens, made.marked)
    more = {
        "tokens_file": tokens,
        "tokens_sha256": hashlib.sha256(raw).hexdigest(),
        "tokens": made.tokens,
    }
    return facts.model_copy(update=more)
