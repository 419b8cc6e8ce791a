"""A production site made for tests: keys, certificate, EHR, model and settings, all of its own.

The settings are `deploy/production.toml` itself with the paths of a folder and what every site has
to fill in, so that the file that sites start from is the one that is tested.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from cds_hooks.admission.lookup import SUFFIX
from cds_hooks.admission.manifest import Manifest
from cds_hooks.admission.record import AdmissionRecord, Purpose
from cds_hooks.admission.signing import create_key, load_signing_key, sign
from cds_hooks.consultation import (
    Assessment,
    Candidate,
    CheckedConsultation,
    Consultation,
    Differential,
    Group,
    Outcome,
    Verdict,
)
from cds_hooks.evaluation.admission.acceptance import acceptance_suite
from cds_hooks.evaluation.admission.decision import decide
from cds_hooks.evaluation.matching import TruthMatcher
from cds_hooks.evaluation.runs.score import score
from cds_hooks.inference.worker.sandbox import landlock
from cds_hooks.plausibility import Terminology
from fhir_mapping.chart import Chart, PatientFacts
from tests.end_to_end.conftest import IN_BRIEF, ROOT, Running
from tests.inference.tiny_models import write
from tests.trust.conftest import Signer, good_claims, key_set
from tests.trust.test_transport import Authority

PRODUCTION, CATALOGUE = ROOT / "deploy/production.toml", ROOT / "deploy/models.toml"
SERVICE = "/cds-services/chartside-patient-view"
WHO = "Committee for clinical software"


class Site:
    """A folder with everything that `deploy/production.toml` names, made by the site's commands."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "etc/chartside.toml"
        self.told = tomllib.loads(PRODUCTION.read_text())
        self.public, self.issuer = self.told["server"]["public_url"], _issuer(self.told)
        for name in ("etc/tls", "etc/admissions", "var", "cache", "witness", "share/models"):
            (folder / name).mkdir(parents=True, mode=0o700)
        self.model = folder / "share/models/site-model.gguf"
        write("llama", self.model)
        for built in ("names.txt", "terminology.sqlite"):
            (folder / "share" / built).symlink_to(ROOT / "build" / built)
        (folder / "etc/models.toml").write_text(CATALOGUE.read_text())
        self._certify()
        self.signer = Signer(kid="ehr-1")
        (folder / "etc/ehr.jwks.json").write_text(key_set(self.signer.jwk()))
        chartside("audit", "new-key", str(folder / "var/keys/site.key"))
        made = chartside(
            "audit", "keygen", str(folder / "var/keys/ledger.key"),
            "--name", self.told["ledger"]["name"],
        )  # fmt: skip
        self.ledger_key = folder / "ledger.pub"
        self.ledger_key.write_text(made.stdout)
        self.config.write_text(self.settings())

    def _certify(self) -> None:
        self.authority = Authority(self.folder, "authority")
        certificate, key = self.authority.issue("service")
        certificate.rename(self.folder / "etc/tls/chain.pem")
        key.rename(self.folder / "etc/tls/key.pem")

    def settings(self, model: Path | None = None, **changed: str) -> str:
        """The file with this folder's paths; `changed` are whole lines by their key's name."""
        text, model = PRODUCTION.read_text(), model or self.model
        for there, here in (
            ("/etc/chartside", "etc"), ("/usr/share/chartside", "share"),
            ("/var/lib/chartside", "var"), ("/var/cache/chartside", "cache"),
            ("/mnt/witness/chartside", "witness"), ("0" * 64, ""),
        ):  # fmt: skip
            assert f'"{there}' in text
            new = str(self.folder / here) if here else _digest(model)
            text = text.replace(f'"{there}', f'"{new}')
        text = text.replace(str(self.model), str(model))
        if landlock.abi() < 6:
            changed.setdefault("confine_engine", 'confine_engine = "where-possible"')
        for key, line in changed.items():
            text, count = re.subn(rf"(?m)^{key} = .*$", line, text)
            assert count == 1, key
        return text

    def admit(
        self,
        model: Path | None = None,
        *,
        purpose: Purpose = Purpose.CLINICAL,
        demonstration: bool = False,
    ) -> AdmissionRecord:
        """A record as a model would get that knows every case, by the functions that make one."""
        model = model or self.model
        place = self.folder / "admission.key"
        key = load_signing_key(place) if place.exists() else create_key(place)
        (self.folder / "etc/admission.pub").write_bytes(place.with_suffix(".key.pub").read_bytes())
        record = _record(_digest(model), purpose, demonstration=demonstration)
        place = self.folder / f"etc/admissions/{model.name}{SUFFIX}"
        place.write_bytes(sign(record, key))
        return record

    def refused(self, model: Path | None = None, **changed: str) -> str:
        """What `chartside serve` says when it does not start with these changes."""
        config = self.config.with_name("refused.toml")
        config.write_text(self.settings(model, **changed))
        done = chartside("serve", "--port", "0", "--config", str(config), status=None)
        assert done.returncode in (1, 3), done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    @contextlib.contextmanager
    def running(self, *, limits: str = "") -> Iterator[Served]:
        """`chartside serve` on a free port; `limits` are words for `ulimit` before it starts."""
        command = [sys.executable, "-m", "cds_hooks", "serve", "--port", "0"]
        command += ["--config", str(self.config)]
        if limits:
            command = ["sh", "-c", f'ulimit {limits} && exec "$@"', "sh", *command]
        log = self.folder / "service.log"
        with log.open("ab") as out:
            began = log.stat().st_size
            process = subprocess.Popen(
                command, stdout=out, stderr=out, cwd=ROOT, env={**os.environ, **IN_BRIEF}
            )
        served = Served(self, process, began)
        try:
            served.until_listening()
            yield served
        finally:
            served.stop()


