"""A hook as a command for a POSIX shell, without any token in it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Curl", "curl_command"]

_MOST_INLINE = 8_000
_END = "CHARTSIDE_END"


@dataclass(frozen=True, slots=True)
class Curl:
    """`command` to paste. With `file`, `body` is to be saved under that name first; else it is in
    the command. `without_token`: an access token of the request was left out."""

    command: str
    body: str
    file: str
    without_token: bool


def curl_command(
    url: str, request: Mapping[str, Any], *, tokens: bool, file: str = "hook.json"
) -> Curl:
    """The command that sends a hook request to a service's address.

    `tokens` says whether callers must show one: it is then read from the variable TOKEN of the
    shell. A small body is a here-document, a large one a `file`.
    """
    kept = {name: value for name, value in request.items() if name != "fhirAuthorization"}
    # In ASCII, whatever the shell's locale; a line of JSON can never be the end of the document.
    body = json.dumps(kept, indent=1)
    large = len(body) > _MOST_INLINE
    lines = ["curl -sS --globoff", "-H 'Content-Type: application/json'"]
    if tokens:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    lines.append(f"--data-binary {shlex.quote(f'@{file}') if large else '@-'}")
    lines.append(f"--url {shlex.quote(url)}")
    command = " \\\n  ".join(lines)
    if not large:
        command = f"{command} <<'{_END}'\n{body}\n{_END}"
    return Curl(command, body, file if large else "", kept.keys() != request.keys())
