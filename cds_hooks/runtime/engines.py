"""From settings to the engine: a process here, servers elsewhere, or a panel of several models."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from cds_hooks.errors import ChartsideError
from cds_hooks.inference.engine import Engine
from cds_hooks.inference.hardware.machine import usable_processors
from cds_hooks.inference.local.llama_engine import LlamaConfig, LlamaEngine
from cds_hooks.inference.memory.context_size import Choice, KvType, SplitMode
from cds_hooks.inference.model_catalogue.catalogue import ModelEntry, load_catalogue, stand_in
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.model_files.adapters import Adapter
from cds_hooks.inference.model_files.template_file import TemplateFileError, read_template
from cds_hooks.inference.model_settings import ModelFileSettings, ModelServerSettings, ModelSettings
from cds_hooks.inference.panel import Panel, PanelOrder
from cds_hooks.inference.replicas import Replicas
from cds_hooks.inference.tuning import FLASH, PROMPT_THREADS, THREADS
from cds_hooks.inference.worker.injected_faults import VARIABLE
from cds_hooks.runtime.egress import guarded
from cds_hooks.settings import Settings, SettingsError
from cds_hooks.settings.default_paths import made_by
from prompts import Template
from prompts.template import TemplateSettings

if TYPE_CHECKING:
    import ssl

    from cds_hooks.inference.remote.openai_config import OpenAIConfig
    from cds_hooks.inference.remote.openai_engine import OpenAIEngine

__all__ = [
    "config_of",
    "expected_digest",
    "local_configs",
    "make_engine",
    "model_entry",
    "names_by_construction",
    "options_digest",
    "samples_of",
    "server_config",
    "server_engines",
    "server_tls",
    "started_engine",
]

# A template's own words, in any tokenizer; the chart's tokens are counted.
_SYSTEM_TOKENS = 512


def make_engine(settings: Settings, bounds: TemplateSettings, samples: int) -> Engine:
    """The engine that the settings describe, for questions within a template's bounds.

    Raises SettingsError.
    """
    own: list[Engine] = [LlamaEngine(each) for each in local_configs(settings, bounds, samples)]
    server, more = settings.model_server, settings.panel
    first = [_remote(server, "model_server")] if server.bases else []
    engines = [*first, *own, *(_remote(each, "panel.servers") for each in more.servers)]
    if len(engines) == 1:
        return engines[0]
    try:
        return Panel(engines, order=PanelOrder(more.asked))
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


def names_by_construction(settings: Settings, entry: ModelEntry) -> bool:
    """Whether a diagnosis can only be a name of the terminology: a demonstration's, unless the
    site says otherwise; and only of a model in this machine's engine."""
    chosen = settings.model.names_by_construction
    wanted = entry.demonstration if chosen is None else chosen
    return wanted and settings.model.names is not None and not settings.model_server.bases


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


def expected_digest(settings: Settings) -> str:
    """The digest that the first model has when its files are those that the settings name, as
    `ModelIdentity.sha256` tells it; empty when they name none."""
    entry = model_entry(settings)
    if settings.model_server.bases or not entry.sha256:
        return entry.sha256
    adapters = _adapters(settings.model)
    return LlamaConfig(settings.model.path, entry, adapters=adapters).identity().sha256


def _adapters(file: ModelSettings | ModelFileSettings) -> tuple[Adapter, ...]:
    return tuple(Adapter(a.path, a.scale, a.sha256) for a in file.adapters)


def server_engines(settings: Settings) -> Iterator[tuple[str, OpenAIEngine]]:
    """Of each model server its place in the settings and an engine, not started. Raises
    SettingsError."""
    places = [("model_server", settings.model_server)]
    places += [(f"panel.servers[{n}]", each) for n, each in enumerate(settings.panel.servers)]
    for where, server in places:
        with _in_settings(where):
            yield from ((where, _of_server(server, base)) for base in server.bases)


def local_configs(
    settings: Settings, bounds: TemplateSettings, samples: int
) -> Iterator[LlamaConfig]:
    """Of each model that runs on this machine, in the panel's order. Raises SettingsError."""
    first = () if settings.model_server.bases else (settings.model,)
    for file in (*first, *settings.panel.files):
        yield _local(settings, file, bounds, samples)


def _local(
    settings: Settings,
    file: ModelSettings | ModelFileSettings,
    bounds: TemplateSettings,
    samples: int,
) -> LlamaConfig:
    model = settings.model
    if model.names is not None and not model.names.exists():
        message = f"there is no file of names at {model.names}"
        raise SettingsError(message, where="model.names", hint=made_by(model.names))
    config = config_of(settings, file.path, _entry(settings, file), bounds, samples)
    return replace(config, adapters=_adapters(file))


