"""The `load` frame: what the service asks the engine process to load, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cds_hooks.inference.hardware.processor import this_processor
from cds_hooks.inference.memory.context_size import Choice, ContextSize, Placement, Sizes
from cds_hooks.inference.model_files.adapters import Adapter
from cds_hooks.inference.tuning import Tuning

__all__ = ["LoadOrder"]


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What the service asks to be loaded; `from_frame` says which frame keys there are.

    `size` is what the context is made with, its `flash` what holds while `flash_attention` and
    `extra_buffers` are to be measured and are not. `slots` prompt beginnings of each kind are kept,
    as much as `kept_cells` hold; `leads` and `width` are how names are searched (see
    `decoding/name_search.py`).
    """

    model: Path
    sha256: str
    adapters: tuple[Adapter, ...]
    size: ContextSize
    placement: Placement
    slots: int
    kept_cells: int
    template: str
    names: Path | None
    cache: Path | None
    leads: tuple[str, ...]
    width: int
    options: Mapping[str, Any]
    thinking: Mapping[str, Any] | None
    flash_attention: Choice = Choice.MEASURED
    tuning: Tuning = field(default_factory=Tuning)
    extra_buffers: Choice = Choice.MEASURED
    fault: str = ""

    @property
    def repacks(self) -> bool:
        """Whether llama.cpp may repack weights, as long as nothing was measured."""
        return self.extra_buffers is not Choice.OFF

    @property
    def sizes(self) -> Sizes:
        """What decides how much memory the model takes."""
        return Sizes(
            size=self.size,
            placement=self.placement,
            slots=self.slots,
            kept_cells=self.kept_cells,
            repacks=self.repacks,
            features=this_processor(),
            names=self.names.stat().st_size if self.names else 0,
        )

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> LoadOrder:
        """Raises KeyError, TypeError or ValueError when the frame is not a load order."""
        return cls(
            model=Path(frame["model"]),
            sha256=str(frame["sha256"]),
            adapters=tuple(
                Adapter(Path(a["path"]), float(a["scale"]), str(a["sha256"]))
                for a in frame["adapters"]
            ),
            size=ContextSize.from_frame(frame["size"]),
            placement=Placement.from_frame(frame),
            slots=int(frame["slots"]),
            kept_cells=int(frame["kept_cells"]),
            template=str(frame["template"]),
            names=Path(frame["names"]) if frame["names"] else None,
            cache=Path(frame["cache"]) if frame["cache"] else None,
            leads=tuple(str(lead) for lead in frame["leads"]),
            width=int(frame["width"]),
            options=dict(frame["options"]),
            thinking=frame["thinking"],
            flash_attention=Choice(frame["flash_attention"]),
            tuning=Tuning.from_frame(frame["tuning"]),
            extra_buffers=Choice(frame["extra_buffers"]),
            fault=str(frame["fault"]),
        )
