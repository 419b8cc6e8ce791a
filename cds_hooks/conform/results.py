"""What a run showed: one result for each service and check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from cds_hooks.conform.catalogue import Check, catalogue
from cds_hooks.conform.exchange import Call, Exchange, Send
from cds_hooks.conform.probe import Judgement, Plan, Probe, Skip
from cds_hooks.conform.shapes import Problem, brief

__all__ = ["Report", "Result", "Status", "record"]

# Bounds of what one check tells: names of members and headers are the service's own.
_LONGEST_TOLD, _MOST_TOLD = 300, 1000

Status = Literal["passed", "failed", "skipped"]
_NOTHING = Exchange(Call("", "", "nothing"), None, "nothing was sent")


@dataclass(slots=True)
class Result:
    """A check of a service ("" for the whole address): `sent`, `came` and `where` of its failures;
    `reason` why it was skipped; `calls` how many answers it was judged by."""

    check: Check
    service: str
    status: Status = "skipped"
    sent: list[str] = field(default_factory=list)
    came: list[str] = field(default_factory=list)
    reason: str = ""
    calls: int = 0

    @property
    def is_finding(self) -> bool:
        """Whether it failed, and the specification says shall or should."""
        return self.status == "failed" and self.check.level != "ours"

    @property
    def is_note(self) -> bool:
        """Whether it failed, and only good practice asks for it."""
        return self.status == "failed" and self.check.level == "ours"

    def add(self, exchange: Exchange, problems: list[Problem]) -> None:
        """One more answer that was judged; a check has passed when all of them pass it."""
        self.calls += 1
        self.reason = ""
        if self.status != "failed":
            self.status = "failed" if problems else "passed"
        if not problems:
            return
        if exchange.call.about not in self.sent:
            self.sent.append(exchange.call.about)
        for problem in problems:
            if len(self.came) >= _MOST_TOLD:
                return
            told = f"{problem.where}: {problem.came}" if problem.where else problem.came
            told = brief(told, _LONGEST_TOLD)
            if told not in self.came:
                self.came.append(told)


class Report:
    """The results of a run, in the order of the plan."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._results: dict[tuple[str, str], Result] = {}
        self._seconds: dict[str, list[float]] = {}

    @property
    def results(self) -> list[Result]:
        """All of them."""
        return list(self._results.values())

    @property
    def findings(self) -> list[Result]:
        """What is not conformant."""
        return [r for r in self.results if r.is_finding]

    @property
    def notes(self) -> list[Result]:
        """What good practice would have otherwise."""
        return [r for r in self.results if r.is_note]

    @property
    def counts(self) -> dict[str, int]:
        """How many results have each status; failed ones as findings and notes."""
        counted = Counter(r.status for r in self.results)
        return {
            "passed": counted["passed"],
            "findings": len(self.findings),
            "notes": len(self.notes),
            "skipped": counted["skipped"],
        }

    def times(self) -> Iterator[tuple[str, int, float, float]]:
        """Service, number of 200s, median and longest answer in seconds."""
        for service, seconds in self._seconds.items():
            yield service, len(seconds), median(seconds), max(seconds)

    def skip(self, skip: Skip) -> None:
        """Note checks that were not made; one that was judged before stays as it is."""
        for check in skip.checks:
            result = self._result(skip.service, check)
            told = "" if result.calls else brief(skip.reason, _LONGEST_TOLD)
            result.reason = result.reason or told

    def judge(self, probe: Probe, exchange: Exchange) -> None:
        """Note what an answer shows."""
        if exchange.status == 200 and exchange.answer and probe.service:
            self._seconds.setdefault(probe.service, []).append(exchange.answer.seconds)
        for judgement in probe.judgements:
            self._judged(probe.service, judgement, exchange)

    def _judged(self, service: str, judgement: Judgement, exchange: Exchange) -> None:
        if reason := judgement.unless(exchange):
            self.skip(Skip(service, judgement.checks, reason))
            return
        if exchange.answer is None:
            problems = [Problem(check, exchange.came) for check in judgement.checks[:1]]
        else:
            problems = list(judgement.judge(exchange))
        named = dict.fromkeys((*judgement.checks, *(p.check for p in problems)))
        for check in named:
            mine = [p for p in problems if p.check == check]
            self._result(service, check).add(exchange, mine)

    def _result(self, service: str, check: str) -> Result:
        made = Result(catalogue()[check], service)
        return self._results.setdefault((service, check), made)


def record(plan: Plan, send: Send, base: str, heard: Callable[[str], None] | None = None) -> Report:
    """Carry a plan out. `heard` is told what is being sent, for a person who waits."""
    report = Report(base)
    try:
        step = next(plan)
        while True:
            if isinstance(step, Skip):
                report.skip(step)
                step = plan.send(_NOTHING)
                continue
            if heard is not None:
                heard(f"{step.service}: {step.call.about}" if step.service else step.call.about)
            reply = send(step.call)
            report.judge(step, reply)
            step = plan.send(reply)
    except StopIteration:
        return report
