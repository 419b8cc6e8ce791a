"""The models the service knows, as data: `models.toml` here and a site's own file beside it."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cds_hooks.errors import ChartsideError
from cds_hooks.inference.model_catalogue.dimensions import Dimensions
from cds_hooks.inference.model_catalogue.model_names import file_name, normal
from cds_hooks.inference.model_files.template_file import TemplateFileError, read_template

__all__ = [
    "Catalogue",
    "CatalogueError",
    "ModelEntry",
    "ModelFamily",
    "NameSearchDefaults",
    "PublishedResult",
    "SamplingDefaults",
    "ThinkingMarkers",
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


class NameSearchDefaults(_Strict):
    """How terminology names are found: a beam after each lead, or without leads along the trie."""

    leads: tuple[str, ...] = ()
    width: Annotated[int, Field(ge=1, le=32)] = 12


class ThinkingMarkers(_Strict):
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


class PublishedResult(_Strict):
    """A result that others published: per cent of `n` cases, and where it stands."""

    benchmark: str
    metric: str
    percent: Annotated[float, Field(ge=0, le=100)]
    n: Annotated[int, Field(ge=1)]
    source: str
    note: str = ""


class ModelFamily(_Strict):
    """What holds for every model of an architecture: how it thinks, and is usually sampled.

    A fine-tuned variant has that of its base, and nothing else: no licence and no results.
    """

    name: str
    architectures: Annotated[tuple[str, ...], Field(min_length=1)]
    template_options: dict[str, bool | str] = {}
    thinking: ThinkingMarkers | None = None
    sampling: SamplingDefaults = SamplingDefaults()


class ModelEntry(_Strict):
    """One model. `context` is its own maximum, in tokens.

    It is told by `named`: what `general.name` in a file's header says, in the spelling of
    `model_names.normal`, for a file of that `architecture`; and by its file's name, which is one of
    these names with a format behind it, or fits a pattern of `files`.

    A file whose digest is not `sha256` is refused; `digests` only tell files that are this model,
    whatever their names. `parameters` and `active` (of a mixture of experts, a token) are in
    billions; `kv_kib` is what one token takes in the KV cache, in KiB at 16 bit with every layer
    kept whole (0: not known). `dimensions` size the memory where there is no file. `chat_template`
    replaces the file's; `chat_template_file` is the same in a file beside the catalogue.
    """

    name: str
    family: str
    architecture: str
    named: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
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
    chat_template_file: str = ""
    template_options: dict[str, bool | str] = {}
    thinking: ThinkingMarkers | None = None
    cautions: tuple[str, ...] = ()
    published: tuple[PublishedResult, ...] = ()
    sampling: SamplingDefaults = SamplingDefaults()
    names: NameSearchDefaults = NameSearchDefaults()
    dimensions: Dimensions | None = None

    def weights_gb(self, bits: float) -> float:
        """Gigabytes for the weights at a quantisation, without the KV cache.

        Parameters times bytes, and 15 % for what stays at a higher precision.
        """
        return self.parameters * bits / 8 * 1.15

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        if not self.named and not self.files:
            raise ValueError("named or files must say how a file of it is told")
        if any(normal(name) != name for name in self.named):
            raise ValueError("named is in lower case, with hyphens, without a format")
        if self.chat_template and self.chat_template_file:
            raise ValueError("chat_template and chat_template_file are two of the same")
        return self

    def matches(self, path: Path) -> int:
        """How closely a file's name fits: 0 for not at all, else letters that are not a wildcard.

        The model's own name with a format behind it fits best.
        """
        if (named := file_name(path)) and named in self.named:
            return 1 + len(path.name)
        return self.listed(path)

    def listed(self, path: Path) -> int:
        """The same of the patterns in `files` alone."""
        name = path.name.lower()
        fits = [p for p in self.files if fnmatch.fnmatchcase(name, p.lower())]
        return max((1 + len(p) - p.count("*") - p.count("?") for p in fits), default=0)


class _File(_Strict):
    version: str
    family: tuple[ModelFamily, ...] = ()
    model: tuple[ModelEntry, ...] = ()


class Catalogue(_Strict):
    """Entries in order; the site's, whose names are `own`, replace shipped ones of their name."""

    entries: tuple[ModelEntry, ...]
    families: tuple[ModelFamily, ...] = ()
    own: frozenset[str] = frozenset()

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

    def for_digest(self, sha256: str) -> ModelEntry | None:
        """The first entry that names a file of that digest."""
        known = (e for e in self.entries if sha256 and sha256 in (e.sha256, *e.digests))
        return next(known, None)

    def closest(self, entries: Iterable[ModelEntry], path: Path) -> tuple[ModelEntry, ...]:
        """Of several entries those that fit most closely: the site's own, then by file name."""
        fits = [((e.name in self.own, e.matches(path)), e) for e in entries]
        best = max((how for how, _ in fits), default=None)
        return tuple(entry for how, entry in fits if how == best)


def load_catalogue(site: Path | None = None) -> Catalogue:
    """The shipped catalogue with the site's own entries over it. Raises CatalogueError."""
    merged: dict[str, ModelEntry] = {}
    families: dict[str, ModelFamily] = {}
    own: frozenset[str] = frozenset()
    for path in filter(None, (_SHIPPED, site)):
        held = _read(path)
        merged.update((entry.name, entry) for entry in held.entries)
        families.update((family.name, family) for family in held.families)
        own = frozenset(e.name for e in held.entries) if path == site else own
    return Catalogue(entries=(*merged.values(),), families=(*families.values(),), own=own)


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


def _read(path: Path) -> Catalogue:
    try:
        held = _File.model_validate(tomllib.loads(path.read_text("utf-8")))
        entries = tuple(_with_template(entry, path) for entry in held.model)
        return Catalogue(entries=entries, families=held.family)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, e["loc"])) or "model" for e in error.errors()[:3])
        raise CatalogueError(f"{path.name} is not a catalogue", where=places) from None
    except (OSError, RecursionError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        kind = type(error).__name__
        raise CatalogueError(
            "The catalogue cannot be read", where=f"{path.name} ({kind})"
        ) from None


def _with_template(entry: ModelEntry, catalogue: Path) -> ModelEntry:
    """The entry with the text of its `chat_template_file`, which lies beside the catalogue."""
    if not entry.chat_template_file:
        return entry
    try:
        text = read_template(catalogue.parent / entry.chat_template_file)
    except TemplateFileError as error:
        where = f"{catalogue.name}: {entry.name}.chat_template_file"
        raise CatalogueError(error.message, where=where, hint=error.hint) from None
    return entry.model_copy(update={"chat_template": text, "chat_template_file": ""})
