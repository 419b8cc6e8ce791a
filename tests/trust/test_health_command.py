"""`chartside health` over TLS; in clear it is asked in `tests/deploy/test_command_lines.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cds_hooks.app.tls import Certificates, TlsFiles
from cds_hooks.cli.application import app
from tests.trust.conftest import Edge
from tests.trust.test_transport import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "site")


def told(config: Path, *options: str) -> tuple[int, dict[str, Any]]:
    words = ["health", "--json", "--within", "60", "--config", str(config), *options]
    done = CliRunner().invoke(app, words)
    return done.exit_code, json.loads(done.stdout)


def written(folder: Path, port: int, text: str) -> Path:
    config = folder / "chartside.toml"
    config.write_text(f"[server]\nport = {port}\n{text}")
    return config


def pair(section: str, files: tuple[Path, Path], key: str) -> str:
    return f'[{section}]\ncertificate = "{files[0]}"\n{key} = "{files[1]}"\n'


def test_it_shows_the_configured_certificate_and_takes_no_other(
    edge: Edge, authority: Authority, serve: Any, tmp_path: Path
) -> None:
    ours, shown = authority.issue("service"), authority.issue("monitor")
    url = serve(edge.app, Certificates(TlsFiles(*ours, authority.pem)))
    port = int(url.rpartition(":")[2])
    tls = pair("tls", ours, "key") + f'client_authority = "{authority.pem}"\n'
    own = pair("own_calls", shown, "certificate_key")
    assert told(written(tmp_path, port, tls + own)) == (
        0, {"route": "/healthz", "status": 200, "cause": ""},
    )  # fmt: skip
    code, without = told(written(tmp_path, port, tls))
    assert (code, without["status"]) == (1, 0)
    other = pair("tls", authority.issue("another"), "key")
    code, refused = told(written(tmp_path, port, other + own))
    assert (code, refused["status"], refused["cause"]) == (1, 0, "ConnectError")


def test_nobody_there_is_told_by_kind(tmp_path: Path) -> None:
    code, answer = told(written(tmp_path, 1, ""))
    assert (code, answer) == (1, {"route": "/healthz", "status": 0, "cause": "ConnectError"})
