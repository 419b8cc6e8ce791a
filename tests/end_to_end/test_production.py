"""The `production` profile as a site runs it: refused without each thing, then the whole way.

A real process with `deploy/production.toml`, TLS, a client with its key, a site key, a ledger with
a witness, an egress lock, and an admitted model that is no demonstration.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jwt.algorithms import ECAlgorithm

from cds_hooks.admission.record import Purpose
from cds_hooks.audit import KeyRefused
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import ProfileNotAvailable, Settings, load_settings
from cds_hooks.settings.store_requirements import record_lacks
from tests.end_to_end.production import CATALOGUE, SERVICE, WHO, Served, Site, chartside
from tests.trust.conftest import Signer, key_set

pytestmark = [pytest.mark.model]
ROOT = Path(__file__).resolve().parents[2]
EMBEDDED = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"
# Of the patient whose chart is opened: what must be nowhere in clear.
NAME, MRN, DIAGNOSIS, ID = "Zylbersztejnova", "MRN-7731-0042", "Quokka fever", "pat-quux-19"

Change = Callable[[str], str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("production"))
    assert made.admit().admitted
    return made


@pytest.fixture(scope="module")
def served(site: Site) -> Iterator[Served]:
    with site.running() as running:
        running.until_ready()
        yield running


@pytest.fixture
def chart(demo_bundle: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The demonstration's chart under a name, a number and a diagnosis to look for."""
    text = json.dumps(demo_bundle).replace("demo-1", ID)
    resources: list[dict[str, Any]] = json.loads(text)
    [patient] = [each for each in resources if each["resourceType"] == "Patient"]
    patient["name"] = [{"family": NAME}]
    patient["identifier"] = [{"system": "urn:hospital:mrn", "value": MRN}]
    next(r for r in resources if r["resourceType"] == "Condition")["code"] = {"text": DIAGNOSIS}
    return resources


# --- what it does not start without --------------------------------------------------------------


def _without(pattern: str, new: str = "") -> Change:
    def change(text: str) -> str:
        changed, count = re.subn(pattern, new, text, flags=re.MULTILINE)
        assert count == 1, pattern
        return changed

    return change


LACKING: dict[str, tuple[str, Change]] = {
    "clients-missing": ("clients", _without(r"^\[\[clients\]\]\n(.+\n)+")),
    "client-jku-not-https": (
        "clients.0.jku", _without(r"^jwks_file = .*$", 'jku = "http://fhir.hospital.example/jwks"'),
    ),
    "client-lifetime-long": (
        "clients.0.max_lifetime_s", _without(r"^(jwks_file = .*)$", r"\1\nmax_lifetime_s = 7200"),
    ),
    "tls-missing": ("tls.certificate", _without(r"^\[tls\]\n(.+\n)+")),
    "public-url-not-https": (
        "server.public_url", _without(r"^public_url = .*$", 'public_url = "http://cds.example"'),
    ),
    "fhir-base-not-https": (
        "fhir.allowed_bases.0",
        _without(r"^allowed_bases = .*$", 'allowed_bases = ["http://fhir.hospital.example"]'),
    ),
    "cors-origin-not-https": (
        "server.cors_origins.0", _without(r"^(port = .*)$", r'\1\ncors_origins = ["http://x.example"]'),
    ),
    "records-in-build": (
        "store.path", _without(r"^path = .*records.sqlite\"$", f'path = "{ROOT}/build/r.sqlite"'),
    ),
    "site-key-missing": ("store.site_key", _without(r"^site_key = .*$", 'site_key = "none.key"')),
    "egress-not-locked": ("egress.lock", _without(r"^(confine_engine = .*)$", r"\1\nlock = false")),
    "engine-not-confined": (
        "egress.confine_engine", _without(r"^confine_engine = .*$", 'confine_engine = "off"'),
    ),
    "ledger-without-witness": ("ledger.witness_folder", _without(r"^witness_folder = .*\n")),
    "witness-not-https": (
        "witness.fhir_server",
        _without(r"^(\[admission\])$", r'[witness]\nfhir_server = "http://fhir.example/r4"\n\1'),
    ),
    "openid-not-https": (
        "openid.issuer",
        _without(
            r"^(\[admission\])$",
            r'[openid]\nissuer = "http://localhost:9400"\nclient_id = "c"\n'
            r'authentication = "none"\nviewers = ["v"]\n\1',
        ),
    ),
    "capture-without-reason": (
        "capture.reason", _without(r"^(\[admission\])$", r'[capture]\nfolder = "/captures"\n\1'),
    ),
    "admission-missing": ("admission.folder", _without(r"^\[admission\]\n(.+\n)+")),
    "admission-for-demonstration": (
        "admission.required", _without(r"^(\[admission\])$", r'\1\nrequired = "demonstration"'),
    ),
}  # fmt: skip


