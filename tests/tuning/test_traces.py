"""What a trace cites and concludes, checked by the rules; each case written by hand."""

from __future__ import annotations

import pytest

from cds_hooks.tuning.traces import REASONS, fault_of_trace

ASKED = """\
Results and vital signs:
L1 | Uric acid 9.1 mg/dL | high | today
Complaint:
S1 | Painful toe and fever; pain in the back at L5 | in-progress | today"""
GOUT, LUPUS = ["Gout"], ["Lupus", "Septic arthritis"]


def fault(trace: str, told: frozenset[str] = frozenset()) -> str:
    facts = ("L1", "S1")
    return fault_of_trace(trace, asked=ASKED, facts=facts, told=told, names=GOUT, others=LUPUS)


@pytest.mark.parametrize(
    ("trace", "why"),
    [
        ("S1 and L1 fit each other. The diagnosis is gout.", ""),
        ("The toe hurts (S1), pain at L5. There is fever. So it is Gout.", ""),
        ("L9 is high. The diagnosis is gout.", "cites-unknown-fact"),
        ("He has chest pain. The diagnosis is gout.", "cites-absent-finding"),
        ("He has no chest pain. The diagnosis is gout.", ""),
        ("Gout is possible. L1 is high. But it hurts. The diagnosis is lupus.",
         "concludes-another-diagnosis"),
        ("Gout is possible. L1 is high. It hurts. It is hard to say.", "without-conclusion"),
        ("L1 is high. It is not gout.", "without-conclusion"),
        ("It is septic arthritis, not gout.", "concludes-another-diagnosis"),
    ],
)  # fmt: skip
def test_a_trace_is_used_or_the_reason_is_told(trace: str, why: str) -> None:
    assert fault(trace) == why
    assert not why or why in REASONS


def test_a_finding_that_rules_read_in_the_chart_may_be_stated() -> None:
    assert fault("He has chest pain. The diagnosis is gout.", frozenset({"chest-pain"})) == ""
