"""`chartside open`: a link that opens a session in the browser of this machine, once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import orjson
import typer

from cds_hooks.settings import load_settings

__all__ = ["open_link"]


def open_link(
    config: Annotated[
        Path | None, typer.Option(help="The running service's settings file (TOML).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Print a link to the pages of the service that runs here in the demo profile.

    It works once, within ten minutes, from this machine, and only for the user as whom the service
    runs: it is made with a secret in a file beside the store that nobody else can read.
    """
    from cds_hooks.console.access.links import LINK_S, sign_link
    from cds_hooks.runtime.console_access import link_secret

    secret, address = link_secret(load_settings(config))
    link = f"{address}/open/{sign_link(secret, time.time())}"
    typer.echo(orjson.dumps({"link": link, "seconds": LINK_S}).decode() if json else link)