def _lacks(site: Site, text: str, environ: dict[str, str] | None = None) -> str:
    config = site.config.with_name("lacking.toml")
    config.write_text(text)
    with pytest.raises(ProfileNotAvailable) as refused:
        load_settings(config, environ or {})
    return refused.value.diagnostics()


@pytest.mark.parametrize("code", LACKING)
def test_it_does_not_start_without_each_thing_and_names_the_setting(site: Site, code: str) -> None:
    key, change = LACKING[code]
    told = _lacks(site, change(site.settings()))
    assert f"{code} at {key}: " in told
    assert told.count(" at ") == 2  # the lack's own, and that it is the profile's


def test_the_site_key_is_mode_checked(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    shutil.copytree(site.folder / "var/keys", folder)
    text = site.settings(site_key=f'site_key = "{folder}/site.key"')
    (folder / "site.key").chmod(0o640)
    assert "site-key-readable at store.site_key" in _lacks(site, text)
    (folder / "site.key").chmod(0o600)
    folder.chmod(0o775)
    assert "site-key-folder-writable at store.site_key" in _lacks(site, text)


def test_a_user_who_may_not_see_the_key_is_refused_where_it_is_read(
    site: Site, tmp_path: Path
) -> None:
    """Somebody else's command: `models admit` needs no key, `audit check` does."""
    folder = tmp_path / "keys"
    shutil.copytree(site.folder / "var/keys", folder)
    folder.chmod(0)
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            if os.getuid() == 0:  # whom rights do not stop
                os.setuid(65534)
            place = {"path": "/var/records.sqlite", "site_key": folder / "site.key"}
            settings = Settings.model_validate({"store": place})
            assert list(record_lacks(settings, {})) == []
            with pytest.raises(KeyRefused, match="cannot be read"):
                site_key(settings)
            status = 0
        os._exit(status)
    _, status = os.waitpid(child, 0)
    folder.chmod(0o700)
    assert status == 0


def test_the_site_key_is_in_no_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_KEY_OF_CHARTSIDE", "0" * 64)
    done = chartside("serve", "--port", "0", "--config", str(site.config), status=3)
    assert "site-key-in-environment at store.site_key" in done.stderr


@pytest.mark.parametrize(
    "issuer",
    ["https://sandbox.cds-hooks.org", "https://inferno.healthit.gov/suites/custom/crd_server"],
)
def test_the_public_test_tools_are_refused_by_name(site: Site, issuer: str) -> None:
    told = site.refused(issuer=f'issuer = "{issuer}"')
    assert "client-issuer-public at clients.0.issuer" in told


def test_the_page_has_every_code_of_what_production_lacks() -> None:
    page = (ROOT / "docs/operators/production.md").read_text()
    rules = [
        ROOT / f"cds_hooks/settings/{each}_requirements.py"
        for each in ("production", "client", "store")
    ]
    yields = r"(?:Lack|yield) ?\(?\"([a-z]+-[a-z-]+)\""
    codes = {code for rule in rules for code in re.findall(yields, rule.read_text())}
    assert len(codes) >= len(LACKING)
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []


def test_everything_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    config = tmp_path / "chartside.toml"
    config.write_text('profile = "production"\n')
    done = chartside("serve", "--config", str(config), status=3)
    for code in (
        "clients-missing", "tls-missing", "public-url-not-https", "site-key-", "admission-missing",
        "ledger-without-witness",
    ):  # fmt: skip
        assert code in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"signing_key": 'signing_key = "none.key"'}, "ledger.signing_key"),
        *(
            pytest.param(changed, names, marks=pytest.mark.slow)
            for changed, names in (
                ({"public_key": 'public_key = "none.pem"'}, "admission.public_key"),
                ({"folder": 'folder = "nowhere"'}, "admission.folder"),
                ({"certificate": 'certificate = "none.pem"'}, "tls.certificate"),
                ({"jwks_file": 'jwks_file = "none.json"'}, "jwks_file"),
            )
        ),
        ({"sha256": 'sha256 = ""'}, "model.sha256"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_named_and_not_there_is_refused_by_its_setting(
    site: Site, changed: dict[str, str], names: str
) -> None:
    told = site.refused(**changed)
    assert names in told
    assert len(told.splitlines()) == 1


# --- the whole way -------------------------------------------------------------------------------


def test_it_is_ready_with_lock_and_confined_engine(served: Served) -> None:
    ready = served.get("/readyz")
    assert ready.status_code == 200
    checks = ready.json()["checks"]
    assert checks.pop("engine_tuning")
    assert checks.pop("ledger_verified").startswith("ok")
    assert set(checks.values()) == {"ok"}
    assert served.get("/version").json()["profile"] == "production"


def test_an_ehr_with_its_token_discovers_opens_a_chart_and_gives_feedback_once_each(
    served: Served, chart: list[dict[str, Any]], open_chart: Callable[..., dict[str, Any]]
) -> None:
    offered = served.call("/cds-services").json()["services"]
    assert SERVICE.rpartition("/")[2] in [each["id"] for each in offered]
    body = open_chart(chart, ID)
    answer = served.call(SERVICE, body)
    assert answer.status_code == 200
    cards = answer.json()["cards"]
    assert cards
    links = [link["url"] for card in cards for link in card.get("links", ())]
    assert links
    assert all(url.startswith(served.site.public) for url in links)
    entry = {"card": cards[0]["uuid"], "outcome": "accepted"}
    entry |= {"outcomeTimestamp": "2026-01-01T00:00:00Z"}
    assert served.call(f"{SERVICE}/feedback", {"feedback": [entry]}).status_code == 200
    # The model is asked, and what it writes goes through the checks; it has random weights and
    # spells letter by letter, so that its list may end before it is whole.
    served.wait_for(lambda: '"event":"consultation"' in served.log, 500)
    assert re.search(r'"outcome":"(answered|empty|invalid-output)"', served.log)
    again = served.call(SERVICE, body).json()["cards"]
    assert all(card["source"]["label"] for card in again)


@pytest.mark.parametrize(
    ("path", "body"), [("/cds-services", None), (SERVICE, {}), (f"{SERVICE}/feedback", {})]
)
def test_without_a_good_token_the_answer_is_a_bare_401(
    served: Served, path: str, body: Any
) -> None:
    good, other = served.token(path), Signer(kid="ehr-1")
    wrong = (
        "", good[:-8] + "AAAAAAAA", served.token(path, aud="https://elsewhere.example" + path),
        served.token(path, exp=1), other.sign({"iss": served.site.issuer, "aud": path}),
    )  # fmt: skip
    for token in wrong:
        answer = served.call(path, body, token=token)
        assert (answer.status_code, answer.content) == (401, b"")
    # One of the refused may not have used the good one up, and it is good once.
    if body is None:
        assert served.call(path, body, token=good).status_code == 200
        assert served.call(path, body, token=good).status_code == 401


def test_it_is_spoken_to_over_tls_alone(served: Served) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(served.address.replace("https", "http") + "/healthz", trust_env=False)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.address}/healthz", trust_env=False)  # not our authority


