"""Each recipe for each model: valid files whose settings were seen in the framework's source."""

from __future__ import annotations

import ast
from pathlib import Path

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from cds_hooks.cli.application import app
from cds_hooks.tuning.example import FORMAT
from cds_hooks.tuning.recipes.recipe import described, estimated_gb, recipes, rendered
from cds_hooks.tuning.tuning_errors import TuningDataError

MODELS = tuple(recipes().model)
FRAMEWORKS = tuple(recipes().framework)
CALLS = {
    "trl": {"SFTConfig", "SFTTrainer", "LoraConfig"},
    "unsloth": {"SFTConfig", "SFTTrainer", "from_pretrained", "get_peft_model"},
}


def arguments(script: str, called: set[str]) -> set[str]:
    """The keyword arguments of these calls."""
    found = set()
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            of_tokenizer = "Auto" in ast.unparse(node.func)
            if name in called and not of_tokenizer:
                found |= {k.arg for k in node.keywords if k.arg}
    return found


def keys(value: object) -> set[str]:
    """All keys of a YAML document, but those of a framework's own arguments."""
    if isinstance(value, list):
        return {k for each in value for k in keys(each)}
    if not isinstance(value, dict):
        return set()
    inner = {k for n, v in value.items() if not n.endswith("_kwargs") for k in keys(v)}
    return set(value) | inner


def test_there_is_a_recipe_for_each_framework_and_model_that_was_promised() -> None:
    assert set(recipes().framework) == {"unsloth", "trl", "axolotl"}
    assert set(MODELS) == {
        "qwen3.5-35b-a3b", "qwen3.5-27b", "qwen3.5-9b", "gemma-4-31b", "gpt-oss-20b"
    }  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("framework", ["trl", "unsloth"])
def test_a_script_compiles_and_uses_arguments_that_were_seen(framework: str, model: str) -> None:
    script = rendered(framework, model, "/sets/ours", sequence=4096)
    compile(script, "train.py", "exec")
    used = arguments(script, CALLS[framework])
    assert used - recipes().framework[framework].known == set()
    assert "max_length=None" in script
    assert "train_on_inputs" not in script


@pytest.mark.parametrize("model", MODELS)
def test_the_yaml_has_keys_that_were_seen_and_trains_on_the_tokens_of_the_set(model: str) -> None:
    document = yaml.safe_load(rendered("axolotl", model, "/sets/ours", sequence=4096))
    assert keys(document) - recipes().framework["axolotl"].known == set()
    assert document["datasets"][0]["path"] == "/sets/ours/train.tokens.jsonl"
    assert document["test_datasets"][0]["path"] == "/sets/ours/heldout.tokens.jsonl"
    assert document["excess_length_strategy"] == "raise"
    assert document["sequence_len"] == 4096
    assert document["lora_r"] == recipes().model[model].r


def test_the_recipe_of_the_paper_is_the_papers() -> None:
    large, small = recipes().model["qwen3.5-35b-a3b"], recipes().model["gpt-oss-20b"]
    assert (large.r, large.alpha, large.learning_rate, large.epochs) == (16, 32, 5e-5, 3)
    assert (large.sequence, large.four_bit) == (2048, False)
    assert (small.r, small.alpha, small.learning_rate, small.four_bit) == (32, 64, 1e-4, True)


def test_memory_is_published_with_a_source_or_said_not_to_be() -> None:
    for model in recipes().model.values():
        assert all(m.source.startswith("https://") and m.read and m.gb for m in model.memory)
    page, facts = described("trl", "gpt-oss-20b", "/s")
    assert "no published figure was found for TRL" in page
    assert facts["memory"] == "no published figure found"
    page, _ = described("unsloth", "qwen3.5-35b-a3b", "/s")
    assert "74 GB: bf16 LoRA (https://www.unsloth.ai/" in page
    assert "'transformers<=5.17.0'" in page
    assert estimated_gb(27, four_bit=False) == 54
    assert estimated_gb(20, four_bit=True) == pytest.approx(11.5)
    weights = {f: described(f, "gpt-oss-20b", "/s")[1]["weights_estimate"] for f in FRAMEWORKS}
    assert [weights[f][:5] for f in ("unsloth", "trl", "axolotl")] == ["12 GB", "42 GB", "42 GB"]


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(TuningDataError) as caught:
        rendered("trl", "llama", "/s")
    assert "gpt-oss-20b" in caught.value.hint


def test_the_command_writes_both_files_and_refuses_a_set_without_tokens(tmp_path: Path) -> None:
    folder, out = tmp_path / "set", tmp_path / "out"
    folder.mkdir()
    manifest = {
        "format": FORMAT,
        "made": "2026-03-01T12:00:00+00:00",
        "chartside": "0",
        "sources": [],
        "parts": {},
        "patient_text": False,
        "sequence": 1024,
        "model": {"file": "m.gguf", "sha256": "0", "chat_template_sha256": "0"},
    }
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    words = ["tune", "recipe", "--framework", "axolotl", "--model", "qwen3.5-9b", "--json"]
    words += ["--set", str(folder), "--output", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    told = orjson.loads(done.stdout)
    assert told["memory"] == "no published figure found"
    assert {p.name for p in out.iterdir()} == {"axolotl.yaml", "RECIPE.md"}
    assert yaml.safe_load((out / "axolotl.yaml").read_text())["sequence_len"] == 1024
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest | {"model": None}))
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, TuningDataError)
