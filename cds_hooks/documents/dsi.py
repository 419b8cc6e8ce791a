"""The source attributes of a predictive decision support intervention, in HTI-1 format."""

from __future__ import annotations

from cds_hooks.documents.attributes import sections_of, table_of
from cds_hooks.documents.derivations import DERIVATIONS
from cds_hooks.documents.document import Document, Section, Table
from cds_hooks.documents.installation import Installation

__all__ = ["dsi_document", "identity_section"]

_ABOUT = (
    "The 31 source attributes that 45 CFR 170.315(b)(11)(iv)(B) lists for predictive decision "
    "support, about this installation as it is configured now; behind them the 13 of (iv)(A) for "
    "services that use rules alone, where one is offered. Questions are in Chartside's words; each "
    "names its clause.",
    "Each answer says who filled it: the service from what runs, the model's file, the operator "
    '(the site), or an evaluation. What nobody filled says "not available" and who must fill it.',
    "This document states facts. It certifies nothing, and Chartside is not certified health IT.",
)


def dsi_document(of: Installation) -> Document:
    """The document about an installation."""
    table, rules = table_of("dsi"), table_of("evidence_based")
    by_rules = any(each.checks_new_problems for each in of.services)
    more = sections_of(rules, of, DERIVATIONS) if by_rules else ()
    return Document(
        name="dsi",
        title="Source attributes of a predictive decision support intervention",
        made_at=of.made_at,
        version=of.version,
        form="HTI-1 format",
        subject=of.subject,
        about=_ABOUT,
        sections=(identity_section(of), *sections_of(table, of, DERIVATIONS), *more),
        sources=(table.whole_source, *((rules.whole_source,) if by_rules else ())),
    )


def identity_section(of: Installation) -> Section:
    """What the document is about: names and digests that a reader can compare."""
    model, template = of.model, of.template
    rows = [
        ("Service", f"Chartside {of.version}, profile {of.profile}"),
        ("Services offered", ", ".join(each.id for each in of.services)),
        ("Switched off now", "; ".join(of.switched_off)),
        ("Model", f"{model.name}{' (demonstration)' if model.demonstration else ''}"),
        ("Model, SHA-256", model.sha256 or "not named by the settings"),
        ("Model, licence", model.licence or "not known"),
        ("Further models of a panel", ", ".join(each.name for each in of.more_models)),
        ("Engine", model.engine),
        ("Template", f"{template.id}, version {template.version}, SHA-256 {template.sha256}"),
        ("Rule tables, SHA-256 over all", of.tables_sha256),
        ("Settings, SHA-256", of.settings_sha256),
    ]
    told = tuple((name, text) for name, text in rows if text)
    return Section("What this is about", tables=(Table(("What", "Which"), told),))
