"""What a GGUF file is that is not a language model, from its header alone.

Source of the kinds: `GGUFType` of gguf-py, llama.cpp's `tools/mtmd`, `tools/cvector-generator` and
`tools/imatrix`; older files name no type and are told by their keys and tensors.
"""

from __future__ import annotations

from pathlib import Path

from cds_hooks.inference.model_files.gguf import Header, ModelFileError

__all__ = ["is_adapter", "refuse_unless_model", "refuse_without_template"]

_SEEING = ("v.", "mm.", "a.")  # tensors of a projector
_PROJECTOR = (
    "model-is-projector",
    "The file is a projector for images or sound, not a language model",
    "Name the language model's GGUF file as model.path: its publisher has it in the same place. "
    "Chartside reads text alone.",
)
_ADAPTER = (
    "model-is-adapter",
    "The file is a LoRA adapter, not a language model",
    "Name the base model's GGUF file as model.path and this file in model.adapters.",
)
_IMATRIX = (
    "model-is-imatrix",
    "The file is an importance matrix, which is used to quantise a model",
    "Name the model's own GGUF file.",
)
_CONTROL = (
    "model-is-control-vector",
    "The file is a control vector, not a language model",
    "Name the model's own GGUF file. Control vectors are not used.",
)
_VOCABULARY = (
    "model-is-vocabulary",
    "The file holds a vocabulary and no weights",
    "Name the model's own GGUF file; this one is for llama.cpp's tests.",
)
_OTHERS = {
    "mmproj": _PROJECTOR,
    "adapter": _ADAPTER,
    "imatrix": _IMATRIX,
    "vocab": _VOCABULARY,
}
# Architectures as other programs write them, which llama.cpp does not load.
_FOREIGN = {"gptoss": "gpt-oss"}
_TEMPLATE_HINT = (
    "Name the publisher's chat_template.jinja as model.chat_template "
    "(docs/operators/model-variants.md), or fetch a file that brings one."
)


def is_adapter(header: Header) -> bool:
    """Whether the file is a LoRA adapter."""
    return header.text("general.type") == "adapter"


def refuse_unless_model(header: Header, path: Path) -> None:
    """Raises ModelFileError for a file that is something else, or in another program's form.

    Codes: model-is-projector, model-is-adapter, model-is-imatrix, model-is-control-vector,
    model-is-vocabulary, model-of-ollama.
    """
    other = _other(header)
    if other is not None:
        code, says, hint = other
        raise ModelFileError(code, says, where=path.name, hint=hint)
    if header.architecture in _FOREIGN or _sees(header):
        raise ModelFileError(
            "model-of-ollama",
            "The file is in the form of Ollama's own library, which llama.cpp does not load",
            where=path.name,
            hint="Fetch the model's GGUF file from its publisher; one that Ollama fetched from "
            "there (hf.co/...) can be used as it is.",
        )


def refuse_without_template(header: Header, given: str, path: Path) -> None:
    """Raises ModelFileError chat-template-missing when neither the file nor `given` has one."""
    if not given and not header.chat_template:
        raise ModelFileError(
            "chat-template-missing", "The model file brings no chat template",
            where=path.name, hint=_TEMPLATE_HINT,
        )  # fmt: skip


def _other(header: Header) -> tuple[str, str, str] | None:
    named = _OTHERS.get(header.text("general.type"))
    if named is not None:
        return named
    if header.architecture == "clip":
        return _PROJECTOR
    if header.architecture == "controlvector":
        return _CONTROL
    if "imatrix.chunk_count" in header.metadata:
        return _IMATRIX
    return None if header.tensors else _VOCABULARY


def _sees(header: Header) -> bool:
    """Whether a language model brings a projector's tensors in one file."""
    return any(tensor.name.startswith(_SEEING) for tensor in header.tensors)