def config_of(
    settings: Settings, path: Path, entry: ModelEntry, bounds: TemplateSettings, samples: int
) -> LlamaConfig:
    """What a file would be loaded with under these settings, whether or not they name it.

    The adapters are those of `model.path`, for that file alone.
    """
    model = settings.model
    return LlamaConfig(
        model=path,
        entry=entry,
        adapters=_adapters(model) if path == model.path else (),
        names=model.names,
        cache=model.cache,
        prompt_tokens=bounds.chart_tokens + _SYSTEM_TOKENS,
        answer_tokens=bounds.max_output_tokens,
        samples=samples,
        parallel=model.parallel,
        queue=model.queue,
        threads=model.threads or usable_processors(),
        prompt_threads=model.prompt_threads,
        gpu_layers=model.gpu_layers,
        split_mode=SplitMode(model.split_mode),
        tensor_split=model.tensor_split,
        main_gpu=model.main_gpu,
        batch=model.batch,
        micro_batch=model.micro_batch,
        kv_type=KvType(model.kv_type),
        windowed=model.swa == "windowed",
        flash_attention=Choice(model.flash_attention),
        tune=_tuned(model),
        extra_buffers=Choice(model.extra_buffers),
        load_silence_s=model.load_silence_s,
        load_s=model.load_s,
        confine=settings.egress.confine_engine,
        portable_library=model.portable_library,
        fault=_fault(settings),
    )


def _tuned(model: ModelSettings) -> tuple[str, ...]:
    """What is left to measurement: nothing that these settings say."""
    if model.tune == "off":
        return ()
    said = {THREADS: model.threads, PROMPT_THREADS: model.prompt_threads}
    return (FLASH, *(name for name, count in said.items() if not count))


def _fault(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """A fault that a test asks for; never in production."""
    return environ.get(VARIABLE, "") if settings.profile == "demo" else ""


def _entry(settings: Settings, file: ModelSettings | ModelFileSettings) -> ModelEntry:
    catalogue = load_catalogue(settings.model.catalogue)
    return known_entry(catalogue, file.path, file.sha256, _chat_template(file))


def _chat_template(file: ModelSettings | ModelFileSettings) -> str:
    """The text of `model.chat_template`, else empty. Raises SettingsError."""
    if not isinstance(file, ModelSettings) or file.chat_template is None:
        return ""
    try:
        return read_template(file.chat_template)
    except TemplateFileError as error:
        where = f"model.chat_template ({error.where})"
        raise SettingsError(error.message, where=where, hint=error.hint) from None


def _remote(server: ModelServerSettings, where: str) -> Engine:
    """One engine a server; several are replicas of one model."""
    with _in_settings(where):
        engines = [_of_server(server, base) for base in server.bases]
        engine: Engine = engines[0] if len(engines) == 1 else Replicas(engines)
    return engine


@contextlib.contextmanager
def _in_settings(where: str) -> Iterator[None]:
    """What is wrong with a server is wrong in the settings, at a place."""
    try:
        yield
    except ChartsideError as error:
        raise SettingsError(error.message, where=where, hint=error.hint) from None
    except (ValueError, OSError) as error:
        # Of a file that cannot be read only the kind of fault: its text may hold what is in it.
        said = str(error) if isinstance(error, ValueError) else type(error).__name__
        raise SettingsError(said, where=where) from None


def _of_server(server: ModelServerSettings, base: str) -> OpenAIEngine:
    # Read here: a service with a local model starts its engine before it needs any of this.
    from cds_hooks.inference.remote.openai_engine import OpenAIEngine

    return OpenAIEngine(server_config(server, base), tls=server_tls(server), guard=guarded)


def server_config(server: ModelServerSettings, base: str) -> OpenAIConfig:
    """What one of a model's servers is asked with. Raises ServerNotAllowed, ValueError."""
    from cds_hooks.inference.remote.openai_config import OpenAIConfig

    return OpenAIConfig(
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


def server_tls(server: ModelServerSettings) -> ssl.SSLContext | None:
    """Of its own authority and certificate; None where it has neither. Raises OSError."""
    if server.authority is None and server.certificate is None:
        return None
    from cds_hooks.tls_client import client_context

    context = client_context(server.authority)
    if server.certificate is not None:
        context.load_cert_chain(server.certificate, server.certificate_key)
    return context