def test_without_an_identity_provider_no_page_opens_that_asks_for_a_role(served: Served) -> None:
    assert '"event":"console-closed"' in served.log
    assert served.get("/").status_code == 200
    for page in ("/account", "/sign-in", "/inspector", "/statistics", "/docs", f"/open/{'x' * 75}"):
        assert served.get(page).status_code == 404, page


def test_the_basis_page_quotes_the_admission(served: Served) -> None:
    page = served.get("/basis").text
    assert "site-model" in page
    assert f"Admitted for clinical use by {WHO}" in page
    assert "top5" in page
    assert "demonstration" not in page.lower()


def test_an_integration_engineer_tries_it_with_the_command(
    served: Served, chart: list[dict[str, Any]], tmp_path: Path
) -> None:
    bundle, key = tmp_path / "chart.json", tmp_path / "ehr.jwk.json"
    bundle.write_text(json.dumps({"resourceType": "Bundle", "type": "collection",
                                  "entry": [{"resource": each} for each in chart]}))  # fmt: skip
    signer = served.site.signer
    private = ECAlgorithm.to_jwk(signer.key, as_dict=True)
    key.write_text(json.dumps({**private, "kid": signer.kid}))
    key.chmod(0o600)
    words = [
        "hook", "patient-view", "--bundle", str(bundle), "--url", served.address, "--json",
        "--authority", str(served.site.authority.pem), "--audience", served.site.public,
    ]  # fmt: skip
    signed = ["--key", str(key), "--issuer", served.site.issuer]
    assert json.loads(chartside(*words, *signed).stdout)["cards"]
    for refused in ([], ["--key", str(key), "--issuer", "https://elsewhere.example"]):
        done = chartside(*words, *refused, status=3)
        error = json.loads(done.stdout)["error"]
        assert error["code"] == "call-refused"
        assert "401" in error["diagnostics"]
    token = chartside(*words, *signed, "--print-token").stdout.strip()
    told = chartside("doctor", "token", "-", "--config", str(served.site.config), input=token)
    assert "FAIL" not in told.stdout
    assert served.call(SERVICE, {"no": "hook"}, token=token).status_code == 400