class Served(Running):
    """A running production service, called over TLS as `server.public_url`'s host."""

    def __init__(self, site: Site, process: subprocess.Popen[bytes], began: int) -> None:
        super().__init__("", process, site.folder)
        self.site, self._began = site, began

    @property
    def log(self) -> str:
        raw = (self.folder / "service.log").read_bytes()
        return raw[self._began :].decode(errors="replace")

    def until_listening(self) -> None:
        self.wait_for(lambda: bool(self._port()) or self.process.poll() is not None, 120)
        assert self._port(), self.log
        self.address = f"https://127.0.0.1:{self._port()}"

    def _port(self) -> int:
        for line in self.log.splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if entry.get("event") == "listening":
                    return int(entry["port"])
        return 0

    def call(self, path: str, body: Any = None, *, token: str | None = None) -> httpx.Response:
        """A call with a token of the EHR for this path; another one, or "" for none."""
        if token is None:
            token = self.token(path)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        context = ssl.create_default_context(cafile=str(self.site.authority.pem))
        with httpx.Client(verify=context, trust_env=False, timeout=120) as http:
            if body is None:
                return http.get(f"{self.address}{path}", headers=headers)
            return http.post(f"{self.address}{path}", json=body, headers=headers)

    def get(self, path: str) -> httpx.Response:
        return self.call(path, token="")

    def token(self, path: str, **changes: Any) -> str:
        claims = good_claims(iss=self.site.issuer, aud=f"{self.site.public}{path}")
        return self.site.signer.sign({**claims, **changes})

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def chartside(
    *arguments: str, status: int | None = 0, timeout: float = 300, **options: Any
) -> subprocess.CompletedProcess[str]:
    """A command of ours; it must end with this status, if one is given."""
    command = [sys.executable, "-m", "cds_hooks", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=timeout, check=False, **options
    )
    assert status in (None, done.returncode), done.stdout + done.stderr
    return done


def _issuer(told: dict[str, Any]) -> str:
    [client] = told["clients"]
    return str(client["issuer"])


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _record(digest: str, purpose: Purpose, *, demonstration: bool) -> AdmissionRecord:
    """What a model that lists the truth of every case reaches, checked against the purpose."""
    now = datetime.now(UTC)
    suite = acceptance_suite(now)
    with Terminology(ROOT / "build/terminology.sqlite") as terminology:
        matcher = TruthMatcher(terminology)
        results = [
            score(case, _right(case.gold.name), matcher, seconds=1.0) for case in suite.cases
        ]
    manifest = Manifest(
        suite=suite.part,
        model={"name": "site-model", "sha256": digest},
        template={"id": "differential/2", "sha256": "1" * 64},
        settings={"sha256": "2" * 64},
        terminology={},
        seed=0,
        samples=1,
        started=now.isoformat(timespec="seconds"),
        chartside="0.1.0",
        demonstration=demonstration,
    )
    return decide(manifest, results, purpose=purpose, who=WHO, now=now)


def _right(name: str) -> Consultation:
    """An answer that lists the truth and nothing else."""
    one = Differential((Candidate(name, Group.LIKELY),))
    listed = Assessment(name, Group.LIKELY, Verdict.SUPPORTED, agreement=1.0, reasons=())
    return CheckedConsultation(
        id="c", key="k", service="s", created=0.0, patient_key="p",
        chart=Chart(PatientFacts(), ()), differentials=(one,), assessments=(listed,),
        outcome=Outcome.ANSWERED, tokens={"prompt": 100, "answer": 50},
    )  # fmt: skip
