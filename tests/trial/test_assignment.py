"""Which hooks are silent: the share, what it is drawn by, and what is always silent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cds_hooks.audit import SiteKey
from cds_hooks.consult import ClientTerms, ConsultConfig
from cds_hooks.consultation import Caller
from cds_hooks.intervals import wilson
from cds_hooks.protocol.request import HookContext, HookRequest
from cds_hooks.services import REGISTRY
from cds_hooks.services.service_definition import ServiceDefinition
from cds_hooks.settings import SettingsError, load_settings
from cds_hooks.trial.assignment import Mode, SilentTrial, Subject, draw, silent_services

KEY = SiteKey(bytes(32))
VIEW, START, BOOK, CHECK, CHECK_VIEW = (service.id for service in REGISTRY)
Write = Callable[[str], Path]
SERVER = "https://ehr.example/fhir"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(text: str) -> Path:
        path = tmp_path / "chartside.toml"
        path.write_text(text)
        return path

    return make


def trial(share: float, *services: str, name: str = "") -> SilentTrial:
    return SilentTrial(KEY.digest, frozenset(services), share, name)


def hashed(digits: str) -> SilentTrial:
    """A trial of half of encounters whose hash begins with these digits."""
    return SilentTrial(lambda *_: "h1:" + digits.ljust(64, "0"), share=0.5)


@pytest.mark.parametrize(
    ("digits", "silent"),
    [("0", True), ("7fffffffffffe", True), ("7ffffffffffff", True), ("8", False), ("f", False)],
)
def test_an_encounter_below_the_share_is_silent_and_one_at_it_is_not(
    digits: str, silent: bool
) -> None:
    assert hashed(digits).is_silent(VIEW, Subject(SERVER, "e1", "p1")) is silent


@pytest.mark.parametrize(
    "subject", [Subject(SERVER, "e1", "p1"), Subject("", "", "p"), Subject("")]
)
def test_a_share_of_none_silences_nobody_and_one_of_all_everybody(subject: Subject) -> None:
    assert not trial(0.0).is_silent(VIEW, subject)
    assert trial(1.0).is_silent(VIEW, subject)


def test_the_last_number_that_can_be_drawn_is_below_one() -> None:
    assert draw(lambda *_: "h1:" + "f" * 64, Subject("", "e")) == 0.9999999999999998
    assert draw(lambda *_: "h1:" + "0" * 64, Subject("", "e")) == 0.0


def test_a_hook_without_an_encounter_is_drawn_by_its_patient_and_one_of_nobody_is_silent() -> None:
    by_patient = draw(KEY.digest, Subject(SERVER, patient="p1"))
    assert by_patient != draw(KEY.digest, Subject(SERVER, "p1"))  # an encounter of the same id
    assert trial(by_patient + 1e-9).is_silent(BOOK, Subject(SERVER, patient="p1"))
    assert not trial(by_patient).is_silent(BOOK, Subject(SERVER, patient="p1"))
    assert trial(1e-9).is_silent(VIEW, Subject(SERVER))


def test_all_hooks_of_one_encounter_are_drawn_alike_whoever_its_patient_is_said_to_be() -> None:
    numbers = {
        draw(KEY.digest, Subject(server, "e1", patient))
        for server in (SERVER, SERVER + "/")
        for patient in ("p1", "")
    }
    assert len(numbers) == 1


def test_tenants_that_share_an_id_are_drawn_apart() -> None:
    alike = sum(
        trial(0.5).is_silent(VIEW, Subject("client:ehr/a|", str(n)))
        == trial(0.5).is_silent(VIEW, Subject("client:ehr/b|", str(n)))
        for n in range(400)
    )
    low, high = wilson(alike, 400)
    assert low < 0.5 < high


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_of_many_encounters_the_share_is_silent(share: float) -> None:
    drawn = trial(share)
    silent = sum(drawn.is_silent(VIEW, Subject(SERVER, f"enc-{n}")) for n in range(10_000))
    low, high = wilson(silent, 10_000)
    assert low <= share <= high


def test_a_larger_share_keeps_whoever_was_silent_and_another_name_draws_again() -> None:
    subjects = [Subject(SERVER, f"enc-{n}") for n in range(200)]
    few = {n for n, each in enumerate(subjects) if trial(0.2).is_silent(VIEW, each)}
    more = {n for n, each in enumerate(subjects) if trial(0.4).is_silent(VIEW, each)}
    other = {n for n, each in enumerate(subjects) if trial(0.2, name="b").is_silent(VIEW, each)}
    assert few < more
    assert few != other


def test_a_draw_is_the_same_in_every_process_and_at_all_times() -> None:
    """The literal is of another process: HMAC-SHA256 under the key, nothing of this run."""
    assert draw(KEY.digest, Subject(SERVER, "e1", "p1")) == NUMBER


NUMBER = 0.32305695347948293


def test_another_key_draws_otherwise() -> None:
    other = SiteKey(bytes(31) + b"\1")
    subject = Subject(SERVER, "e1")
    assert draw(other.digest, subject) != draw(KEY.digest, subject)


CLIENTS = {
    "ehr": ClientTerms((SERVER,), None, "generic"),
    "many": ClientTerms((SERVER, "https://b.example/fhir"), None, "generic"),
}


@pytest.mark.parametrize(
    ("client", "named", "scope"),
    [
        ("", SERVER, SERVER),
        ("", "", ""),
        ("ehr", SERVER, SERVER),
        ("ehr", "https://EHR.example:443/fhir/", SERVER),  # another spelling
        ("ehr", "", SERVER),  # the only one there is
        ("many", "", "client:many/t|"),
        ("ehr", "https://other.example/fhir", "client:ehr/t|https://other.example/fhir"),
        ("(inspector)", SERVER, f"client:(inspector)/t|{SERVER}"),
    ],
)
def test_an_encounter_is_one_within_a_server_or_a_client(
    client: str, named: str, scope: str
) -> None:
    config = ConsultConfig("http://x", 1, False, clients=CLIENTS)
    caller = Caller(client, tenant="t") if client else None
    context = HookContext(patient_id="p", encounter_id="e")
    request = HookRequest("patient-view", "1", context, fhir_server=named, caller=caller)
    assert config.encounter_scope(request) == scope


# --- services ---------------------------------------------------------------------------------


def test_a_service_is_silent_by_its_own_mode_or_that_of_all() -> None:
    every = frozenset(service.id for service in REGISTRY)
    assert silent_services(REGISTRY, Mode.SILENT, {}) == every
    assert silent_services(REGISTRY, Mode.CARDS, {CHECK: Mode.SILENT}) == {CHECK}
    but_one = silent_services(REGISTRY, Mode.SILENT, {CHECK: Mode.CARDS})
    assert but_one == every - {CHECK}
    assert trial(0.0, CHECK).is_silent(CHECK, Subject(SERVER, "e1"))
    assert not trial(0.0, CHECK).is_silent(VIEW, Subject(SERVER, "e1"))


def test_what_only_starts_work_is_silent_with_the_service_that_would_show_it() -> None:
    started: tuple[ServiceDefinition, ...] = tuple(s for s in REGISTRY if s.only_starts)
    assert [service.id for service in started] == [BOOK]
    found = silent_services(REGISTRY, Mode.CARDS, {VIEW: Mode.SILENT})
    assert found == {VIEW, BOOK}
    assert silent_services(REGISTRY, Mode.CARDS, {CHECK: Mode.SILENT}) == {CHECK}


def test_whether_a_service_may_be_silent_at_all() -> None:
    assert not trial(0.0).may_be_silent(VIEW)
    assert trial(0.01).may_be_silent(VIEW)
    assert trial(0.0, VIEW).may_be_silent(VIEW)


@pytest.mark.parametrize(
    "text",
    [
        "[trial]\nsilent_share = 1.01",
        "[trial]\nsilent_share = -0.01",
        "[trial]\nsilent_share = nan",
        "[trial]\nshare = 0.5",
        "[services]\nmode = 'quiet'",
        "[services.mode_by_service]\nno-service = 'silent'",
        "[services.mode_by_service]\nchartside-patient-view = 'off'",
    ],
)
def test_what_no_trial_can_be_is_refused(write: Write, text: str) -> None:
    with pytest.raises(SettingsError):
        load_settings(write(text), {})


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_the_bounds_of_the_share_are_settings(write: Write, share: float) -> None:
    settings = load_settings(write(f"[trial]\nsilent_share = {share}"), {})
    assert settings.trial.silent_share == share
