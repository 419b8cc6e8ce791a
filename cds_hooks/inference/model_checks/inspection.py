"""`inspect`: a model file against the catalogue and this machine, without loading it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.memory.plan import plan, refuse_unless_heads_fit, refuse_unless_it_fits
from cds_hooks.inference.model_catalogue.catalogue import Catalogue, ModelEntry
from cds_hooks.inference.model_catalogue.recognition import Evidence, Recognition, recognise
from cds_hooks.inference.model_checks.findings import FileFinding, FindingLevel
from cds_hooks.inference.model_checks.template_lint import lint_template
from cds_hooks.inference.model_files.adapters import refuse_unless_it_adapts, size_of
from cds_hooks.inference.model_files.gguf import Header, ModelFileError, read_header, sha256_of
from cds_hooks.inference.model_files.model_kinds import refuse_unless_model
from cds_hooks.inference.model_files.quantisation import file_type, mix, parameters
from cds_hooks.inference.model_files.split_files import digest_of, read_model
from cds_hooks.inference.model_files.tied_embeddings import same_weights

__all__ = ["Inspection", "files_of", "inspect", "inspect_adapter"]

_ROUGHLY = 0.15


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file says of itself, what the catalogue says of it, and what is to be said of both.

    `name` and `licence` are the header's; `parameters` are counted, each once; `quantisation` is
    the format of the file and `mix` the share of its bytes by type; `parts` are the digests of a
    model in several files by name; `known_by` is what told the entry, and `described` is it, or
    what is known without one; `memory` is the arithmetic of what it would need, in words.
    """

    file: str
    size: int
    sha256: str
    parts: Mapping[str, str]
    architecture: str
    name: str
    licence: str
    parameters: int
    quantisation: str
    mix: Mapping[str, float]
    context: int
    memory: str
    entry: ModelEntry | None
    known_by: Evidence
    described: ModelEntry
    findings: tuple[FileFinding, ...]

    @property
    def usable(self) -> bool:
        """Whether nothing keeps it from being used."""
        return all(finding.level is not FindingLevel.ERROR for finding in self.findings)


def files_of(header: Header, path: Path) -> tuple[Path, ...]:
    """The files that a model is in: its parts, or the one."""
    return header.parts or (path,)


def inspect(
    path: Path,
    catalogue: Catalogue,
    available: int | None,
    told: Callable[[int], object] | None = None,
    template: str = "",
    *,
    config_of: Callable[[Path, ModelEntry], LlamaConfig] = LlamaConfig,
) -> Inspection:
    """Hash and read a model in one file or in parts. `told` hears how many bytes were hashed each
    time; `template` is the chat template that the site gives instead of the file's; `config_of`
    says with which sizes the service would load it.

    Raises ModelFileError for a file that is no whole GGUF model.
    """
    header = read_model(path)
    refuse_unless_model(header, path)
    hashed = _hashed(files_of(header, path), told)
    digest = digest_of(list(hashed.values()))
    found = recognise(catalogue, path, header, digest)
    described = found.described(path, header, template)
    memory, fits = _memory(header, described, path, available, config_of)
    counted = parameters(header, tied=same_weights(header, path))
    findings = [
        *_against(header, digest, counted, found),
        *lint_template(header.chat_template, described),
        *fits,
    ]
    return _said(path, header, hashed, counted, found, described, memory, findings)


def _hashed(files: Sequence[Path], told: Callable[[int], object] | None) -> dict[str, str]:
    return {file.name: sha256_of(file, told) for file in files}


def inspect_adapter(
    path: Path, base: Path | None, told: Callable[[int], object] | None = None
) -> Inspection:
    """The same for a LoRA adapter, compared with its base model when that is given."""
    header = read_header(path)
    findings = []
    if base is None:
        text = "A LoRA adapter; whether it fits is seen with its base model"
        findings.append(FileFinding("adapter-without-base", FindingLevel.INFO, text))
    else:
        try:
            refuse_unless_it_adapts(header, read_model(base), path)
            findings.append(
                FileFinding("adapter-fits", FindingLevel.INFO, "It fits the base model")
            )
        except ModelFileError as error:
            findings.append(
                FileFinding(error.code, FindingLevel.ERROR, f"{error.message}. {error.hint}")
            )
    hashed, nothing = _hashed([path], told), Recognition(None, Evidence.NOTHING)
    described = nothing.described(path, header)
    return _said(path, header, hashed, parameters(header), nothing, described, "", findings)


