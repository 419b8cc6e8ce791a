"""A server with the interface of Vault's transit engine, for tests: real AES-GCM, real TLS, faults.

It follows the documented requests and answers of `encrypt` and `decrypt`; it is not Vault.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import secrets
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["TransitServer", "make_authority"]

TOKEN = "hvs.CAESIJ-test-token"


_SIGNS = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=True, content_commitment=False,
    key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
    decipher_only=False,
)  # fmt: skip


def make_authority(folder: Path, name: str = "ca") -> Path:
    """A certificate for 127.0.0.1 signed by its own key; both are in one PEM beside."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_SIGNS, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / f"{name}-server.pem").write_bytes(pem + private)
    place = folder / f"{name}.pem"
    place.write_bytes(pem)
    return place


class TransitServer:
    """Listens on loopback with the key `chartside`. `fault` is what it does instead of its work:
    a status, "slow" (no answer within a minute), "huge", "no json", "redirect", "hangs up once",
    "ignores associated data"."""

    def __init__(self, folder: Path) -> None:
        self.authority = make_authority(folder)
        self.tokens = {TOKEN}
        self.keys: dict[int, AESGCM] = {1: AESGCM(secrets.token_bytes(32))}
        self.fault: int | str = ""
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._ends = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                owner.requests.append((self.path, dict(self.headers)))
                if owner.fault == "hangs up once":
                    owner.fault, self.close_connection = "", True
                    return
                status, answer = owner._answer(self.path, self.headers["X-Vault-Token"], body)
                raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", "https://198.51.100.1/")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                return

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "ca-server.pem")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"https://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._server.shutdown()
        self._server.server_close()

    def rotate(self) -> None:
        """A new version of the key, as `vault write -f transit/keys/chartside/rotate` makes."""
        self.keys[max(self.keys) + 1] = AESGCM(secrets.token_bytes(32))

    def _answer(self, path: str, token: str, body: dict[str, str]) -> tuple[int, Any]:
        if isinstance(self.fault, int):
            return self.fault, {"errors": ["a fault"]}
        if self.fault == "slow":
            self._ends.wait(60)
        if self.fault in ("huge", "no json"):
            return 200, b"x" * (200_000 if self.fault == "huge" else 10)
        if self.fault == "redirect":
            return 307, {}
        if token not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        verb = path.removeprefix("/v1/transit/").removesuffix("/chartside")
        about = base64.b64decode(body.get("associated_data", ""))
        if self.fault == "ignores associated data":
            about = b""
        if verb == "encrypt":
            return 200, {"data": self._encrypt(base64.b64decode(body["plaintext"]), about)}
        if verb == "decrypt":
            return self._decrypt(body["ciphertext"], about)
        return 404, {"errors": []}

    def _encrypt(self, plain: bytes, about: bytes) -> dict[str, Any]:
        version, nonce = max(self.keys), secrets.token_bytes(12)
        sealed = nonce + self.keys[version].encrypt(nonce, plain, about)
        text = base64.b64encode(sealed).decode()
        return {"ciphertext": f"vault:v{version}:{text}", "key_version": version}

    def _decrypt(self, text: str, about: bytes) -> tuple[int, Any]:
        _, version, sealed = text.split(":")
        raw = base64.b64decode(sealed)
        try:
            plain = self.keys[int(version[1:])].decrypt(raw[:12], raw[12:], about)
        except (InvalidTag, KeyError, ValueError):
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}
