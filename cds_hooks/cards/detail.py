"""The four parts of a card's detail: rules, the model's list, what is not explained, the basis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds_hooks.cards import phrases
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.detail_blocks import Block, escaped, joined
from cds_hooks.cards.differential_list import list_lines, model_consensus
from cds_hooks.cards.rule_lines import RuleLine, drug_results
from cds_hooks.cards.speak_policy import is_demonstration
from cds_hooks.consultation import CheckedConsultation, Consultation, KeyState, Outcome
from fhir_mapping.chart import Fact
from fhir_mapping.diff import diff

__all__ = [
    "Measured",
    "basis_line",
    "changed_lines",
    "list_block",
    "named_only",
    "rules_block",
    "status_head",
    "unexplained_block",
]

_LINE, _FACT, _TEXT, _MODEL = 240, 80, 130, 60
_SUFFIX, _BASIS, _KEYS = 150, 170, 90
_CHANGED = 160
_MOST_KEYS = 4
_MOST_NAMED, _ALSO = 3, 180
_NOT_ASKED = frozenset({Outcome.ENGINE_UNAVAILABLE, Outcome.OVERLOADED, Outcome.PROMPT_TOO_LONG})


@dataclass(frozen=True, slots=True)
class Measured:
    """What stands behind the title of a list: how old it is, and what the site measured of it."""

    age: str
    accuracy: str


def rules_block(lines: Sequence[RuleLine], most: int, age: str) -> Block:
    """The first `most` of what rules found, of the rest the names; `age` where it is not of this
    hour."""
    words = texts().blocks
    title = f"**{words['rules']}**"
    if age:
        title += f", {words['as_of'].format(age=age)}"
    rest = named_only(lines, most)
    also = joined(f"**{words['also']}**: ", [line.short for line in rest], _ALSO) if rest else ""
    named = sum(line.short in also for line in rest)
    shown = (*(line.markdown for line in lines[:most]), *filter(None, [also]))
    return Block(title, shown, more=max(len(lines) - most - named, 0), least=len(shown))


def named_only(lines: Sequence[RuleLine], most: int) -> list[RuleLine]:
    """The lines beyond the first `most` that the card names without their detail."""
    return [line for line in lines[most:] if line.short][:_MOST_NAMED]


def list_block(
    done: Consultation,
    listed: CheckedConsultation | None,
    changed: tuple[str, ...],
    seen: set[str],
    measured: Measured,
) -> Block:
    """The model's list, or how it stands with it; `changed` is told before the list. The texts of
    facts that are told are added to `seen`."""
    title = f"**{texts().blocks['list']}**"
    if listed is None:
        return Block(title, (escaped(_state(done), _LINE),), least=1)
    if is_demonstration(listed):
        return Block(title, (texts().blocks["demonstration"],), least=1)
    why = "" if listed.id == done.id else texts().outcomes[done.outcome].short
    told = (measured.age, *_measured(listed, measured.accuracy), why)
    suffix = joined("", [escaped(each, _TEXT) for each in told if each], _SUFFIX)
    return Block(f"{title}: {suffix}", (*changed, *list_lines(listed, seen)))


def unexplained_block(
    done: Consultation, listed: CheckedConsultation | None, seen: set[str]
) -> Block:
    """Abnormal results that nothing on the card tells, with a drug that can cause one."""
    lines = [line for r in drug_results(done) if (line := _from_drug(r.fact_ids, done, seen))]
    if listed is not None and not is_demonstration(listed):
        for fact in _unexplained(listed, seen):
            seen.add(fact.text)
            lines.append(escaped(phrases.short_phrase(fact), _FACT))
    return Block(f"**{texts().blocks['unexplained']}**", tuple(dict.fromkeys(lines)))


def _unexplained(listed: CheckedConsultation, seen: set[str]) -> list[Fact]:
    ids = [i for reason in listed.unexplained for i in reason.fact_ids]
    facts = [fact for i in ids if (fact := listed.chart.fact(i))]
    return [fact for fact in facts if fact.text not in seen]


def basis_line(
    done: Consultation, listed: CheckedConsultation | None, *, caution: bool = True
) -> str:
    """One line: which model, how much of its answers, what of the chart was not there, and what
    no computed list can promise. The states are those of this call."""
    words = texts().blocks
    parts = [_model(done, listed)]
    for state, title in ((KeyState.UNAVAILABLE, "unread"), (KeyState.PARTIAL, "in_part")):
        if keys := _keys(done, state):
            parts.append(f"{words[title]}: {keys}")
    if listed is not None and listed.outcome_detail and not listed.fault:
        parts.append(phrases.remark(listed.outcome_detail))
    told = joined("", [escaped(part, _KEYS) for part in parts], _BASIS)
    line = f"**{words['basis']}**: {told}."
    return f"{line} {words['caution']}" if caution else line


def status_head(unfinished: Consultation) -> str:
    """What is known of why there is no list, in plain words and by its code."""
    words = texts().outcomes[unfinished.outcome]
    fault = _fault(unfinished)
    why = texts().faults.get(fault, "")
    code = f"Code: {fault}." if fault else ""
    told = " ".join(part for part in (words.detail, why, code) if part)
    head = escaped(told, 2 * _LINE)
    lead = texts().blocks["demonstration_status"] if is_demonstration(unfinished) else ""
    return f"{lead}\n\n{head}" if lead else head


def _state(done: Consultation) -> str:
    summary = texts().outcomes[done.outcome].summary
    return f"{summary} (code: {fault})" if (fault := _fault(done)) else summary


def _fault(done: Consultation) -> str:
    return done.fault if isinstance(done, CheckedConsultation) else ""


def _measured(listed: CheckedConsultation, accuracy: str) -> list[str]:
    """What a panel's agreement is, and what is measured of the model here."""
    words, consensus, found = texts().consensus, model_consensus(listed), listed.truth_set
    told = [consensus.told] if consensus else []
    if accuracy:
        return [*told, accuracy]
    if found is not None:
        held = f"{1 - found.error:.0%}"
        return [*told, words["truth_set"].format(held=held, n=found.n)]
    return [*told, words["unmeasured"]]


