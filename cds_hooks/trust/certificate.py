"""The certificate that a client has to show beside its token.

The idea is RFC 8705 (section 2.1, a subject's name; section 3, the SHA-256 of a certificate): a
token that was stolen is of no use to whoever has not the client's private key as well.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

from cryptography import x509

__all__ = ["fingerprint_of", "is_shown", "subject_of"]

_HEX = re.compile(r"[0-9a-f]{64}")


def is_shown(shown: bytes, fingerprints: Iterable[str], subjects: Iterable[str]) -> bool:
    """Whether a certificate (DER) is one of those named; true when none is named.

    Every name is compared, in constant time. A subject says something only of a certificate that
    an authority of the site's was checked against: whoever hands `shown` in has seen to that.
    """
    wanted_prints, wanted_subjects = tuple(fingerprints), tuple(subjects)
    if not wanted_prints and not wanted_subjects:
        return True
    own = hashlib.sha256(shown).hexdigest() if shown else ""
    named = _subject(shown) if shown else ""
    matches = [_same(own, each) for each in wanted_prints]
    matches += [_same(named, each) for each in wanted_subjects]
    return any(matches)


def fingerprint_of(text: str) -> str:
    """A SHA-256 fingerprint as 64 lower-case digits, from any usual spelling. Raises ValueError."""
    found = text.lower().removeprefix("sha256:").replace(":", "").replace(" ", "")
    if not _HEX.fullmatch(found):
        raise ValueError("a fingerprint is 64 hexadecimal digits (SHA-256 of the DER form)")
    return found


def subject_of(text: str) -> str:
    """A subject's name (RFC 4514) in one spelling. Raises ValueError."""
    try:
        found = x509.Name.from_rfc4514_string(text).rfc4514_string()
    except ValueError:
        found = ""
    if not found:
        raise ValueError("a subject is a name such as CN=ehr.hospital.example,O=Hospital")
    return found


def _subject(certificate: bytes) -> str:
    """The subject of a certificate; empty for bytes that are none."""
    try:
        return x509.load_der_x509_certificate(certificate).subject.rfc4514_string()
    except ValueError:
        return ""


def _same(shown: str, wanted: str) -> bool:
    same = hmac.compare_digest(shown.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))
    return same and bool(shown)
