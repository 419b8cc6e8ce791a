"""A part of a training set as tokens of one model, unchanged since it was prepared."""

from __future__ import annotations

from pathlib import Path

from cds_hooks.inference.model_catalogue.catalogue import ModelEntry
from cds_hooks.inference.model_files.gguf import sha256_of
from cds_hooks.tuning.example import IGNORED, MarkedTokens, read_examples, read_marked
from cds_hooks.tuning.manifest import PartFacts, TuningManifest, read_manifest
from cds_hooks.tuning.tokeniser import ModelTokens
from cds_hooks.tuning.training.answer_forms import AnswerForm, as_sentences
from cds_hooks.tuning.training.tuning_errors import TuningError

__all__ = ["part_tokens"]


def part_tokens(
    folder: Path, name: str, base: Path, entry: ModelEntry, answers: AnswerForm, *, longest: int
) -> list[MarkedTokens]:
    """The examples of a part that have an answer and at most `longest` tokens.

    Raises TuningError (tune-examples-unusable) when there are none, when they are of another model,
    or when a file is not what the manifest says.
    """
    manifest = read_manifest(folder)
    part = manifest.parts.get(name)
    if part is None:
        raise _unusable(f"The training set has no part {name!r}", folder, "Prepare the set again.")
    if answers is AnswerForm.SENTENCE:
        found = _sentences(folder, part, base, entry)
    else:
        found = _written(folder, part, manifest, base)
    # A loss is computed on what follows a token: the first is no answer to anything.
    told = (e for e in found if any(label != IGNORED for label in e.labels[1:]))
    short = [example for example in told if len(example.input_ids) <= longest]
    if not short:
        raise _unusable(
            f"The part {name!r} has no examples that are short enough", folder,
            "`chartside tune prepare` tells what it left out and why.",
        )  # fmt: skip
    return short


def _written(
    folder: Path, part: PartFacts, manifest: TuningManifest, base: Path
) -> list[MarkedTokens]:
    of_another = manifest.model is None or manifest.model.sha256 != sha256_of(base)
    if of_another or not part.tokens_file:
        hint = "Make it with `tune prepare --model FILE`."
        raise _unusable("The training set has no tokens of this model", folder, hint)
    return read_marked(_unchanged(folder / part.tokens_file, part.tokens_sha256))


def _sentences(folder: Path, part: PartFacts, base: Path, entry: ModelEntry) -> list[MarkedTokens]:
    names = entry.names
    if names is None or not names.leads:
        message = "The catalogue has no sentence for the names of this model"
        raise _unusable(message, base, "Use `--answers written`.")
    examples = read_examples(_unchanged(folder / part.file, part.sha256))
    with ModelTokens.start(base, entry) as tokens:
        return list(as_sentences(examples, names.leads, tokens))


def _unchanged(path: Path, sha256: str) -> Path:
    if sha256_of(path) != sha256:
        hint = "Prepare the set again."
        raise _unusable("The file is not what the set's manifest says", path, hint)
    return path


def _unusable(message: str, where: Path, hint: str) -> TuningError:
    return TuningError("tune-examples-unusable", message, where=where.name, hint=hint)
