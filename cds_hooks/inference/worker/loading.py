"""From the `load` frame to a scheduler that is ready: check the file, load it, build the tools."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cds_hooks.inference.hardware.machine import available_memory
from cds_hooks.inference.memory.context_size import Placement
from cds_hooks.inference.memory.gpu_memory import refuse_unless_gpus_hold
from cds_hooks.inference.memory.plan import (
    MemoryPlan,
    plan,
    refuse_unless_heads_fit,
    refuse_unless_it_fits,
)
from cds_hooks.inference.model_files.adapters import refuse_unless_it_adapts
from cds_hooks.inference.model_files.chat_template import bounded_scaffold
from cds_hooks.inference.model_files.gguf import Header, check_digest, read_header
from cds_hooks.inference.model_files.model_kinds import refuse_unless_model, refuse_without_template
from cds_hooks.inference.model_files.split_files import digest_of, read_model
from cds_hooks.inference.worker.bindings import native
from cds_hooks.inference.worker.bindings.gpus import gpus
from cds_hooks.inference.worker.cache_keys import kept_choice, saved_states
from cds_hooks.inference.worker.decoding.name_trie import NameTrie, load_trie
from cds_hooks.inference.worker.decoding.prompt_tokens import PromptTokenizer
from cds_hooks.inference.worker.decoding.schema_constraint import SchemaCompiler
from cds_hooks.inference.worker.decoding.thinking import ThinkingTokens
from cds_hooks.inference.worker.decoding.token_batches import SequencePool
from cds_hooks.inference.worker.decoding.vocabulary import Vocabulary
from cds_hooks.inference.worker.engine_tools import EngineTools, NameSearch
from cds_hooks.inference.worker.first_decode import check_first_decode
from cds_hooks.inference.worker.injected_faults import InjectedFault
from cds_hooks.inference.worker.load_order import LoadOrder
from cds_hooks.inference.worker.prompt_cache.prefixes import PrefixCache
from cds_hooks.inference.worker.scheduler import Emit, Scheduler
from cds_hooks.inference.worker.tuning.tuner import tune

__all__ = ["Loaded", "load"]

_USUAL = ("system", "user")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that answers frames, and what the service wants to know of the model."""

    tokenizer: PromptTokenizer
    compiler: SchemaCompiler
    scheduler: Scheduler
    facts: dict[str, Any]
    fault: InjectedFault


def load(
    order: LoadOrder, digests: Future[dict[str, str]], emit: Emit, clock: Callable[[], float]
) -> Loaded:
    """Check, load, decode. Headers and digests are checked before native code sees a file.

    Raises ModelFileError, native.NativeError, ChatTemplateError, OSError.
    """
    started = time.monotonic()
    library = native.library()
    order, header, needed = _checked(order)
    found = digests.result()
    parts = {part.name: found[str(part)] for part in header.parts}
    whole = digest_of([*parts.values()] or [found[str(order.model)]])
    digest = check_digest(order.model, order.sha256, whole)
    measured = [check_digest(a.path, a.sha256, found[str(a.path)]) for a in order.adapters]
    refuse_without_template(header, order.template, order.model)
    fault = _fault(order)
    fault.strike("load")
    model = native.NativeModel(str(order.model), order.placement, extra_buffers=order.repacks)
    for adapter in order.adapters:
        model.adapt(str(adapter.path), adapter.scale)
    emit({"op": "decoding"})
    tuned = tune(model, order.size, order.tuning, kept_choice(order, [digest, *measured]))
    order = replace(order, size=tuned.size)
    tokenizer, compiler, tools = _tools(order, header, model, [digest, *measured], needed.kept)
    check_first_decode(tools.context, fault)
    facts = {
        "sha256": digest,
        "parts": parts,
        "adapters": measured,
        "architecture": header.architecture,
        "cells": tools.context.cells,
        "memory": needed.explain(),
        "library": library,
        "tuning": tuned.facts(),
        "load_ms": 1000 * (time.monotonic() - started),
    }
    return Loaded(tokenizer, compiler, Scheduler(tools, clock, emit), facts, fault)


def _fault(order: LoadOrder) -> InjectedFault:
    own = "LLAMA_CPP_LIB_PATH" not in os.environ
    return InjectedFault.of(order.fault, extra_buffers=order.repacks, own_library=own)


