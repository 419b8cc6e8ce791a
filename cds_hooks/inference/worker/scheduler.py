"""Many jobs, one batch: requests join and leave the running batch between two tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cds_hooks.inference.fair_queue import FairQueue
from cds_hooks.inference.worker.bindings.native import DecodeFailed
from cds_hooks.inference.worker.decoding.sample_decoder import ConstraintError
from cds_hooks.inference.worker.decoding.sampling import LogitsUnusable
from cds_hooks.inference.worker.decoding.token_batches import TokenBatch
from cds_hooks.inference.worker.engine_tools import EngineTools, ScheduledJob, Steps
from cds_hooks.inference.worker.jobs import Job
from cds_hooks.inference.worker.progress import Progress

__all__ = ["Scheduler"]

_SMALL = 64
_NO_NUMBERS = "the model's file is damaged, or this build computes it wrongly"
Emit = Callable[[dict[str, Any]], None]


@dataclass(slots=True, eq=False)
class _Running:
    job: ScheduledJob
    steps: Steps
    works: list[TokenBatch]
    progress: Progress | None = None


@dataclass(slots=True)
class Scheduler:
    """Jobs that wait, in the order of `FairQueue`, and jobs that run.

    A job begins when the sequences and cells that it may come to need are free, so that what
    runs never runs out. `emit` takes the frames for the service.
    """

    tools: EngineTools
    clock: Callable[[], float]
    emit: Emit
    waiting: FairQueue[ScheduledJob] = field(default_factory=FairQueue)
    running: list[_Running] = field(default_factory=list)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self.waiting and not self.running

    def submit(self, job: ScheduledJob) -> None:
        """Queue a job; one that could never fit is refused at once."""
        tools, context = self.tools, self.tools.context
        if job.sequences(tools) > context.size.sequences:
            self._refuse(job, "engine-failed", "More samples are asked for than there is space for")
        elif job.cells(tools) > context.cells or job.longest(tools) > context.longest:
            self._refuse(job, "prompt-too-long", "The prompt and its answers exceed the context")
        else:
            self.waiting.add(job)

    def promote(self, number: int, priority: int) -> None:
        """Give a job that waits a higher priority; one that runs has no use for it."""
        for job in self.waiting:
            if job.id == number:
                job.priority = min(job.priority, priority)

    def cancel(self, number: int) -> None:
        """End a job wherever it is; its sequences are free when this returns."""
        for job in [job for job in self.waiting if job.id == number]:
            self.waiting.remove(job)
            self._refuse(job, "cancelled", "The request was cancelled")
        for run in [run for run in self.running if run.job.id == number]:
            self._leave(run)
            self._refuse(run.job, "cancelled", "The request was cancelled")

    def step(self) -> None:
        """One `llama_decode` for all that runs."""
        self._expire()
        self._admit()
        if not self.running:
            return
        placed = self._fill()
        try:
            self.tools.context.decode()
        except DecodeFailed:
            for run in list(self.running):
                self._leave(run)
                self._refuse(run.job, "engine-failed", "llama.cpp could not evaluate a batch")
            raise
        self._collect(placed)
        for run in list(self.running):
            if all(work.left == 0 for work in run.works):
                self._resume(run)
            else:
                self._hold(run)

    def _fill(self) -> list[tuple[TokenBatch, int, int]]:
        """Put what fits into the batch, short pieces first; returns (work, first row, count)."""
        batch = self.tools.context.batch
        batch.clear()
        placed = []
        works = [work for run in self.running for work in run.works if work.left]
        for work in sorted(works, key=lambda w: w.left > _SMALL):
            count = min(work.left, batch.free)
            if count:
                chunk = work.tokens[work.done : work.done + count]
                last = count == work.left
                batch.add(chunk, seq=work.seq, pos=work.pos + work.done, want_last=last)
                placed.append((work, batch.used - count, count))
        return placed

    def _collect(self, placed: Iterable[tuple[TokenBatch, int, int]]) -> None:
        for work, row, count in placed:
            work.done += count
            if work.left == 0:
                work.logits = self.tools.context.logits(row + count - 1)

    def _hold(self, run: _Running) -> None:
        """Keep what is done beyond the next decode, because the rest did not fit into this one."""
        for work in run.works:
            if work.left == 0:
                work.hold()

    def _resume(self, run: _Running) -> None:
        """Let a job go on to what it wants next, or take its result."""
        try:
            run.works = next(run.steps)
            if run.progress is not None and (told := run.progress.frame(self.clock())):
                self.emit(told)
            return
        except StopIteration:
            self.emit(run.job.done())
        except ConstraintError:
            self._refuse(run.job, "engine-failed", "The schema allowed no token")
        except LogitsUnusable as error:
            self._refuse(run.job, "engine-failed", f"{error.code}: {_NO_NUMBERS}")
        self.running.remove(run)

    def _admit(self) -> None:
        while (job := self.waiting.first(self.clock())) is not None and self._fits(job):
            self.waiting.begin(job)
            job.mark("queue")
            self.emit({"op": "began", "id": job.id})
            steps = job.run(self.tools)
            progress = Progress(job) if isinstance(job, Job) and job.tell else None
            self.running.append(_Running(job, steps, [], progress))
            self._resume(self.running[-1])

    def _fits(self, job: ScheduledJob) -> bool:
        """Whether a job may begin now; what is kept in the context makes space for it."""
        alone = job.exclusive or any(run.job.exclusive for run in self.running)
        if alone and self.running:
            return False
        held = sum(run.job.cells(self.tools) for run in self.running)
        free_cells = self.tools.context.cells - held - job.cells(self.tools)
        needed, prefixes = job.sequences(self.tools), self.tools.prefixes
        if free_cells < 0 or needed > len(self.tools.pool) + prefixes.sequences:
            return False
        prefixes.shrink(free_cells, needed)
        if alone:
            prefixes.forget()
            self.tools.context.clear()
        return True

    def _expire(self) -> None:
        now = self.clock()
        for job in [job for job in self.waiting if job.deadline <= now]:
            self.waiting.remove(job)
            self._refuse(job, "deadline", "The deadline passed in the queue")
        for run in [run for run in self.running if run.job.deadline <= now]:
            self._leave(run)
            self._refuse(run.job, "deadline", "The deadline passed while decoding")

    def _leave(self, run: _Running) -> None:
        run.steps.close()
        self.running.remove(run)

    def _refuse(self, job: ScheduledJob, code: str, message: str) -> None:
        self.emit({"op": "error", "id": job.id, "code": code, "message": message})
