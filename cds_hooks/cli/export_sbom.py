"""`chartside export sbom`: what an installation is made of, in CycloneDX."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.export_facts import gather_installation
from cds_hooks.cli.export_output import NotExported, ToOption, write_text
from cds_hooks.documents.bill_of_materials import cyclonedx_json
from cds_hooks.runtime.materials import materials_of
from cds_hooks.settings import load_settings

__all__ = ["sbom"]


def sbom(
    to: ToOption = None,
    lock: Annotated[
        Path | None, typer.Option(help="Lock with hashes of packages; else the checkout's.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write a bill of materials (CycloneDX, JSON): packages, llama.cpp, model, template, rules.

    Also terminologies and web assets; each with version, digests and licence. It is made of what is
    installed here, and the model's file is hashed for it.
    """
    settings, of = load_settings(config), gather_installation(config)
    try:
        text = cyclonedx_json(materials_of(settings, of, lock))
    except OSError as error:
        message = f"a file cannot be read ({error.strerror})"
        raise NotExported(message, where=str(error.filename or "")) from None
    made = orjson.loads(text)
    told = {"specification": f"CycloneDX {made['specVersion']}", "parts": len(made["components"])}
    write_text(text, to, told, json=json)
