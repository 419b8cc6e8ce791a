"""`chartside export dsi | chai | basis`: documents that are made from the installation alone."""

from __future__ import annotations

from typing import Annotated

import typer

from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.export_facts import gather_installation
from cds_hooks.cli.export_output import (
    FormatOption,
    ToOption,
    format_of,
    require_format,
    told_of,
    write_document,
    write_text,
)
from cds_hooks.documents.basis import basis_document
from cds_hooks.documents.chai import chai_document, chai_xml
from cds_hooks.documents.dsi import dsi_document

__all__ = ["basis", "chai", "dsi"]

_XML = "xml"


def dsi(
    format_: FormatOption = "",
    to: ToOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write the 31 source attributes of 45 CFR 170.315(b)(11), in HTI-1 format.

    Each says who filled it: service, model, operator or evaluation; or that it is not available,
    and who must fill it. The model's file is hashed for it.
    """
    require_format(format_)
    write_document(dsi_document(gather_installation(config)), format_, to, json=json)


def chai(
    format_: Annotated[
        str, typer.Option("--format", help="xml, json, markdown or html; else by --to, or XML.")
    ] = "",
    to: ToOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write CHAI's Applied Model Card: XML by its schema v0.2, or a document to read.

    The document also maps this installation to the eight elements of CHAI's governance playbooks.
    """
    require_format(format_, _XML)
    of = gather_installation(config)
    chosen = format_ or format_of(to) or ("json" if json and not to else _XML)
    if chosen == _XML:
        told = told_of(chai_document(of, playbook=False), _XML)
        write_text(chai_xml(of), to, told, json=json)
    else:
        write_document(chai_document(of), chosen, to, json=json)


def basis(
    format_: FormatOption = "",
    to: ToOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write what each service does under FDA's four criteria, with the tests that show it.

    Criteria of section 520(o)(1)(E) of the FD&C Act, guidance of January 2026.
    """
    require_format(format_)
    write_document(basis_document(gather_installation(config)), format_, to, json=json)
