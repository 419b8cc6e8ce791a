"""libpq connects in C, where the audit hook does not see it: Landlock bounds its ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cds_hooks.inference.worker.sandbox import landlock
from tests.postgresql import PostgreSQL

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.enable_socket

_PROGRAM = """
import sys
from pathlib import Path
import psycopg
from sqlalchemy import create_engine, make_url, text
from cds_hooks.runtime.egress import lock_egress
from cds_hooks.settings import load_settings

settings = load_settings(Path(sys.argv[1]), {})
lock_egress(settings, 0)
url = make_url(settings.store.path)
with create_engine(url).connect() as connection:
    print("listed:", connection.execute(text("select 6 * 7")).scalar())
for host, port in (("127.0.0.1", int(sys.argv[2])), ("192.0.2.1", 5)):
    try:
        psycopg.connect(host=host, port=port, dbname="records", user="nobody", connect_timeout=5)
    except psycopg.OperationalError as error:
        print("other:", "Permission denied" in str(error))
"""


@pytest.mark.skipif(landlock.abi() < 4, reason="this kernel's Landlock is older than ABI 4")
def test_a_database_that_is_listed_is_reached_and_no_other_port(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    config = tmp_path / "chartside.toml"
    config.write_text(f'[store]\npath = "{postgresql.new_database()}"\n')
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.2)
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(config), str(other.getsockname()[1])],
            capture_output=True, cwd=ROOT, timeout=100, check=False, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.stdout.splitlines() == ["listed: 42", "other: True", "other: True"], done.stderr
        with pytest.raises(TimeoutError):
            other.accept()
