"""The state of one engine over its processes: its rung, what failed before, what is wrong now.

It is told what the engine process reports and how it ends, and decides what comes next. It starts
no process.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_hooks.inference.engine import EngineEvent
from cds_hooks.inference.hardware.processor import this_processor
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.gpu_use import gpu_trouble
from cds_hooks.inference.local.ladder import Ladder, NextStep, Rung, on_rung
from cds_hooks.inference.local.messages import string_mapping
from cds_hooks.inference.local.process import WorkerGone
from cds_hooks.inference.local.process_exits import ProcessExit, Stage, process_exit

__all__ = ["CRASHES", "LIBRARY_UNUSABLE", "PROOF_FAILED", "EngineLifecycle"]

_log = logging.getLogger(__name__)

LIBRARY_UNUSABLE = "engine-library-unusable"
PROOF_FAILED = "engine-proof-failed"
CRASHES = "engine-crashes"
_KEPT_EVENTS = 256
_NUMBERS = itertools.count(1)
_BROKEN = 3  # exit status of `worker.service`: llama.cpp failed while it answered
_CRASHES_HINT = "Restart the service when the cause is fixed; `chartside doctor engine` tries it."


@dataclass(frozen=True, slots=True)
class _Failure:
    rung: Rung
    code: str
    says: str


class EngineLifecycle:
    """Decides how an engine goes on after each start, answer and end of its process.

    `clock` gives monotonic seconds, `processor` the features that matter of this processor.
    """

    def __init__(
        self,
        config: LlamaConfig,
        clock: Callable[[], float] = time.monotonic,
        processor: Sequence[str] | None = None,
    ) -> None:
        self._config = config
        self._ladder = Ladder(config, clock)
        self._processor = tuple(this_processor() if processor is None else processor)
        self._stage = Stage.LOADING
        self._failures: list[_Failure] = []
        self._refused: NextStep | None = None
        self._facts: dict[str, str] = {}
        self._events: deque[EngineEvent] = deque(maxlen=_KEPT_EVENTS)
        self.model = config.identity()
        self.code = ""
        self.trouble = ""

    @property
    def rung(self) -> str:
        """How the model is loaded, or is about to be."""
        return self._ladder.rung.value

    @property
    def config(self) -> LlamaConfig:
        """What the next process is started with."""
        return on_rung(self._config, self._ladder.rung)

    @property
    def facts(self) -> Mapping[str, str]:
        """Of the model that was loaded last: `rung`, `engine`, `built_with` (what the library uses
        of a processor), `backends` and `devices` (GPUs) of the library, `gpu` (yes, no-backend or
        no-device), `gpu_trouble` where layers were to be on a GPU and are not, `processor`,
        `before`: what was tried before that rung, and of what was measured `tuning` (where the
        choice is from), `computes_with` and `reckoned`."""
        return dict(self._facts)

    @property
    def _before(self) -> str:
        """What was tried before this rung, and how it ended; empty on the first."""
        rungs: dict[str, list[str]] = {}
        for each in self._failures:
            rungs.setdefault(each.says, []).append(each.rung)
        return " ".join(f"Tried {' and '.join(on)}: {says}" for says, on in rungs.items())

    @property
    def events(self) -> tuple[EngineEvent, ...]:
        """Events for the audit ledger, the latest last."""
        return tuple(self._events)

    def on_started(self) -> None:
        """A process was started."""
        self._stage, self._refused = Stage.LOADING, None

    def on_decoding(self) -> None:
        """The model is loaded and its first decode begins."""
        self._stage = Stage.FIRST_DECODE

    def on_ready(self, frame: Mapping[str, Any]) -> None:
        """The model was loaded and has decoded."""
        self._stage = Stage.IDLE
        self._ladder.on_ready()
        self.code = self.trouble = ""
        told = frame.get("library")
        library = {str(k): str(v) for k, v in told.items()} if isinstance(told, dict) else {}
        if self._failures:
            _log.warning("the model runs on rung %s. %s", self.rung, self._before)
        if off_gpu := gpu_trouble(self._config.gpu_layers, library):
            _log.warning("%s", off_gpu)
        before = self._before or self._facts.get("before", "")
        processor = " ".join(self._processor)
        told = {"gpu_trouble": off_gpu, "processor": processor, "before": before}
        facts = {"rung": self.rung, **library, **told}
        facts |= string_mapping(frame.get("tuning"))
        if how := facts.get("computes_with"):
            _log.info("the model computes with %s (%s)", how, facts.get("tuning", ""))
        self._facts = {name: value for name, value in facts.items() if value}
        self._note("engine-started", self._facts)
        self._failures.clear()

    def on_answer(self) -> None:
        """A request was answered."""
        self._ladder.on_answer()

    def on_refusal(self, code: str, says: str) -> bool:
        """A process said why it cannot load; True when another rung is tried for it."""
        if code == LIBRARY_UNUSABLE:
            step = self._step(code, says, self._ladder.on_unusable_library)
        elif code == PROOF_FAILED:
            step = self._step(code, says, lambda: self._ladder.on_failed_load(native=True))
        else:
            step = self._step(code, says, lambda: NextStep.OUT)
        self._refused = step
        return step is not NextStep.OUT

    def on_end(self, gone: WorkerGone, *, asked: bool) -> NextStep:
        """A process ended; `asked`: while requests waited for it."""
        if self._refused is not None:
            return self._refused
        on_request = self._stage is Stage.IDLE and (asked or gone.status == _BROKEN)
        stage = Stage.REQUEST if on_request else self._stage
        death = process_exit(stage, gone.status, self._processor, why=gone.why)
        _log.error("%s: %s", death.code, death.says)
        if stage is Stage.IDLE:
            self.code, self.trouble = death.code, death.says
            return NextStep.AGAIN
        if stage is Stage.REQUEST:
            return self._crashed(death)
        return self._step(
            death.code, death.says, lambda: self._ladder.on_failed_load(native=death.native)
        )

    def _crashed(self, death: ProcessExit) -> NextStep:
        step = self._ladder.on_crash()
        self.code, self.trouble = death.code, death.says
        if step is NextStep.OUT:
            self.code = CRASHES
            count = self._config.crashes
            self.trouble = f"{death.message}, {count} times without an answer between. "
            self.trouble += f"{death.hint} {_CRASHES_HINT}"
            self._out()
        return step

    def _step(self, code: str, says: str, next_of: Callable[[], NextStep]) -> NextStep:
        """A load that failed: the first failure's code stands for all that follow from it."""
        rung = self._ladder.rung
        step = next_of()
        if step is NextStep.AGAIN:
            self.code, self.trouble = code, says
            return step
        self._failures.append(_Failure(rung, code, says))
        self.code = self._failures[0].code
        self.trouble = says if len(self._failures) == 1 else self._before
        if step is NextStep.OUT:
            self._out()
        return step

    def _out(self) -> None:
        _log.error("the engine is out of service: %s: %s", self.code, self.trouble)
        fields = {"rung": self.rung, "reason_code": self.code, "cause": self.trouble}
        self._note("engine-out-of-service", fields | {"processor": " ".join(self._processor)})

    def _note(self, type_: str, fields: Mapping[str, str]) -> None:
        told = {"model_id": self.model.name, "gguf_sha256": self.model.sha256, **fields}
        told = {name: value for name, value in told.items() if value}
        self._events.append(EngineEvent(next(_NUMBERS), type_, told))
