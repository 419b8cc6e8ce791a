"""From settings to the engine: a process here, servers elsewhere, or a panel of several models."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from cds_hooks.errors import ChartsideError
from cds_hooks.inference.adapters import Adapter
from cds_hooks.inference.catalogue import ModelEntry, load_catalogue, stand_in
from cds_hooks.inference.engine import Engine
from cds_hooks.inference.gguf import ModelFileError, read_header
from cds_hooks.inference.llama import LlamaConfig, LlamaEngine
from cds_hooks.inference.machine import usable_processors
from cds_hooks.inference.panel import Asked, Panel
from cds_hooks.inference.replicas import Replicas
from cds_hooks.runtime.egress import guarded
from cds_hooks.settings import Model, ModelFile, ModelServer, Settings, SettingsError
from prompts import Template
from prompts.template import TemplateSettings

if TYPE_CHECKING:
    import ssl

    from cds_hooks.inference.openai import OpenAIEngine

__all__ = ["make_engine", "model_entry", "options_digest", "samples_of", "started_engine"]

# A template's own words, in any tokenizer; the chart's tokens are counted.
_SYSTEM_TOKENS = 512
_CONTEXT = 8192


def make_engine(settings: Settings, bounds: TemplateSettings, samples: int) -> Engine:
    """The engine that the settings describe, for questions within a template's bounds.

    Raises SettingsError.
    """
    first = _first(settings, bounds, samples)
    more = settings.panel
    if not more.files and not more.servers:
        return first
    engines = [first, *(_local(settings, file, bounds, samples) for file in more.files)]
    engines += [_remote(server, "panel.servers") for server in more.servers]
    try:
        return Panel(engines, asked=Asked(more.asked))
    except ValueError as error:
        raise SettingsError(str(error), where="panel") from None


@contextlib.asynccontextmanager
async def started_engine(settings: Settings, template: Template) -> AsyncIterator[Engine]:
    """The engine, told to load; it has ended when the block is left.

    For a service that starts: the process loads the model on one core while the service's own code
    is read on another. Raises SettingsError.
    """
    samples = samples_of(settings, model_entry(settings), template)
    engine = make_engine(settings, template.settings, samples)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


def samples_of(settings: Settings, entry: ModelEntry, template: Template) -> int:
    """As the site says, else as the template does; of a demonstration one is enough."""
    default = 1 if entry.demonstration else template.settings.samples
    return settings.services.samples or default


def model_entry(settings: Settings) -> ModelEntry:
    """What is known of the first model: its catalogue entry, else the little that settings say."""
    server = settings.model_server
    if not server.bases:
        return _entry(settings, settings.model)
    entry = stand_in(Path(server.name or server.model), sha256=server.sha256)
    told = {"name": server.name or server.model, "demonstration": server.demonstration}
    return entry.model_copy(update=told)


def options_digest(settings: Settings) -> str:
    """A digest over what is known of the models: another sampling is another answer."""
    entries = [model_entry(settings), *(_entry(settings, file) for file in settings.panel.files)]
    whole = [entry.model_dump(mode="json") for entry in entries]
    return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _first(settings: Settings, bounds: TemplateSettings, samples: int) -> Engine:
    if settings.model_server.bases:
        return _remote(settings.model_server, "model_server")
    return _local(settings, settings.model, bounds, samples)


def _local(
    settings: Settings, file: Model | ModelFile, bounds: TemplateSettings, samples: int
) -> Engine:
    model = settings.model
    if model.names is not None and not model.names.exists():
        raise SettingsError("the file of names is missing", where="model.names")
    return LlamaEngine(
        LlamaConfig(
            model=file.path,
            entry=_entry(settings, file),
            names=model.names,
            cache=model.cache,
            adapters=tuple(Adapter(a.path, a.scale, a.sha256) for a in file.adapters),
            prompt_tokens=bounds.chart_tokens + _SYSTEM_TOKENS,
            answer_tokens=bounds.max_output_tokens,
            samples=samples,
            parallel=model.parallel,
            queue=model.queue,
            threads=model.threads or usable_processors(),
            gpu_layers=model.gpu_layers,
            confine=settings.egress.confine_engine,
        )
    )


def _entry(settings: Settings, file: Model | ModelFile) -> ModelEntry:
    known = load_catalogue(settings.model.catalogue).for_file(file.path, file.sha256)
    if known is not None:
        return known.model_copy(update={"sha256": file.sha256 or known.sha256})
    return stand_in(file.path, context=_context(file.path), sha256=file.sha256)


def _context(path: Path) -> int:
    """What a file that no catalogue knows says of its context; the engine refuses a bad file."""
    try:
        return read_header(path).of_architecture("context_length") or _CONTEXT
    except ModelFileError:
        return _CONTEXT


def _remote(server: ModelServer, where: str) -> Engine:
    """One engine a server; several are replicas of one model."""
    try:
        engines = [_of_server(server, base) for base in server.bases]
        return engines[0] if len(engines) == 1 else Replicas(engines)
    except ChartsideError as error:
        raise SettingsError(error.message, where=where, hint=error.hint) from None
    except (ValueError, OSError) as error:
        # Of a file that cannot be read only the kind of fault: its text may hold what is in it.
        said = str(error) if isinstance(error, ValueError) else type(error).__name__
        raise SettingsError(said, where=where) from None


def _of_server(server: ModelServer, base: str) -> OpenAIEngine:
    # Read here: a service with a local model starts its engine before it needs any of this.
    from cds_hooks.inference.openai import OpenAIConfig, OpenAIEngine

    config = OpenAIConfig(
        base_url=base,
        model=server.model,
        allowed=server.bases,
        key_file=server.key_file,
        name=server.name,
        sha256=server.sha256,
        licence=server.licence,
        demonstration=server.demonstration,
        thinking_tokens=server.thinking_tokens,
        in_flight=server.in_flight,
        extra=dict(server.extra),
    )
    return OpenAIEngine(config, tls=_tls(server), guard=guarded)


def _tls(server: ModelServer) -> ssl.SSLContext | None:
    if server.authority is None and server.certificate is None:
        return None
    from cds_hooks.tls_client import client_context

    context = client_context(server.authority)
    if server.certificate is not None:
        context.load_cert_chain(server.certificate, server.certificate_key)
    return context
