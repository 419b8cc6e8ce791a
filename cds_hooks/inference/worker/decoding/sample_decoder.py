"""One sample being decoded: its constraint, its random numbers, its names, its budget."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cds_hooks.inference.worker.decoding.name_search import NameChoice
from cds_hooks.inference.worker.decoding.repeats import Repeats
from cds_hooks.inference.worker.decoding.sampling import Sampling, choose
from cds_hooks.inference.worker.decoding.schema_constraint import NAME, CompiledSchema
from cds_hooks.inference.worker.decoding.thinking import Thought
from cds_hooks.inference.worker.decoding.token_batches import TokenBatch
from cds_hooks.inference.worker.decoding.token_mask import TokenMask
from cds_hooks.inference.worker.decoding.vocabulary import Vocabulary

__all__ = ["ConstraintError", "SampleDecoder"]

_FREE_TEXT = 256  # a mask this wide is the inside of a string, not an enumeration or a key
_RESERVE = 64
_NONE = np.empty(0, np.intp)
_MARGIN = 16  # characters that the token before the last may still write


class ConstraintError(Exception):
    """The matcher refused what it had allowed: nothing more is decoded for this sample."""

    code = "constraint-failed"


@dataclass(slots=True)
class SampleDecoder:
    """A sample from the start of its answer to its end.

    `pending` are tokens that are chosen or forced but not evaluated; `finish` is empty while the
    sample goes on, then `stop` or `length`.
    """

    vocabulary: Vocabulary
    compiled: CompiledSchema
    names: NameChoice | None
    how: Sampling
    random: np.random.Generator
    budget: int
    thought: Thought | None = None
    seq: int = -1
    pos: int = 0
    pending: list[int] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    finish: str = ""
    _matcher: Any = None
    _mask: TokenMask = field(init=False)
    _ahead: Future[None] | None = None
    _run: int = 0
    _thought_over: bool = False
    _repeats: Repeats = field(init=False)

    def __post_init__(self) -> None:
        self._matcher = self.compiled.start()
        self._mask = TokenMask(self.vocabulary.size)
        self._repeats = Repeats(self.how.no_repeat)

    def open(self) -> bool:
        """Write what is forced; True when it ends where a name must come (`name_next` goes on)."""
        return self._force()

    def name_next(self) -> None:
        """Write the next name of the order, or begin one in the trie, and what is forced then."""
        if self.names is None:
            raise ConstraintError("a name is asked for and there are no names")
        while (listed := self.names.next_listed()) is not None:
            self._write(listed)
            if not self._force():
                return
        if self.names.exhausted():
            self.finish = "length"
        else:
            self.names.node = 0

    def work(self) -> TokenBatch:
        """The evaluation of what is pending."""
        work = TokenBatch(self.seq, self.pos, self.pending)
        self.pos += len(self.pending)
        self.pending = []
        return work

    def look_ahead(self, helper: Executor) -> None:
        """Have the next mask computed while llama.cpp evaluates: it depends on no logits."""
        thinks = self.thought is not None and not self._thought_over
        at_name = self.names is not None and self.names.node >= 0
        if not thinks and not at_name:
            self._ahead = helper.submit(self._mask.fill, self._matcher)

    def advance(self, logits: NDArray[np.float32]) -> None:
        """Choose what comes after the evaluated tokens."""
        if self.thought is not None and not self._thought_over:
            self._advance_thought(self.thought, logits)
        elif len(self.written) >= self.budget + _RESERVE:
            self.finish = "length"
        elif self.names is not None and self.names.node >= 0:
            self._advance_name(self.names, logits)
        else:
            self._advance_text(logits)

    def _advance_thought(self, thought: Thought, logits: NDArray[np.float32]) -> None:
        tokens, self._thought_over = thought.advance(logits, self.how, self.random)
        self.pending += tokens
        if self._thought_over and self._force():
            self.name_next()

    def _advance_name(self, names: NameChoice, logits: NDArray[np.float32]) -> None:
        token = names.draw(logits, self.vocabulary.quotes, self.how, self.random)
        if token is not None:
            self._write([token])
        elif self._force():
            self.name_next()

    def _advance_text(self, logits: NDArray[np.float32]) -> None:
        mask = self._filled()
        count = mask.count
        if not count:
            raise ConstraintError("no token may follow")
        free_text = count > min(_FREE_TEXT, self.vocabulary.size // 8)
        token = self._chosen(logits, mask, free_text)
        self._note(token, free_text)
        self._consume([token])
        self._write([token])
        if self._force():
            self.name_next()

    def _filled(self) -> TokenMask:
        """What the matcher allows now."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            self._mask.fill(self._matcher)
        else:
            ahead.result()
        return self._mask

    def _note(self, token: int, free_text: bool) -> None:
        """Keep count of the string that is being written."""
        piece = self.vocabulary.pieces[token]
        if free_text and b'"' not in piece:
            self._run += len(piece)
            self._repeats.add(token)
        else:
            self._run = 0
            self._repeats.pause()

    def _chosen(self, logits: NDArray[np.float32], mask: TokenMask, free_text: bool) -> int:
        """A token that is allowed; when a string or the answer has become too long, its end."""
        closing = self._closing(mask, free_text)
        if len(closing):
            return int(closing[choose(logits[closing], self.how, self.random)])
        if free_text:
            self._forbid_repeats(mask)
        return self.vocabulary.chooser.draw(logits, mask, self.how, self.random)

    def _closing(self, mask: TokenMask, free_text: bool) -> NDArray[np.intp]:
        spent = len(self.written) >= self.budget
        tired = free_text and self._run >= self.compiled.longest - _MARGIN
        if not spent and not tired:
            return _NONE
        return mask.among(self.vocabulary.quotes if free_text else self.vocabulary.brackets)

    def _forbid_repeats(self, mask: TokenMask) -> None:
        banned = self._repeats.banned()
        if banned and len(banned) < mask.count:
            mask.forbid(banned)

    def _force(self) -> bool:
        """Write every token that the grammar forces; True when a name has to come next."""
        while not self._matcher.is_stopped():
            ahead = self._matcher.compute_ff_bytes()
            before, name, _after = ahead.partition(NAME.encode())
            if name and self.names is not None:
                self._consume(self.vocabulary.bytes_to_tokens(before + name))
                self._write(self.vocabulary.bytes_to_tokens(before))
                return True
            forced = self._matcher.compute_ff_tokens()
            if not forced:
                return False
            self._consume(forced)
            self._write(forced)
        if self._matcher.is_error():
            raise ConstraintError("the constraint stopped with an error")
        self.finish = "stop"
        return False

    def _consume(self, tokens: list[int]) -> None:
        if tokens and not self._matcher.consume_tokens(tokens):
            raise ConstraintError("the constraint refused a token that it had allowed")

    def _write(self, tokens: list[int]) -> None:
        self.pending += tokens
        self.written += tokens

    def frame(self) -> dict[str, Any]:
        """The sample for the service."""
        return {
            "text": self.text(),
            "tokens": len(self.written),
            "finish": self.finish,
            "thinking": self.thought.text() if self.thought else "",
            "thinking_cut": self.thought.cut if self.thought else False,
            "names": names.told(self.vocabulary.pieces) if (names := self.names) else [],
        }

    def text(self) -> str:
        """What the sample wrote."""
        return b"".join(self.vocabulary.pieces[t] for t in self.written).decode("utf-8", "replace")
