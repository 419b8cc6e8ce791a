"""Encryption at rest and on the way, where data may go, and how much of it is taken."""

from __future__ import annotations

from collections.abc import Iterator

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
_WRITABLE_BY_OTHERS = 0o022


def encrypted_at_rest(installation: InstallationFacts) -> Finding:
    """Every payload is sealed by a data key; the site key is closed to others and not beside it."""
    store = installation.store
    rows = f"{store.payloads} sealed by {store.data_keys} keys" if store else installation.unread
    return decide(
        _weaknesses_at_rest(installation),
        "each record is encrypted (AES-256-GCM) with its patient's key, which the site key wraps",
        Evidence("table", "consultations, feedback, data_keys", rows),
        Evidence("file", "store.site_key", installation.site_key_origin or "not read"),
    )


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
        if not here and address.startswith(_CLEAR):
            yield f"{key} is spoken to without TLS"


def egress_locked(installation: InstallationFacts) -> Finding:
    """No connection but to what settings list; the engine process has no network."""
    keys = ("egress.lock", "egress.confine_engine", "egress.networks", "egress.allow")
    faults = installation.lacking("egress-not-locked", "engine-not-confined")
    said = "the service connects to listed destinations only, and its engine process to none"
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
