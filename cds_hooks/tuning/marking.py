"""A conversation as tokens, exactly as the engine evaluates and writes it, and which are learned.

The prompt is the engine's own (`PromptTokenizer`). Behind it stand what the engine forces (a
thought's opening marker), the trace, the answer and the token that ends the turn. Learned are the
answer and that end, and with a trace the trace and the marker that ends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cds_hooks.inference.model_files.chat_template import Slot, bounded_scaffold
from cds_hooks.tuning.example import IGNORED

if TYPE_CHECKING:
    from cds_hooks.inference.worker.bindings.native import NativeModel
    from cds_hooks.inference.worker.decoding.prompt_tokens import PromptTokenizer

__all__ = ["Marker", "MarkingError"]


class MarkingError(Exception):
    """An example that cannot be marked; `code` is stable and kebab-case."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Marker:
    """One model's tokens. `thinking` are its markers by name, None for a model that does not
    think: a trace has no place in its answers, and is left out."""

    model: NativeModel
    tokenizer: PromptTokenizer
    thinking: Mapping[str, str] | None

    @classmethod
    def of(cls, model: NativeModel, order: Mapping[str, Any]) -> Marker:
        """The marker for a model, by `template`, `options`, `thinking` and the ids `bos` and `eos`
        of its file. Raises MarkingError for a model without a chat template."""
        from cds_hooks.inference.worker.decoding.prompt_tokens import PromptTokenizer

        def piece(key: str) -> str:
            token = int(order[key])
            known = 0 <= token < model.size
            return model.piece(token).decode("utf-8", "replace") if known else ""

        if not order["template"]:
            raise MarkingError("template-missing")
        tokenizer = PromptTokenizer(
            model, order["template"], piece("bos"), piece("eos"), order["options"]
        )
        return cls(model, tokenizer, order["thinking"])

    @property
    def thinks(self) -> bool:
        """Whether the model has a place for a trace."""
        return self.thinking is not None

    def mark(
        self, messages: Sequence[Mapping[str, str]], answer: str, trace: str = ""
    ) -> tuple[list[int], list[int]]:
        """Token ids and labels. Raises MarkingError, also when what is marked does not write the
        text that it should, and ChatTemplateError."""
        turns = [(m["role"], m["content"]) for m in messages]
        prompt = self.tokenizer.prompt(turns).ids
        thought, learned = self._thought(trace if self.thinks else "")
        said, end = self.tokenizer.content(answer), self._end([role for role, _ in turns])
        ids = [*prompt, *thought, *said, *end]
        labels = [*([IGNORED] * len(prompt)), *learned, *said, *end]
        self._check(labels, answer, trace if self.thinks else "", end)
        return ids, labels

    def _thought(self, trace: str) -> tuple[list[int], list[int]]:
        """What stands between prompt and answer, and its labels. Without a trace it is an empty
        thought that the engine would have closed by force: nothing of it is learned."""
        if self.thinking is None:
            return [], []
        opens, stop, then = (self._special(self.thinking[k]) for k in ("open", "stop", "then"))
        close = self._special(self.thinking["close"])
        if not trace:
            forced = [*opens, *close, *stop, *then]
            return forced, [IGNORED] * len(forced)
        written = [*self.tokenizer.content(trace), *close, *stop]
        ids = [*opens, *written, *then]
        return ids, [*([IGNORED] * len(opens)), *written, *([IGNORED] * len(then))]

    def _end(self, roles: Sequence[str]) -> list[int]:
        """What the template writes behind an answer, up to the token that ends a generation; of a
        template that writes none there, the file's own end token."""
        tokenizer = self.tokenizer
        parts = bounded_scaffold(
            tokenizer.template,
            [*roles, "assistant"],
            bos=tokenizer.bos,
            eos=tokenizer.eos,
            options=tokenizer.options,
        )
        at = max(n for n, part in enumerate(parts) if isinstance(part, Slot))
        behind = [p for p in parts[at + 1 :] if isinstance(p, str)]
        ids = self._special("".join(behind))
        for n, token in enumerate(ids):
            if token in self.model.ends:
                return ids[: n + 1]
        own = self._special(tokenizer.eos)
        if len(own) == 1 and own[0] in self.model.ends:
            return own
        raise MarkingError("no-end-of-turn")

    def _check(self, labels: Sequence[int], answer: str, trace: str, end: Sequence[int]) -> None:
        marked = self.model.text([label for label in labels if label != IGNORED])
        stop = self.thinking["close"] + self.thinking["stop"] if trace and self.thinking else ""
        if marked != f"{trace}{stop}{answer}{self.model.text(end)}":
            raise MarkingError("mask-does-not-decode")

    def _special(self, text: str) -> list[int]:
        return self.model.tokenize(text, special=True) if text else []