def changed_lines(listed: CheckedConsultation, done: Consultation) -> tuple[str, ...]:
    """What changed in the chart since an earlier answer, in one line."""
    told = [
        f"{word}: {phrases.short_phrase(fact)}"
        for word, fact in diff(listed.chart, done.chart).told
    ]
    if not told:
        return ()
    lead = f"{texts().blocks['changed']}: "
    return (joined(lead, [escaped(each, _FACT) for each in told], _CHANGED),)


def _from_drug(fact_ids: Sequence[str], done: Consultation, seen: set[str]) -> str:
    """A result and the drugs it can come from; "" where the card tells the result already."""
    facts = [fact for i in fact_ids if (fact := done.chart.fact(i))]
    if len(facts) < 2 or facts[0].text in seen:
        return ""
    seen.add(facts[0].text)
    drug = ", ".join(phrases.short_text(fact).partition(":")[0] for fact in facts[1:3])
    words = texts().blocks["can_cause"]
    return escaped(words.format(result=phrases.short_phrase(facts[0]), drug=drug), 2 * _FACT)


def _model(done: Consultation, listed: CheckedConsultation | None) -> str:
    words, model = texts().blocks, (listed or done).model
    if model is None:
        return words["no_model"]
    if listed is None:
        asked = f", {words['not_asked']}" if done.outcome in _NOT_ASKED else ""
        return f"{phrases.remark(model.name)[:_MODEL]}{asked}"
    count = len(listed.differentials)
    answers = words["answers"].format(count=count, asked=count + listed.samples_failed)
    return f"{phrases.remark(model.name)[:_MODEL]}, {answers}"


def _keys(done: Consultation, state: KeyState) -> str:
    names = texts().keys
    keys = [names.get(k) or phrases.remark(k) for k, v in done.key_states.items() if v is state]
    more = f" and {len(keys) - _MOST_KEYS} more" if len(keys) > _MOST_KEYS else ""
    return ", ".join(keys[:_MOST_KEYS]) + more
