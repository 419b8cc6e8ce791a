"""Records of a whole service: sealed in its files, erased while it runs, rotated, put back."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import ROOT, Running, running_service

SENTINEL = "Zyzzogeton syndrome of Quux"
# No model is needed to record a chart: what cannot be asked is recorded as such.
SETTINGS = (
    '[model_server]\nbases = ["http://127.0.0.1:9"]\nmodel = "none"\ndemonstration = true\n'
    "[services]\nanswer_within_s = 3.0\n"
)


@pytest.fixture
def kept(
    tmp_path: Path, demo_bundle: list[dict[str, Any]], open_chart: Callable[..., dict[str, Any]]
) -> Iterator[tuple[Running, str]]:
    """A running service that has recorded a chart with the sentinel, and feedback; the patient."""
    condition = next(r for r in demo_bundle if r["resourceType"] == "Condition")
    condition["code"] = {"text": SENTINEL}
    patient = next(r["id"] for r in demo_bundle if r["resourceType"] == "Patient")
    with running_service(tmp_path, SETTINGS) as service:
        [card, *_] = service.hook(open_chart(demo_bundle))["cards"]
        entry = {
            "card": card["uuid"],
            "outcome": "overridden",
            "outcomeTimestamp": "2026-01-01T00:00:00Z",
            "overrideReason": {"userComment": SENTINEL},
        }
        path = "/cds-services/chartside-patient-view/feedback"
        assert service.post(path, {"feedback": [entry]}).status_code == 200
        yield service, patient


def _audit(folder: Path, *arguments: str, stdin: str = "", status: int = 0) -> dict[str, Any]:
    command = [sys.executable, "-m", "cds_hooks", "audit", *arguments, "--json"]
    if arguments[0] != "new-key":
        command += ["--config", str(folder / "chartside.toml")]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _holding(folder: Path, text: str) -> list[str]:
    return [file.name for file in folder.iterdir() if text.encode() in file.read_bytes()]


def test_no_file_of_the_service_holds_a_word_of_the_chart_and_the_record_can_be_read(
    kept: tuple[Running, str],
) -> None:
    service, _ = kept
    assert {"records.sqlite", "records.sqlite-wal", "service.log"} <= {
        file.name for file in service.folder.iterdir()
    }
    for word in (SENTINEL, "Zyzzogeton", "Creatinine", "Lovelace"):
        assert _holding(service.folder, word) == []
    found = _audit(service.folder, "check")
    assert found["whole"] is True
    assert found["opened"] >= 2


def test_what_clinicians_said_of_the_cards_can_be_read_by_the_site(
    kept: tuple[Running, str],
) -> None:
    service, _ = kept
    ids = set(re.findall(r'"consultation":"([^"]+)"', service.log))
    told = [_audit(service.folder, "feedback", each)["feedback"] for each in ids]
    [entry] = [entry for entries in told for entry in entries]
    assert (entry["outcome"], entry["userComment"]) == ("overridden", SENTINEL)
    assert _audit(service.folder, "feedback", "unknown")["feedback"] == []


@pytest.mark.slow
def test_erased_while_the_service_runs_nothing_is_readable_and_the_service_goes_on(
    kept: tuple[Running, str],
    demo_bundle: list[dict[str, Any]],
    open_chart: Callable[..., dict[str, Any]],
) -> None:
    service, patient = kept
    [card, *_] = service.hook(open_chart(demo_bundle))["cards"]
    link = next(each["url"] for each in card["links"] if "/consultations/" in each["url"])
    path = re.sub("^https?://[^/]+", "", link)
    assert service.get(path).status_code == 200
    hold = _audit(
        service.folder, "hold", "place", "--reference", "case-1", "--fhir-server", "",
        stdin=patient,
    )["holds"][0]["id"]  # fmt: skip
    erase = ("erase", "--fhir-server", "", "--yes")
    refused = _audit(service.folder, *erase, stdin=patient, status=3)
    assert refused["error"]["code"] == "hold-refused"
    _audit(service.folder, "hold", "release", hold)
    done = _audit(service.folder, *erase, stdin=f"Patient/{patient}\n")
    assert (done["keys"], done["feedback"]) == (1, 1)
    assert done["consultations"] >= 2
    assert service.get(path).status_code != 200
    found = _audit(service.folder, "check")
    assert (found["whole"], found["opened"]) == (True, 0)
    assert service.hook(open_chart(demo_bundle))["cards"]
    assert patient not in service.log
    assert _audit(service.folder, *erase, stdin="nobody")["keys"] == 0
    listed = subprocess.run(
        [sys.executable, "-m", "cds_hooks", "audit", "query", "--type", "patient-erased", "--json",
         "--config", str(service.folder / "chartside.toml")],
        capture_output=True, text=True, cwd=ROOT, check=True, timeout=300,
    )  # fmt: skip
    assert len(listed.stdout.splitlines()) == 2
    assert patient not in listed.stdout


@pytest.mark.slow
def test_copied_while_it_runs_rotated_when_it_is_stopped_and_put_back(
    kept: tuple[Running, str], tmp_path: Path
) -> None:
    service, patient = kept
    folder, copy = service.folder, tmp_path / "copy.sqlite"
    assert _audit(folder, "backup", "--to", str(copy))["whole"] is True
    assert _holding(tmp_path, SENTINEL) == []
    service.wait_for(lambda: service.get("/readyz").status_code in (200, 503), 120)
    refused = _audit(folder, "rotate", "--new-key", str(folder / "new.key"), status=1)
    assert refused["error"]["code"] == "store-refused"
    restore = ("restore", "--from", str(copy), "--reason", "a test", "--replace")
    refused = _audit(folder, *restore, status=3)
    assert refused["error"]["code"] == "backup-refused"
    _audit(folder, "erase", "--fhir-server", "", "--yes", stdin=patient)
    service.process.terminate()
    service.process.wait(60)
    _age(folder / "records.sqlite")
    restored = _audit(folder, *restore)
    assert (restored["whole"], restored["keys_erased_again"]) == (True, 1)
    found = _audit(folder, "check")
    assert (found["whole"], found["opened"], found["erased"] >= 2) == (True, 0, True)
    _age(folder / "records.sqlite")
    assert _audit(folder, "rotate", "--new-key", str(folder / "new.key"))["keys"] == 0
    assert (folder / "new.key.erased").exists()
    assert _audit(folder, "check", status=1)["error"]["code"] == "store-refused"
    config = (folder / "chartside.toml").read_text().replace("site.key", "new.key")
    (folder / "chartside.toml").write_text(config)
    assert _audit(folder, "check")["whole"] is True


def _age(place: Path) -> None:
    """The service's sign of life as it is after a while."""
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE store_metadata SET value = '1.0 1' WHERE name = 'last-probe'")
    connection.close()


def test_a_new_key_is_made_once_for_its_owner(tmp_path: Path) -> None:
    made = _audit(tmp_path, "new-key", str(tmp_path / "keys" / "site.key"))
    assert len(made["key"]) == 16
    assert (tmp_path / "keys" / "site.key").stat().st_mode & 0o777 == 0o600
    again = _audit(tmp_path, "new-key", str(tmp_path / "keys" / "site.key"), status=1)
    assert again["error"]["code"] == "site-key-refused"