def test_nothing_of_the_patient_is_in_the_log_or_on_the_disk_in_clear(
    served: Served, chart: list[dict[str, Any]], open_chart: Callable[..., dict[str, Any]]
) -> None:
    assert served.call(SERVICE, open_chart(chart, ID)).status_code == 200
    files = [each for each in served.folder.rglob("*") if each.is_file()]
    names = {each.name for each in files}
    assert {"records.sqlite", "service.log"} <= names
    assert any(name.startswith("checkpoint-") for name in names)
    for word in (NAME, MRN, DIAGNOSIS, ID, "Quokka", "Creatinine"):
        ours = [each for each in files if "share" not in each.relative_to(served.folder).parts]
        assert [each.name for each in ours if word.encode() in each.read_bytes()] == []


def test_the_ledger_is_exported_and_verified_by_somebody_who_has_the_public_key_alone(
    served: Served, tmp_path: Path
) -> None:
    config = ("--config", str(served.site.config))
    # Taken first: a service that runs may sign more while the export is written.
    witness = shutil.copytree(served.folder / "witness", tmp_path / "witness")
    exported = chartside("audit", "export", str(tmp_path / "review"), *config, "--json")
    assert json.loads(exported.stdout)["records"] > 0
    offline = [
        "audit", "verify", str(tmp_path / "review"), "--json",
        "--witness", str(witness), "--public-key", str(served.site.ledger_key),
    ]  # fmt: skip
    no_settings = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    told = json.loads(chartside(*offline, env=no_settings).stdout)
    assert (told["whole"], told["witnessed"]) == (True, True)
    assert json.loads(chartside("audit", "check", *config, "--json").stdout)["whole"] is True


