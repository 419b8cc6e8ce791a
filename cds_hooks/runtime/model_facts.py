"""The models of an installation, read from their files without loading them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cds_hooks.consultation import ModelIdentity
from cds_hooks.documents.installation import ModelFacts
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.model_catalogue.catalogue import ModelEntry
from cds_hooks.inference.model_files.gguf import Header, sha256_of
from cds_hooks.inference.model_files.quantisation import file_type, parameters
from cds_hooks.inference.model_files.split_files import digest_of, read_model
from cds_hooks.inference.model_files.tied_embeddings import same_weights
from cds_hooks.inference.model_settings import ModelServerSettings
from cds_hooks.runtime.engines import local_configs, model_entry, samples_of
from cds_hooks.settings import Settings
from prompts import Template

__all__ = ["Told", "model_facts"]

_GENERAL = "general."
_LONGEST = 500
Told = Callable[[int], object]


def model_facts(
    settings: Settings, template: Template, told: Told | None = None
) -> tuple[ModelFacts, ...]:
    """Every model that answers, in the order of the panel; `told` hears of bytes that were hashed.

    Raises ModelFileError for a file that is none, and SettingsError.
    """
    entry = model_entry(settings)
    samples = samples_of(settings, entry, template)
    local = [_of_file(c, told) for c in local_configs(settings, template.settings, samples)]
    first = [_of_server(settings.model_server, entry)] if settings.model_server.bases else []
    more = (_of_server(server, None) for server in settings.panel.servers)
    return (*first, *local, *more)


def _of_file(config: LlamaConfig, told: Told | None) -> ModelFacts:
    entry, header = config.entry, read_model(config.model)
    paths = header.parts or (config.model,)
    files = {path.name: sha256_of(path, told) for path in paths}
    adapters = {adapter.path.name: sha256_of(adapter.path, told) for adapter in config.adapters}
    base = digest_of(list(files.values()))
    parts = files if len(files) > 1 else {}
    identity = config.measured(config.identity(), base, list(adapters.values()), parts)
    return ModelFacts(
        **_named(identity),
        architecture=header.architecture,
        parameters=parameters(header, tied=same_weights(header, config.model)),
        quantisation=file_type(header),
        context=header.of_architecture("context_length"),
        files={**files, **adapters},
        adapters=tuple(adapters),
        metadata=_metadata(header),
        **_catalogued(entry),
    )


def _of_server(server: ModelServerSettings, entry: ModelEntry | None) -> ModelFacts:
    more = _catalogued(entry) if entry else {}
    return ModelFacts(
        name=server.name or server.model,
        sha256=server.sha256,
        demonstration=server.demonstration,
        engine="a model server with an OpenAI-compatible API",
        on_server=True,
        **more,
    )


def _named(identity: ModelIdentity) -> dict[str, Any]:
    return {
        "name": identity.name,
        "sha256": identity.sha256,
        "licence": identity.licence,
        "demonstration": identity.demonstration,
        "engine": identity.engine,
    }


def _catalogued(entry: ModelEntry) -> dict[str, Any]:
    return {
        "source": entry.source,
        "cautions": entry.cautions,
        "published": tuple(
            f"{p.benchmark}, {p.metric}: {p.percent:g} % (n = {p.n}, {p.source})"
            + (f"; {p.note}" if p.note else "")
            for p in entry.published
        ),
    }


def _metadata(header: Header) -> Mapping[str, str]:
    """The texts under `general.` in the file's header; they are the publisher's, and bounded."""
    return {key: text[:_LONGEST] for key, text in _texts(header) if text}


def _texts(header: Header) -> Iterator[tuple[str, str]]:
    for key, value in header.metadata.items():
        if not key.startswith(_GENERAL):
            continue
        if isinstance(value, str):
            yield key.removeprefix(_GENERAL), value
        elif isinstance(value, tuple):
            yield key.removeprefix(_GENERAL), ", ".join(map(str, value))
