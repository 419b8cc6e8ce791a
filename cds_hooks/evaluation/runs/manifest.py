"""What a run was of: enough digests to tell whether another run is comparable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from cds_hooks.evaluation.errors import RunError
from cds_hooks.evaluation.suites.suite import Suite, Task

__all__ = ["Manifest", "SuitePart", "claim_folder", "read_manifest", "same_suite"]

_NAME = "manifest.json"
# What may differ when a run goes on where it broke off.
_OF_ITS_OWN = frozenset({"started", "chartside"})


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SuitePart(_Data):
    """The suite as it was loaded."""

    id: str
    title: str
    task: Task
    origin: str
    licence: str
    sha256: str
    cases: int
    rejected: int
    notes: tuple[str, ...]

    @classmethod
    def of(cls, suite: Suite) -> SuitePart:
        """The manifest's part about a suite."""
        return cls(
            id=suite.id,
            title=suite.title,
            task=suite.task,
            origin=suite.origin,
            licence=suite.licence,
            sha256=suite.sha256,
            cases=len(suite.cases),
            rejected=len(suite.rejected),
            notes=suite.notes,
        )


class Manifest(_Data):
    """`model`, `template` and `settings` are names to digests; `started` is ISO 8601 in UTC.

    `names` is whether diagnoses could only be written along the names of the terminology,
    `engines` how many engine processes answered side by side, `concurrency` how many cases were in
    flight together in each.
    """

    suite: SuitePart
    model: dict[str, str]
    template: dict[str, str]
    settings: dict[str, str]
    terminology: dict[str, str]
    seed: int
    samples: int
    names: bool = False
    engines: int = 1
    concurrency: int = 1
    started: str
    chartside: str
    demonstration: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_followup(cls, raw: Any) -> Any:
        """Earlier manifests say that no second question followed; none can be asked any more."""
        if isinstance(raw, dict) and raw.get("after") == "none":
            return {k: v for k, v in raw.items() if k != "after"}
        return raw

    def same_run(self, other: Manifest) -> list[str]:
        """What differs, other than when, by which release and for how many cases it was started."""
        mine, theirs = (one.model_dump(mode="json") for one in (self, other))
        for one in (mine, theirs):
            # A run over the first cases goes on to the rest of the same suite.
            del one["suite"]["cases"]
        return sorted(k for k in mine if k not in _OF_ITS_OWN and mine[k] != theirs[k])


def claim_folder(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest of a new run, or find that the run in this folder is the same.

    Raises RunError when the folder holds another run: results of two runs never share a file.
    """
    path = folder / _NAME
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
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
