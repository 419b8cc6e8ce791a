"""The real service with one EHR that starts it as an app, and that EHR's authorization server."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import httpx

from cds_hooks.cds_client.requests import hook_request
from cds_hooks.services import find
from cds_hooks.settings import Settings
from tests.console.smart_launch.smart_server import CLIENT_ID, SECRET, SmartServer
from tests.console.whole_service import PATIENT_VIEW, ROOT, WholeService
from tests.hostile.charts import Hostile, resources
from tests.trust.conftest import ISSUER, Signer

__all__ = ["SmartService"]


class SmartService(WholeService):
    """`ehr` is the authorization server; hooks come with a token of its client."""

    def __init__(self, folder: Path) -> None:
        self.ehr = SmartServer()
        self._signer = Signer()
        self.browsers: list[httpx.Client] = []
        super().__init__(folder, self._settings)
        self.ehr.redirect_uri = f"{self.url}/smart/callback"

    def _settings(self, folder: Path, port: int) -> Settings:
        secret = folder / "app.secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        client = {
            "name": "ehr",
            "issuer": ISSUER,
            "jwks": json.dumps({"keys": [self._signer.jwk()]}),
            "smart_launch": True,
            "smart_client_id": CLIENT_ID,
            "smart_client_secret": str(secret),
        }
        return Settings.model_validate(
            {
                "store": {"path": str(folder / "r.sqlite"), "site_key": str(folder / "site.key")},
                "services": {"answer_within_s": 0.5, "recall_s": 0},
                "terminology": {"path": str(ROOT / "build" / "terminology.sqlite")},
                "fhir": {"allowed_bases": [self.ehr.base]},
                "console": {"sign_ins_per_minute": 6000},
                "clients": [client],
            }
        )

    def stop(self) -> None:
        super().stop()
        self.ehr.stop()

    def opened(self, chart: Hostile) -> dict[str, Any]:
        """The link of the card that the EHR gets when this patient's chart is opened."""
        self.engine.chart = chart
        service = find(PATIENT_VIEW)
        assert service is not None
        body = hook_request(
            "patient-view",
            service.prefetch,
            resources(chart),
            patient_id=chart.patient_id,
            encounter_id="e1",
        )
        body["fhirServer"] = self.ehr.base
        url = f"{self.url}/cds-services/{PATIENT_VIEW}"
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": url, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
        headers = {"Authorization": f"Bearer {self._signer.sign(claims)}"}
        answer = httpx.post(url, json=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        [link] = [each for each in answer.json()["cards"][0]["links"] if each["type"] == "smart"]
        return dict(link)

    def browser(self) -> httpx.Client:
        """A browser without a window: it follows redirects and has cookies of its own."""
        headers = {"Accept": "text/html"}
        made = httpx.Client(follow_redirects=True, timeout=30, headers=headers)
        self.browsers.append(made)
        return made

    def launch(
        self, browser: httpx.Client, patient: str, link: dict[str, Any] | None = None, **says: Any
    ) -> httpx.Response:
        """What the EHR does for a clinician who opens a card's link, and where that leads."""
        self.ehr.says.patient = patient
        self.ehr.says.app_context = link["appContext"] if link else None
        for name, value in says.items():
            setattr(self.ehr.says, name, value)
        url = link["url"] if link else f"{self.url}/smart/launch"
        return browser.get(url, params={"iss": self.ehr.base, "launch": uuid.uuid4().hex})

    def records(self, type_: str) -> list[dict[str, Any]]:
        """The ledger's records of a type, as they were written."""
        import sqlite3

        path = self.runtime.settings.store.path
        with sqlite3.connect(path) as database:
            rows = database.execute("SELECT record FROM ledger WHERE type = ?", (type_,)).fetchall()
        return [json.loads(row[0]) for row in rows]
