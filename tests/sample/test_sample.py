"""The sample that is shipped is what its generator makes, is valid, small and nobody's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class

from fhir_mapping.input.loading import load_path
from tests.sample.__main__ import files, write
from tests.sample.places import SAMPLE
from tests.sample.transactions import large

R4 = [f for f in SAMPLE.charts() if f.name.endswith("-r4")]


def test_what_is_shipped_is_what_the_generator_makes(tmp_path: Path) -> None:
    write(tmp_path)
    made, shipped = (
        {p.relative_to(f).as_posix(): p.read_bytes() for p in f.rglob("*") if p.is_file()}
        for f in (tmp_path, SAMPLE.folder)
    )
    assert sorted(made) == sorted(shipped)
    different = [name for name in made if made[name] != shipped[name]]
    assert not different, "run `python -m tests.sample` and look at what changed"
    assert dict(files()) == made, "a second time the same bytes"


def test_the_shipped_sample_is_small() -> None:
    assert sum(len(content) for _, content in files()) < 500_000


@pytest.mark.parametrize("folder", R4, ids=lambda f: f.name)
def test_every_resource_of_r4_is_valid(folder: Path) -> None:
    for file in sorted(p for p in folder.iterdir() if p.name != "labels.json"):
        for resource in load_path(file):
            model = get_fhir_model_class(resource["resourceType"])
            model.model_validate_json(json.dumps(resource))


def test_the_large_chart_is_the_same_each_time() -> None:
    assert large() == large()
    assert 3_500_000 < len(json.dumps(large())) < 5_000_000
