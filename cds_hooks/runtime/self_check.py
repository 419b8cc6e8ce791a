"""Known values computed again before a service starts: what comes out otherwise refuses the start.

A library that changed, a damaged table or a file of another edition would else give wrong facts
and say nothing. The values are data with their sources: `known_values.toml` here, conversions of
units in `fhir_mapping/tables/known_conversions.toml`.
"""

from __future__ import annotations

import base64
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

import fhir_mapping
import prompts
from cds_hooks.errors import ChartsideError
from cds_hooks.runtime.known_crypto import COMPUTED_BY, hex_of
from fhir_mapping.input.attachments import text_of
from fhir_mapping.input.resource_index import ResourceIndex

if TYPE_CHECKING:
    from cds_hooks.plausibility import Terminology

__all__ = [
    "Checked",
    "SelfCheckFailed",
    "check_canonical",
    "check_chart",
    "check_crypto",
    "check_documents",
    "check_judgement",
    "check_terminology",
    "check_units",
    "quick_checks",
    "require",
    "slow_checks",
]

Row = Mapping[str, Any]


class SelfCheckFailed(ChartsideError):
    """A known value comes out otherwise here: nothing that is computed can be relied on."""

    code = "self-check-failed"
    status = 500


@dataclass(frozen=True, slots=True)
class Checked:
    """`part` is units, documents, chart, judgement, terminology, crypto or canonical; `problem` is
    empty when the value is right."""

    part: str
    name: str
    problem: str


_MEND = {
    "units": "Install the versions of deploy/locks/runtime.txt: `make setup` does.",
    "documents": "Install the versions of deploy/locks/runtime.txt: `make setup` does.",
    "chart": "Restore the tables of fhir_mapping and prompts as they were published.",
    "judgement": "Restore the tables of cds_hooks/plausibility as they were published.",
    "terminology": "Delete the terminology file and compile it again: `make setup` does.",
    "crypto": "Install the versions of deploy/locks/runtime.txt: `make setup` does.",
    "canonical": "Install the versions of deploy/locks/runtime.txt: `make setup` does.",
}


def require(results: Iterable[Checked]) -> None:
    """Raise SelfCheckFailed for the first value that is wrong; the hint says what to do."""
    for one in results:
        if one.problem:
            where = f"{one.part}: {one.name}"
            raise SelfCheckFailed(
                f"a known value is wrong ({one.problem})", where=where, hint=_MEND[one.part]
            )


def slow_checks(terminology: Terminology | None = None) -> Iterator[Checked]:
    """What much has to be loaded for: units that no table holds, documents, the tables of rules."""
    yield from check_units()
    yield from check_documents()
    if terminology is not None:
        yield from check_judgement(terminology)


def quick_checks(terminology: Terminology | None = None) -> Iterator[Checked]:
    """All that takes some milliseconds: everything that no large library is loaded for."""
    yield from check_units(library=False)
    yield from check_canonical()
    yield from check_crypto()
    yield from check_chart()
    if terminology is not None:
        yield from check_terminology(terminology)


def check_units(*, library: bool = True) -> Iterator[Checked]:
    """Conversions between units; with `library` also those that pint or labunits does."""
    for name, problem in fhir_mapping.check_units(library=library):
        yield Checked("units", name, problem)


def check_documents() -> Iterator[Checked]:
    """The text of an HTML, an RTF and a PDF attachment."""
    for row in _known()["documents"]:
        yield _compared("documents", row, _words, row["words"])


def check_canonical() -> Iterator[Checked]:
    """JSON in the form that the ledger hashes."""
    from cds_hooks.audit.ledger.canonical_json import encode

    for row in _known()["canonical"]:
        wanted = row["expected"].encode()
        yield _compared("canonical", row, lambda row: encode(orjson.loads(row["given"])), wanted)


def check_crypto() -> Iterator[Checked]:
    """What the store seals with, keys are derived by, and the ledger hashes and signs with."""
    for row in _known()["crypto"]:
        yield _compared("crypto", row, COMPUTED_BY[row["name"]], hex_of(row, "expected"))


def check_chart(template: prompts.Template | None = None) -> Iterator[Checked]:
    """A chart of nobody mapped, and rendered with the template in use."""
    row = _known()["chart"]
    for line in row["lines"]:
        named = {**row, "name": line.partition(" ")[0], "line": line}
        yield _compared("chart", named, lambda row: row["line"] in _shown(row, template), True)


def check_judgement(terminology: Terminology) -> Iterator[Checked]:
    """Diagnoses read as a model writes them, and compared with the chart of nobody."""
    chart = _known()["chart"]
    for row in _known()["judgement"]:
        named = {**row, "chart": chart}
        yield _compared("judgement", named, lambda row: _judged(row, terminology), row["expected"])


def check_terminology(terminology: Terminology) -> Iterator[Checked]:
    """Codes and names looked up in the compiled file."""
    for row in _known()["terminology"]:
        wanted = next(row[key] for key in ("display", "above", "category") if key in row)
        yield _compared("terminology", row, lambda row: _looked_up(terminology, row), wanted)


def _compared(part: str, row: Row, compute: Callable[[Row], object], wanted: object) -> Checked:
    try:
        found = compute(row)
    except Exception as error:  # whatever a library raises: told, and the start refused
        return Checked(part, row["name"], f"it cannot be computed: {type(error).__name__}")
    return Checked(part, row["name"], "" if found == wanted else "the result is another")


@cache
def _known() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("known_values.toml").read_text("utf-8"))


def _mapped(row: Row) -> fhir_mapping.Chart:
    return fhir_mapping.map_chart(
        orjson.loads(row["resources"]),
        patient_id=row["patient"],
        now=datetime.fromisoformat(row["now"]),
    )


def _judged(row: Row, terminology: Terminology) -> str:
    from cds_hooks.inference.answer_parser import parse_differential
    from cds_hooks.plausibility import assess_differentials

    chart = _mapped(row["chart"])
    said = {
        "name": row["diagnosis"],
        "group": "likely",
        "for": [{"fact": "V1", "is": "high"}],
        "against": [],
        "discriminator": "a test",
    }
    text = orjson.dumps({"diagnoses": [said]}).decode()
    differential = parse_differential(text, [fact.id for fact in chart.facts])
    [assessment] = assess_differentials(chart, [differential], terminology).assessments
    return assessment.verdict.value


def _shown(row: Row, template: prompts.Template | None) -> list[str]:
    layout = prompts.lay_out(_mapped(row), template or prompts.load("differential"))
    prompt = prompts.render(layout, [1] * len(layout.texts))
    return prompt.messages[-1].content.splitlines()


def _words(row: Row) -> str:
    data = base64.b64encode(row["given"].encode("cp1252")).decode()
    text, _ = text_of({"contentType": row["media"], "data": data}, ResourceIndex([]))
    return " ".join(text.split())


def _looked_up(terminology: Terminology, row: Row) -> object:
    if "above" in row:
        return terminology.ancestors(row["code"])
    if "code" in row:
        concept = terminology.concept(row["code"])
        return concept.display if concept else ""
    found = terminology.resolve(row["term"]).icd
    return found[0].category if found else ""
