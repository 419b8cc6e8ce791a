"""A key in HashiCorp Vault's transit engine (or in OpenBao's, which has the same interface).

https://developer.hashicorp.com/vault/api-docs/secret/transit: `encrypt` and `decrypt` with
`associated_data`, which keys of type aes256-gcm96 and chacha20-poly1305 authenticate. A Vault that
does not know the parameter would ignore it, so a hash of the same data is encrypted with the key
and compared here.

The token is read from its file again whenever Vault refuses it: an agent may have written another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import ssl
from pathlib import Path
from typing import Any

import httpx

from cds_hooks.audit.credentials import Secret
from cds_hooks.audit.encryption.key_wrapping import DecryptionFailed
from cds_hooks.audit.external_keys.key_settings import KeyVaultSettings
from cds_hooks.audit.store_errors import KeyRefused, StoreUnavailable
from cds_hooks.tls_client import certificate_fault, client_context

__all__ = ["KeyVaultRefused", "VaultTransit", "read_answer"]

_UNTRUSTED = "key-vault-untrusted"
_HASH_BYTES = 32
_MAX_ANSWER_BYTES = 64 * 1024
_DISCONNECTED = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
_CIPHERTEXT = re.compile(r"vault:v[1-9][0-9]{0,8}:[A-Za-z0-9+/]{1,8192}={0,2}")
_TOKEN = re.compile(r"[A-Za-z0-9._=-]{1,2048}")


class KeyVaultRefused(KeyRefused):
    """Vault refuses the token, or has no such engine or key."""

    code = "key-vault-refused"


class VaultTransit:
    """A key provider for a key in Vault. Safe for many threads."""

    kind = "vault"
    reason = "key-vault"

    def __init__(self, config: KeyVaultSettings) -> None:
        self._config = config
        self._secret = Secret(
            "the token", "key_vault.token_file", config.token_file, "chartside-vault-token"
        )
        self._token = ""
        bounds = httpx.Timeout(config.timeout_s)
        # No proxy and no credentials of the environment: only what the settings name is asked.
        self._http = httpx.Client(
            verify=_pinned(config.authority or Path()), timeout=bounds, trust_env=False, http2=False
        )

    def encrypt(self, plain: bytes, associated_data: bytes) -> bytes:
        """Vault's ciphertext (ASCII). Raises KeyVaultRefused, StoreUnavailable."""
        body = {
            "plaintext": _base64(_hash(associated_data) + plain),
            "associated_data": _base64(associated_data),
        }
        status, answer = self._ask("encrypt", body)
        found = answer.get("ciphertext")
        if status == 200 and isinstance(found, str) and _CIPHERTEXT.fullmatch(found):
            return found.encode("ascii")
        if status == 400:
            raise self._refusal(
                "the key does not encrypt", "Make it: vault write -f transit/keys/NAME."
            )
        raise StoreUnavailable(self.reason)

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        """The plaintext. Raises DecryptionFailed, KeyVaultRefused, StoreUnavailable."""
        text = ciphertext.decode("ascii", "replace")
        if not _CIPHERTEXT.fullmatch(text):
            raise DecryptionFailed
        status, answer = self._ask(
            "decrypt", {"ciphertext": text, "associated_data": _base64(associated_data)}
        )
        if status == 400:  # a wrong tag, and much else: the wrapper checks
            raise DecryptionFailed
        if status != 200:
            raise StoreUnavailable(self.reason)
        plain = _from_base64(answer.get("plaintext"))
        if not hmac.compare_digest(plain[:_HASH_BYTES], _hash(associated_data)):
            raise DecryptionFailed
        return plain[_HASH_BYTES:]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, verb: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and `data` of the answer. Raises KeyVaultRefused, StoreUnavailable."""
        if not self._token:
            self._token = self._read_token()
        status, answer = self._post(verb, body)
        if status == 403 and (token := self._read_token()) != self._token:
            self._token = token
            status, answer = self._post(verb, body)
        if status == 403:
            hint = "See that the token lives, and that its policy may update encrypt and decrypt."
            raise self._refusal("Vault refuses the token", hint)
        if status == 404:
            hint = "Look at key_vault.mount and key_vault.namespace."
            raise self._refusal("Vault has no such engine", hint)
        return status, answer

    def _post(self, verb: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
        config = self._config
        url = f"{config.address.rstrip('/')}/v1/{config.mount}/{verb}/{config.key}"
        headers = {"X-Vault-Token": self._token, "X-Vault-Request": "true"}
        if config.namespace:
            headers["X-Vault-Namespace"] = config.namespace
        try:
            try:
                return self._send(url, body, headers)
            except _DISCONNECTED:
                # The server had closed the kept connection. Sending twice changes nothing.
                return self._send(url, body, headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            # The request contains a data key: the error repeats nothing of it.
            untrusted = bool(certificate_fault(error))
            raise StoreUnavailable(_UNTRUSTED if untrusted else self.reason) from None

    def _send(
        self, url: str, body: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        with self._http.stream("POST", url, json=body, headers=headers) as response:
            read = bytearray()
            for part in response.iter_bytes():
                read += part
                if len(read) > _MAX_ANSWER_BYTES:
                    raise StoreUnavailable(self.reason)
            return response.status_code, read_answer(bytes(read))

    def _read_token(self) -> str:
        token = self._secret.read()
        if not _TOKEN.fullmatch(token):
            raise self._refusal(
                "the token's file holds no token", "Write the token into it, alone."
            )
        return token

    def _refusal(self, message: str, hint: str) -> KeyVaultRefused:
        return KeyVaultRefused(message, where=f"{self._config.mount}/{self._config.key}", hint=hint)


def read_answer(raw: bytes) -> dict[str, Any]:
    """`data` of one of Vault's answers; empty where it has none."""
    try:
        whole = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    data = whole.get("data") if isinstance(whole, dict) else None
    return data if isinstance(data, dict) else {}


def _pinned(authority: Path) -> ssl.SSLContext:
    try:
        return client_context(authority)
    except (OSError, ssl.SSLError):
        hint = "Set key_vault.authority to the PEM file of the CA of Vault's certificate."
        raise KeyVaultRefused(
            "the authority cannot be read", where=str(authority), hint=hint
        ) from None


def _hash(associated_data: bytes) -> bytes:
    return hashlib.sha256(associated_data).digest()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: object) -> bytes:
    """Raises DecryptionFailed for what is not base64."""
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        raise DecryptionFailed from None
