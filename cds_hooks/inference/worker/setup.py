"""From the `load` frame to a scheduler that is ready: check the file, load it, build the tools."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from cds_hooks.inference.gguf import Header, check_digest, read_header, refuse_split
from cds_hooks.inference.machine import available_memory
from cds_hooks.inference.memory import plan, refuse_unless_it_fits
from cds_hooks.inference.worker import native
from cds_hooks.inference.worker.constraint import Compiler
from cds_hooks.inference.worker.jobs import NameSearch, Tools
from cds_hooks.inference.worker.prefixes import Prefixes
from cds_hooks.inference.worker.saved import SavedStates
from cds_hooks.inference.worker.scheduler import Emit, Scheduler
from cds_hooks.inference.worker.thinking import Thinking
from cds_hooks.inference.worker.tokens import PromptTokenizer
from cds_hooks.inference.worker.trie import NameTrie, load_trie
from cds_hooks.inference.worker.vocabulary import Vocabulary
from cds_hooks.inference.worker.work import SequencePool

__all__ = ["LoadOrder", "Loaded", "load"]


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What the service asks to be loaded; `from_frame` says which frame keys there are.

    `cells`, `batch`, `sequences` and `threads` size the context; `slots` is how many prompt
    beginnings are kept; `leads` and `width` are how names are searched (see `names.py`).
    """

    model: Path
    sha256: str
    cells: int
    batch: int
    sequences: int
    threads: int
    gpu_layers: int
    slots: int
    template: str
    names: Path | None
    cache: Path | None
    leads: tuple[str, ...]
    width: int
    options: Mapping[str, Any]
    thinking: Mapping[str, Any] | None

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> LoadOrder:
        """Raises KeyError, TypeError or ValueError when the frame is not a load order."""
        return cls(
            model=Path(frame["model"]),
            sha256=str(frame["sha256"]),
            cells=int(frame["cells"]),
            batch=int(frame["batch"]),
            sequences=int(frame["sequences"]),
            threads=int(frame["threads"]),
            gpu_layers=int(frame["gpu_layers"]),
            slots=int(frame["slots"]),
            template=str(frame["template"]),
            names=Path(frame["names"]) if frame["names"] else None,
            cache=Path(frame["cache"]) if frame["cache"] else None,
            leads=tuple(str(lead) for lead in frame["leads"]),
            width=int(frame["width"]),
            options=dict(frame["options"]),
            thinking=frame["thinking"],
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that answers frames, and what the service wants to know of the model."""

    tokenizer: PromptTokenizer
    compiler: Compiler
    scheduler: Scheduler
    facts: dict[str, Any]


def load(order: LoadOrder, emit: Emit, clock: Callable[[], float]) -> Loaded:
    """Check, then load. The file's header and digest are checked before native code sees it.

    Raises ModelFileError, native.NativeError, ChatTemplateError, OSError.
    """
    started = time.monotonic()
    header = read_header(order.model)
    refuse_split(header, order.model)
    needed = plan(header, cells=order.cells, sequences=order.sequences, batch=order.batch)
    refuse_unless_it_fits(needed, available_memory(), order.model.name)
    digest = check_digest(order.model, order.sha256)
    model = native.Model(str(order.model), gpu_layers=order.gpu_layers)
    tokenizer = _tokenizer(model, order, header)
    compiler = Compiler(model)
    context = native.Context(
        model, native.ContextSize(order.cells, order.batch, order.sequences, order.threads)
    )
    pool = SequencePool(order.sequences)
    tools = Tools(
        context=context,
        vocabulary=Vocabulary.of(model, compiler.tokenizer.tokenize_bytes),
        pool=pool,
        prefixes=Prefixes(context, pool, order.slots, model.cuttable, _saved(order, digest)),
        names=_names(order, model, tokenizer, digest),
        thinking=_thinking(order, model),
    )
    facts = {
        "sha256": digest,
        "architecture": header.architecture,
        "cells": context.cells,
        "memory": needed.explain(),
        "load_ms": 1000 * (time.monotonic() - started),
    }
    return Loaded(tokenizer, compiler, Scheduler(tools, clock, emit), facts)


def _tokenizer(model: native.Model, order: LoadOrder, header: Header) -> PromptTokenizer:
    def piece(key: str) -> str:
        token = header.number(key, -1)
        return model.text([token]) if 0 <= token < model.size else ""

    bos, eos = piece("tokenizer.ggml.bos_token_id"), piece("tokenizer.ggml.eos_token_id")
    template = order.template or header.chat_template
    tokenizer = PromptTokenizer(model, template, bos, eos, order.options)
    tokenizer.prompt([("system", ""), ("user", "")])
    return tokenizer


def _saved(order: LoadOrder, digest: str) -> SavedStates | None:
    """Saved states are told apart by everything that decides their bytes."""
    if order.cache is None:
        return None
    build = f"{llama_cpp.__version__} {llama_cpp.llama_print_system_info()!r}"
    return SavedStates(order.cache, f"{digest} {build} {order.batch} {order.threads}")


def _thinking(order: LoadOrder, model: native.Model) -> Thinking | None:
    """The markers of the catalogue as tokens; here they are the template's own, so special."""
    how = order.thinking
    if how is None or not how["budget"]:
        return None
    stop = str(how["stop"])
    barred = model.control - set(model.tokenize(stop, special=True))
    return Thinking(
        opens=model.tokenize(str(how["open"]), special=True),
        stop=stop.encode(),
        goes_on=model.tokenize(str(how["then"]), special=True),
        closes=model.tokenize(str(how["close"]) + stop + str(how["then"]), special=True),
        budget=int(how["budget"]),
        barred=np.array(sorted(barred), np.intp),
    )


def _names(
    order: LoadOrder, model: native.Model, tokenizer: PromptTokenizer, digest: str
) -> NameSearch | None:
    if order.names is None:
        return None

    def trie(kind: str, form: Callable[[str], str]) -> NameTrie:
        return load_trie(
            names,
            lambda name: tokenizer.content(form(name)),
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