def test_nothing_gets_out_and_the_model_can_be_checked_by_the_commands_of_the_page(
    served: Served,
) -> None:
    config = ("--config", str(served.site.config))
    told = json.loads(chartside("egress", "report", *config, "--json").stdout)
    assert told["holds"] is True
    assert "read secret 3" in told["self_test"]["engine"]["tried"]
    assert "can be used" in chartside("models", "check", str(served.site.model), *config).stdout


@pytest.mark.slow
def test_it_stops_and_starts_again_with_its_records_its_tokens_and_its_ledger(
    tmp_path: Path, chart: list[dict[str, Any]], open_chart: Callable[..., dict[str, Any]]
) -> None:
    site = Site(tmp_path)
    site.admit()
    with site.running() as first:
        first.until_ready()
        used = first.token("/cds-services")
        assert first.call("/cds-services", token=used).status_code == 200
        assert first.stop() == 0
    with site.running() as second:
        second.until_ready()
        assert second.call("/cds-services", token=used).status_code == 401
        assert second.call(SERVICE, open_chart(chart, ID)).json()["cards"]
    command = ("audit", "query", "--type", "service-started", "--json")
    done = chartside(*command, "--config", str(site.config))
    assert len(done.stdout.splitlines()) >= 2
    whole = ("audit", "verify", "--config", str(site.config), "--json")
    told = json.loads(chartside(*whole, "--witness", str(site.folder / "witness")).stdout)
    assert told["whole"] is True


# --- which model ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.long  # tests/evaluation/test_admission.py decides by the same figures
def test_a_model_that_does_not_know_the_cases_is_not_admitted_for_clinical_use(
    tmp_path: Path,
) -> None:
    """By the site's own command, under the site's own production settings."""
    site = Site(tmp_path)
    record = tmp_path / "record.json"
    done = chartside(
        "models", "admit", str(site.model), "--who", WHO, "--key", str(tmp_path / "admission.key"),
        "--output", str(record), "--config", str(site.config), "--json",
        status=1, timeout=500, env={**os.environ, "CHARTSIDE_SERVICES__SAMPLES": "1"},
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert (told["purpose"], told["admitted"], told["demonstration"]) == ("clinical", False, False)
    failed = {each["figure"] for each in told["requirements"] if not each["met"]}
    assert "top5" in failed
    assert not list((tmp_path / "witness").iterdir())  # measuring is none of the ledger's business
    shutil.copy(record, tmp_path / "etc/admissions/site-model.gguf.admission.json")
    shutil.copy(tmp_path / "admission.key.pub", tmp_path / "etc/admission.pub")
    assert "was not admitted" in site.refused()


@pytest.mark.slow
def test_the_demonstration_model_is_refused_whatever_it_reached(tmp_path: Path) -> None:
    site = Site(tmp_path)
    shows = {"demonstration": True}
    assert not site.admit(EMBEDDED, purpose=Purpose.CLINICAL, **shows).admitted
    assert "was not admitted" in site.refused(EMBEDDED)
    assert site.admit(EMBEDDED, purpose=Purpose.DEMONSTRATION, **shows).admitted
    assert "for demonstration only" in site.refused(EMBEDDED)
    assert "no trusted record admits the model" in site.refused()


def test_a_published_key_is_refused_under_any_issuer(site: Site) -> None:
    inferno = {
        "kty": "EC", "crv": "P-384", "kid": "ours", "alg": "ES384", "use": "sig",
        "x": "JQKTsV6PT5Szf4QtDA1qrs0EJ1pbimQmM2SKvzOlIAqlph3h1OHmZ2i7MXahIF2C",
        "y": "bRWWQRJBgDa6CTgwofYrHjVGcO-A7WNEnu4oJA5OUJPPPpczgx1g2NsfinK-D2Rw",
    }  # fmt: skip
    place = site.folder / "etc/published.json"
    place.write_text(key_set(inferno))
    assert "jwks_file" in site.refused(jwks_file=f'jwks_file = "{place}"')


def test_the_example_catalogue_says_that_it_is_an_example() -> None:
    assert "nothing here is about a real model" in CATALOGUE.read_text()
