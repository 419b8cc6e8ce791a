"""Two consultations side by side, and what explains their differences. Pure.

`compare(Side, Side)` gives a `Comparison`. Its parts, in the order of the pipeline:

    basis      what both rest on: service, template, model, settings, and what `Side.basis` adds
    parts      the state of each prefetch key
    facts      `FactDifference`: added, removed, changed, resolved; time going by is none
    omissions  how many facts were left out, by reason
    rules      what rules found in the chart by themselves
    prompt     each section's lines that differ; the numbers of facts do not count
    outcome    how each ended, and the code of what kept a model from answering
    samples    `SampleDifference`: what each sample of the model listed, in order
    diagnoses  `DiagnosisDifference`: rank, verdict, agreement and reasons of every diagnosis
    cards      summary, indicator, detail, suggestions, links of each card; no uuids
    timings    milliseconds of each stage; these never count as a difference

`Difference(what, before, after)` is a row of words, with "" where a side has nothing. `stages`
names the parts that differ, and `causes` says why, most basic first: `Cause(code, words, what)`.
"""

from cds_hooks.comparison.causes import Cause
from cds_hooks.comparison.compare import Comparison, compare
from cds_hooks.comparison.diagnoses import DiagnosisDifference
from cds_hooks.comparison.differences import Difference, Side, Timing
from cds_hooks.comparison.facts import FactDifference
from cds_hooks.comparison.samples import SampleDifference

__all__ = [
    "Cause",
    "Comparison",
    "DiagnosisDifference",
    "Difference",
    "FactDifference",
    "SampleDifference",
    "Side",
    "Timing",
    "compare",
]
