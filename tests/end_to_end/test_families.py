"""A whole consultation through each family of models: hook, facts, prompt, model, checks, cards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

import prompts
from cds_hooks.consultation import Outcome
from cds_hooks.protocol.json_output import to_json
from cds_hooks.protocol.request import parse_request
from cds_hooks.runtime import Runtime
from cds_hooks.services import find
from cds_hooks.settings import Settings
from tests.inference.tiny_models import write

pytestmark = [pytest.mark.model]
ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "cds_hooks/evaluation/runs/templates"

# File names by which the catalogue knows each family.
FILES = {
    "gemma3": "medgemma-27b-text-it-Q4_K_M.gguf",
    "gemma4": "gemma-4-31b-it-Q4_K_M.gguf",
    "qwen35": "Qwen3.5-9B-Q4_K_M.gguf",
    "qwen35moe": "Qwen3.5-35B-A3B-Q4_K_M.gguf",
    "gpt-oss": "gpt-oss-20b-mxfp4.gguf",
    "llama": "some-llama.gguf",
}
# Of the others tests/inference answers with each in a second.
_SOONER = ("gpt-oss", "qwen35moe")
_LONG = [pytest.mark.slow, pytest.mark.long]


@pytest.mark.parametrize(
    "family",
    [
        "gpt-oss",
        pytest.param("qwen35moe", marks=pytest.mark.slow),
        *(pytest.param(each, marks=_LONG) for each in FILES if each not in _SOONER),
    ],
)
async def test_a_chart_opens_and_a_model_of_this_family_answers(
    family: str,
    tmp_path: Path,
    demo_bundle: list[dict[str, Any]],
    open_chart: Callable[..., dict[str, Any]],
) -> None:
    path = tmp_path / FILES[family]
    write(family, path)
    settings = Settings.model_validate(
        {
            "model": {
                "path": path,
                "cache": tmp_path / "cache",
                "names": ROOT / "build/names.txt",
                "names_by_construction": True,
                "parallel": 1,
            },
            "terminology": {"path": ROOT / "build/terminology.sqlite"},
            "store": {"path": str(tmp_path / "s.sqlite"), "site_key": tmp_path / "site.key"},
            "services": {"samples": 2, "deadline_s": 250},
        }
    )
    service = find("chartside-patient-view")
    assert service is not None
    request = parse_request(orjson.dumps(open_chart(demo_bundle)), service.on)
    brief = prompts.load("differential-brief", root=TEMPLATES)
    async with Runtime.running(settings, template=brief) as runtime:
        await runtime.until_ready(120)
        consultant = runtime.consultant
        done = await consultant.complete(await consultant.prepare(service, request))
        response = await consultant.make_response(done, request)
        kept = await runtime.store.get(done.id)
    # A random model that spells letter by letter may run out of tokens within its list: such a
    # sample is dropped, and what it wrote until then has the shape all the same.
    ended = (Outcome.ANSWERED, Outcome.EMPTY, Outcome.INVALID_OUTPUT)
    assert done.outcome in ended, done.outcome_detail
    assert all(text.startswith('{"diagnoses":[') for text in done.samples)
    assert kept == done
    assert len(done.differentials) + done.samples_failed == 2
    assert orjson.loads(to_json(response))["cards"]
