"""Keys: the site key with its mode and age, files closed to others, the certificate's end."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from cds_hooks.audit import KeyRefused
from cds_hooks.doctor.context import Context
from cds_hooks.doctor.findings import Finding, Level, find
from cds_hooks.errors import ChartsideError
from cds_hooks.private_files import chmod
from cds_hooks.runtime.files import PrivateFile, private_files
from cds_hooks.runtime.records import find_key
from cds_hooks.runtime.tls import certificates_of
from cds_hooks.settings import Settings

__all__ = ["age_finding", "certificate_finding", "key_findings", "private_findings"]

_DAY_S = 86_400
_LONGEST_DAYS, _SOON_DAYS = 730, 30


async def key_findings(context: Context) -> list[Finding]:
    """Of the site key, private files and the service's certificate."""
    settings, now = context.settings, context.now()
    return [
        _site_key(settings),
        age_finding(settings.store.site_key, now),
        *private_findings(private_files(settings)),
        _certificate(settings, now),
    ]


def _site_key(settings: Settings) -> Finding:
    name, where, path = "site-key", "store.site_key", settings.store.site_key
    quoted = shlex.quote(str(path))
    try:
        found = find_key(settings)
    except KeyRefused as error:
        if _is_missing(path) and settings.profile == "demo":
            problem = f"{path} is not there yet: the demo profile makes it at the first start"
            return find(name, Level.UNCHECKED, where, path=quoted, problem=problem)
        mend = "" if _is_missing(path) else error.hint
        return find(name, Level.FAIL, where, mend, path=quoted, problem=error.message)
    except ChartsideError as error:  # its provider is away
        return find(name, Level.FAIL, where, error.hint, problem=error.message)
    level = Level.WARN if found.origin == "environment" else Level.PASS
    return find(name, level, where, path=quoted)


def _is_missing(path: Path) -> bool:
    try:
        return not path.exists()
    except OSError:
        return False


def age_finding(path: Path, now: float) -> Finding:
    """By the file's time of change: a rotated key is a new file."""
    name, where = "site-key-age", "store.site_key"
    try:
        days = int(max(0.0, now - path.stat().st_mtime) // _DAY_S)
    except OSError:
        return find(name, Level.UNCHECKED, where, path=shlex.quote(str(path)))
    level = Level.WARN if days > _LONGEST_DAYS else Level.PASS
    return find(name, level, where, days=days, path=shlex.quote(str(path)))


def private_findings(files: Iterable[PrivateFile]) -> Iterator[Finding]:
    """One finding for each file or folder that others may read."""
    looked_at = list(files)
    found = [
        find("private-file", Level.FAIL, each.key, chmod([each.path], each.mode), path=each.path)
        for each in looked_at
        if each.is_open
    ]
    yield from found or [find("private-file", Level.PASS, count=len(looked_at))]


def _certificate(settings: Settings, now: float) -> Finding:
    file = settings.tls.certificate
    if file is None:
        return find("tls-certificate", Level.UNCHECKED, "tls.certificate")
    try:
        certificates_of(settings)
        [first, *_] = x509.load_pem_x509_certificates(file.read_bytes())
    except ChartsideError as error:
        return find(
            "tls-certificate", Level.FAIL, "tls.certificate", error.hint, problem=error.message
        )
    except (OSError, ValueError):
        problem = "it is no certificate (PEM)"
        return find("tls-certificate", Level.FAIL, "tls.certificate", problem=problem)
    return certificate_finding(first.not_valid_after_utc, datetime.fromtimestamp(now, UTC))


def certificate_finding(ends: datetime, now: datetime) -> Finding:
    """By the days that are left; both with a time zone."""
    name, where, days = "tls-certificate", "tls.certificate", (ends - now).days
    if ends <= now:
        problem = f"it ended {-days} days ago: no EHR connects"
        return find(name, Level.FAIL, where, problem=problem)
    return find(name, Level.WARN if days < _SOON_DAYS else Level.PASS, where, days=days)
