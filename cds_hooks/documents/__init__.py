"""Documents for those who must review the service, made from the configuration that runs.

Pure: values in, one `Document` out, and texts of it. The commands of `chartside export` gather the
facts (settings, store, model file, reports) and write the text.

To add a document:

1. a module with one function that takes values and returns a `Document` (here, or in
   `cds_hooks.compliance`, which may import this package), its requirement texts in a TOML file of
   its own, in our own words, each with its `Source`;
2. a command that gathers the values and hands the document to
   `cds_hooks.cli.export_output.write_document`, with the options `FormatOption`, `ToOption`,
   `ConfigOption` and `JsonOption`;
3. a line in `cds_hooks.cli.export`, and a row in `docs/reviewers/documents.md`.

A row that nobody filled has an empty answer: it is told as "not available", with who must fill it.
"""

from cds_hooks.documents.document import (
    NOT_AVAILABLE,
    Document,
    FilledBy,
    Row,
    Section,
    Source,
    Table,
)
from cds_hooks.documents.rendering import FORMATS, render

__all__ = [
    "FORMATS",
    "NOT_AVAILABLE",
    "Document",
    "FilledBy",
    "Row",
    "Section",
    "Source",
    "Table",
    "render",
]
