"""`chartside map`: a chart as facts, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.table import Table

from cds_hooks.cds_client.charts import CapturedChart, open_chart
from cds_hooks.cli import show
from cds_hooks.cli.mapping_report import count, elements_table, quality_table, stats_table
from cds_hooks.errors import ChartsideError
from cds_hooks.plausibility.terminology.code_names import names_at
from cds_hooks.runtime.self_check import check_chart, check_units, require
from cds_hooks.settings import load_settings
from fhir_mapping import Chart, MappingError, map_chart
from fhir_mapping.input.loading import find_patient_ids
from fhir_mapping.quality.elements_left_out import elements_left_out
from fhir_mapping.quality.fhir_validation import check
from fhir_mapping.quality.repairs import repairs

__all__ = ["choose_patient", "map_file", "parse_now"]


class UsageError(ChartsideError):
    """What a command was told does not fit what it was given."""

    code = "usage"
    status = 400


def map_file(
    file: Annotated[
        Path, typer.Argument(help="A FHIR bundle, resource, NDJSON, folder, or hook request.")
    ],
    patient: Annotated[str, typer.Option(help="Which patient, when there are several.")] = "",
    encounter: Annotated[
        str, typer.Option(help="The present encounter's id, if it is known.")
    ] = "",
    fhir_version: Annotated[str, typer.Option(help="R4, R4B, R5 or STU3; found if not said.")] = "",
    now: Annotated[str, typer.Option(help="The moment to tell times from (ISO 8601).")] = "",
    assessments: Annotated[bool, typer.Option(help="Read clinicians' own assessments.")] = True,
    quality: Annotated[
        bool, typer.Option("--quality", help="Say what is not FHIR, where.")
    ] = False,
    elements: Annotated[bool, typer.Option("--elements", help="Count elements not read.")] = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Count tokens: raw, and as prompt.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file, for --stats.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Map FHIR data to numbered facts, and say what was left out and why."""
    require((*check_units(library=False), *check_chart()))
    resources, named = _read(file)
    chart = map_chart(
        resources,
        patient_id=choose_patient(resources, patient or named),
        now=parse_now(now),
        fhir_version=fhir_version or None,
        encounter_id=encounter or None,
        assessments=assessments,
        names=names_at(load_settings(config).terminology.path),
    )
    if quality:
        notes = (*check(resources, chart.fhir_version), *repairs(resources))
        chart = replace(chart, quality=notes)
    counted = count(resources, chart, load_settings(config)) if stats else None
    unread = elements_left_out(resources) if elements else None
    if json:
        more = {"stats": counted, "elements_left_out": unread}
        document = asdict(chart) | {key: value for key, value in more.items() if value is not None}
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    tables = [show.facts_table(chart, chart.facts, title="Facts")]
    tables.append(show.omissions_table(chart.omissions))
    tables += [elements_table(unread)] if unread is not None else []
    tables += [quality_table(chart.quality)] if quality else []
    tables += [stats_table(counted)] if counted else []
    _print(chart, len(resources), tables)


def _read(file: Path) -> tuple[list[dict[str, Any]], str]:
    """The resources of a file, and the patient that it names itself: a captured request does."""
    found = open_chart(file)
    if isinstance(found, CapturedChart):
        return found.resources, found.patient_id
    return found, ""


def _print(chart: Chart, found: int, tables: Sequence[Table]) -> None:
    console = show.screen()
    for table in tables:
        console.print(table)
    console.print(f"{found} resources: {len(chart.facts)} facts, {len(chart.omissions)} omissions.")


def choose_patient(resources: Sequence[Mapping[str, Any]], wanted: str) -> str:
    """The patient that was named, or the only one there is. Raises MappingError or UsageError."""
    found = find_patient_ids(resources)
    if wanted:
        return wanted.removeprefix("Patient/")
    if len(found) == 1:
        return found[0]
    if not found:
        raise MappingError(
            "no-patient", "there is no Patient resource", hint="Name one with --patient."
        )
    raise UsageError(f"there are {len(found)} patients", hint="Name one with --patient.")


def parse_now(text: str) -> datetime:
    """A moment with a time zone; UTC where none is given, and the present where nothing is."""
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("--now is not an ISO 8601 date or time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
