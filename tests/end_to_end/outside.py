"""The hospital's network as the service sees it: FHIR, key sets, names, and a lure, on addresses.

A program that runs in the other network namespace of `network_namespace.py`. It writes one JSON
line for each thing that reached it, and says `ready` first. Standard library only.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FHIR, MODEL, NAMES, LURE = "10.99.0.2", "10.99.0.3", "10.99.0.53", "10.99.0.9"
FHIR_PORT, KEYS_PORT, MODEL_PORT = 8080, 8081, 8443
FHIR_NAME = "fhir.hospital.test"


def note(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class _Handler(BaseHTTPRequestHandler):
    """FHIR under /r4, a key set at /jwks.json; every place where a server could lead astray."""

    resources: list[dict[str, Any]]
    keys: dict[str, Any]
    as_whom = ""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        token = self.headers.get("Authorization", "")
        note(at=self.as_whom, path=path, token=bool(token))
        if path == "/jwks.json":
            self._say(self.keys)
        elif path.startswith("/r4/MedicationRequest"):
            self._say(None, redirect=f"http://{LURE}:{FHIR_PORT}{self.path}")
        else:
            self._say(self._fhir(path.removeprefix("/r4/")))

    def _fhir(self, path: str) -> dict[str, Any]:
        kind, _, identity = path.partition("/")
        found = [each for each in self.resources if each["resourceType"] == kind]
        if identity:
            return next((each for each in found if each["id"] == identity), {})
        link = [{"relation": "next", "url": f"http://{LURE}:{FHIR_PORT}/r4/{kind}?page=2"}]
        entries = [{"resource": each} for each in found]
        return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entries}

    def _say(self, body: Any, redirect: str = "") -> None:
        raw = json.dumps(body).encode()
        self.send_response(302 if redirect else 200)
        if redirect:
            self.send_header("Location", redirect)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        return


def _http(host: str, port: int, as_whom: str) -> None:
    handler = type("Handler", (_Handler,), {"as_whom": as_whom})
    server = ThreadingHTTPServer((host, port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _lure() -> None:
    """Whatever speaks to it has been led astray."""
    for port in (80, 443, FHIR_PORT, MODEL_PORT):
        server = socket.create_server((LURE, port))
        threading.Thread(target=_accept, args=(server, port), daemon=True).start()


def _accept(server: socket.socket, port: int) -> None:
    while True:
        server.accept()[0].close()
        note(at="lure", port=port)


def _names() -> None:
    """A name server for one name (RFC 1035): an A record, and no record of another kind."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((NAMES, 53))
    threading.Thread(target=_answer_names, args=(server,), daemon=True).start()


def _answer_names(server: socket.socket) -> None:
    while True:
        query, asker = server.recvfrom(512)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += query[at] + 1
        kind, name = int.from_bytes(query[at + 1 : at + 3], "big"), ".".join(labels)
        note(at="names", name=name)
        known = name == FHIR_NAME
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04" + socket.inet_aton(FHIR)
        answers = record if known and kind == 1 else b""
        flags = b"\x81\x80" if known else b"\x81\x83"
        counts = b"\x00\x01" + (b"\x00\x01" if answers else b"\x00\x00") + b"\x00\x00" * 2
        server.sendto(query[:2] + flags + counts + query[12 : at + 5] + answers, asker)


def main() -> None:
    """Serve until standard input is closed."""
    folder = Path(sys.argv[1])
    _Handler.resources = json.loads((folder / "resources.json").read_text())
    _Handler.keys = json.loads((folder / "jwks.json").read_text())
    _http(FHIR, FHIR_PORT, "fhir")
    _http(FHIR, KEYS_PORT, "keys")
    _names()
    _lure()
    note(at="ready")
    sys.stdin.read()


if __name__ == "__main__":
    main()
