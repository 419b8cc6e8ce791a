"""Resources nested beyond what Python compares: judged by their content, on every Python."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mapping.input.resource_index import ResourceIndex


def nested(levels: int, inside: str) -> dict[str, Any]:
    value: Any = inside
    for _ in range(levels):
        value = {"extension": [value]}
    return {"resourceType": "Observation", "id": "o", "value": value}


@pytest.mark.parametrize("levels", [1, 100, 600, 2_000])
@pytest.mark.parametrize(("other", "reasons"), [("x", []), ("y", ["older-version"])])
def test_the_same_resource_twice_is_one_and_two_versions_are_told(
    levels: int, other: str, reasons: list[str]
) -> None:
    index = ResourceIndex([nested(levels, "x"), nested(levels, other)])
    assert [omission.reason for omission in index.omissions] == reasons
