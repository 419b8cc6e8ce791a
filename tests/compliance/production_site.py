"""A site of the production profile, made in this process: settings, keys, a tiny admitted model."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cds_hooks.admission.lookup import SUFFIX
from cds_hooks.admission.manifest import Manifest, SuitePart, Task
from cds_hooks.admission.record import AdmissionRecord, Purpose
from cds_hooks.admission.signing import create_key, sign
from cds_hooks.audit import SiteKey
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner
from cds_hooks.private_files import write_private
from tests.inference.tiny_models import write

__all__ = ["ProductionSite"]

_SETTINGS = """
profile = "production"
[[clients]]
name = "ehr"
issuer = "https://ehr.hospital.example"
jwks_file = "{folder}/ehr.jwks.json"
[server]
public_url = "https://chartside.hospital.example"
[tls]
certificate = "{folder}/chain.pem"
key = "{folder}/tls.key"
[fhir]
allowed_bases = ["https://fhir.hospital.example/r4"]
[store]
path = "{{store}}"
site_key = "{folder}/keys/site.key"
[ledger]
witness_folder = "{folder}/witness"
[model]
path = "{folder}/model.gguf"
sha256 = "{sha256}"
[admission]
folder = "{folder}/admissions"
public_key = "{folder}/admission.key.pub"
[openid]
issuer = "https://id.hospital.example"
client_id = "chartside"
authentication = "none"
reviewers = ["reviewers"]
administrators = ["it"]
"""


class ProductionSite:
    """A folder with all that the settings name; `config` is the settings file.

    `store` is a database's URL in place of a file.
    """

    def __init__(self, folder: Path, store: str = "") -> None:
        self.config = folder / "chartside.toml"
        model = folder / "model.gguf"
        write("llama", model)
        sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
        (folder / "witness").mkdir()
        (folder / "ehr.jwks.json").write_text('{"keys": []}')
        SiteKey.load(folder / "keys/site.key", create=True)
        CheckpointSigner.load(folder / "keys/ledger.key", "chartside", create=True)
        _admit(folder, sha256)
        text = _SETTINGS.format(folder=folder, sha256=sha256)
        place = store or f"{folder}/var/records.sqlite"
        write_private(self.config, text.replace("{store}", place))


def _admit(folder: Path, sha256: str) -> None:
    manifest = Manifest(
        suite=SuitePart(
            id="s", title="Cases", task=Task.OPEN, origin="made up", licence="CC0-1.0",
            sha256="0" * 64, cases=1, rejected=0, notes=(),
        ),
        model={"name": "site-model", "sha256": sha256},
        template={"id": "differential/2", "sha256": "1" * 64},
        settings={"sha256": "2" * 64},
        terminology={},
        seed=0,
        samples=1,
        started="2026-11-01T00:00:00+00:00",
        chartside="0.1.0",
        demonstration=False,
    )  # fmt: skip
    record = AdmissionRecord(
        purpose=Purpose.CLINICAL, admitted=True, demonstration=False, manifest=manifest,
        figures={}, requirements=(), date="2026-11-01", who="Committee",
    )  # fmt: skip
    (folder / "admissions").mkdir()
    key = create_key(folder / "admission.key")
    (folder / f"admissions/model{SUFFIX}").write_bytes(sign(record, key))
