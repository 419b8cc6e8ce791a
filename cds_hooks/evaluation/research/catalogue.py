"""Which columns of the recorded answers are which model, and the figures to be met, as data."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "RecordingCatalogue",
    "RecordedModel",
    "ModelPair",
    "RecordedPanel",
    "PrintedPanel",
    "PrintedRow",
    "catalogue",
]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PrintedRow(_Data):
    """A row of the accuracy table: percentages as printed, counts of cases."""

    majority: str
    any: str
    agree_n: int
    agree: str
    split_n: int
    split: str


class PrintedPanel(_Data):
    """The published figures of a panel, as far as there are any."""

    agree_n: int
    agree: str
    split_n: int
    split: str
    plurality: str = ""
    auroc: str = ""
    union: str = ""
    size: str = ""


class RecordedModel(_Data):
    """A model and the columns of its runs, in order."""

    id: str
    title: str
    family: str
    columns: tuple[str, ...] = Field(min_length=1)
    billions: int | None = None
    on_device: bool = False
    fine_tuned: bool = False
    printed: PrintedRow | None = None


class RecordedPanel(_Data):
    """Models that vote together."""

    id: str
    title: str
    models: tuple[str, ...]
    printed: PrintedPanel | None = None


class ModelPair(_Data):
    """Two models compared case by case."""

    models: tuple[str, str]
    printed: str


class RecordingCatalogue(_Data):
    """`eurorad.toml`."""

    version: int
    answers: str
    paper: str
    model: tuple[RecordedModel, ...]
    panel: tuple[RecordedPanel, ...]
    pair: tuple[ModelPair, ...]

    def models_of(self, panel: RecordedPanel) -> tuple[RecordedModel, ...]:
        """The models of a panel, in its order."""
        by_id = {m.id: m for m in self.model}
        return tuple(by_id[i] for i in panel.models)


@cache
def catalogue() -> RecordingCatalogue:
    """The shipped data, read once."""
    text = files(__package__).joinpath("eurorad.toml").read_text("utf-8")
    return RecordingCatalogue.model_validate(tomllib.loads(text))
