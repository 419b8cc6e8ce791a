"""A stored consultation given again, and why it would be another one today.

One thing at a time is exchanged for today's: the rules, the model, the sampling, the terms of
cards, the template. Each `Step` compares what came before with what comes after, so that every
line of a card that differs has its cause. Nothing here reads settings, store or files.
"""

from cds_hooks.replay.chain import replay
from cds_hooks.replay.changes import Change, RecordedTables, changes_since
from cds_hooks.replay.explanation import explanation
from cds_hooks.replay.result import Replayed, Step, Verdict
from cds_hooks.replay.today import CardTerms, Today

__all__ = [
    "CardTerms",
    "Change",
    "RecordedTables",
    "Replayed",
    "Step",
    "Today",
    "Verdict",
    "changes_since",
    "explanation",
    "replay",
]
