"""Where a chart comes from, as one value: a file, a captured request, or a FHIR server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cds_hooks.cds_client.captured import read_capture, resources_of
from cds_hooks.cds_client.requests import current_encounter_id, hook_request
from cds_hooks.cds_client.server_chart import FhirAccess, KeyTrouble, read_chart
from fhir_mapping.input.loading import load_path

__all__ = ["CapturedChart", "ChartSource", "FileChart", "RemoteChart", "open_chart"]

Resource = Mapping[str, Any]


class ChartSource(Protocol):
    """Makes the request of a hook about one patient."""

    def request(self, hook: str, templates: Mapping[str, str]) -> dict[str, Any]:
        """The request with each prefetch key that can be had. Raises ChartsideError."""
        ...


@dataclass(frozen=True, slots=True)
class FileChart:
    """Resources at hand; `patient_id` is whose chart is opened."""

    resources: Sequence[Resource] = field(repr=False)
    patient_id: str = field(repr=False)

    def request(self, hook: str, templates: Mapping[str, str]) -> dict[str, Any]:
        """Each template answered by a search over the resources."""
        encounter = current_encounter_id(self.resources)
        return hook_request(
            hook, templates, self.resources, patient_id=self.patient_id, encounter_id=encounter
        )


@dataclass(frozen=True, slots=True)
class CapturedChart:
    """A captured request. Its own hook is sent as it was, any other is made of its resources."""

    captured: Mapping[str, Any] = field(repr=False)

    @property
    def resources(self) -> list[dict[str, Any]]:
        """What the request carries."""
        return resources_of(self.captured)

    @property
    def patient_id(self) -> str:
        """Whose chart it was."""
        return str(self.captured["context"]["patientId"]).removeprefix("Patient/")

    def request(self, hook: str, templates: Mapping[str, str]) -> dict[str, Any]:
        """The captured request with a hookInstance of its own."""
        if self.captured["hook"] == hook:
            return {**self.captured, "hookInstance": str(uuid.uuid4())}
        return FileChart(self.resources, self.patient_id).request(hook, templates)


@dataclass(slots=True)
class RemoteChart:
    """A patient on a FHIR server. `troubles` tells what was not whole in the last read."""

    access: FhirAccess
    patient_id: str = field(repr=False)
    transport: Callable[[], Any] = lambda: None
    troubles: tuple[KeyTrouble, ...] = ()

    def request(self, hook: str, templates: Mapping[str, str]) -> dict[str, Any]:
        """Each template read there; a key that failed is left out, as an EHR does."""
        return asyncio.run(self.read(hook, templates))

    async def read(self, hook: str, templates: Mapping[str, str]) -> dict[str, Any]:
        """The same, within an event loop."""
        found = await read_chart(self.access, templates, self.patient_id, self.transport())
        self.troubles = found.troubles
        made = FileChart(found.resources, self.patient_id).request(hook, templates)
        failed = {each.key for each in found.troubles}
        made["prefetch"] = {
            key: value
            for key, value in made["prefetch"].items()
            if key not in failed or _holds_something(value)
        }
        return made


def open_chart(path: Path) -> CapturedChart | list[dict[str, Any]]:
    """What a file or folder holds: a captured request, or FHIR resources.

    Raises MappingError and CaptureUnusable.
    """
    captured = read_capture(path)
    return load_path(path) if captured is None else CapturedChart(captured.request)


def _holds_something(value: Any) -> bool:
    return isinstance(value, dict) and bool(value.get("entry") or value.get("id"))
