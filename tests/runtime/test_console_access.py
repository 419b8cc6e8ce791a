"""Links of the running service: the file, the command, and what is recorded of whom."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.cli.open_link import open_link
from cds_hooks.console.access import Access, Reader, Role
from cds_hooks.console.access.links import LinkFault
from cds_hooks.runtime.console_access import (
    LinksUnavailable,
    access_of,
    link_secret,
    links_offered,
    local_address,
)
from cds_hooks.runtime.refused_calls import RefusedCall
from cds_hooks.settings import Settings, load_settings
from tests.console.conftest import make_site


class Recorded:
    """A store that keeps what is recorded."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    async def record_event(self, type_: str, /, **fields: Any) -> None:
        self.events.append((type_, fields))


def _settings(folder: Path, more: str = "") -> tuple[Path, Settings]:
    file = folder / "chartside.toml"
    file.write_text(f'[store]\npath = "r.sqlite"\nsite_key = "site.key"\n{more}')
    return file, load_settings(file, {})


def _access(settings: Settings, store: Any = None, refused: Any = lambda _: None) -> Access:
    return access_of(settings, make_site(profile=settings.profile), store or Recorded(), refused)


OPENID = """
[openid]
issuer = "https://idp.example.org"
client_id = "c"
authentication = "none"
viewers = ["v"]
"""


def test_a_provider_that_is_set_is_used_and_no_links(tmp_path: Path) -> None:
    assert _access(_settings(tmp_path)[1]).how == "link"
    _, settings = _settings(tmp_path, OPENID)
    access = _access(settings)
    assert access.how == "openid"
    with links_offered(access, settings, 8010) as link:
        assert link == ""
    assert not (tmp_path / "console.links").exists()


def test_the_secret_of_links_is_for_this_user_and_goes_with_the_service(tmp_path: Path) -> None:
    _, settings = _settings(tmp_path)
    access = _access(settings)
    file = tmp_path / "console.links"
    with links_offered(access, settings, 8010) as link:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        address, _, token = link.rpartition("/open/")
        assert address == "http://127.0.0.1:8010"
        assert access.links.use(token) is None
        file.chmod(0o640)
        with pytest.raises(LinksUnavailable, match="group or others may read"):
            link_secret(settings)
        file.chmod(0o600)
    assert not file.exists()
    with pytest.raises(LinksUnavailable, match="cannot be read"):
        link_secret(settings)


def test_the_command_makes_a_link_that_the_service_takes_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, settings = _settings(tmp_path)
    access = _access(settings)
    with links_offered(access, settings, 8010):
        open_link(config, json=False)
        open_link(config, json=True)
    plain, as_json = capsys.readouterr().out.splitlines()
    for link in (plain, json.loads(as_json)["link"]):
        token = link.removeprefix("http://127.0.0.1:8010/open/")
        assert [access.links.use(token) for _ in range(2)] == [None, LinkFault.USED]


def test_a_service_that_ends_leaves_the_file_of_one_that_started_later(tmp_path: Path) -> None:
    _, settings = _settings(tmp_path)
    earlier = links_offered(_access(settings), settings, 8010)
    earlier.__enter__()
    with links_offered(_access(settings), settings, 8011):
        earlier.__exit__(None, None, None)
        assert link_secret(settings)[1] == "http://127.0.0.1:8011"


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"secret": "zz", "address": ""}', "{}"])
def test_a_damaged_file_is_told(tmp_path: Path, damaged: str) -> None:
    _, settings = _settings(tmp_path)
    file = tmp_path / "console.links"
    file.write_text(damaged)
    file.chmod(0o600)
    with pytest.raises(LinksUnavailable, match="damaged"):
        link_secret(settings)


def test_production_without_a_provider_has_no_links(tmp_path: Path) -> None:
    settings = _settings(tmp_path)[1].model_copy(update={"profile": "production"})
    assert _access(settings).how == "none"


@pytest.mark.parametrize(
    ("more", "address"),
    [
        ("", "http://127.0.0.1:8010"),
        ('[server]\nhost = "::1"\n', "http://[::1]:8010"),
        (
            '[server]\nhost = "localhost"\npublic_url = "https://x.example"\n',
            "http://127.0.0.1:8010",
        ),
    ],
)
def test_a_link_leads_to_this_machine(tmp_path: Path, more: str, address: str) -> None:
    assert local_address(_settings(tmp_path, more)[1], 8010) == address


@pytest.mark.parametrize(("users", "field"), [("keyed", "user_id"), ("plain", "user_ref")])
async def test_a_subject_is_recorded_as_the_ledgers_users_are(
    tmp_path: Path, users: str, field: str
) -> None:
    _, settings = _settings(tmp_path, f'[ledger]\nusers = "{users}"\n')
    store = Recorded()
    access = _access(settings, store)
    await access.recording.happened(
        "signed-in", Reader("ann", "Ann", frozenset({Role.VIEWER}), "link")
    )
    [(kind, fields)] = store.events
    assert (kind, fields[field], fields["roles"]) == ("signed-in", "ann", ["viewer"])


def test_what_is_refused_is_counted_as_a_page(tmp_path: Path) -> None:
    told: list[RefusedCall] = []
    access = _access(_settings(tmp_path)[1], refused=told.append)
    access.recording.refused("id", "/open/{token}", "link-used")
    assert told == [RefusedCall("id", "/open/{token}", "link-used", "page")]
