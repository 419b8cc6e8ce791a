"""A recipe as values and as files: what is trained, with what, and what it takes. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from pydantic import BaseModel, ConfigDict

from cds_hooks.tuning.tuning_errors import TuningDataError

__all__ = [
    "Framework",
    "Memory",
    "Recipes",
    "TunedModel",
    "described",
    "estimated_gb",
    "recipes",
    "rendered",
]

_PACKAGE = "cds_hooks.tuning.recipes"
_OVERHEAD = 1.15


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Memory(_Data):
    """What somebody published of training a model; `read` is the day on which it was looked up."""

    framework: str
    gb: str
    how: str
    source: str
    read: str


class Framework(_Data):
    """A framework: versions, its file, and how it does what must not go wrong."""

    title: str
    pins: tuple[str, ...]
    template: str
    file: str
    run: str
    answer_only: str
    export: str
    truncation: str
    names: Mapping[str, tuple[str, ...]]

    @property
    def known(self) -> frozenset[str]:
        """All names of settings that were seen in its source."""
        return frozenset(name for found in self.names.values() for name in found)


class TunedModel(_Data):
    """A base model with its hyperparameters and where they are from; `parameters` in billions."""

    title: str
    base: str
    parameters: float
    four_bit: bool
    r: int
    alpha: int
    learning_rate: float
    epochs: int
    sequence: int
    source: str
    modules: tuple[str, ...] | str
    modules_why: str
    memory: tuple[Memory, ...]

    def published(self, framework: str) -> Memory | None:
        """What was published of this framework."""
        return next((m for m in self.memory if m.framework == framework), None)


class Recipes(_Data):
    """`recipes.toml`."""

    version: str
    framework: Mapping[str, Framework]
    model: Mapping[str, TunedModel]


@cache
def recipes() -> Recipes:
    """The shipped recipes, read once."""
    raw = files(_PACKAGE).joinpath("recipes.toml").read_text("utf-8")
    return Recipes.model_validate(tomllib.loads(raw))


def estimated_gb(parameters: float, *, four_bit: bool) -> float:
    """Gigabytes of the frozen weights alone, our own arithmetic: billions of parameters times 2
    bytes, or at 4 bit half a byte and 15 % for what stays at a higher precision. Activations, the
    adapter and its optimizer come on top; how much depends on the framework."""
    return parameters * (0.5 * _OVERHEAD if four_bit else 2.0)


def rendered(
    framework: str, model: str, training_set: str, *, base: str = "", sequence: int = 0
) -> str:
    """The framework's file for a training set; `base` is a folder with the base model's weights,
    else its published name, `sequence` that of the set, else the recipe's.

    Raises TuningDataError for a name that there is no recipe of.
    """
    values = _values(framework, model, training_set, base, sequence)
    chosen: Framework = values["framework"]
    if framework != "axolotl":
        values["modules"] = repr(values["modules"])
    return _environment().get_template(chosen.template).render(values)


def described(
    framework: str, model: str, training_set: str, *, base: str = "", sequence: int = 0
) -> tuple[str, dict[str, str]]:
    """The page of a recipe, and what it says of memory and versions. Raises TuningDataError."""
    values = _values(framework, model, training_set, base, sequence)
    chosen: Framework = values["framework"]
    tuned: TunedModel = values["model"]
    memory = tuned.published(framework)
    # TRL and Axolotl make MXFP4 weights 16-bit again.
    four_bit = tuned.four_bit and not (values["mxfp4"] and framework != "unsloth")
    estimate = estimated_gb(tuned.parameters, four_bit=four_bit)
    known = {"memory": memory, "estimate": estimate, "version": recipes().version}
    page = _environment().get_template("recipe.md.j2").render(values | known)
    facts = {
        "model": tuned.title,
        "framework": chosen.title,
        "versions": ", ".join(chosen.pins),
        "memory": f"{memory.gb}, {memory.how} ({memory.source}, read {memory.read})"
        if memory
        else "no published figure found",
        "weights_estimate": f"{estimate:.0f} GB, our arithmetic, weights alone",
        "hyperparameters": tuned.source,
        "answer_only": chosen.answer_only,
    }
    return page, facts


def _values(
    framework: str, model: str, training_set: str, base: str, sequence: int
) -> dict[str, Any]:
    known = recipes()
    if framework not in known.framework or model not in known.model:
        hint = f"Frameworks: {', '.join(known.framework)}. Models: {', '.join(known.model)}."
        raise TuningDataError("no recipe", where=f"{framework}, {model}", hint=hint)
    tuned = known.model[model]
    return {
        "framework": known.framework[framework],
        "model": tuned,
        "set": training_set,
        "base": base or tuned.base,
        "sequence": sequence or tuned.sequence,
        "modules": tuned.modules if isinstance(tuned.modules, str) else list(tuned.modules),
        "mxfp4": model.startswith("gpt-oss"),
    }


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader(_PACKAGE, "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - neither file is HTML
        trim_blocks=True,
        keep_trailing_newline=True,
    )
