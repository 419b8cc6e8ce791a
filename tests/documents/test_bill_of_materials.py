"""The bill of materials: valid by CycloneDX's own schema, and of what is really installed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from cds_hooks.documents.bill_of_materials import BillOfMaterials, Part, PartKind, cyclonedx_json
from cds_hooks.documents.installation import ModelFacts
from cds_hooks.runtime.materials import materials_of
from cds_hooks.runtime.package_parts import LOCK, lock_hashes
from cds_hooks.settings import load_settings
from tests.documents.installations import BARE, HOSTILE

MADE = "2026-11-29T10:00:00Z"
PARTS = (
    Part(
        "a", PartKind.LIBRARY, "1", "MIT", ("ab" * 32, "cd" * 32), purl="pkg:pypi/a@1", needs=("b",)
    ),
    Part("b", PartKind.LIBRARY, "2", "Apache-2.0 OR MIT"),
    Part("b", PartKind.DATA, licence=HOSTILE, description=HOSTILE, more={"x": HOSTILE}),
    Part("python", PartKind.PLATFORM, "3.11"),
)


def validated(text: str) -> dict[str, Any]:
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(text) is None
    found: dict[str, Any] = json.loads(text)
    return found


def test_it_is_valid_and_tells_what_needs_what() -> None:
    bill = validated(cyclonedx_json(BillOfMaterials("0.1.0", MADE, "id", PARTS, ("b",))))
    needs = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    assert needs["library:a"] == ["data:b"] or needs["library:a"] == ["library:b"]
    assert "library:a" in needs["chartside"]
    [a] = [each for each in bill["components"] if each["name"] == "a"]
    assert {each["content"] for each in a["hashes"]} == {"ab" * 32, "cd" * 32}
    [python] = [each for each in bill["components"] if each["name"] == "python"]
    assert {"name": "chartside:licence", "value": "not named by the part itself"} in python[
        "properties"
    ]


def test_the_same_installation_at_the_same_time_has_the_same_serial_number() -> None:
    def serial(identity: str) -> str:
        return str(
            json.loads(cyclonedx_json(BillOfMaterials("1", MADE, identity, ())))["serialNumber"]
        )

    assert serial("one") == serial("one")
    assert serial("one") != serial("two")


def test_two_parts_of_one_name_and_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="the same name"):
        cyclonedx_json(BillOfMaterials("1", MADE, "id", (PARTS[0], PARTS[0])))


def test_the_check_of_validity_can_fail() -> None:
    bill = json.loads(cyclonedx_json(BillOfMaterials("1", MADE, "id", ())))
    bill["components"] = [{"name": "a"}]
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(json.dumps(bill)) is not None


@pytest.fixture(scope="module")
def installed() -> dict[str, Any]:
    """The bill of this environment, with a model that is only named."""
    of = replace(
        BARE,
        model=ModelFacts("m", "ab" * 32, "MIT", files={"m.gguf": "ab" * 32}),
        terminology={"mesh.origin": "MeSH", "source.x.sha256": "cd" * 32},
    )
    return validated(cyclonedx_json(materials_of(load_settings(None), of)))


def test_every_locked_package_that_is_installed_is_there_with_the_locks_digests(
    installed: dict[str, Any],
) -> None:
    by_name = {each["name"]: each for each in installed["components"]}
    locked = lock_hashes(LOCK)
    assert len(locked) > 50
    missing = []
    for key, hashes in locked.items():
        name = key.partition("==")[0]
        part = by_name.get(name)
        if part is None:
            missing.append(name)
        else:
            assert part["version"] == version(name) == key.partition("==")[2]
            assert {each["content"] for each in part["hashes"]} == set(hashes)
    # What a marker of the lock leaves out on this platform, and what only another platform needs.
    assert set(missing) <= {"colorama", "tzdata", "pyreadline3", "importlib-metadata", "zipp"}


def test_model_template_tables_terminology_and_assets_have_their_digests(
    installed: dict[str, Any],
) -> None:
    parts = {(each["type"], each["name"]): each for each in installed["components"]}
    model = parts["machine-learning-model", "m"]
    assert model["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    table = parts["data", "plausibility.verdicts"]
    file = Path("cds_hooks/plausibility/data/verdicts.toml").resolve()
    assert table["hashes"][0]["content"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert parts["data", "plausibility.systems.hpo"]["licenses"][0]["license"]["name"].startswith(
        "HPO"
    )
    assert parts["data", "terminology"]["hashes"]
    assert parts["file", "assets/htmx.js"]["hashes"]
    assert parts["library", "swagger-ui-dist"]["version"]
    llama = {each["name"]: each["value"] for each in parts["library", "llama.cpp"]["properties"]}
    assert llama["chartside:build-commit"]
    assert "GGML_CPU" in llama["chartside:switches-on"]
