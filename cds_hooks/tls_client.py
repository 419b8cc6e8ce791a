"""TLS as a client: the same checks on every Python, and why a server's certificate was refused."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

__all__ = ["CERTIFICATE_FAULTS", "certificate_fault", "certificate_told", "client_context"]

CERTIFICATE_FAULTS: Mapping[str, str] = {
    "not-rfc-5280": "The certificate, or its CA's, is not as RFC 5280 asks: have the CA issue it "
    "again (docs/operators/certificates.md).",
    "other-name": "The certificate is for another name or address than the one that was called.",
    "out-of-date": "The certificate is not valid yet, or not any more; look at both clocks too.",
    "unknown-authority": "The certificate is of an authority that is not trusted here, or the "
    "server does not send its intermediate certificates.",
    "refused": "The certificate was refused: `openssl s_client -x509_strict` tells more.",
}
"""Why, as a word for logs, and what that means and asks for."""

_SAME_EVERYWHERE = ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
_DEEPEST = 8
# X509_V_ERR_* of OpenSSL 3's x509_vfy.h.
_BY_CODE = {
    **dict.fromkeys((9, 10), "out-of-date"),
    **dict.fromkeys((18, 19, 20, 21), "unknown-authority"),
    **dict.fromkeys((62, 64), "other-name"),
    # SIGNATURE_ALGORITHM_MISMATCH to INVALID_CA, and all that X509_V_FLAG_X509_STRICT adds.
    **dict.fromkeys((32, 37, *range(77, 94)), "not-rfc-5280"),
}


def client_context(authority: Path | str | None = None) -> ssl.SSLContext:
    """A context that asks for a certificate and the right name, and checks by RFC 5280.

    `authority` is the PEM file of the only CAs that are trusted; without it the system's are.
    Python 3.13 made these checks its default; here they are made on every Python, so that a
    certificate is not good until somebody upgrades. Raises OSError and ssl.SSLError for a file
    that cannot be used.
    """
    context = ssl.create_default_context(cafile=None if authority is None else str(authority))
    context.verify_flags |= _SAME_EVERYWHERE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def certificate_fault(error: BaseException | None) -> str:
    """A word of CERTIFICATE_FAULTS where a server's certificate was refused, or ''."""
    for _ in range(_DEEPEST):
        if isinstance(error, ssl.SSLCertVerificationError):
            return _BY_CODE.get(error.verify_code, "refused")
        if error is None:
            break
        error = error.__cause__ or error.__context__
    return ""


def certificate_told(error: BaseException | None) -> str:
    """What the fault means and asks for; '' where the certificate was not the trouble."""
    return CERTIFICATE_FAULTS.get(certificate_fault(error), "")
