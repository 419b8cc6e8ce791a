"""Flash attention and threads by measurement, once for a model on a machine, and kept.

What is faster turns round with processor, model and build: on one machine attention in one piece
makes a prompt a tenth faster and each later token half as slow again. So the ways are tried on a
short piece of a question, a few seconds in all, and the choice is kept beside the other things that
can be computed again. With the same choice the same question gives the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from cds_hooks.inference.memory.context_size import ContextSize
from cds_hooks.inference.tuning import FLASH, PROMPT_THREADS, THREADS, Tuning
from cds_hooks.inference.worker.bindings.native import NativeError, NativeModel
from cds_hooks.inference.worker.tuning.kept_choice import KeptChoice
from cds_hooks.inference.worker.tuning.timing_trial import LinearTime, TimingTrial

__all__ = ["TuningResult", "tune"]

_CHUNKS = (128, 64, 32)
_MOST_S = 15.0  # of measuring; a model of 135 million parameters takes three on two cores
_WORTH = 0.95  # of the time that the usual way takes: less is noise
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class TuningResult:
    """The size to make the context with, and how that was found.

    `source` is `measured`, `kept` (measured at an earlier start), or why the usual way was taken:
    `off`, `no-cache`, `busy` (others use the processors), `interrupted` (an earlier measurement did
    not end), `failed` (llama.cpp refused), `too-large` (it would take too long). `seconds` are the
    times that each way was reckoned to take for the question.
    """

    size: ContextSize
    source: str
    seconds: dict[str, float]

    def facts(self) -> dict[str, str]:
        """The same in words."""
        size = self.size
        attention = "flash attention" if size.flash else "no flash attention"
        chosen = f"{attention}, {size.threads} threads, {size.threads_of_prompts} for prompts"
        times = ", ".join(f"{way} {seconds:.2f} s" for way, seconds in self.seconds.items())
        return {"tuning": self.source, "computes_with": chosen, "reckoned": times}


def tune(
    model: NativeModel,
    usual: ContextSize,
    tuning: Tuning,
    kept: KeptChoice | None,
    clock: Clock = time.perf_counter,
    trial: type[TimingTrial] = TimingTrial,
) -> TuningResult:
    """The fastest way that is left open; the usual one where that cannot be measured."""
    why_not = _why_not(tuning, kept)
    if why_not or kept is None:
        return TuningResult(usual, why_not, {})
    before = kept.read()
    if before is not None:
        return TuningResult(_with(usual, before.chosen), "kept", before.seconds)
    if kept.begun():
        return TuningResult(usual, "interrupted", {})
    kept.begin()
    search = _Search(model, usual, tuning, clock, trial)
    try:
        found = search.run()
    except NativeError:
        return TuningResult(usual, "failed", {})
    if search.why_not:
        kept.end()
        return TuningResult(usual, search.why_not, {})
    kept.write({name: _value(found, name) for name in tuning.measured}, search.seconds)
    return TuningResult(found, "measured", search.seconds)


def _value(size: ContextSize, name: str) -> int:
    """What is kept of a field; the threads of prompts by their number, for 0 says `threads`."""
    return size.threads_of_prompts if name == PROMPT_THREADS else int(getattr(size, name))


def _why_not(tuning: Tuning, kept: KeptChoice | None) -> str:
    if not tuning.measured:
        return "off"
    if kept is None:
        return "no-cache"
    return "busy" if tuning.busy and kept.read() is None else ""


def _with(usual: ContextSize, chosen: dict[str, int]) -> ContextSize:
    flash = bool(chosen.get(FLASH, usual.flash))
    threads = chosen.get(THREADS, usual.threads)
    return replace(
        usual,
        flash=flash,
        threads=threads,
        prompt_threads=chosen.get(PROMPT_THREADS, usual.threads_of_prompts),
    )


class _Search:
    """One thing after the other, from the usual way on; `seconds` are the reckoned times.

    `why_not` says why they are worth nothing.
    """

    def __init__(
        self,
        model: NativeModel,
        usual: ContextSize,
        tuning: Tuning,
        clock: Clock,
        trial: type[TimingTrial],
    ) -> None:
        self._model, self._usual, self._tuning = model, usual, tuning
        self._clock, self._kind = clock, trial
        self._samples = max(1, min(tuning.samples, usual.sequences))
        self.seconds: dict[str, float] = {}
        self.why_not = ""

    def run(self) -> ContextSize:
        """The best; the usual one where `why_not` says something."""
        chunk = self._affordable()
        best = self._usual
        if chunk:
            best = self._flash(best, chunk)
        if chunk and not self.why_not:
            best = self._threads(best, chunk)
        return self._usual if self.why_not else best

    def _flash(self, usual: ContextSize, chunk: int) -> ContextSize:
        started, best = self._clock(), usual
        of_usual = self._whole(usual, chunk)
        if self._clock() - started > _MOST_S:
            self.why_not = "too-large"
        elif FLASH in self._tuning.measured:
            other = replace(usual, flash=not usual.flash)
            if self._whole(other, chunk) < _WORTH * of_usual:
                best = other
        return best

    def _affordable(self) -> int:
        """Tokens to evaluate at once, by what one takes; 0 when even the fewest are too many."""
        with self._trial(self._usual, _CHUNKS[-1]) as trial:
            one = trial.step(0)
        ways = 2 if FLASH in self._tuning.measured else 1
        chunk = next((chunk for chunk in _CHUNKS if one * chunk * ways <= _MOST_S), 0)
        self.why_not = "" if chunk else "too-large"
        return chunk

    def _whole(self, size: ContextSize, chunk: int) -> float:
        with self._trial(size, chunk) as trial:
            prompt, decoding = trial.prompt(), trial.decoding()
            if not trial.steady:
                self.why_not = "busy"
        seconds = self._of_prompt(prompt) + self._of_steps(decoding)
        self.seconds["flash" if size.flash else "no flash"] = round(seconds, 3)
        return seconds

    def _of_prompt(self, line: LinearTime) -> float:
        return line.of(self._tuning.prompt, 0)

    def _of_steps(self, line: LinearTime) -> float:
        """Every step lengthens what is attended to by a token of each sample."""
        return line.of(self._tuning.steps, self._tuning.prompt)

    def _threads(self, best: ContextSize, chunk: int) -> ContextSize:
        """All the threads or half of them: threads beyond the real cores do not help."""
        half = best.threads // 2
        if not half or not {THREADS, PROMPT_THREADS} & set(self._tuning.measured):
            return best
        with self._trial(best, chunk) as trial:
            many, few = trial.with_threads(best.threads), trial.with_threads(half)
        if PROMPT_THREADS in self._tuning.measured:
            threads = half if few[0] < _WORTH * many[0] else best.threads
            best = replace(best, prompt_threads=threads)
        if THREADS in self._tuning.measured and few[1] < _WORTH * many[1]:
            best = replace(best, threads=half)
        return best

    @contextmanager
    def _trial(self, size: ContextSize, chunk: int) -> Iterator[TimingTrial]:
        trial = self._kind(self._model, size, self._samples, chunk, self._clock)
        try:
            yield trial
        finally:
            trial.close()
