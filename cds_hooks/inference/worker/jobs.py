"""One request from its prompt to its samples, as a generator of what must be evaluated next.

The scheduler evaluates what `run_job` yields, together with what other jobs yield, and resumes it
when all of it is done. Closing the generator frees everything the job holds.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cds_hooks.inference.worker.decoding.name_search import (
    NameChoice,
    RankedName,
    beam,
    mix,
    shuffled,
    written,
)
from cds_hooks.inference.worker.decoding.prompt_tokens import PromptTokens
from cds_hooks.inference.worker.decoding.sample_decoder import ConstraintError, SampleDecoder
from cds_hooks.inference.worker.decoding.sampling import LogitsUnusable, Sampling
from cds_hooks.inference.worker.decoding.schema_constraint import CompiledSchema
from cds_hooks.inference.worker.decoding.thinking import ThinkingTokens, Thought
from cds_hooks.inference.worker.decoding.token_batches import TokenBatch
from cds_hooks.inference.worker.engine_tools import EngineTools, Steps, spent_ms

__all__ = ["Job", "run_job"]

_SEARCH_CELLS = 1024
_RESERVE_CELLS = 128  # for closing a thought and an answer, and for what is forced at the end


@dataclass(slots=True, eq=False)
class Job:
    """A request with its prompt as tokens; `deadline` and `arrived` are monotonic seconds.

    An `exclusive` job runs alone on an empty context, so that it always gives the same bits. The
    lowest `priority` is begun first, and each `flow` in its turn (`FairQueue`). With `tell` its
    samples are told while they are decoded.
    """

    id: int
    prompt: PromptTokens
    compiled: CompiledSchema
    samples: int
    max_tokens: int
    how: Sampling
    seed: int
    deadline: float
    arrived: float
    search: bool = False
    exclusive: bool = False
    priority: int = 0
    flow: tuple[int, int] = (0, 0)
    tell: bool = False
    reused: int = 0
    marks: dict[str, float] = field(default_factory=dict)
    lanes: list[SampleDecoder] = field(default_factory=list)

    def mark(self, stage: str) -> None:
        """Remember that a stage ended now."""
        self.marks[stage] = time.monotonic()

    def sequences(self, tools: EngineTools) -> int:
        """Sequences that must be free before the job may begin."""
        return self.samples + (tools.names.sequences if self.search and tools.names else 0)

    def cells(self, tools: EngineTools) -> int:
        """Cells that the job may come to hold."""
        search = _SEARCH_CELLS if self.search else 0
        return len(self.prompt.ids) + self.samples * self._answer(tools.thinking) + search

    def longest(self, tools: EngineTools) -> int:
        """Positions that one of its sequences may come to."""
        return len(self.prompt.ids) + self._answer(tools.thinking)

    def run(self, tools: EngineTools) -> Steps:
        """See `run_job`."""
        return run_job(self, tools)

    def done(self) -> dict[str, Any]:
        """Its samples, and what they cost."""
        return {
            "op": "done",
            "id": self.id,
            "samples": [lane.frame() for lane in self.lanes],
            "tokens_prompt": len(self.prompt.ids),
            "tokens_reused": self.reused,
            "timings_ms": spent_ms(self.arrived, self.marks),
        }

    def _answer(self, thinking: ThinkingTokens | None) -> int:
        return (thinking.budget if thinking else 0) + self.max_tokens + _RESERVE_CELLS


def run_job(job: Job, tools: EngineTools) -> Steps:
    """Evaluate the prompt once, find the names, decode the samples side by side."""
    taken = tools.pool.take(job.sequences(tools))
    seqs, spare = taken[: job.samples], taken[job.samples :]
    try:
        job.lanes = [_lane(job, tools, number) for number in range(job.samples)]
        prompt = yield from _evaluate(job, tools, seqs[0])
        if tools.thinking is not None:
            yield from _think_and_decode(job, tools, tools.thinking, prompt, seqs)
            return
        at_name = [lane.open() for lane in job.lanes]
        opening = TokenBatch(seqs[0], prompt.end, job.lanes[0].pending)
        ranked = yield from _open_and_search(job, tools, prompt, opening, spare)
        job.mark("names")
        listed = written(ranked, tools.names.spoken) if tools.names else {}
        for number, lane in enumerate(job.lanes):
            if lane.names is not None:
                lane.names.listed = listed
            _branch(tools, lane, opening if opening.tokens else prompt, seqs[number])
            _first(lane, at_name[number], ranked, job.how, opening if opening.tokens else prompt)
        yield from _decode(job.lanes, tools.helper)
        job.mark("decode")
    finally:
        for seq in taken:
            tools.context.drop(seq)
        tools.pool.give(taken)


def _evaluate(
    job: Job, tools: EngineTools, seq: int
) -> Generator[list[TokenBatch], None, TokenBatch]:
    """The prompt on `seq`, its system part first and apart.

    So the part is evaluated alike whether or not it was there already, and can be kept where a
    state cannot be cut.
    """
    ids, shared = job.prompt.ids, job.prompt.shared
    start, logits = tools.prefixes.begin(seq, ids, shared)
    job.reused = start
    if logits is not None:
        job.mark("prompt")
        return TokenBatch(seq, start, [], logits=logits)
    if start < shared < len(ids):
        yield [TokenBatch(seq, start, ids[start:shared])]
        tools.prefixes.keep_part(seq, ids[:shared])
        start = shared
    prompt = TokenBatch(seq, start, ids[start:])
    yield [prompt]
    prompt.hold()
    tools.prefixes.keep_prompt(seq, ids, prompt.logits)
    job.mark("prompt")
    return prompt


def _lane(job: Job, tools: EngineTools, number: int) -> SampleDecoder:
    choice = NameChoice(tools.names.written) if job.compiled.names and tools.names else None
    random = np.random.default_rng([job.seed, number])
    return SampleDecoder(tools.vocabulary, job.compiled, choice, job.how, random, job.max_tokens)


def _think_and_decode(
    job: Job, tools: EngineTools, thinking: ThinkingTokens, prompt: TokenBatch, seqs: Sequence[int]
) -> Generator[list[TokenBatch], None, None]:
    """Each sample thinks on its own before it answers; names are drawn along the trie."""
    job.mark("names")
    for lane, seq in zip(job.lanes, seqs, strict=True):
        _branch(tools, lane, prompt, seq)
        lane.thought = Thought(thinking, tools.vocabulary.pieces, tools.vocabulary.chooser)
        lane.pending = list(thinking.opens)
        if not lane.pending:
            lane.advance(prompt.logits)
    yield from _decode(job.lanes, tools.helper)
    job.mark("decode")


def _open_and_search(
    job: Job, tools: EngineTools, prompt: TokenBatch, opening: TokenBatch, spare: Sequence[int]
) -> Generator[list[TokenBatch], None, list[RankedName]]:
    """Evaluate the forced opening of the answer and, beside it, the leads; then the beams."""
    search = tools.names if job.search else None
    leads = [
        TokenBatch(seq, prompt.end, list(lead))
        for lead, seq in zip(search.leads if search else (), spare, strict=False)
    ]
    for lead in leads:
        tools.context.fork(prompt.seq, lead.seq)
    together = [work for work in (opening, *leads) if work.tokens]
    if together:
        yield together
        opening.hold()
    if search is None:
        return []
    free = spare[len(leads) :]
    share = 2 * search.width
    beams = [
        beam(
            tools.context, search.spoken, lead, tools.vocabulary.stops,
            free[at * share : (at + 1) * share], search.keep,
        )
        for at, lead in enumerate(leads)
    ]  # fmt: skip
    lists = yield from _side_by_side(beams)
    for lead in leads:
        tools.context.drop(lead.seq)
    return mix(lists, search.spoken.concept)


def _side_by_side(
    parts: Sequence[Generator[list[TokenBatch], None, list[RankedName]]],
) -> Generator[list[TokenBatch], None, list[list[RankedName]]]:
    """Run generators in step, so that what they want is evaluated in one batch."""
    results: list[list[RankedName]] = [[] for _ in parts]
    running = dict(enumerate(parts))
    while running:
        wanted: list[TokenBatch] = []
        for number, part in list(running.items()):
            try:
                wanted += next(part)
            except StopIteration as stop:
                results[number] = stop.value
                del running[number]
        if wanted:
            yield wanted
    return results


def _branch(tools: EngineTools, lane: SampleDecoder, trunk: TokenBatch, seq: int) -> None:
    """Give a lane its own sequence, which shares the cells of the trunk."""
    lane.seq, lane.pos, lane.pending = seq, trunk.end, []
    if seq != trunk.seq:
        tools.context.fork(trunk.seq, seq)


def _first(
    lane: SampleDecoder, at_name: bool, ranked: list[RankedName], how: Sampling, trunk: TokenBatch
) -> None:
    """The first choice of a sample, from the logits that all samples share."""
    if at_name and lane.names is not None:
        lane.names.order = shuffled(ranked, how.temperature, lane.random)
        lane.name_next()
    if not lane.pending and not lane.finish:
        lane.advance(trunk.logits)


def _decode(
    lanes: Sequence[SampleDecoder], helper: Executor
) -> Generator[list[TokenBatch], None, None]:
    while running := [lane for lane in lanes if not lane.finish]:
        works = [lane.work() for lane in running]
        for lane in running:
            lane.look_ahead(helper)
        yield works
        for lane, work in zip(running, works, strict=True):
            try:
                lane.advance(work.logits)
            except (ConstraintError, LogitsUnusable) as error:
                lane.finish = error.code
