"""`inspect`: a model file against the catalogue and this machine, without loading it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.inference.adapters import refuse_unless_it_adapts
from cds_hooks.inference.catalogue import Catalogue, ModelEntry, stand_in
from cds_hooks.inference.config import LlamaConfig
from cds_hooks.inference.findings import Finding, Level
from cds_hooks.inference.gguf import (
    Header,
    ModelFileError,
    read_header,
    refuse_split,
    sha256_of,
)
from cds_hooks.inference.memory import plan, refuse_unless_heads_fit, refuse_unless_it_fits
from cds_hooks.inference.template_lint import lint_template

__all__ = ["Inspection", "inspect", "inspect_adapter", "is_adapter"]

# ggml type -> name. Source: `GGMLQuantizationType` of gguf-py.
_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1",
    10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS",
    17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S",
    23: "IQ4_XS", 29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
_ROUGHLY = 0.15


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file says of itself, what the catalogue says of it, and what is to be said of both.

    `parameters` are counted; `quantisation` is the type of most of its bytes; `memory` is the
    arithmetic of what it would need, in words.
    """

    file: str
    size: int
    sha256: str
    architecture: str
    name: str
    parameters: int
    quantisation: str
    context: int
    memory: str
    entry: ModelEntry | None
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether nothing keeps it from being used."""
        return all(finding.level is not Level.ERROR for finding in self.findings)


def is_adapter(path: Path) -> bool:
    """Whether the file is a LoRA adapter and no model. Raises ModelFileError."""
    return read_header(path).text("general.type") == "adapter"


def inspect(
    path: Path,
    catalogue: Catalogue,
    available: int | None,
    told: Callable[[int], object] | None = None,
    *,
    config_of: Callable[[Path, ModelEntry], LlamaConfig] = LlamaConfig,
) -> Inspection:
    """Hash and read a model file. `told` hears how many bytes were hashed each time; `config_of`
    says with which sizes the service would load it.

    Raises ModelFileError for a file that is no whole GGUF model.
    """
    header = read_header(path)
    refuse_split(header, path)
    digest = sha256_of(path, told)
    entry = catalogue.for_file(path, digest)
    memory, fits = _memory(header, entry, path, available, config_of)
    findings = [
        *_against(header, digest, entry),
        *lint_template(header.chat_template, entry),
        *fits,
    ]
    return _said(path, header, digest, entry, memory, findings)


def inspect_adapter(
    path: Path, base: Path | None, told: Callable[[int], object] | None = None
) -> Inspection:
    """The same for a LoRA adapter, held against its base model when that is given."""
    header = read_header(path)
    findings = []
    if base is None:
        text = "A LoRA adapter; whether it fits is seen with its base model"
        findings.append(Finding("adapter-without-base", Level.INFO, text))
    else:
        try:
            refuse_unless_it_adapts(header, read_header(base), path)
            findings.append(Finding("adapter-fits", Level.INFO, "It fits the base model"))
        except ModelFileError as error:
            findings.append(Finding(error.code, Level.ERROR, error.message))
    return _said(path, header, sha256_of(path, told), None, "", findings)


def _said(
    path: Path,
    header: Header,
    digest: str,
    entry: ModelEntry | None,
    memory: str,
    findings: list[Finding],
) -> Inspection:
    return Inspection(
        file=path.name,
        size=header.file_size,
        sha256=digest,
        architecture=header.architecture,
        name=header.text("general.name"),
        parameters=_parameters(header),
        quantisation=_quantisation(header),
        context=header.of_architecture("context_length"),
        memory=memory,
        entry=entry,
        findings=tuple(findings),
    )


def _parameters(header: Header) -> int:
    return sum(math.prod(tensor.shape) for tensor in header.tensors)


def _quantisation(header: Header) -> str:
    sizes: Counter[int] = Counter()
    for tensor in header.tensors:
        sizes[tensor.kind] += tensor.size
    most = sizes.most_common(1)
    return _TYPES.get(most[0][0], f"type {most[0][0]}") if most else ""


def _against(header: Header, digest: str, entry: ModelEntry | None) -> Iterator[Finding]:
    """The file beside its catalogue entry."""
    if entry is None:
        text = "Not in the catalogue: sampling, thinking and licence are not known"
        yield Finding("not-in-catalogue", Level.WARNING, text)
        return
    yield _digest(digest, entry)
    if header.architecture != entry.architecture:
        text = f"Its architecture is {header.architecture!r}, the entry's {entry.architecture!r}"
        yield Finding("architecture-differs", Level.ERROR, text)
    context = header.of_architecture("context_length")
    if context != entry.context:
        text = f"Its context is {context} tokens, the entry's {entry.context}"
        yield Finding("context-differs", Level.WARNING, text)
    counted = _parameters(header) / 1e9
    if entry.parameters and abs(counted / entry.parameters - 1) > _ROUGHLY:
        text = f"It has {counted:.2f} billion parameters, the entry {entry.parameters:g}"
        yield Finding("parameters-differ", Level.WARNING, text)
    for caution in entry.cautions:
        yield Finding("caution", Level.INFO, caution)


def _digest(digest: str, entry: ModelEntry) -> Finding:
    if not entry.sha256 and digest not in entry.digests:
        text = "The entry names no digest: the file is told by its name, and its digest recorded"
        return Finding("digest-not-listed", Level.INFO, text)
    if digest in (entry.sha256, *entry.digests):
        return Finding("digest-known", Level.INFO, "It is the very file that the entry names")
    return Finding("digest-differs", Level.ERROR, "It is another file than the entry names")


def _memory(
    header: Header,
    entry: ModelEntry | None,
    path: Path,
    available: int | None,
    config_of: Callable[[Path, ModelEntry], LlamaConfig],
) -> tuple[str, list[Finding]]:
    """The arithmetic of the start with these settings, and whether it fits this machine."""
    context = max(header.of_architecture("context_length", 8192), 256)
    known = entry or stand_in(path, architecture=header.architecture, context=context)
    sizes = config_of(path, known).sizes
    needed = plan(header, sizes)
    try:
        refuse_unless_heads_fit(header, sizes.size.kv_type, path.name)
        refuse_unless_it_fits(needed, available, path.name)
    except ModelFileError as error:
        return needed.explain(), [Finding(error.code, Level.ERROR, error.message)]
    return needed.explain(), []
