"""What a llama.cpp engine is made with, and what follows from it for the engine process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cds_hooks.consultation import ModelIdentity, ModelPart
from cds_hooks.inference.hardware.machine import this_machine, usable_processors
from cds_hooks.inference.hardware.processor import this_processor
from cds_hooks.inference.memory.context_size import (
    MOST_SEQUENCES,
    Choice,
    ContextSize,
    KvType,
    Placement,
    Sizes,
    SplitMode,
)
from cds_hooks.inference.model_catalogue.catalogue import ModelEntry
from cds_hooks.inference.model_files.adapters import Adapter
from cds_hooks.inference.model_files.split_files import engine_path
from cds_hooks.inference.model_settings import ModelSettings
from cds_hooks.inference.tuning import FLASH, Tuning

__all__ = ["LlamaConfig"]

_RESERVE = 128  # cells a sample may use to close its thought and its answer
_SEARCH = 1024  # cells of a search for names
_BLOCK = 256  # llama.cpp pads its contexts to this

_DECLARED = ModelSettings()  # where a key is declared with its default


@dataclass(frozen=True, slots=True)
class LlamaConfig:
    """`prompt_tokens`, `answer_tokens`, `samples` and `parallel` size the context.

    `adapters` are LoRA adapters of the model, applied together for every request.
    `queue` requests may wait beside the `parallel` ones that run. `names` is a file with one
    terminology name a line (optionally followed by a tab and the key of its concept); without it
    names are free text. `cache` is a folder for what can be computed again. The last `kept_prompts`
    prompts are kept for the next of the same chart, as much as one longest prompt takes. `pauses_s`
    are the pauses before restarts, `steady_s` how long a life must last to start them over.
    `environment` names the variables that the engine process inherits; `program` is what Python
    runs in it. `confine` is how it gives up network and files: `where-possible`, `required`, `off`.

    A process that works says so every `pulse_s`. One that loads is ended after `load_silence_s` of
    silence or `load_s` in all, one that does not let go of a cancelled request after `grace_s` of
    silence or `longest_grace_s` in all: a slow machine is no fault. After `failed_loads` processes
    in a row that ended before they were ready, and after `crashes` on requests within
    `crash_window_s` without an answer between, none is started any more.

    `gpu_layers`, `split_mode`, `tensor_split` and `main_gpu` say what is on GPUs, `kv_type` and
    `windowed` how the cache is kept, `micro_batch` and `prompt_threads` how a prompt is computed
    (see `memory/context_size.py`). `flash_attention` and `extra_buffers` (llama.cpp repacks weights
    for this processor) are on, off, or measured.

    `tune` names the fields of `ContextSize` to measure at load (see `tuning.py`).

    `library` is a folder with another libllama than the installed one; `portable_library` one for
    any processor, tried last when native code dies (see `local/ladder.py`). `fault` makes the
    process kill itself, for tests alone (see `worker/injected_faults.py`).
    """

    model: Path
    entry: ModelEntry
    names: Path | None = None
    cache: Path | None = None
    adapters: tuple[Adapter, ...] = ()
    prompt_tokens: int = 4096
    answer_tokens: int = 768
    samples: int = 5
    parallel: int = _DECLARED.parallel
    queue: int = _DECLARED.queue
    threads: int = field(default_factory=usable_processors)
    prompt_threads: int = _DECLARED.prompt_threads
    gpu_layers: int = _DECLARED.gpu_layers
    split_mode: SplitMode = SplitMode.LAYER
    tensor_split: tuple[float, ...] = _DECLARED.tensor_split
    main_gpu: int = _DECLARED.main_gpu
    batch: int = _DECLARED.batch
    micro_batch: int = _DECLARED.micro_batch
    kv_type: KvType = KvType.F16
    windowed: bool = False
    flash_attention: Choice = Choice.MEASURED
    tune: tuple[str, ...] = ()
    kept_prompts: int = 4
    pauses_s: tuple[float, ...] = (0.2, 1.0, 5.0, 30.0)
    steady_s: float = 60.0
    pulse_s: float = 2.0
    load_silence_s: float = _DECLARED.load_silence_s
    load_s: float = _DECLARED.load_s
    grace_s: float = 10.0
    longest_grace_s: float = 300.0
    failed_loads: int = 6
    crashes: int = 3
    crash_window_s: float = 600.0
    library: Path | None = None
    portable_library: Path | None = None
    extra_buffers: Choice = Choice.MEASURED
    fault: str = ""
    environment: tuple[str, ...] = (
        "LD_LIBRARY_PATH",
        "LLAMA_CPP_LIB_PATH",
        "CUDA_VISIBLE_DEVICES",
        "HIP_VISIBLE_DEVICES",
        "GGML_VK_VISIBLE_DEVICES",
        "VK_DRIVER_FILES",
        "GOMP_SPINCOUNT",
        "HOME",
        "TMPDIR",
    )
    program: tuple[str, ...] = ("-m", "cds_hooks.inference.worker")
    confine: str = "where-possible"

    @property
    def prompt(self) -> int:
        """Tokens of the longest prompt that the model has space for."""
        return min(self.prompt_tokens, self.entry.context - self.answer_tokens)

    @property
    def cells(self) -> int:
        """Context cells that `parallel` requests need, in llama.cpp's blocks.

        A single request is bounded by the model's own context.
        """
        thought = self.entry.thinking.budget if self.entry.thinking else 0
        answers = self.samples * (thought + self.answer_tokens + _RESERVE)
        search = _SEARCH if self._searches else 0
        wanted = self.parallel * (self.prompt + answers + search)
        return -(-wanted // _BLOCK) * _BLOCK

    @property
    def _searches(self) -> bool:
        """Whether names are searched before an answer is written."""
        return self.names is not None and bool(self.entry.names.leads)

    @property
    def sequences(self) -> int:
        """Sequences that the same needs, as many as llama.cpp has; with fewer, requests wait."""
        names = self.entry.names
        search = len(names.leads) * (1 + 2 * names.width) if self._searches else 0
        most = MOST_SEQUENCES * 2 // 3 if self.windowed else MOST_SEQUENCES
        return min(self.parallel * (self.samples + search), most)

    @property
    def flash(self) -> bool:
        """Whether attention is computed in one piece, as long as nothing was measured.

        On the processor that takes longer for each token: 26 ms instead of 16 (SmolLM2 Q8_0, two
        cores with AVX-512, llama-cpp-python 0.3.36). llama.cpp computes with a quantised cache in
        no other way.
        """
        if self.flash_attention is not Choice.MEASURED:
            return self.flash_attention is Choice.ON
        return self.gpu_layers != 0 or self.kv_type is not KvType.F16

    @property
    def placement(self) -> Placement:
        """What of the model is on GPUs."""
        return Placement(self.gpu_layers, self.split_mode, self.tensor_split, self.main_gpu)

    @property
    def size(self) -> ContextSize:
        """What the context is made with."""
        return ContextSize(
            cells=self.cells,
            batch=self.batch,
            sequences=self.sequences,
            threads=self.threads,
            flash=self.flash,
            micro_batch=self.micro_batch,
            prompt_threads=self.prompt_threads,
            kv_type=self.kv_type,
            windowed=self.windowed,
        )

    @property
    def repacks(self) -> bool:
        """Whether llama.cpp may repack weights, as long as nothing was measured."""
        return self.extra_buffers is not Choice.OFF

    @property
    def sizes(self) -> Sizes:
        """What decides how much memory the model takes on this machine."""
        names = self.names.stat().st_size if self.names and self.names.is_file() else 0
        return Sizes(
            size=self.size,
            placement=self.placement,
            slots=self.kept_prompts,
            kept_cells=self.prompt,
            repacks=self.repacks,
            features=this_processor(),
            names=names,
        )

    @property
    def tuning(self) -> Tuning:
        """What is measured at load, for half of the longest prompt and a quarter of the longest
        answer: half of it is written, and half of that is forced by the schema.

        On a GPU nothing is: there llama.cpp's own choice stands.
        """
        forced = {FLASH} if self.kv_type is not KvType.F16 else set()
        if self.flash_attention is not Choice.MEASURED:
            forced.add(FLASH)
        open_ = () if self.placement.gpu_layers else self.tune
        return Tuning(
            measured=tuple(name for name in open_ if name not in forced),
            prompt=self.prompt // 2,
            steps=self.answer_tokens // 4,
            samples=self.samples,
            busy=this_machine().busy,
        )

    def patience_s(self, now: float, *, heard_at: float, since: float) -> float:
        """How long a process that was asked to let go at `since` may still take; 0: no longer.

        It was heard of last at `heard_at`; all are monotonic seconds.
        """
        silent, whole = heard_at + self.grace_s - now, since + self.longest_grace_s - now
        return max(min(silent, whole), 0.0)

    def identity(self) -> ModelIdentity:
        """What a consultation records before the file is measured."""
        try:
            build = f"llama-cpp-python {version('llama-cpp-python')}"
        except PackageNotFoundError:
            build = "llama-cpp-python"
        entry = self.entry
        base = ModelIdentity(
            entry.name, entry.sha256, build, entry.licence, demonstration=entry.demonstration
        )
        return self.measured(base, entry.sha256, [adapter.sha256 for adapter in self.adapters])

    def measured(
        self,
        known: ModelIdentity,
        base: str,
        adapters: Sequence[str],
        files: Mapping[str, str] = MappingProxyType({}),
    ) -> ModelIdentity:
        """`known` with the digests that were measured; `files` are those of a model in several
        files, by name, of which `base` is made (`splits.digest_of`).

        With adapters, or with another chat template than the file's, it is another model: its
        digest changes with any file, any scale and the template.
        """
        parts = [ModelPart(name, digest) for name, digest in files.items()]
        more = [
            ModelPart(adapter.path.name, digest, adapter.scale)
            for adapter, digest in zip(self.adapters, adapters, strict=True)
        ]
        if self.entry.chat_template:
            template = hashlib.sha256(self.entry.chat_template.encode()).hexdigest()
            more.append(ModelPart("chat_template", template))
        if not more:
            return replace(known, sha256=base, parts=tuple(parts))
        base_part = ModelPart(self.model.name, base)
        whole = json.dumps([[part.sha256, part.scale] for part in (base_part, *more)]).encode()
        names = [self.entry.name, *(adapter.path.stem for adapter in self.adapters)]
        digest = hashlib.sha256(whole).hexdigest()
        parts = [*(parts or [base_part]), *more]
        return replace(known, name=" + ".join(names), sha256=digest, parts=tuple(parts))

    def order(self) -> dict[str, Any]:
        """The frame that tells the engine process what to load."""
        return {
            "op": "load",
            "model": str(engine_path(self.model)),
            "sha256": self.entry.sha256,
            "adapters": [
                {"path": str(a.path.resolve()), "scale": a.scale, "sha256": a.sha256}
                for a in self.adapters
            ],
            "size": self.size.frame(),
            **self.placement.frame(),
            "flash_attention": self.flash_attention.value,
            "tuning": self.tuning.frame(),
            "confine": self.confine,
            "extra_buffers": self.extra_buffers.value,
            "pulse_s": self.pulse_s,
            "fault": self.fault,
            "slots": self.kept_prompts,
            "kept_cells": self.prompt,
            "template": self.entry.chat_template,
            "names": str(self.names.resolve()) if self.names else None,
            "cache": str(self.cache.resolve()) if self.cache else None,
            "leads": list(self.entry.names.leads),
            "width": self.entry.names.width,
            "options": self.entry.template_options,
            "thinking": self.entry.thinking.model_dump() if self.entry.thinking else None,
        }