def _checked(order: LoadOrder) -> tuple[LoadOrder, Header, MemoryPlan]:
    """The order with space for what is kept, the header, and what is needed, from headers alone."""
    header = read_model(order.model)
    refuse_unless_model(header, order.model)
    adapters = 0
    for adapter in order.adapters:
        adapting = read_header(adapter.path)
        refuse_unless_it_adapts(adapting, header, adapter.path)
        adapters += adapting.file_size
    refuse_unless_heads_fit(header, order.size.kv_type, order.model.name)
    devices = gpus() if order.placement.gpu_layers else ()
    if not devices:  # a library that has none computes all on the processor
        order = replace(order, placement=Placement())
    needed = plan(header, order.sizes, adapters=adapters)
    name = order.model.name
    refuse_unless_it_fits(needed, available_memory(), name)
    refuse_unless_gpus_hold(needed.gpu, devices, order.placement, name)
    order = replace(order, size=order.sizes.context(windows=header.windows))
    return order, header, needed


def _tools(
    order: LoadOrder, header: Header, model: native.NativeModel, digests: Sequence[str], kept: int
) -> tuple[PromptTokenizer, SchemaCompiler, EngineTools]:
    """What answers: the context is allocated while the vocabulary is read.

    The chat template is tried before: its memory is limited, and the context's must not be.
    """
    chat = _chat(order, header, model)
    bounded_scaffold(chat.template, _USUAL, bos=chat.bos, eos=chat.eos, options=order.options)
    with ThreadPoolExecutor(1) as beside:
        making = beside.submit(native.NativeContext, model, order.size)
        tokenizer = PromptTokenizer(model, chat.template, chat.bos, chat.eos, order.options)
        compiler = SchemaCompiler(model)
        names = _names(order, model, tokenizer, digests[0])
        thinking = _thinking(order, model)
        vocabulary = Vocabulary.of(model, compiler.tokenizer.tokenize_bytes)
        context = making.result()
    pool = SequencePool(order.size.sequences)
    saved = saved_states(order, digests)
    inside = header.windows and context.cuttable
    prefixes = PrefixCache(context, pool, order.slots, kept, context.cuttable, inside, saved)
    return tokenizer, compiler, EngineTools(context, vocabulary, pool, prefixes, names, thinking)


@dataclass(frozen=True, slots=True)
class _Chat:
    template: str
    bos: str
    eos: str


def _chat(order: LoadOrder, header: Header, model: native.NativeModel) -> _Chat:
    """The catalogue's chat template, else the file's own, and what it may write at the ends."""

    def piece(key: str) -> str:
        token = header.number(key, -1)
        return model.piece(token).decode("utf-8", "replace") if 0 <= token < model.size else ""

    bos, eos = piece("tokenizer.ggml.bos_token_id"), piece("tokenizer.ggml.eos_token_id")
    return _Chat(order.template or header.chat_template, bos, eos)


def _thinking(order: LoadOrder, model: native.NativeModel) -> ThinkingTokens | None:
    """The markers of the catalogue as tokens; here they are the template's own, so special."""
    how = order.thinking
    if how is None or not how["budget"]:
        return None
    stop = str(how["stop"])
    barred = model.control - set(model.tokenize(stop, special=True))
    return ThinkingTokens(
        opens=model.tokenize(str(how["open"]), special=True),
        stop=stop.encode(),
        goes_on=model.tokenize(str(how["then"]), special=True),
        closes=model.tokenize(str(how["close"]) + stop + str(how["then"]), special=True),
        budget=int(how["budget"]),
        barred=np.array(sorted(barred), np.intp),
    )


def _names(
    order: LoadOrder, model: native.NativeModel, tokenizer: PromptTokenizer, digest: str
) -> NameSearch | None:
    if order.names is None:
        return None

    def trie(kind: str, form: Callable[[str], str]) -> NameTrie:
        return load_trie(
            names,
            lambda names: tokenizer.contents([form(name) for name in names]),
            key=f"{digest} {kind}",
            vocabulary=model.size,
            cache=order.cache,
        )

    names = order.names
    written, spoken = trie("written", str), trie("spoken", _spoken)
    leads = tuple(tuple(model.tokenize(lead, special=False)) for lead in order.leads)
    return NameSearch(written, spoken, leads, order.width)


def _spoken(name: str) -> str:
    """A name as it stands inside a sentence: after a space, its first letter small."""
    small = name[:1].lower() if name[1:2].islower() else name[:1]
    return f" {small}{name[1:]}"
