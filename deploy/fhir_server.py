"""A real FHIR server (sekmet-fhir, R4) on a loopback port, to test and try the service with.

The server lives in a virtual environment of its own, `.venv-fhir-server`,
made from its lock file when it is missing. As a program it starts the server on a port that stays
the same, loads bundles into it (the demonstration patient when none is named) and runs until it is
interrupted. Pages of any origin may read it (CORS), so that the CDS Hooks Sandbox can; with `--open`
also without a token, which the Sandbox cannot give.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "deploy" / "locks" / "fhir-server.txt"
VENV = ROOT / ".venv-fhir-server"
UV = ROOT / ".venv" / "bin" / "uv"
SEKMET = VENV / "bin" / "sekmet"
PORT = 8090
SAMPLE = "sample_patients/breathless.json"

SETTINGS = """\
base_url: {base}
host: 127.0.0.1
port: {port}
data_dir: {folder}/data
server_auth:
  types: [{access}]
  tokens: ["{token}"]
validation: {{inbound: "off"}}
simulator: {{enabled: false}}
log_inbound: false
"""


class FhirServerError(Exception):
    """The server cannot be made, started or spoken to; the message says what to do next."""


def make_venv() -> None:
    """The server's own virtual environment, unless it is there for this very lock file."""
    stamp = VENV / "lock.sha256"
    want = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if SEKMET.exists() and stamp.exists() and stamp.read_text() == want:
        return  # without a lock: an image's file system is read-only
    ROOT.joinpath("build").mkdir(exist_ok=True)
    with ROOT.joinpath("build", "fhir-server.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # two test runs at once
        if SEKMET.exists() and stamp.exists() and stamp.read_text() == want:
            return
        if not UV.exists():
            raise FhirServerError("The installer .venv/bin/uv is missing: run `make setup` first.")
        print("making the FHIR server's virtual environment ...", file=sys.stderr, flush=True)
        _run([UV, "venv", "--clear", "--python", sys.executable, VENV])
        into: list[str | Path] = [
            "--python",
            VENV / "bin" / "python",
            "--require-hashes",
            "-r",
            LOCK,
        ]
        _run([UV, "pip", "install", *into])
        stamp.write_text(want)


def _run(command: Iterable[str | Path]) -> None:
    line = [str(part) for part in command]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode != 0:
        tail = "\n".join(done.stderr.splitlines()[-8:])
        raise FhirServerError(f"`{' '.join(line)}` failed:\n{tail}")


class FhirServer:
    """A running server as a context: `base` is its URL, `token` the only one it accepts.

    `port` 0 takes any that is free. One that is `open_to_all` asks for no token.
    """

    def __init__(
        self, start_within_s: float = 30.0, *, port: int = 0, open_to_all: bool = False
    ) -> None:
        self._port, self._access = port, "none" if open_to_all else "bearer"
        self.token = secrets.token_urlsafe(24)
        self.base = ""
        self._start_within_s = start_within_s
        self._folder = tempfile.TemporaryDirectory(prefix="chartside-fhir-server-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> FhirServer:
        try:
            make_venv()
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server and remove its data."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._folder.cleanup()

    def load(self, bundle: dict[str, Any]) -> None:
        """Store every resource of a bundle under the id it has."""
        self.request("POST", "", as_transaction(bundle))

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """One request with the token; the parsed answer. Raises FhirServerError."""
        request = urllib.request.Request(
            f"{self.base}/{path}".rstrip("/"),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/fhir+json",
            },
        )
        try:
            with _OPENER.open(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read(400).decode(errors="replace")
            raise FhirServerError(f"{method} {path}: {error.code} {said}") from error

    def _start(self) -> None:
        port = _free(self._port)
        self.base = f"http://127.0.0.1:{port}/fhir"
        folder = Path(self._folder.name)
        settings = folder / "settings.yaml"
        settings.write_text(
            SETTINGS.format(
                base=self.base, port=port, folder=folder, token=self.token, access=self._access
            )
        )
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [SEKMET, "serve", "--config", settings, "--host", "127.0.0.1", "--port", str(port)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait(folder / "log")

    def _wait(self, log: Path) -> None:
        """Until our process answers to our token: another program on the port does not know it."""
        assert self._process is not None
        until = time.monotonic() + self._start_within_s
        while time.monotonic() < until:
            if self._process.poll() is not None:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
                raise FhirServerError(f"The FHIR server ended by itself:\n{tail}")
            try:
                self.request("GET", "Patient?_count=1")
            except (OSError, FhirServerError):
                time.sleep(0.05)
            else:
                return
        raise FhirServerError(f"The FHIR server was not ready within {self._start_within_s:.0f} s.")


def _free(port: int) -> int:
    """The port, or one that is free for 0. Raises FhirServerError for one that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError as error:
            message = f"Port {port} cannot be had ({error.strerror}): give another with --port."
            raise FhirServerError(message) from None
        taken: int = probe.getsockname()[1]
        return taken


# No proxy stands between us and the loopback address, whatever the environment says.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def as_transaction(bundle: dict[str, Any]) -> dict[str, Any]:
    """Any bundle as a transaction that keeps ids; references by urn become `Type/id`."""
    resources = [e["resource"] for e in bundle.get("entry", []) if e.get("resource", {}).get("id")]
    text = json.dumps(resources)
    for entry in bundle.get("entry", []):
        resource, full_url = entry.get("resource", {}), str(entry.get("fullUrl", ""))
        if full_url.startswith("urn:") and resource.get("id"):
            name = f"{resource['resourceType']}/{resource['id']}"
            text = text.replace(json.dumps(full_url), json.dumps(name))
    entries = [
        {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
        for r in json.loads(text)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _demonstration() -> Path:
    """The demonstration patient, in a checkout or in an installed package."""
    import cds_hooks.cds_client

    return Path(cds_hooks.cds_client.__file__).parent / SAMPLE


def _placed_in_time(bundle: dict[str, Any]) -> dict[str, Any]:
    """The demonstration's times are written as `now-2d`: a server takes instants alone."""
    from cds_hooks.cds_client.requests import place_in_time  # in the environment of `make setup`

    placed: dict[str, Any] = place_in_time(bundle, datetime.now(UTC))
    return placed


def main() -> int:
    """Run a server with data until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", nargs="*", type=Path, help="FHIR R4 bundles (JSON) to load")
    parser.add_argument("--port", type=int, default=PORT, help=f"0: any; default: {PORT}")
    parser.add_argument(
        "--open", action="store_true", help="ask for no token, as the Sandbox needs"
    )
    given = parser.parse_args()
    bundles = given.bundle or [_demonstration()]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with FhirServer(port=given.port, open_to_all=given.open) as server:
            for path in bundles:
                server.load(_placed_in_time(json.loads(path.read_text())))
            for entry in server.request("GET", "Patient?_count=100").get("entry", []):
                print(f"patient   {entry['resource']['id']}")
            token = "none is asked for" if given.open else server.token
            print(f"base URL  {server.base}\ntoken     {token}\nStop with Ctrl-C.", flush=True)
            signal.pause()
    except FhirServerError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
