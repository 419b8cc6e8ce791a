"""Installations for the tests of documents: nobody filled one, another says everything."""

from __future__ import annotations

from dataclasses import replace

from cds_hooks.admission.manifest import Manifest, SuitePart, Task
from cds_hooks.admission.record import AdmissionRecord, Purpose, Reached, Requirement
from cds_hooks.documents.installation import (
    EvaluatedRun,
    Figure,
    Installation,
    LocalFigures,
    ModelFacts,
    TemplateFacts,
)
from cds_hooks.documents.operator_answers import OperatorAnswers, questions
from cds_hooks.services import REGISTRY

__all__ = ["BARE", "HOSTILE", "full", "hostile"]

HOSTILE = (
    "]]> <script>alert(1)</script> <a href='javascript:x'>b</a> [c](javascript:d) &lt; &#0; "
    "| `e` **f** \u202e\x00\x0b\ufffe ![g](https://h.example)\n# not a heading\n<!-- i -->"
)
SHA = "ab" * 32

BARE = Installation(
    made_at="2026-11-29T10:00:00Z",
    version="0.1.0",
    profile="demo",
    services=REGISTRY,
    model=ModelFacts(name="some-model"),
    template=TemplateFacts("differential", "2", "cd" * 32, 1500, 5),
    protections=("A call needs a signed token.",),
    rule_tables=("plausibility.rules.heart", "plausibility.scores.wells"),
)
"""Nothing was gathered but what a service always has."""

RUN = EvaluatedRun(
    folder="osce",
    suite="Structured examinations",
    task="open-ended",
    origin="public cases",
    model="some-model",
    model_sha256=SHA,
    template="differential 2",
    made="2026-11-01T00:00:00Z",
    cases=107,
    chartside="0.1.0",
    template_sha256="cd" * 32,
    notes=("Items of a question bank.",),
    figures=(Figure("right first", 0.14, 107, 0.087, 0.218), Figure("answered", 1.0, 107, 0.97, 1)),
    groups=(Figure("age 18 to 39", 0.25, 4, 0.05, 0.7),),
    safety=(Figure('right of those called "contradicted"', None, 0),),
)
LOCAL = LocalFigures(
    "2025-12-01",
    "2026-11-29",
    11,
    400,
    390,
    (Figure("feedback on cards: accepted", 0.5, 40, 0.35, 0.65),),
    (
        Figure("age 65 to 79, flagged (of 30)", None, None),
        Figure("sex female, flagged", 0.2, 50, 0.1, 0.3),
    ),
)


def full(answer: str = "Answer") -> Installation:
    """Every answer of the site is `answer`; runs, admission and counts are there."""
    admitted = AdmissionRecord(
        purpose=Purpose.CLINICAL,
        admitted=True,
        demonstration=False,
        manifest=_manifest(),
        figures={"top5": Reached(value=0.83, n=12, low=0.55, high=0.95)},
        requirements=(Requirement(figure="top5", bound="at least 0.7", why="w", met=True),),
        date="2026-11-02",
        who="A. Physician",
    )
    model = replace(
        BARE.model, sha256=SHA, metadata={"organization": "Publisher", "languages": "en"}
    )
    return replace(
        BARE,
        subject="https://cds.example.org",
        model=model,
        admission=admitted,
        runs=(
            RUN,
            replace(RUN, folder="other", model="other", model_sha256="ef" * 32, suite="Other"),
        ),
        local=LOCAL,
        operator=OperatorAnswers(dict.fromkeys(questions(), answer)),
    )


def hostile() -> Installation:
    """Hostile texts wherever somebody outside this project writes one."""
    found = full(HOSTILE)
    model = replace(
        found.model,
        name=HOSTILE,
        metadata={"organization": HOSTILE, "dataset.0": HOSTILE, "languages": HOSTILE},
        cautions=(HOSTILE,),
    )
    run = replace(RUN, suite=HOSTILE, origin=HOSTILE)
    return replace(found, model=model, runs=(run,), subject=HOSTILE)


def _manifest() -> Manifest:
    suite = SuitePart(
        id="acceptance", title="Acceptance set", task=Task.OPEN, origin="ours",
        licence="Apache-2.0", sha256="00" * 32, cases=12, rejected=0, notes=(),
    )  # fmt: skip
    return Manifest(
        suite=suite, model={"name": "some-model", "sha256": SHA}, template={"id": "differential"},
        settings={}, terminology={}, seed=0, samples=5, started="2026-11-02T00:00:00Z",
        chartside="0.1.0",
    )  # fmt: skip
