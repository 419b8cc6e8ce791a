"""What each service does under the four criteria that FDA reads for decision support software."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cds_hooks.documents.document import Document, FilledBy, Row, Section, Source
from cds_hooks.documents.dsi import identity_section
from cds_hooks.documents.input_variables import resource_types
from cds_hooks.documents.installation import Installation
from cds_hooks.services import ServiceDefinition

__all__ = ["basis_document", "basis_table", "kind_of"]

Kind = Literal["list", "start", "check"]

_ABOUT = (
    "What each service of this installation does under the four criteria of section 520(o)(1)(E) "
    "of the FD&C Act, with the test or page that shows it. Criteria are in Chartside's words.",
    "Lines about inputs, models and when a card is shown are made from the configuration that "
    "runs; the other lines hold for every installation of this version and are held by the tests "
    "that they name.",
    "Whether the criteria are met is a judgement of law that this document does not make. FDA has "
    "not looked at this software.",
)


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Statement(_Data):
    kinds: tuple[Kind, ...]
    says: str
    evidence: tuple[str, ...]


class _Criterion(_Data):
    number: int
    question: str
    derive: str = ""
    statements: tuple[_Statement, ...]


class _SourceData(_Data):
    standard: str
    url: str
    checked: str
    state: str


class BasisTable(_Data):
    """`data/basis.toml`."""

    version: int
    signal_types: tuple[str, ...]
    source: _SourceData
    criteria: tuple[_Criterion, ...]


@cache
def basis_table() -> BasisTable:
    """The criteria and statements."""
    text = files(__package__).joinpath("data/basis.toml").read_text("utf-8")
    return BasisTable.model_validate(tomllib.loads(text))


def basis_document(of: Installation) -> Document:
    """The document: a section for each service, a row for each criterion."""
    return Document(
        name="basis",
        title="Basis of decision support: FDA's four criteria for each service",
        made_at=of.made_at,
        version=of.version,
        form="Criteria 1 to 4 of FDA's guidance Clinical Decision Support Software (January 2026)",
        subject=of.subject,
        about=_ABOUT,
        sections=(identity_section(of), *(_section(each, of) for each in of.services)),
        sources=(Source(**basis_table().source.model_dump()),),
    )


def kind_of(service: ServiceDefinition) -> Kind:
    """What kind of service it is, as `data/basis.toml` has them."""
    if service.checks_new_problems:
        return "check"
    return "start" if service.only_starts else "list"


def _section(service: ServiceDefinition, of: Installation) -> Section:
    rows = tuple(_row(each, service, of) for each in basis_table().criteria)
    return Section(f"{service.id} (hook {service.hook})", (service.description,), rows)


def _row(criterion: _Criterion, service: ServiceDefinition, of: Installation) -> Row:
    kind, source = kind_of(service), basis_table().source
    held = [each for each in criterion.statements if kind in each.kinds]
    derived = _DERIVED[criterion.derive](service, of) if criterion.derive else iter(())
    return Row(
        id=f"{service.id}.criterion-{criterion.number}",
        question=criterion.question,
        answer="\n".join((*derived, *(each.says for each in held))),
        filled_by=FilledBy.SERVICE,
        source=Source(source.standard, f"criterion {criterion.number}", "", source.checked),
        evidence=tuple(dict.fromkeys(path for each in held for path in each.evidence)),
    )


def _inputs(service: ServiceDefinition, of: Installation) -> Iterator[str]:
    asked = resource_types(of, service.id)
    signals = [each for each in asked if each in basis_table().signal_types]
    yield f"It asks for {', '.join(asked)}."
    if signals:
        yield f"Among these are types that hold images or signals: {', '.join(signals)}."
    else:
        yield f"None of {', '.join(basis_table().signal_types)} is among them."


def _speaking(service: ServiceDefinition, of: Installation) -> Iterator[str]:
    if kind_of(service) == "list":
        yield f"When it shows a card here: {of.speaks.get(service.id, 'always')}."


def _basis(service: ServiceDefinition, of: Installation) -> Iterator[str]:
    if kind_of(service) == "check":
        yield "No model is asked; its rules are tables of the program, each with its source."
        return
    model = of.model
    digest = f", SHA-256 {model.sha256}" if model.sha256 else ""
    demonstration = "; a demonstration model, not for care" if model.demonstration else ""
    yield f"Model: {model.name}{digest}{demonstration}."
    samples = "1 sample" if of.samples == 1 else f"{of.samples} samples"
    yield f"Template: {of.template.id} version {of.template.version}; {samples}."
    if of.verifier_sha256:
        yield f"Verifier that ranks the diagnoses: SHA-256 {of.verifier_sha256}."
    if of.admission is None:
        yield "No signed record admits this model here, so its accuracy is not known."
    else:
        yield " ".join(of.admission.told)


_DERIVED: Mapping[str, Callable[[ServiceDefinition, Installation], Iterator[str]]] = (
    MappingProxyType({"inputs": _inputs, "speaking": _speaking, "basis": _basis})
)
