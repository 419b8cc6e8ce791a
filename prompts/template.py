"""Templates as data: a folder a template and version, checked when it is loaded."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import orjson
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fhir_mapping.chart import Kind
from prompts.prompt import TemplateRef

__all__ = [
    "Template",
    "TemplateChange",
    "TemplateError",
    "TemplateSection",
    "TemplateSettings",
    "digest",
    "environment",
    "load",
]

_ROOT = Path(__file__).parent
_ID = re.compile(r"[a-z][a-z0-9-]{0,63}")
_VERSION = re.compile(r"[1-9][0-9]{0,5}")


class TemplateError(ValueError):
    """A template that is not there or not well-formed; the message names its folder."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TemplateSection(_Data):
    """Facts of these kinds under one title, oldest first."""

    title: str = Field(min_length=1)
    kinds: tuple[Kind, ...] = Field(min_length=1)


class StatusWords(_Data):
    """Which words of `Fact.status` a model is shown: all of some kinds, some of all kinds."""

    kinds: frozenset[Kind]
    words: frozenset[str]


class TemplateChange(_Data):
    """One version and why it differs from the one before."""

    version: str = Field(pattern=_VERSION.pattern)
    change: str = Field(min_length=1)
    why: str = Field(min_length=1)


class TemplateSettings(_Data):
    """`template.toml`: `chart_tokens` bounds the chart part, sampling figures are defaults."""

    id: str = Field(pattern=_ID.pattern)
    version: str = Field(pattern=_VERSION.pattern)
    purpose: str
    chart_tokens: int = Field(ge=64, le=100_000)
    samples: int = Field(ge=1, le=32)
    max_output_tokens: int = Field(ge=64, le=8192)
    status: StatusWords
    sections: tuple[TemplateSection, ...]
    history: tuple[TemplateChange, ...]

    @model_validator(mode="after")
    def _whole(self) -> TemplateSettings:
        placed = [kind for section in self.sections for kind in section.kinds]
        if sorted(placed) != sorted(Kind):
            raise ValueError("sections must place every kind of fact exactly once")
        if not self.history or self.history[-1].version != self.version:
            raise ValueError("the last change of the history must be of this version")
        return self


@dataclass(frozen=True, slots=True)
class Template:
    """A loaded template; `schema` is the answer's before a chart's fact ids are filled in."""

    ref: TemplateRef
    settings: TemplateSettings
    schema: Mapping[str, Any]
    system: jinja2.Template = field(repr=False, compare=False)
    chart: jinja2.Template = field(repr=False, compare=False)


def load(template_id: str, version: str | None = None, *, root: Path | None = None) -> Template:
    """The template of this id, its newest version by default; `root` holds other folders.

    Raises TemplateError when there is none, or when a file of it is missing or not valid.
    """
    if not _ID.fullmatch(template_id) or not (version is None or _VERSION.fullmatch(version)):
        raise TemplateError("a template id is lower-case words with hyphens, a version a number")
    folder = (root or _ROOT) / template_id
    chosen = version or _newest(folder)
    if not (folder / chosen / "template.toml").is_file():
        raise TemplateError(f"no template {template_id} version {chosen} in {folder.parent.name}/")
    return _read(folder / chosen)


def _newest(folder: Path) -> str:
    versions = [p.name for p in folder.glob("*") if _VERSION.fullmatch(p.name)]
    return max(versions, key=int, default="1")


@lru_cache(maxsize=16)
def _read(folder: Path) -> Template:
    where = f"{folder.parent.name}/{folder.name}"
    try:
        settings = TemplateSettings.model_validate(
            tomllib.loads((folder / "template.toml").read_text("utf-8"))
        )
        schema = orjson.loads((folder / "output.schema.json").read_bytes())
        system = environment().from_string((folder / "system.j2").read_text("utf-8"))
        chart = environment().from_string((folder / "chart.j2").read_text("utf-8"))
    except (OSError, ValueError, ValidationError, jinja2.TemplateError) as error:
        raise TemplateError(f"template {where}: {error}") from error
    if where != f"{settings.id}/{settings.version}":
        raise TemplateError(
            f"template {where}: template.toml says {settings.id}/{settings.version}"
        )
    ref = TemplateRef(settings.id, settings.version, digest(folder))
    return Template(ref, settings, schema, system, chart)


def environment() -> ImmutableSandboxedEnvironment:
    """How templates are read."""
    # No autoescape: a prompt is not HTML, and `&lt;` would hide "<5" from the model. What stands
    # in for it is `prompts.text.neutral`, applied to every string before it gets here.
    return ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def digest(folder: Path) -> str:
    """SHA-256 over every file of a template's folder: path, length and bytes, in path order."""
    whole = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{len(data)}\0".encode())
        whole.update(data)
    return whole.hexdigest()
