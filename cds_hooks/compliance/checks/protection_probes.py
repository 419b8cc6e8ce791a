"""Encryption at rest and on the way, where data may go, and how much of it is taken."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from cds_hooks.compliance.checks.finding import Evidence, Finding, Result, decide, setting
from cds_hooks.compliance.checks.installation_facts import InstallationFacts

__all__ = [
    "egress_locked",
    "encrypted_at_rest",
    "minimum_asked",
    "production_lacks_nothing",
    "settings_closed",
    "ways_encrypted",
]

_KEY_LACKS = (
    "site-key-in-environment",
    "site-key-missing",
    "site-key-in-build",
    "site-key-readable",
    "site-key-folder-writable",
)
_CLEAR = ("http://", "tcp://", "udp://")
# libpq, "SSL Mode Descriptions": the modes that never fall back to a connection in clear.
_SSL_MODES = ("require", "verify-ca", "verify-full")
_WRITABLE_BY_OTHERS = 0o022


def encrypted_at_rest(installation: InstallationFacts) -> Finding:
    """Every payload is sealed by a data key; the site key is closed to others and not beside it."""
    store, faults = installation.store, tuple(_weaknesses_at_rest(installation))
    rows = f"{store.payloads} sealed by {store.data_keys} keys" if store else installation.unread
    shown = (
        Evidence("table", "consultations, feedback, data_keys", rows),
        Evidence("file", "store.site_key", installation.site_key_origin or "not read"),
    )
    if store is None and not faults:
        return Finding(Result.NOT_ASSESSED, "there is no record to look at", shown)
    said = "each record is encrypted (AES-256-GCM) with its patient's key, which the site key wraps"
    return decide(faults, said, *shown)


def _weaknesses_at_rest(installation: InstallationFacts) -> Iterator[str]:
    if installation.store is not None and installation.store.unsealed:
        yield f"{installation.store.unsealed} records name no data key that is there"
    yield from installation.lacking(*_KEY_LACKS)
    if installation.open_files:
        yield f"others can read what these settings name: {', '.join(installation.open_files)}"


def ways_encrypted(installation: InstallationFacts) -> Finding:
    """What comes in is under TLS or stays on this machine, and so is what goes out."""
    tls = "tls.certificate", "tls.least", "proxy.addresses", "server.host", "server.public_url"
    return decide(
        [*_clear_ways_in(installation), *_clear_ways_out(installation)],
        "calls and connections are under TLS 1.2 or later, or do not leave this machine",
        *(setting(installation, key) for key in tls),
        Evidence("setting", "destinations", str(len(installation.destinations))),
    )


def _clear_ways_in(installation: InstallationFacts) -> Iterator[str]:
    if installation.is_local and not installation.is_production:
        return
    yield from installation.lacking("tls-missing", "public-url-not-https")


def _clear_ways_out(installation: InstallationFacts) -> Iterator[str]:
    for key, address, here in installation.destinations:
        if here:
            continue
        if address.startswith(_CLEAR):
            yield f"{key} is spoken to without TLS"
        elif address.startswith("postgresql://") and not _asks_for_tls(installation):
            yield f"{key} does not say sslmode=require or stricter"


def _asks_for_tls(installation: InstallationFacts) -> bool:
    """Whether the database's URL makes libpq refuse a connection without TLS."""
    query = parse_qs(urlsplit(str(installation.settings["store.path"])).query)
    return query.get("sslmode", [""])[-1] in _SSL_MODES


def egress_locked(installation: InstallationFacts) -> Finding:
    """No connection but to what settings list; the engine process has no network."""
    keys = ("egress.lock", "egress.confine_engine", "egress.networks", "egress.allow")
    faults = installation.lacking("egress-not-locked", "engine-not-confined")
    said = (
        "the lock refuses what no setting lists, and the engine process is confined as far as the "
        "setting says; chartside egress report tries both"
    )
    return decide(faults, said, *(setting(installation, key) for key in keys))


def minimum_asked(installation: InstallationFacts) -> Finding:
    """A reason is published for each thing that is asked for, and no chart is copied whole."""
    faults = [
        f"{service.id} asks for {', '.join(service.unexplained)} and gives no reason"
        for service in installation.services
        if service.unexplained
    ]
    if installation.settings["capture.folder"] and not installation.settings["capture.redact"]:
        faults.append("calls are captured as files with all that they hold")
    shown = Evidence("program", "prefetch templates", f"of {len(installation.services)} services")
    said = "each prefetch key has a published reason; identifiers are masked before a model reads"
    return decide(faults, said, shown, setting(installation, "capture.folder"))


def settings_closed(installation: InstallationFacts) -> Finding:
    """Only its owner can change the settings file."""
    mode = installation.config_mode
    if mode is None:
        told = "no settings file was given (--config)"
        return Finding(Result.NOT_ASSESSED, told, (Evidence("file", "--config", "none"),))
    shown = Evidence("file", "the settings file", f"mode {mode:04o}")
    faults = ["group or others can change the settings"] if mode & _WRITABLE_BY_OTHERS else []
    said = "only the file's owner changes what is offered; each change is on record at the start"
    return decide(faults, said, shown)


def production_lacks_nothing(installation: InstallationFacts) -> Finding:
    """The controls of the production profile are all there."""
    faults = [f"{code} at {key}" for code, key in installation.lacks]
    if not installation.is_production:
        faults.insert(0, "the demo profile is for invented data")
    said = "the production profile lacks nothing that it asks for"
    return decide(faults, said, setting(installation, "profile"))
