"""The file of a held key: made, read, and opened by what holds the key."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from cds_hooks.audit.errors import KeyRefused
from cds_hooks.audit.held.source import Holder, Sample, Source
from cds_hooks.audit.keys import IDENTITY, IDENTITY_BYTES, SiteKey
from cds_hooks.audit.private import read_private, write_private
from cds_hooks.audit.sealing.rotation import require_successor
from cds_hooks.audit.sealing.source import HELD, SealBroken

__all__ = ["Holder", "held_successor", "is_held", "kind_of", "make_held", "open_held"]

_TEXT = re.compile(
    r"held/1 (?P<kind>[a-z0-9]{1,16}) (?P<id>[0-9a-f]{16})\n"
    rf"{IDENTITY} (?P<identity>(?:[0-9a-f]{{2}}){{1,1024}})\n?"
)


def is_held(text: str) -> bool:
    """Whether the text of a site key's file says that the key is elsewhere."""
    return text.startswith(HELD)


def kind_of(text: str, *, where: str) -> str:
    """What holds the key of a file: `pkcs11`, `vault`. Raises KeyRefused."""
    return _parts(text, where)["kind"]


def open_held(text: str, holder: Holder, *, where: str) -> SiteKey:
    """The key of a file, by its holder: asks it once. Raises KeyRefused, StoreUnavailable."""
    parts = _parts(text, where)
    if parts["kind"] != holder.kind:
        hint = f"Name a holder of that kind ({parts['kind']}) in the settings."
        raise KeyRefused(f"the site key is not held by {holder.kind}", where=where, hint=hint)
    return _opened(holder, parts["id"], bytes.fromhex(parts["identity"]), where)


def make_held(path: Path, holder: Holder, old: SiteKey | None = None) -> SiteKey:
    """A new key's file, which must not be there; with the pseudonyms of `old` if there is one.

    Raises KeyRefused, StoreUnavailable; then there is no file.
    """
    if path.exists():
        hint = "Give another name; to replace the key of a store: chartside audit rotate."
        raise KeyRefused("there is a file already", where=str(path), hint=hint)
    source = Source(secrets.token_hex(8), holder)
    before = old or SiteKey.held(source, secrets.token_bytes(IDENTITY_BYTES))
    sealed = before.identity_sealed_by(source)
    made = _opened(holder, source.key_id, sealed, str(path))  # it is read back before it is written
    write_private(path, f"{HELD}{holder.kind} {source.key_id}\n{IDENTITY} {sealed.hex()}\n")
    return made


def held_successor(path: Path, old: SiteKey, holder: Holder) -> SiteKey:
    """The held key in a file, made there when there is none, with the pseudonyms of the old one.

    Raises KeyRefused for a file that holds the key of another site, StoreUnavailable.
    """
    if not path.exists():
        return make_held(path, holder, old)
    hint = "Name a file that is not there: the new key's is made."
    text = read_private(path, what="the site key", hint=hint)
    new = open_held(text, holder, where=str(path))
    require_successor(path, new, old)
    return new


def _opened(holder: Holder, key_id: str, sealed: bytes, where: str) -> SiteKey:
    source = Source(key_id, holder)
    try:
        identity = source.open_first(Sample(sealed, (IDENTITY,)))
    except SealBroken:
        hint = "Name the key that sealed it; a rotated key and its file belong together."
        raise KeyRefused(
            f"the {holder.kind} key that the settings name is not this site key's",
            where=where,
            hint=hint,
        ) from None
    if len(identity) != IDENTITY_BYTES:
        hint = "Restore it from its backup."
        raise KeyRefused("the file holds no site key", where=where, hint=hint)
    return SiteKey.held(source, identity)


def _parts(text: str, where: str) -> dict[str, str]:
    match = _TEXT.fullmatch(text)
    if match is None:
        hint = "Restore it from its backup."
        raise KeyRefused("the file of a held site key is damaged", where=where, hint=hint)
    return match.groupdict()
