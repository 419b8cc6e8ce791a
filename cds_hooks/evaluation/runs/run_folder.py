"""The folder of a run: its manifest, written whole and claimed by one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from cds_hooks.admission.manifest import Manifest
from cds_hooks.evaluation.evaluation_errors import RunError
from cds_hooks.private_files import make_folder

__all__ = ["claim_folder", "read_manifest", "same_suite"]

_NAME = "manifest.json"


def claim_folder(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest of a new run, or find that the run in this folder is the same.

    Raises RunError when the folder holds another run: results of two runs never share a file.
    """
    path = folder / _NAME
    if not path.exists():
        # For its owner alone: a run over a site's own cases says what its patients have.
        make_folder(folder)
        return _write(path, manifest)
    there = read_manifest(folder)
    if differs := there.same_run(manifest):
        raise RunError(
            f"the folder holds a run with other {', '.join(differs)}",
            where=str(folder),
            hint="Give another folder with --output, or delete this one.",
        )
    if there.suite.cases < manifest.suite.cases:
        return _write(path, there.model_copy(update={"suite": manifest.suite}))
    return there


def _write(path: Path, manifest: Manifest) -> Manifest:
    """Whole or not at all: a manifest that a crash cut off would keep a run from going on."""
    new = path.with_suffix(".new")
    new.write_bytes(orjson.dumps(manifest.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
    new.replace(path)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run. Raises RunError when it is missing or is none."""
    path = folder / _NAME
    try:
        raw: Any = orjson.loads(path.read_bytes())
        return Manifest.model_validate(raw)
    except OSError as error:
        raise RunError("there is no run in this folder", where=str(path)) from error
    except (orjson.JSONDecodeError, ValidationError):
        raise RunError("not a manifest of a run", where=str(path)) from None


def same_suite(first: Manifest, second: Manifest) -> None:
    """Refuse to compare runs over different cases. Raises RunError."""
    one, two = first.suite, second.suite
    if (one.id, one.sha256) != (two.id, two.sha256):
        raise RunError(
            f"a run of {one.id} and one of {two.id}, or of another version of its file",
            hint="Only runs over the same cases can be compared case by case.",
        )