def _said(
    path: Path,
    header: Header,
    hashed: Mapping[str, str],
    counted: int,
    found: Recognition,
    described: ModelEntry,
    memory: str,
    findings: Sequence[FileFinding],
) -> Inspection:
    return Inspection(
        file=path.name,
        size=header.file_size,
        sha256=digest_of(list(hashed.values())),
        parts=hashed if len(hashed) > 1 else {},
        architecture=header.architecture,
        name=header.text("general.name"),
        licence=header.text("general.license"),
        parameters=counted,
        quantisation=file_type(header),
        mix=mix(header),
        context=header.of_architecture("context_length"),
        memory=memory,
        entry=found.entry,
        known_by=found.by,
        described=described,
        findings=tuple(findings),
    )


def _against(
    header: Header, digest: str, counted: int, found: Recognition
) -> Iterator[FileFinding]:
    """The file beside its catalogue entry."""
    entry = found.entry
    if entry is None:
        yield from _unknown(found)
        return
    if found.by is Evidence.HEADER:
        text = (
            "Known by its header. Published results are of its authors' weights, not of this file"
        )
        yield FileFinding("known-by-header", FindingLevel.INFO, text)
    yield _digest(digest, entry)
    yield from _licence(header, entry)
    if header.architecture != entry.architecture:
        text = f"Its architecture is {header.architecture!r}, the entry's {entry.architecture!r}"
        yield FileFinding("architecture-differs", FindingLevel.ERROR, text)
    context = header.of_architecture("context_length")
    if context != entry.context:
        text = f"Its context is {context} tokens, the entry's {entry.context}"
        yield FileFinding("context-differs", FindingLevel.WARNING, text)
    billions = counted / 1e9
    if entry.parameters and abs(billions / entry.parameters - 1) > _ROUGHLY:
        text = f"It has {billions:.2f} billion parameters, the entry {entry.parameters:g}"
        yield FileFinding("parameters-differ", FindingLevel.WARNING, text)
    for caution in entry.cautions:
        yield FileFinding("caution", FindingLevel.INFO, caution)


def _unknown(found: Recognition) -> Iterator[FileFinding]:
    """Nothing, or only the family; and which entries would have fitted as well as each other."""
    if found.rivals:
        text = f"Several entries fit, so none is taken: {', '.join(found.rivals)}"
        yield FileFinding("catalogue-ambiguous", FindingLevel.WARNING, text)
    if (other := found.misnamed) is not None:
        text = f"Its name says {other.name!r}, and its architecture is not {other.architecture!r}"
        yield FileFinding("architecture-differs", FindingLevel.ERROR, text)
    if found.family is None:
        text = "Not in the catalogue: sampling, thinking and licence are not known"
        yield FileFinding("not-in-catalogue", FindingLevel.WARNING, text)
        return
    text = (
        f"Not in the catalogue itself. Thinking markers and sampling are those of the family "
        f"{found.family.name}; its licence and its results are not known"
    )
    yield FileFinding("family-only", FindingLevel.WARNING, text)


def _licence(header: Header, entry: ModelEntry) -> Iterator[FileFinding]:
    """What the file says of its licence, where the entry's has a name that can be compared.

    `other` says nothing, and a licence with blanks in its name has no identifier.
    """
    told = header.text("general.license").lower()
    if told in ("", "other") or " " in entry.licence or told == entry.licence.lower():
        return
    text = f"The file says that its licence is {told[:40]!r}, the entry {entry.licence!r}"
    yield FileFinding("licence-differs", FindingLevel.WARNING, text)


def _digest(digest: str, entry: ModelEntry) -> FileFinding:
    if not entry.sha256 and digest not in entry.digests:
        text = "The entry names no digest of this file; it is recorded with every consultation"
        return FileFinding("digest-not-listed", FindingLevel.INFO, text)
    if digest in (entry.sha256, *entry.digests):
        return FileFinding(
            "digest-known", FindingLevel.INFO, "It is the very file that the entry names"
        )
    return FileFinding(
        "digest-differs", FindingLevel.ERROR, "It is another file than the entry names"
    )


def _memory(
    header: Header,
    described: ModelEntry,
    path: Path,
    available: int | None,
    config_of: Callable[[Path, ModelEntry], LlamaConfig],
) -> tuple[str, list[FileFinding]]:
    """The arithmetic of the start with these settings, and whether it fits this machine."""
    config = config_of(path, described)
    sizes = config.sizes
    needed = plan(header, sizes, adapters=size_of(config.adapters))
    try:
        refuse_unless_heads_fit(header, sizes.size.kv_type, path.name)
        refuse_unless_it_fits(needed, available, path.name)
    except ModelFileError as error:
        return needed.explain(), [
            FileFinding(error.code, FindingLevel.ERROR, f"{error.message}. {error.hint}")
        ]
    return needed.explain(), []
