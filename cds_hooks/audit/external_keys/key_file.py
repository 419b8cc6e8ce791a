"""The file of an external site key: created, read, and opened by its key provider."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from cds_hooks.audit.encryption.key_wrapping import EXTERNAL_KEY, DecryptionFailed
from cds_hooks.audit.encryption.rotation import require_successor
from cds_hooks.audit.encryption.site_key import IDENTITY, IDENTITY_BYTES, SiteKey
from cds_hooks.audit.external_keys.key_wrapper import ExternalKeyWrapper, KeyCheck, KeyProvider
from cds_hooks.audit.store_errors import KeyRefused
from cds_hooks.private_files import read_private, write_private

__all__ = [
    "create_external_key",
    "is_external",
    "load_or_create_external_successor",
    "open_external_key",
    "provider_kind",
]

_TEXT = re.compile(
    rf"{EXTERNAL_KEY}(?P<kind>[a-z0-9]{{1,16}}) (?P<id>[0-9a-f]{{16}})\n"
    rf"{IDENTITY} (?P<identity>(?:[0-9a-f]{{2}}){{1,1024}})\n?"
)


def is_external(text: str) -> bool:
    """Whether the text of a site key's file names an external key provider."""
    return text.startswith(EXTERNAL_KEY)


def provider_kind(text: str, *, where: str) -> str:
    """The kind of the provider in a file's text: `pkcs11`, `vault`. Raises KeyRefused."""
    return _parse(text, where)["kind"]


def open_external_key(text: str, provider: KeyProvider, *, where: str) -> SiteKey:
    """The key in a file's text; asks the provider once. Raises KeyRefused, StoreUnavailable."""
    parts = _parse(text, where)
    if parts["kind"] != provider.kind:
        hint = f"Name a key provider of that kind ({parts['kind']}) in the settings."
        raise KeyRefused(f"the site key is not in {provider.kind}", where=where, hint=hint)
    return _open(provider, parts["id"], bytes.fromhex(parts["identity"]), where)


def create_external_key(path: Path, provider: KeyProvider, old: SiteKey | None = None) -> SiteKey:
    """Create the file of a new key, with the pseudonyms of `old` if there is one.

    Raises KeyRefused, also where there is a file already, and StoreUnavailable; then no file is
    created.
    """
    if path.exists():
        hint = "Give another name; to replace the key of a store: chartside audit rotate."
        raise KeyRefused("there is a file already", where=str(path), hint=hint)
    wrapper = ExternalKeyWrapper(secrets.token_hex(8), provider)
    before = old or SiteKey.external(wrapper, secrets.token_bytes(IDENTITY_BYTES))
    identity = before.wrap_identity(wrapper)
    key = _open(provider, wrapper.key_id, identity, str(path))  # it opens before it is written
    text = f"{EXTERNAL_KEY}{provider.kind} {wrapper.key_id}\n{IDENTITY} {identity.hex()}\n"
    write_private(path, text)
    return key


def load_or_create_external_successor(path: Path, old: SiteKey, provider: KeyProvider) -> SiteKey:
    """The external key in a file, created when there is none, with the pseudonyms of the old one.

    Raises KeyRefused for a file with the key of another site, StoreUnavailable.
    """
    if not path.exists():
        return create_external_key(path, provider, old)
    hint = "Name a file that is not there: the new key's file is created."
    text = read_private(path, what="the site key", hint=hint, error=KeyRefused).decode(
        "ascii", "replace"
    )
    new = open_external_key(text, provider, where=str(path))
    require_successor(path, new, old)
    return new


def _open(provider: KeyProvider, key_id: str, identity: bytes, where: str) -> SiteKey:
    wrapper = ExternalKeyWrapper(key_id, provider)
    try:
        plain = wrapper.check(KeyCheck(identity, (IDENTITY,)))
    except DecryptionFailed:
        hint = "Name the key that encrypted it; a rotated key and its file belong together."
        raise KeyRefused(
            f"the {provider.kind} key that the settings name is not this site key's",
            where=where,
            hint=hint,
        ) from None
    if len(plain) != IDENTITY_BYTES:
        hint = "Restore it from its backup."
        raise KeyRefused("the file contains no site key", where=where, hint=hint)
    return SiteKey.external(wrapper, plain)


def _parse(text: str, where: str) -> dict[str, str]:
    match = _TEXT.fullmatch(text)
    if match is None:
        hint = "Restore it from its backup."
        raise KeyRefused("the file of an external site key is damaged", where=where, hint=hint)
    return match.groupdict()
