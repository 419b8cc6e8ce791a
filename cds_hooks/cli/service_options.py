"""The options of commands that call a CDS Hooks service, as a registered client does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Audience", "Authority", "Certificate", "Issuer", "Key", "Kid", "PrintToken", "Wait"]

Key = Annotated[Path | None, typer.Option(help="Sign as a CDS client: private key (JWK or PEM).")]
Issuer = Annotated[str, typer.Option(help="`iss` of the tokens, as `clients.issuer` has it.")]
Kid = Annotated[str, typer.Option(help="The key's id; default: the JWK's or thumbprint.")]
Audience = Annotated[str, typer.Option(help="The service's `server.public_url`, if not --url.")]
Authority = Annotated[Path | None, typer.Option(help="Who signed the service's certificate (PEM).")]
Certificate = Annotated[
    tuple[Path, Path] | None, typer.Option(help="Ours and its key, where it asks for one.")
]
Wait = Annotated[
    int, typer.Option(min=0, max=600, help="Seconds to ask again for the model's answer.")
]
PrintToken = Annotated[bool, typer.Option(help="Print a token for the call, and send nothing.")]
