"""The engine process's two threads: one reads frames, the main one owns the context.

Counting tokens only reads the vocabulary, so the reading thread answers it at once, however
busy the context is (llama.cpp: "the API is thread-safe" of tokenisation).
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cds_hooks.inference.model_files.chat_template import ChatTemplateError
from cds_hooks.inference.model_files.gguf import ModelFileError
from cds_hooks.inference.worker.bindings import unusable_library
from cds_hooks.inference.worker.bindings.native import NativeError
from cds_hooks.inference.worker.decoding.prompt_tokens import PromptTokenizer
from cds_hooks.inference.worker.decoding.sampling import Sampling
from cds_hooks.inference.worker.decoding.schema_constraint import SchemaError
from cds_hooks.inference.worker.evaluations import EvaluationJob, TwoAnswers, closed_thought
from cds_hooks.inference.worker.inbox import Inbox
from cds_hooks.inference.worker.jobs import Job
from cds_hooks.inference.worker.load_order import LoadOrder
from cds_hooks.inference.worker.loading import Loaded, load
from cds_hooks.inference.worker.outbox import Outbox

__all__ = ["BROKEN", "Service"]

BROKEN = 3  # exit status: llama.cpp failed in a way after which the context cannot be trusted
# What to do where llama.cpp only says that it refused.
_HINTS = {
    "model-not-loadable": "Look at it with `chartside models check FILE`: this llama.cpp may not "
    "know its architecture. Where layers are on a GPU, set model.gpu_layers lower.",
    "adapter-not-loadable": "Look at it with `chartside models check ADAPTER --base FILE`.",
    "context-not-made": "Set model.parallel, services.samples or model.gpu_layers lower.",
    "engine-proof-failed": "Run `make portable` in the checkout once: the engine then tries a "
    "llama.cpp built for any processor as well.",
}
_TEMPLATE_HINT = (
    "Look at it with `chartside models check FILE`, or name another as model.chat_template."
)


class Service:
    """Frames out of an inbox, frames into an outbox."""

    def __init__(
        self,
        inbox: Inbox,
        outbox: Outbox,
        clock: Callable[[], float] = time.monotonic,
        *,
        confined: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._inbox = inbox
        self.send = outbox.send
        self._clock = clock
        self._confined = dict(confined)
        self._counter: PromptTokenizer | None = None

    def run(self, order: dict[str, Any], digests: Future[dict[str, str]]) -> int:
        """Load what is ordered, then serve until the pipe closes (which ends the process)."""
        self._inbox.at_once = self._count
        loaded = self._load(order, digests)
        if loaded is None:
            return 0
        self._counter = loaded.tokenizer
        confined = {"confinement": self._confined}
        self.send({"op": "state", "status": "ready", **loaded.facts, **confined})
        while True:
            try:
                self._turn(loaded)
            except NativeError:
                return BROKEN

    def _count(self, frame: dict[str, Any]) -> bool:
        """Answer a count from the reading thread; False when the frame is another's to answer."""
        if frame.get("op") != "count" or self._counter is None:
            return False
        counts = [len(self._counter.content(str(text))) for text in frame["texts"]]
        self.send({"op": "counts", "id": frame["id"], "counts": counts})
        return True

    def _load(self, frame: dict[str, Any], digests: Future[dict[str, str]]) -> Loaded | None:
        try:
            return load(LoadOrder.from_frame(frame), digests, self.send, self._clock)
        except ModelFileError as error:
            self._failed(error.code, error.message, where=error.where, hint=error.hint)
        except NativeError as error:
            if error.code == unusable_library.UNUSABLE:
                self._failed(error.code, str(error), hint=unusable_library.hint())
            else:
                where, hint = _named(frame), _HINTS.get(error.code, "")
                self._failed(error.code, str(error), where=where, hint=hint)
        except ChatTemplateError as error:
            self._failed(error.code, str(error), where=_named(frame), hint=_TEMPLATE_HINT)
        except (KeyError, TypeError, ValueError, OSError) as error:
            self._failed("engine-not-loaded", f"Loading failed ({type(error).__name__})")
        return None

    def _failed(self, code: str, message: str, **more: str) -> None:
        self.send({"op": "state", "status": "failed", "code": code, "message": message, **more})

    def _turn(self, loaded: Loaded) -> None:
        """Take the orders that came, then one step; sleep only when there is nothing to do."""
        scheduler = loaded.scheduler
        try:
            while True:
                self._order(loaded, self._inbox.orders.get(block=scheduler.idle))
        except queue.Empty:
            scheduler.step()

    def _order(self, loaded: Loaded, frame: dict[str, Any]) -> None:
        number = int(frame.get("id", -1))
        try:
            if frame["op"] == "cancel":
                loaded.scheduler.cancel(number)
                self.send({"op": "cancelled", "id": number})
            elif frame["op"] == "promote":
                loaded.scheduler.promote(number, int(frame["priority"]))
            elif frame["op"] in ("generate", "evaluate"):
                loaded.fault.strike("request")
                generates = frame["op"] == "generate"
                loaded.scheduler.submit(
                    (self._job if generates else self._evaluation)(frame, loaded)
                )
        except (SchemaError, ChatTemplateError) as error:
            self._error(number, error.code)
        except (KeyError, TypeError, ValueError) as error:
            self._error(number, f"request-malformed ({type(error).__name__})")

    def _error(self, number: int, detail: str) -> None:
        self.send({"op": "error", "id": number, "code": "engine-failed", "message": detail})

    def _job(self, frame: dict[str, Any], loaded: Loaded) -> Job:
        now = self._clock()
        messages = [(str(role), str(content)) for role, content in frame["messages"]]
        compiled = loaded.compiler.compile(frame["schema"], names=bool(frame["names"]))
        names = loaded.scheduler.tools.names
        client, tenant = frame.get("flow", (0, 0))
        if compiled.names and names is None:
            raise SchemaError("names are asked for and no names are loaded")
        return Job(
            id=int(frame["id"]),
            prompt=loaded.tokenizer.prompt(messages),
            compiled=compiled,
            samples=max(1, int(frame["samples"])),
            max_tokens=max(1, int(frame["max_tokens"])),
            how=Sampling(float(frame["temperature"]), **frame["sampling"]),
            seed=int(frame["seed"]) & 0xFFFF_FFFF_FFFF_FFFF,
            deadline=now + float(frame["deadline_s"]),
            arrived=now,
            exclusive=bool(frame.get("exclusive", False)),
            priority=int(frame.get("priority", 0)),
            flow=(int(client), int(tenant)),
            tell=bool(frame.get("tell", False)),
            search=compiled.names and names is not None and bool(names.leads),
        )

    def _evaluation(self, frame: dict[str, Any], loaded: Loaded) -> EvaluationJob:
        now, tokenizer = self._clock(), loaded.tokenizer
        client, tenant = frame.get("flow", (0, 0))
        prompts = [
            tokenizer.prompt([(str(role), str(content)) for role, content in messages])
            for messages in frame["conversations"]
        ]
        thinking = loaded.scheduler.tools.thinking
        return EvaluationJob(
            id=int(frame["id"]),
            prompts=[closed_thought(prompt, thinking) for prompt in prompts],
            answers=TwoAnswers.of(tokenizer, frame["affirmative"], frame["negative"]),
            deadline=now + float(frame["deadline_s"]),
            arrived=now,
            priority=int(frame.get("priority", 0)),
            flow=(int(client), int(tenant)),
        )


def _named(frame: Mapping[str, Any]) -> str:
    """The model file's name in a load order."""
    return Path(str(frame.get("model", ""))).name
