"""The models the service knows, as data: `models.toml` here and a site's own file beside it."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cds_hooks.errors import ChartsideError
from cds_hooks.inference.dimensions import Dimensions

__all__ = [
    "Catalogue",
    "CatalogueError",
    "ModelEntry",
    "Names",
    "Published",
    "SamplingDefaults",
    "Thinking",
    "load_catalogue",
    "stand_in",
]

_SHIPPED = Path(__file__).with_name("models.toml")


class CatalogueError(ChartsideError):
    """A catalogue file cannot be used."""

    code = "catalogue-invalid"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SamplingDefaults(_Strict):
    """What the model's authors recommend. `top_k` 0 and `top_p` 1 cut nothing.

    `no_repeat` is ours: runs of so many tokens may not come twice in the free text of a sample.
    """

    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Field(ge=0)] = 0
    min_p: Annotated[float, Field(ge=0, lt=1)] = 0.0
    no_repeat: Annotated[int, Field(ge=0, le=16)] = 0


class Names(_Strict):
    """How terminology names are found: a beam after each lead, or without leads along the trie."""

    leads: tuple[str, ...] = ()
    width: Annotated[int, Field(ge=1, le=32)] = 12


class Thinking(_Strict):
    """How a reasoning model thinks, in its own markers.

    `open` is written behind the prompt when the chat template does not do it; the model ends a
    thought with `stop`, or the engine does after `budget` tokens with `close` and `stop`; `then`
    leads to the answer.
    """

    open: str = ""
    stop: Annotated[str, Field(min_length=1)]
    close: str = "\n"
    then: str = ""
    budget: Annotated[int, Field(ge=0)] = 1024


class Published(_Strict):
    """A result that others published: per cent of `n` cases, and where it stands."""

    benchmark: str
    metric: str
    percent: Annotated[float, Field(ge=0, le=100)]
    n: Annotated[int, Field(ge=1)]
    source: str
    note: str = ""


class ModelEntry(_Strict):
    """One model. `files` are file name patterns; `context` is its own maximum, in tokens.

    A file whose digest is not `sha256` is refused; `digests` only tell files that are this model,
    whatever their names. `parameters` and `active` (of a mixture of experts, a token) are in
    billions; `kv_kib` is what one token takes in the KV cache, in KiB at 16 bit with every layer
    kept whole (0: not known). `dimensions` size the memory where there is no file.
    """

    name: str
    family: str
    architecture: str
    files: tuple[str, ...] = Field(min_length=1)
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    digests: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = ()
    licence: str
    source: str
    demonstration: bool = False
    parameters: Annotated[float, Field(ge=0)] = 0.0
    active: Annotated[float, Field(ge=0)] = 0.0
    kv_kib: Annotated[float, Field(ge=0)] = 0.0
    context: Annotated[int, Field(ge=256)]
    chat_template: str = ""
    template_options: dict[str, bool | str] = {}
    thinking: Thinking | None = None
    cautions: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()
    sampling: SamplingDefaults = SamplingDefaults()
    names: Names = Names()
    dimensions: Dimensions | None = None

    def weights_gb(self, bits: float) -> float:
        """Gigabytes for the weights at a quantisation, without the KV cache.

        Parameters times bytes, and 15 % for what stays at a higher precision.
        """
        return self.parameters * bits / 8 * 1.15

    def matches(self, file_name: str) -> bool:
        """Whether a file of this name may be this model."""
        return any(fnmatch.fnmatchcase(file_name.lower(), p.lower()) for p in self.files)


class _File(_Strict):
    version: str
    model: tuple[ModelEntry, ...] = ()


class Catalogue(_Strict):
    """Entries in order; later files replace entries of the same name."""

    entries: tuple[ModelEntry, ...]

    @model_validator(mode="after")
    def _one_name_one_entry(self) -> Catalogue:
        names = [entry.name for entry in self.entries]
        if len(names) != len(set(names)):
            raise ValueError("two entries have the same name")
        return self

    def get(self, name: str) -> ModelEntry:
        """The entry of that name. Raises CatalogueError."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise CatalogueError(
            "No model of that name", where=name, hint="See `chartside models list`."
        )

    def for_file(self, path: Path, sha256: str = "") -> ModelEntry | None:
        """The entry with that digest, otherwise the first whose pattern fits the file's name."""
        for entry in self.entries:
            if sha256 and sha256 in (entry.sha256, *entry.digests):
                return entry
        return next((entry for entry in self.entries if entry.matches(path.name)), None)


def load_catalogue(site: Path | None = None) -> Catalogue:
    """The shipped catalogue with the site's own entries over it. Raises CatalogueError."""
    merged: dict[str, ModelEntry] = {}
    for path in filter(None, (_SHIPPED, site)):
        merged.update((entry.name, entry) for entry in _read(path))
    return Catalogue(entries=tuple(merged.values()))


def stand_in(
    path: Path, *, architecture: str = "unknown", context: int = 8192, sha256: str = ""
) -> ModelEntry:
    """An entry for a file that no catalogue knows: it claims nothing that the file does not say."""
    return ModelEntry(
        name=path.stem,
        family="not in the catalogue",
        architecture=architecture,
        files=(path.name,),
        sha256=sha256,
        licence="",
        source="the site",
        context=context,
    )


def _read(path: Path) -> Iterable[ModelEntry]:
    try:
        held = _File.model_validate(tomllib.loads(path.read_text("utf-8")))
        return Catalogue(entries=held.model).entries
    except ValidationError as error:
        places = ", ".join(".".join(map(str, e["loc"])) or "model" for e in error.errors()[:3])
        raise CatalogueError(f"{path.name} is not a catalogue", where=places) from None
    except (OSError, RecursionError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        kind = type(error).__name__
        raise CatalogueError(
            "The catalogue cannot be read", where=f"{path.name} ({kind})"
        ) from None
