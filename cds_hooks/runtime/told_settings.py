"""Settings as the ledger tells them: each key with its value; of what is secret a keyed hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from cds_hooks.section import Section
from cds_hooks.settings import Settings
from cds_hooks.settings.schema import ClientEntry
from cds_hooks.trust.caller_errors import KeysUnusable

__all__ = ["CLIENTS", "is_withheld", "told_settings"]

CLIENTS = "clients."

Digest = Callable[..., str]

# A key with one of these words holds a secret or leads to one, unless its name says otherwise.
_SECRET = frozenset({"key", "password", "pin", "secret", "token"})
_PUBLIC = frozenset({"public", "id", "url"})
# People, whom the ledger names by keyed hashes only; what a model server is sent may be a token;
# a key set in the settings is long, and its digest tells as much.
_WITHHELD = frozenset({"emergency_people", "extra", "jwks"})
# Userinfo with a password, or parameters, of a URL.
_URL_WITH_MORE = re.compile(r"://([^/@]*:[^/@]*@|[^?]*\?)")
_LONGEST = 200


def told_settings(settings: Settings, digest: Digest) -> dict[str, str]:
    """Every key (`server.port`, `clients.NAME.issuer`) with its value as JSON.

    `digest` makes the site's keyed hash of what is withheld. A long value stands as its SHA-256. Of
    a client whose key set is a file there is the file's SHA-256, too.
    """
    return {
        name: _text(_told(name, value, digest)) for name, value in _values(settings)
    } | _key_files(settings.clients)


def is_withheld(name: str) -> bool:
    """Whether a key's value is told as a keyed hash, by the last part of its name."""
    last = name.rpartition(".")[2]
    words = set(last.split("_"))
    return last in _WITHHELD or bool(words & _SECRET and not words & _PUBLIC)


def _values(settings: Settings) -> Iterator[tuple[str, Any]]:
    whole = settings.model_dump(mode="json")
    for name, value in whole.items():
        if name == "clients":
            for client in value:
                yield from ((f"{CLIENTS}{client['name']}.{key}", v) for key, v in client.items())
        elif isinstance(getattr(settings, name), Section):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def _told(name: str, value: Any, digest: Digest) -> Any:
    """The value without what is withheld, also within tables and lists of tables."""
    if value in (None, "", [], {}):
        return value
    if is_withheld(name) or (isinstance(value, str) and _URL_WITH_MORE.search(value)):
        return digest("setting", name, orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode())
    if isinstance(value, Mapping):
        return {key: _told(f"{name}.{key}", each, digest) for key, each in value.items()}
    if isinstance(value, list):
        return [_told(name, each, digest) for each in value]
    return value


def _text(value: Any) -> str:
    data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return data.decode() if len(data) <= _LONGEST else f"sha256:{hashlib.sha256(data).hexdigest()}"


def _key_files(clients: tuple[ClientEntry, ...]) -> dict[str, str]:
    """The digest of each client's file of public keys: an edited one changes no setting."""
    found = {}
    for client in clients:
        if client.jwks_file is not None:
            try:
                digest = f"sha256:{hashlib.sha256(client.given_keys()).hexdigest()}"
            except KeysUnusable:  # the service itself refuses to start with it
                digest = "unreadable"
            found[f"{CLIENTS}{client.name}.jwks_file.content"] = digest
    return found
