"""The profiles and their checks, as `data/*.toml` has them: clause, source, probe."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from cds_hooks.compliance.checks import (
    access_probes,
    content_probes,
    protection_probes,
    record_probes,
)
from cds_hooks.compliance.checks.finding import Finding
from cds_hooks.compliance.checks.installation_facts import InstallationFacts

__all__ = ["PROBES", "PROFILES", "Check", "Profile", "profile"]

PROFILES = ("hipaa", "fda", "hti1", "aiact")

_MODULES = (access_probes, content_probes, protection_probes, record_probes)
PROBES: Mapping[str, Callable[[InstallationFacts], Finding]] = {
    name.replace("_", "-"): getattr(module, name) for module in _MODULES for name in module.__all__
}
"""Every probe by its name in the data."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Check(_Strict):
    """One check. `requires` is the clause in our own words, `checked` the day on which it was last
    compared with `source`; of a check without a `probe` only the site can say. `settle` says what
    would settle a result that is NOT ASSESSED, `mend` what to do about a FAIL. `tests` show that
    the control works, `pages` of the documentation describe it.
    """

    id: str
    clause: str
    requires: str
    source: str
    checked: date
    probe: str = ""
    settle: str
    mend: str = ""
    tests: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


class Profile(_Strict):
    """The checks of one body of rules. `binds` says whom it binds, `state` what is in force and by
    which source, `how_checked` what clauses were compared with, `beyond` what no check looks at.
    """

    id: str
    title: str
    binds: str
    state: str
    state_source: str
    checked: date
    how_checked: str
    beyond: str
    checks: tuple[Check, ...]


@cache
def profile(name: str) -> Profile:
    """The profile of this name (one of PROFILES). Raises KeyError for another."""
    if name not in PROFILES:
        raise KeyError(name)
    text = files("cds_hooks.compliance.checks").joinpath(f"data/{name}.toml").read_text("utf-8")
    return Profile.model_validate(tomllib.loads(text))
