"""`chartside hook` and `chartside simulate` with charts from files, captures and FHIR servers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.cli import hook_service
from cds_hooks.cli.application import main
from tests.cds_client.conftest import faulty_fhir
from tests.conform.faulty_service import FaultyService, running
from tests.prewarm.conftest import Served, serve

__all__ = ["serve"]

Run = Callable[..., tuple[int, str, str]]
TOKEN = "s3cret-t0ken"
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1950-01-01", "gender": "female"}
CONDITION = {
    "resourceType": "Condition",
    "id": "c",
    "code": {"text": "Gout"},
    "subject": {"reference": "Patient/p"},
    "category": [{"coding": [{"code": "problem-list-item"}]}],
}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["chartside", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


@pytest.fixture
def service() -> Iterator[FaultyService]:
    """A CDS Hooks service that keeps what it was asked."""
    made = FaultyService()
    with running(made):
        yield made


@pytest.fixture
def fhir(serve: Callable[[Any], Served]) -> Callable[..., str]:
    return lambda fault="": f"{serve(faulty_fhir(fault)).url}/fhir"


def write(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entry = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entry}


def captured(**changes: Any) -> dict[str, Any]:
    prefetch = {"patient": PATIENT, "conditions": bundle(CONDITION), "mine": None}
    context = {"userId": "Practitioner/1", "patientId": "p"}
    request = {"hook": "patient-view", "hookInstance": "i", "context": context, **changes}
    return {"prefetch": prefetch, **request}


def test_a_patient_of_a_fhir_server_is_sent_as_prefetch(
    run: Run, service: FaultyService, fhir: Callable[..., str]
) -> None:
    code, out, err = run("hook", "patient-view", "--url", service.base, "--fhir-server", fhir(),
                         "--patient", "Patient/alpha", "--json")  # fmt: skip
    assert code == 0, out + err
    assert json.loads(out)["cards"]
    [sent] = service.received
    assert sent["context"]["patientId"] == "alpha"
    assert sent["prefetch"]["patient"]["id"] == "alpha"
    assert "fhirAuthorization" not in sent


@pytest.mark.parametrize("fault", ["html", "401", "404", "redirect"])
def test_a_server_that_cannot_be_read_ends_with_a_code_and_one_line(
    run: Run, service: FaultyService, fhir: Callable[..., str], fault: str
) -> None:
    code, _, err = run("hook", "patient-view", "--url", service.base, "--fhir-server", fhir(fault),
                       "--patient", "alpha")  # fmt: skip
    assert code == 3
    assert err.startswith("chartside: chart-not-read: ")
    assert len(err.strip().splitlines()) == 1
    assert service.received == []


def test_a_service_that_answers_a_web_page_is_told(
    run: Run, service: FaultyService, tmp_path: Path
) -> None:
    service.fault = "discovery-html"
    file = write(tmp_path / "chart.json", bundle(PATIENT))
    code, _, err = run("hook", "patient-view", "--url", service.base, "--bundle", file)
    assert code == 3
    assert err.startswith("chartside: call-refused: the answer is no JSON object")
    assert "[base]/cds-services" in err


def test_an_answer_that_is_too_large_is_not_read_whole(
    run: Run, service: FaultyService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_service, "_LARGEST", 100)
    file = write(tmp_path / "chart.json", bundle(PATIENT))
    code, _, err = run("hook", "patient-view", "--url", service.base, "--bundle", file)
    assert code == 3
    assert err.startswith("chartside: call-refused: the answer has more than 100 bytes")


def test_templates_that_are_none_end_no_command(
    run: Run, service: FaultyService, tmp_path: Path
) -> None:
    service.fault = "prefetch-array"
    file = write(tmp_path / "chart.json", bundle(PATIENT, CONDITION))
    code, _, err = run("hook", "patient-view", "--url", service.base, "--bundle", file)
    assert (code, service.received[0]["prefetch"]) == (3, {})
    assert err.startswith("chartside: call-refused: the service answered 412")


def test_what_is_not_whole_is_told_and_left_out(
    run: Run, service: FaultyService, fhir: Callable[..., str]
) -> None:
    code, _, err = run("hook", "patient-view", "--url", service.base, "--fhir-server",
                       fhir("conditions-forbidden"), "--patient", "alpha", "--json")  # fmt: skip
    assert code == 0
    assert "chartside: not whole: conditions (forbidden)" in err
    assert "conditions" not in service.received[0]["prefetch"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--bundle FILE, --fhir-server URL"),
        (("--fhir-server", "http://127.0.0.1:1/fhir", "--sandbox", "hapi"), "--sandbox NAME"),
        (("--fhir-server", "http://ehr.example.org/fhir"), "not read in clear"),
        (("--fhir-server", "ftp://ehr.example.org"), "no FHIR base URL"),
        (("--fhir-server", "http://127.0.0.1:1/fhir", "--patient", "a/b c"), "no patient id"),
        (("--fhir-server", "http://127.0.0.1:1/fhir", "--token-env", "NOT_SET"), "no bearer token"),
        (("--fhir-server", "http://127.0.0.1:1/fhir", "--client-id", "me"), "belong together"),
        (("--sandbox", "epic"), "wants a registered client"),
        (("--sandbox", "epci"), "Known are smart, hapi, epic"),
        (("--fhir-server", "http://169.254.169.254/fhir", "--patient", "p"), "never spoken to"),
    ],
)
def test_a_way_in_that_cannot_be_is_refused_with_what_to_do(
    run: Run, arguments: tuple[str, ...], told: str
) -> None:
    code, _, err = run("hook", "patient-view", "--url", "http://127.0.0.1:1", *arguments)
    assert code == 3
    assert told in err
    assert "Traceback" not in err


def test_a_token_that_others_may_read_is_not_used(run: Run, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o644)
    arguments = ("--fhir-server", "http://127.0.0.1:1/fhir", "--patient", "p")
    code, _, err = run("hook", "patient-view", *arguments, "--token-file", str(token))
    assert code == 3
    assert "chmod 600" in err
    assert TOKEN not in err


def test_no_option_takes_a_token_itself() -> None:
    from tests.cli.test_registry import COMMANDS

    for words in (("hook",), ("simulate",)):
        names = {name for parameter in COMMANDS[words].params for name in parameter.opts}
        assert not names & {"--token", "--password", "--client-secret"}


def test_a_captured_request_is_sent_as_it_was(
    run: Run, service: FaultyService, tmp_path: Path
) -> None:
    file = write(tmp_path / "captured.json", captured())
    code, _, err = run("hook", "patient-view", "--url", service.base, "--bundle", file)
    assert code == 0, err
    assert service.received[0]["prefetch"] == captured()["prefetch"]
    assert service.received[0]["hookInstance"] != "i"


def test_a_captured_request_is_mapped(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "captured.json", captured())
    code, out, err = run("map", file, "--json")
    assert code == 0, out + err
    assert [fact["text"] for fact in json.loads(out)["facts"]] == ["Gout"]


def test_a_capture_of_another_version_and_another_patient_are_told(
    run: Run, tmp_path: Path
) -> None:
    envelope = {"format": "chartside-captured-request", "version": 9, "request": captured()}
    code, _, err = run("map", write(tmp_path / "new.json", envelope))
    assert code == 3
    assert "capture-unusable: the capture is of version 9 at new.json" in err
    file = write(tmp_path / "captured.json", captured())
    code, _, err = run("hook", "patient-view", "--bundle", file, "--patient", "q")
    assert code == 3
    assert "another patient" in err


def test_many_charts_are_opened_and_counted(
    run: Run, service: FaultyService, tmp_path: Path
) -> None:
    folder = tmp_path / "charts"
    folder.mkdir()
    for name in ("Ada", "Bob"):
        write(folder / f"{name}.json", bundle({**PATIENT, "id": name}))
    write(folder / "captured.json", captured())
    service.fault = ""
    code, out, err = run("simulate", service.base, "--bundle", str(folder), "--json")
    assert code == 0, out + err
    told = json.loads(out)
    assert told["charts"] == 3
    assert told["outcomes"] == {"cards": 3}
    assert told["indicators"] == {"info": 3}
    assert set(told["latency_ms"]) == {"median", "p95", "longest"}
    assert "Ada" not in out + err
    assert {r["context"]["patientId"] for r in service.received} == {"Ada", "Bob", "p"}


def test_charts_that_are_not_answered_are_told_by_their_place(
    run: Run, service: FaultyService, fhir: Callable[..., str], tmp_path: Path
) -> None:
    patients = tmp_path / "patients.txt"
    patients.write_text("alpha\nnobody\n")
    code, out, err = run("simulate", service.base, "--patients", str(patients), "--fhir-server",
                         fhir(), "--json")  # fmt: skip
    assert code == 4, err
    told = json.loads(out)
    assert told["outcomes"] == {"cards": 1, "chart-not-read": 1}
    assert told["problems"] == [{"chart": "line 2", "code": "chart-not-read"}]
    code, out, _ = run("simulate", service.base, "--patients", str(patients), "--fhir-server",
                       fhir())  # fmt: skip
    assert "chart-not-read" in out
    assert "nobody" not in out


def test_simulate_wants_charts(run: Run, tmp_path: Path) -> None:
    code, _, err = run("simulate", "http://127.0.0.1:1")
    assert code == 3
    assert "--bundle PATH" in err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("simulate", "http://127.0.0.1:1", "--bundle", str(empty))[0] == 3


@pytest.mark.fhir_server
def test_a_patient_of_the_real_server(
    run: Run, service: FaultyService, fhir_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fhir_server.load(bundle({**PATIENT, "id": "hook-a"}))
    monkeypatch.setenv("FHIR_TEST_TOKEN", fhir_server.token)
    where = ("--fhir-server", fhir_server.base, "--patient", "hook-a")
    code, out, err = run("hook", "patient-view", "--url", service.base, *where,
                         "--token-env", "FHIR_TEST_TOKEN", "--json")  # fmt: skip
    assert code == 0, out + err
    assert service.received[0]["prefetch"]["patient"]["id"] == "hook-a"
    assert fhir_server.token not in out + err
    code, _, err = run("hook", "patient-view", "--url", service.base, *where)
    assert code == 3
    assert "--token-env" in err
