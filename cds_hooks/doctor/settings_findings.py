"""Settings: whether they can be read, fit together, suit their profile, and name what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from cds_hooks.doctor.context import Context
from cds_hooks.doctor.findings import Finding, Level, find
from cds_hooks.errors import ChartsideError
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.files import missing_data
from cds_hooks.runtime.self_check import Checked, quick_checks
from cds_hooks.runtime.silent_services import silent_state
from cds_hooks.settings import Settings, SettingsError, read_settings
from cds_hooks.settings.client_requirements import require_clients
from cds_hooks.settings.default_paths import made_by
from cds_hooks.settings.production_requirements import Lack, lacks
from cds_hooks.settings.start_requirements import require_reachable

__all__ = ["production_findings", "read", "self_check_findings", "settings_findings"]

_FILE = "settings-file"


def read(path: Path | None, environ: Mapping[str, str]) -> tuple[Settings | None, list[Finding]]:
    """The settings, or nothing and a finding for each key that is wrong."""
    where = str(path) if path else "the defaults and the environment"
    try:
        settings = read_settings(path, environ)
    except SettingsError as error:
        if not error.problems:
            hint = error.hint or "chartside init chartside.toml   # writes one that can be read"
            return None, [find(_FILE, Level.FAIL, error.where, hint, problem=error.message)]
        return None, [find(_FILE, Level.FAIL, key, problem=text) for key, text in error.problems]
    return settings, [find(_FILE, Level.PASS, where)]


async def settings_findings(context: Context) -> list[Finding]:
    """All that is told of settings that could be read."""
    settings = context.settings
    return [
        *_fit_findings(settings),
        *production_findings(settings.profile, lacks(settings)),
        *_data_findings(missing_data(settings)),
        *_silent_findings(settings),
        *self_check_findings(_computed(settings)),
    ]


def _fit_findings(settings: Settings) -> Iterator[Finding]:
    requirements: tuple[Callable[[Settings], None], ...] = (require_clients, require_reachable)
    found = []
    for require in requirements:
        try:
            require(settings)
        except SettingsError as error:
            found.append(
                find("settings-fit", Level.FAIL, error.where, error.hint, problem=error.message)
            )
    return iter(found or [find("settings-fit", Level.PASS)])


def production_findings(profile: str, found: Iterable[Lack]) -> Iterator[Finding]:
    """Each thing that production lacks; in the demo profile one finding that lists them."""
    name, missing = "production-requirement", tuple(found)
    if profile != "production":
        codes = ", ".join(dict.fromkeys(lack.code for lack in missing)) or "nothing more"
        yield find(name, Level.UNCHECKED, "profile", codes=codes)
    elif not missing:
        yield find(name, Level.PASS, "profile")
    for lack in missing if profile == "production" else ():
        yield find(name, Level.FAIL, lack.key, lack.todo, code=lack.code)


def _data_findings(missing: Iterable[tuple[str, Path]]) -> Iterator[Finding]:
    found = [
        find("data-file", Level.FAIL, key, made_by(path) or f'{key} = "..."', path=path)
        for key, path in missing
    ]
    yield from found or [find("data-file", Level.PASS)]


def _silent_findings(settings: Settings) -> Iterator[Finding]:
    """What a silent trial keeps from clinicians: intended, and not to be forgotten."""
    states = [(each, silent_state(settings, each)) for each in settings.services.enabled]
    found = [find("silent-trial", Level.WARN, each, state=state) for each, state in states if state]
    yield from found or [find("silent-trial", Level.PASS)]


def _computed(settings: Settings) -> list[Checked]:
    try:
        with Terminology(settings.terminology.path) as opened:
            return list(quick_checks(opened))
    except ChartsideError as error:
        missing = Checked("terminology", "the file", error.message)
        return [*quick_checks(), missing]


def self_check_findings(checked: Iterable[Checked]) -> Iterator[Finding]:
    """One finding when all values are right, else one for each that is wrong."""
    values = list(checked)
    wrong = [
        find("self-check", Level.FAIL, f"{one.part}: {one.name}", problem=one.problem)
        for one in values
        if one.problem
    ]
    yield from wrong or [find("self-check", Level.PASS, count=len(values))]
