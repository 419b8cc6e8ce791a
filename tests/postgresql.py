"""A real PostgreSQL server for tests, where its programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

__all__ = ["PostgreSQL", "PostgreSQLMissing"]


class PostgreSQLMissing(Exception):
    """PostgreSQL's programs are not on this machine."""


def _program(name: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = next((str(p / name) for p in places if (p / name).is_file()), shutil.which(name))
    if found is None:
        raise PostgreSQLMissing(f"{name} is not installed (Debian's package postgresql has it)")
    return found


def _in_memory() -> str | None:
    """A folder that is no disk, where there is one with space for what a test writes."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30
    return str(memory) if roomy and os.access(memory, os.W_OK) else None


class PostgreSQL:
    """A server on loopback with a folder of its own; it never runs as root, which it refuses."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir=_in_memory()))
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        self.port = self._made = 0
        self._databases: dict[str, str] = {}

    def __enter__(self) -> Self:
        data = self._folder / "data"
        initdb = [_program("initdb"), "-D", data, "-U", "chartside", "-A", "trust", "-N"]
        self._run(*initdb, "--encoding=UTF8", "--locale=C")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        # Without fsync, for speed: no test pulls the plug.
        server = [_program("postgres"), "-F", "-D", data, "-p", str(self.port)]
        server += [
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "max_wal_size=64MB",
            "-c",
            f"unix_socket_directories={data}",
        ]
        self.process = subprocess.Popen(
            server, user=self._user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._until_up()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGQUIT)  # "immediate": nothing here is kept
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_database(self) -> str:
        """An empty database's SQLAlchemy URL. It lives until another test asks for one."""
        self._made += 1
        name, test = f"test{self._made}", os.environ.get("PYTEST_CURRENT_TEST", "").split(" (")[0]
        done = [each for each, of in self._databases.items() if of != test]
        orders = [f"DROP DATABASE {each} WITH (FORCE)" for each in done]
        psql = [_program("psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "chartside"]
        for order in (*orders, f"CREATE DATABASE {name}"):
            psql += ["-c", order]
        self._run(*psql, "-d", "postgres", "-q")
        self._databases = {e: of for e, of in self._databases.items() if of == test} | {name: test}
        return f"postgresql+psycopg://chartside@127.0.0.1:{self.port}/{name}"

    def _run(self, *command: object) -> None:
        told = [str(part) for part in command]
        subprocess.run(told, user=self._user, cwd="/", check=True, capture_output=True, timeout=300)

    def _until_up(self) -> None:
        ready = [_program("pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)]
        ends = time.monotonic() + 120
        while subprocess.run(ready, capture_output=True, check=False).returncode:
            if time.monotonic() > ends or self.process.poll() is not None:
                raise RuntimeError("PostgreSQL did not start")
            time.sleep(0.1)
