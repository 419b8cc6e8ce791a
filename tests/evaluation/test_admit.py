"""Admission from end to end: a real model, the whole service, and the service that needs it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from cds_hooks.admission.lookup import SUFFIX
from cds_hooks.admission.record import AdmissionError
from cds_hooks.cli.application import app
from tests.inference import tiny_models

ROOT = Path(__file__).resolve().parents[2]
EMBEDDED = ROOT / "build" / "models" / "SmolLM2-135M-Instruct.Q8_0.gguf"


@pytest.fixture(scope="module")
def admitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the embedded model, its record and the keys, as a site would have them."""
    if not EMBEDDED.exists():
        pytest.fail("the embedded model is not in build/models: run `make`")
    folder = tmp_path_factory.mktemp("admission")
    model = folder / EMBEDDED.name
    model.symlink_to(EMBEDDED)
    words = ["models", "admit", str(model), "--who", "A. Clinician <b>", "--limit", "1"]
    words += ["--purpose", "demonstration", "--key", str(folder / "key.pem"), "--json"]
    command = [sys.executable, "-m", "cds_hooks", *words]
    brief = {**os.environ, "CHARTSIDE_SERVICES__SAMPLES": "1"}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, check=False, timeout=600, env=brief
    )
    assert done.returncode == 0, done.stderr.decode()
    (folder / "told.json").write_bytes(done.stdout)
    return folder


def settings(folder: Path, admitted: Path, *, model: Path | None = None, sha256: str = "") -> Path:
    """Settings of a service that requires the record in `admitted`."""
    config = folder / "chartside.toml"
    config.write_text(
        f'profile = "demo"\n[store]\npath = "{folder}/records.sqlite"\n'
        f'site_key = "{folder}/site.key"\n'
        f'[model]\npath = "{model or EMBEDDED}"\nsha256 = "{sha256}"\n'
        f'[admission]\nfolder = "{admitted}"\npublic_key = "{admitted}/key.pem.pub"\n'
        'required = "demonstration"\n'
    )
    return config


def serve(config: Path) -> list[str]:
    words = ["serve", "--port", "0", "--json", "--config", str(config)]
    return [sys.executable, "-m", "cds_hooks", *words]


@contextlib.contextmanager
def serving(config: Path) -> Iterator[str]:
    """The address of a service; it ends by its own process id."""
    log = config.with_suffix(".log")
    with log.open("wb") as out:
        process = subprocess.Popen(serve(config), stdout=out, stderr=out, cwd=ROOT)
    try:
        yield _address(log, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    ends = time.monotonic() + 300
    while time.monotonic() < ends and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if entry.get("event") == "listening":
                    return f"http://{entry['host']}:{entry['port']}"
        time.sleep(0.1)
    pytest.fail(log.read_text(errors="replace")[-2000:])


def refused(config: Path) -> str:
    """What a service says that does not start."""
    done = subprocess.run(serve(config), cwd=ROOT, capture_output=True, check=False, timeout=300)
    assert done.returncode == 3
    return (done.stdout + done.stderr).decode()


@pytest.mark.model
@pytest.mark.timeout(900)
def test_a_record_says_what_was_measured_of_which_file_and_who_signed(admitted: Path) -> None:
    record = json.loads((admitted / "told.json").read_bytes())
    assert record["admitted"]
    assert record["demonstration"]
    answered = record["figures"]["answered"]
    assert (answered["value"], answered["n"]) == (1.0, 1)
    assert answered["low"] == pytest.approx(0.2065, abs=1e-4)
    assert "the first 1 of" in record["manifest"]["suite"]["title"]
    assert record["manifest"]["template"]["id"].startswith("differential/")
    document = orjson.loads((admitted / f"{EMBEDDED.name}{SUFFIX}").read_bytes())
    assert document["key_id"] == record["key_id"]
    assert document["record"] == record
    assert (admitted / "key.pem").stat().st_mode & 0o077 == 0


@pytest.mark.model
@pytest.mark.timeout(900)
def test_a_service_that_requires_it_starts_and_quotes_figures_and_signer(
    admitted: Path, tmp_path: Path
) -> None:
    record = json.loads((admitted / "told.json").read_bytes())
    digest = record["manifest"]["model"]["sha256"]
    assert "model.sha256" in refused(settings(tmp_path, admitted))
    with serving(settings(tmp_path, admitted, sha256=digest)) as address:
        page = httpx.get(f"{address}/basis", timeout=60).text
    assert (
        f"by A. Clinician &lt;b&gt;, {record['date']}, signed with key {record['key_id']}" in page
    )
    assert "answered 1 (0.207 to 1), n = 1; required at least 1: met." in page
    assert "the first 1 of" in page


@pytest.mark.model
@pytest.mark.timeout(900)
@pytest.mark.slow
def test_another_file_of_the_same_name_is_refused(admitted: Path, tmp_path: Path) -> None:
    other = tmp_path / EMBEDDED.name
    whole = bytearray(EMBEDDED.read_bytes())
    whole[-1] ^= 1
    other.write_bytes(whole)
    said = refused(settings(tmp_path, admitted, model=other, sha256="e" * 64))
    assert "no trusted record admits the model" in said
    # Under the digest that was admitted the engine finds that it is not that file.
    digest = json.loads((admitted / "told.json").read_bytes())["manifest"]["model"]["sha256"]
    with serving(settings(tmp_path, admitted, model=other, sha256=digest)) as address:
        ends = time.monotonic() + 300
        while "digest-mismatch" not in (ready := httpx.get(f"{address}/readyz", timeout=60).text):
            assert time.monotonic() < ends, ready
            time.sleep(0.2)


@pytest.mark.model
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", ["who", "admitted", "figures"])
@pytest.mark.slow
def test_a_tampered_record_is_refused(admitted: Path, tmp_path: Path, part: str) -> None:
    document = orjson.loads((admitted / f"{EMBEDDED.name}{SUFFIX}").read_bytes())
    record = document["record"]
    record[part] = {"who": "B", "admitted": not record["admitted"], "figures": {}}[part]
    site = tmp_path / "site"
    site.mkdir()
    (site / f"{EMBEDDED.name}{SUFFIX}").write_bytes(orjson.dumps(document))
    (site / "key.pem.pub").write_bytes((admitted / "key.pem.pub").read_bytes())
    digest = record["manifest"]["model"]["sha256"]
    said = refused(settings(tmp_path, site, sha256=digest))
    assert "no trusted record admits the model" in said


def test_a_part_of_the_set_admits_for_no_patient(tmp_path: Path) -> None:
    words = ["models", "admit", "x.gguf", "--who", "x", "--key", f"{tmp_path}/k", "--limit", "1"]
    with pytest.raises(AdmissionError, match="for no patient"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert not (tmp_path / "k").exists()


def test_a_file_is_not_admitted_by_the_answers_of_another_model(tmp_path: Path) -> None:
    """A record names the digest that the settings state of a server's model."""
    file, config = tmp_path / "m.gguf", tmp_path / "site.toml"
    tiny_models.write("llama", file)
    config.write_text(
        f'[model_server]\nbases = ["http://127.0.0.1:9"]\nmodel = "m"\nsha256 = "{"a" * 64}"\n'
    )
    words = ["models", "admit", str(file), "--who", "x", "--key", f"{tmp_path}/k"]
    with pytest.raises(AdmissionError, match="not this file") as caught:
        CliRunner().invoke(app, [*words, "--config", str(config)], catch_exceptions=False)
    assert caught.value.where == "model_server.sha256"
    assert not (tmp_path / "k").exists()
