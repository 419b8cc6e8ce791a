"""Only an unchanged training set of this model is trained on."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from cds_hooks.inference.model_catalogue.catalogue import ModelEntry, load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.model_files.gguf import sha256_of
from cds_hooks.tuning.example import MarkedTokens, write_marked
from cds_hooks.tuning.manifest import (
    ModelPart,
    PartFacts,
    TuningManifest,
    read_manifest,
    write_manifest,
)
from cds_hooks.tuning.training.answer_forms import AnswerForm
from cds_hooks.tuning.training.training_set import part_tokens
from cds_hooks.tuning.training.tuning_errors import TuningError
from cds_hooks.tuning.tuning_errors import TuningDataError
from tests.inference.tiny_models import write

Set = tuple[Path, Path, ModelEntry]


@pytest.fixture
def prepared(tmp_path: Path) -> Set:
    """Two examples of 4 and 8 tokens of a tiny model."""
    model = tmp_path / "tiny.gguf"
    write("llama", model)
    made = [MarkedTokens(id=str(n), input_ids=(7,) * n, labels=(7,) * n) for n in (4, 8)]
    write_marked(tmp_path / "train.tokens.jsonl", made)
    part = PartFacts(
        file="train.jsonl", sha256="", examples=2, patients=2, traces=0,
        tokens_file="train.tokens.jsonl", tokens_sha256=sha256_of(tmp_path / "train.tokens.jsonl"),
    )  # fmt: skip
    manifest = TuningManifest(
        made="", chartside="", sources=(), parts={"train": part}, patient_text=False,
        model=ModelPart(file=model.name, sha256=sha256_of(model), chat_template_sha256=""),
    )  # fmt: skip
    write_manifest(tmp_path, manifest)
    return tmp_path, model, known_entry(load_catalogue(), model)


def refusal(prepared: Set, answers: AnswerForm = AnswerForm.WRITTEN, longest: int = 8) -> str:
    folder, model, entry = prepared
    with pytest.raises(TuningError) as raised:
        part_tokens(folder, "train", model, entry, answers, longest=longest)
    assert raised.value.code == "tune-examples-unusable"
    return raised.value.message


def test_examples_that_are_too_long_are_left_out(prepared: Set) -> None:
    folder, model, entry = prepared
    for longest, count in ((8, 2), (7, 1), (4, 1)):
        found = part_tokens(folder, "train", model, entry, AnswerForm.WRITTEN, longest=longest)
        assert len(found) == count
    assert "short enough" in refusal(prepared, longest=3)


def test_a_file_that_was_changed_is_refused(prepared: Set) -> None:
    with (prepared[0] / "train.tokens.jsonl").open("a") as file:
        file.write("\n")
    assert "manifest" in refusal(prepared)


def test_tokens_of_another_model_are_refused(prepared: Set) -> None:
    write("llama", prepared[1], seed=9)
    assert "of this model" in refusal(prepared)


def test_a_model_without_a_sentence_for_names_learns_what_was_written(prepared: Set) -> None:
    assert "no sentence" in refusal(prepared, AnswerForm.SENTENCE)


def test_a_set_without_a_part_or_without_an_answer_is_refused(prepared: Set) -> None:
    """A manifest may come from elsewhere; an example whose every token is ignored has no loss."""
    folder, model, entry = prepared
    with pytest.raises(TuningError, match="no part 'heldout'"):
        part_tokens(folder, "heldout", model, entry, AnswerForm.WRITTEN, longest=8)
    ignored = [MarkedTokens(id="1", input_ids=(7, 7), labels=(7, -100))]
    raw = write_marked(folder / "train.tokens.jsonl", ignored)
    manifest = read_manifest(folder)
    part = manifest.parts["train"].model_copy(update={"tokens_sha256": sha256(raw).hexdigest()})
    write_manifest(folder, manifest.model_copy(update={"parts": {"train": part}}))
    assert "short enough" in refusal(prepared)


@pytest.mark.parametrize("name", ["../own.jsonl", "/etc/passwd", "a/b.jsonl", ".hidden"])
def test_a_manifest_names_files_of_its_own_folder_alone(prepared: Set, name: str) -> None:
    path = prepared[0] / "manifest.json"
    path.write_text(path.read_text().replace("train.tokens.jsonl", name))
    with pytest.raises(TuningDataError, match="not a manifest"):
        read_manifest(prepared[0])
