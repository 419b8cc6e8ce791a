"""What a replay found: as JSON, and as text without markup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from cds_hooks.comparison import Difference
from cds_hooks.replay import Replayed, Step, Verdict
from cds_hooks.replay.changes import in_words
from cds_hooks.replay.result import SEEN
from prompts import visible

__all__ = ["document", "write"]

FORMAT = "chartside-replay/1"

_VERDICTS = {
    Verdict.SAME: "The same: nothing that a reader sees differs.",
    Verdict.EXPLAINED: "It differs, or would be asked otherwise, and the causes are known.",
    Verdict.UNEXPLAINED: "It differs, and there is no recorded cause.",
}


def document(found: Replayed) -> dict[str, Any]:
    """Verdict, and each step with its causes and what differs by it."""
    return {
        "format": FORMAT,
        "verdict": found.verdict.value,
        "steps": [_step(each) for each in found.steps],
        "open_changes": [asdict(each) for each in found.open_changes],
        "notes": list(found.notes),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "step": step.code,
        "differs": step.differs,
        "causes": [asdict(each) for each in step.causes],
        "notes": list(step.notes),
        "lines": [asdict(each) for each in step.comparison.cards],
        "rules": [asdict(each) for each in step.comparison.rules],
        "diagnoses": [
            {
                "name": each.name,
                "before": each.before.verdict.value if each.before else "",
                "after": each.after.verdict.value if each.after else "",
                "reasons": [asdict(reason) for reason in each.reasons],
            }
            for each in step.comparison.diagnoses
            if each.differs
        ],
        "samples": [asdict(each) for each in step.comparison.samples],
        "prompt": [asdict(each) for each in step.comparison.prompt],
    }


def write(console: Console, found: Replayed, *, diff: bool) -> None:
    """The verdict first, then each step that differs with its causes; lines with `diff`."""
    for line in _lines(found, diff=diff):
        console.print(Text(line), soft_wrap=True)


def _lines(found: Replayed, *, diff: bool) -> Iterator[str]:
    yield _VERDICTS[found.verdict]
    for step in found.steps:
        if step.differs:
            parts = ", ".join(part for part in SEEN if step.comparison.found[part])
            yield f"{step.code}: {parts} differ"
            yield from (f"  because of {in_words(each)}" for each in step.causes)
            if not step.causes:
                yield "  and nothing that is on record changed"
            if diff:
                yield from _differences(step)
        elif step.causes:
            told = "; ".join(map(in_words, step.causes))
            yield f"{step.code}: nothing differs, though this changed: {told}"
        else:
            yield f"{step.code}: nothing differs"
        yield from (f"  {note}" for note in step.notes)
    for change in found.open_changes:
        yield f"changed since, and not tried without --model: {in_words(change)}"
    yield from found.notes


def _differences(step: Step) -> Iterator[str]:
    compared = step.comparison
    for each in (*compared.rules, *compared.outcome, *compared.cards):
        yield from _changed(each)
    for named in compared.diagnoses:
        if named.differs:
            before, after = (
                f"{side.rank}. {side.verdict.value}" if side else "not listed"
                for side in (named.before, named.after)
            )
            yield f"  {visible(named.name)}: {before} -> {after}"
            for reason in named.reasons:
                yield from _changed(reason)


def _changed(each: Difference) -> Iterator[str]:
    yield f"  {visible(each.what)}"
    yield from (f"    - {visible(line)}" for line in each.before.splitlines())
    yield from (f"    + {visible(line)}" for line in each.after.splitlines())
