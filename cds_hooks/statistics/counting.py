"""From records to counts: what happened, by day, service and group.

A count is named `GROUP|MEASURE`. A group is `all`, or `model:`, `age:` or `sex:` with one of its
kind. Measures: `hook`, `hook:OUTCOME`, `shown`, `silent` of hooks that were answered;
`consultation`, `ended:OUTCOME`, `read`, `flagged`, `contradicted`, `flag:KIND:ID` of consultations
that ended; `ms:STAGE:VALUE` of those with an answer; `feedback:OUTCOME`, `reason:CODE`,
`said:WORD` of feedback. None of these is a text that a client, a chart or a model wrote.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cds_hooks.audit.day_counts import Counts
from cds_hooks.audit.ledger.record import Record
from cds_hooks.audit.uncounted import GivenFeedback, UncountedRecords, is_state
from cds_hooks.cards.card_data import override_reasons
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import judgement_of
from cds_hooks.statistics.flags import flags_of
from cds_hooks.statistics.quantiles import rounded
from cds_hooks.statistics.subgroups import ALL, OWN_TRIALS, groups_of

__all__ = ["Counting"]

_REMEMBERED = 4096
_STAGES = ("gather", "model")
_WITH_ANSWER = (Outcome.ANSWERED.value, Outcome.EMPTY.value)
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)


class Counting:
    """Counts batches of records. It remembers which groups a consultation is in: most are named
    again soon, when their cards are shown."""

    def __init__(self) -> None:
        self._groups: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def count(self, found: UncountedRecords) -> Counts:
        """The counts of a batch."""
        counts: dict[tuple[str, str], Counter[str]] = {}
        for record in found.records:
            day, service = record.recorded[:10], record.text("service_id")
            measured = list(self._of_record(record, found))
            _add(counts, (day, service), measured)
        for given in found.feedback:
            day = datetime.fromtimestamp(given.received, UTC).date().isoformat()
            groups = self._groups_of(given.consultation, found)
            _add(counts, (day, given.service), _named(groups, _of_feedback(given)))
        return counts

    def _of_record(self, record: Record, found: UncountedRecords) -> Iterator[str]:
        if record.text("outcome") not in _OUTCOMES or not record.text("service_id"):
            return
        if record.text("client_iss") in OWN_TRIALS or record.type.startswith("silent-"):
            return
        id_ = record.text("consultation")
        if record.type == "hook-answered":
            yield from _named(self._groups_of(id_, found), _of_hook(record))
        if _has_ended(record) and not any(map(_has_ended, found.earlier_states(record))):
            consultation = found.consultation(id_)
            groups = self._remember(id_, consultation)
            yield from _named(groups, _of_consultation(record, consultation))
            with_model = (each for each in groups if each == ALL or each.startswith("model:"))
            yield from _named(tuple(with_model), _of_times(record))

    def _groups_of(self, id_: str, found: UncountedRecords) -> tuple[str, ...]:
        if id_ in self._groups:
            return self._groups[id_]
        return self._remember(id_, found.consultation(id_) if id_ else None)

    def _remember(self, id_: str, consultation: Consultation | None) -> tuple[str, ...]:
        groups = groups_of(consultation)
        if consultation is not None:
            self._groups[id_] = groups
            if len(self._groups) > _REMEMBERED:
                self._groups.popitem(last=False)
        return groups


def _add(
    counts: dict[tuple[str, str], Counter[str]], key: tuple[str, str], names: list[str]
) -> None:
    if names:
        counts.setdefault(key, Counter()).update(names)


def _named(groups: tuple[str, ...], measures: Iterator[str]) -> list[str]:
    return [f"{group}|{measure}" for measure in measures for group in groups]


def _has_ended(record: Record) -> bool:
    return is_state(record) and record.text("outcome") != Outcome.PENDING.value


def _of_hook(record: Record) -> Iterator[str]:
    yield "hook"
    yield f"hook:{record.text('outcome')}"
    yield "shown" if record.fields.get("cards") else "silent"


def _of_consultation(record: Record, consultation: Consultation | None) -> Iterator[str]:
    yield "consultation"
    yield f"ended:{record.text('outcome')}"
    if consultation is None:
        return
    yield "read"
    yield from flags_of(consultation)


def _of_times(record: Record) -> Iterator[str]:
    """How long a consultation took in all and in single stages, as the ledger has it."""
    if record.text("outcome") not in _WITH_ANSWER:
        return
    took: Mapping[str, Any] = record.fields.get("latency") or {}
    stages = {name: ms for name, ms in took.items() if "." not in name}
    if not stages:
        return
    yield f"ms:total:{rounded(sum(stages.values()))}"
    yield from (f"ms:{name}:{rounded(stages[name])}" for name in _STAGES if name in stages)


def _of_feedback(given: GivenFeedback) -> Iterator[str]:
    yield f"feedback:{given.outcome}"
    entry = given.entry
    if entry is None:
        return
    if given.outcome == "overridden":
        yield f"reason:{_reason(entry)}"
    for judgement in entry.judgements:
        yield f"said:{judgement.said}"
        if judgement.said == "wrong":
            yield f"reason:{_known(judgement.why)}"


def _reason(entry: FeedbackEntry) -> str:
    if judgement_of(entry.override_reason) is not None:
        return "one-diagnosis"
    return _known(entry.override_reason.code if entry.override_reason else "")


def _known(code: str) -> str:
    """A code of our own reasons: a client may send any text."""
    if not code:
        return "none-given"
    return code if code in {reason.code for reason in override_reasons()} else "other"
