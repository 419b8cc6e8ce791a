"""A model's vocabulary in a process of its own, asked line by line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from cds_hooks.inference.model_catalogue.catalogue import ModelEntry
from cds_hooks.inference.model_files.split_files import engine_path, read_model
from cds_hooks.tuning.example import MarkedTokens, TrainingExample
from cds_hooks.tuning.tuning_errors import TuningDataError

__all__ = ["ModelTokens"]


@dataclass(slots=True)
class ModelTokens:
    """A running process with one model's vocabulary; use it in a `with`."""

    process: subprocess.Popen[bytes]
    thinks: bool = False

    @classmethod
    def start(cls, model: Path, entry: ModelEntry, *, confine: str = "where-possible") -> Self:
        """Start it. Raises ModelFileError for a file that is no model, TuningDataError for one
        whose vocabulary or template cannot be used."""
        header = read_model(model)
        thinking = entry.thinking
        order = {
            "model": str(engine_path(model)),
            "template": entry.chat_template or header.chat_template,
            "options": entry.template_options,
            "thinking": thinking.model_dump() if thinking and thinking.budget else None,
            "bos": header.number("tokenizer.ggml.bos_token_id", -1),
            "eos": header.number("tokenizer.ggml.eos_token_id", -1),
            "confine": confine,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "cds_hooks.tuning.token_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        started = cls(process)
        told = started._ask(order)
        if "error" in told:
            started.close()
            raise TuningDataError(
                f"the model's tokens cannot be had ({told['error']})", where=model.name
            )
        started.thinks = bool(told["thinks"])
        return started

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.kill()
        self.process.wait()

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        counts: list[int] = self._ask({"count": list(texts)})["counts"]
        return counts

    def mark(self, example: TrainingExample, *, trace: bool) -> MarkedTokens | str:
        """The example as tokens with its answer marked; or why that cannot be, in one word."""
        told = self._ask(
            {
                "messages": [turn.model_dump() for turn in example.messages],
                "answer": example.answer,
                "trace": example.trace if trace else "",
            }
        )
        if "error" in told:
            return str(told["error"])
        ids = told["input_ids"]
        return MarkedTokens(
            id=example.id, input_ids=ids, labels=told["labels"], attention_mask=(1,) * len(ids)
        )

    def _ask(self, document: dict[str, Any]) -> dict[str, Any]:
        """Raises TuningDataError when the process has ended."""
        source, sink = self.process.stdout, self.process.stdin
        if source is None or sink is None:
            raise RuntimeError("the process was started without pipes")
        try:
            sink.write(orjson.dumps(document) + b"\n")
            sink.flush()
            line = source.readline()
        except OSError:
            line = b""
        if not line:
            code = self.process.wait()
            raise TuningDataError(f"the process that tokenises ended with {code}")
        told: dict[str, Any] = orjson.loads(line)
        return told
