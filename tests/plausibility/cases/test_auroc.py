"""Areas of made-up entries are known beforehand; labels follow the case's lists and the reader."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cds_hooks.consultation import Group, Verdict
from cds_hooks.plausibility import Terminology
from tests.plausibility.cases import auroc
from tests.plausibility.cases.areas import Scored, area, chance
from tests.plausibility.cases.auroc import Entry, Judged, judged, report
from tests.plausibility.cases.bench import DATABASE
from tests.plausibility.cases.draw import drawn, unlisted
from tests.plausibility.cases.labels import Labeller, Listed, read_labels
from tests.plausibility.cases.load import DATA, Case, CaseError, load
from tests.plausibility.cases.said import Answered, RunSettings, Said, append

ASKED = RunSettings(
    model="m", sha256="0" * 64, engine="e", template="t/1", names=False, samples=1, seed=0
)


def scored(*rows: tuple[float, bool], cases: int = 10) -> list[Scored]:
    return [Scored(f"c{n % cases}", *row) for n, row in enumerate(rows)]


def test_a_perfect_order_has_an_area_of_one_and_its_reverse_of_none() -> None:
    rows = [(3.0, True), (0.0, False)] * 20
    found = area([Scored(f"c{n // 2}", *row) for n, row in enumerate(rows)])
    assert (found.value, found.low, found.high, found.n) == (1.0, 1.0, 1.0, 40)
    assert "20 cases" in found.method
    assert area([Scored("c", 3 - s, wrong) for s, wrong in rows]).value == 0.0


def test_ties_count_half() -> None:
    assert area(scored((1, True), (1, False))).value == 0.5
    # of 2 x 2 pairs: won, tied, tied, lost to nobody: (1 + 0.5 + 0.5 + 0) / 4 by hand
    assert area(scored((2, True), (1, True), (1, False), (2, False))).value == 0.5
    assert area(scored((2, True), (1, True), (1, False), (0, False))).value == 0.875


def test_chance_is_a_half_whatever_the_scores_are() -> None:
    perfect = scored(*[(float(n % 2), n % 2 == 1) for n in range(400)])
    assert area(perfect).value == 1.0
    found = chance(perfect)
    assert found.value == pytest.approx(0.5, abs=0.01)
    assert 0.4 < found.low < 0.5 < found.high < 0.6
    few = chance(perfect[:20])
    assert few.high - few.low > 2 * (found.high - found.low)
    assert not chance([]).known
    assert not chance(scored((1, True), (2, True))).known


def test_an_entry_counts_by_its_weight() -> None:
    # one wrong entry above, one below the right one: 0.5; the upper one standing for three: 0.75
    rows = [Scored("a", 2, True), Scored("b", 0, True), Scored("c", 1, False)]
    assert area(rows).value == 0.5
    assert area([replace(rows[0], weight=3), *rows[1:]]).value == 0.75


def test_the_interval_is_over_cases() -> None:
    """What is alike within a chart tells little, however many entries the chart has."""
    kinds = [(1.0, True), (0.0, True), (1.0, False), (0.0, False), (1.0, True), (0.0, False)]
    few = area([Scored(f"c{n}", *kind) for n, kind in enumerate(kinds) for _ in range(40)])
    many = area([Scored(f"c{n}-{k}", *kind) for n, kind in enumerate(kinds) for k in range(40)])
    assert (few.value, few.n) == (many.value, many.n)
    assert few.high - few.low > 3 * (many.high - many.low)


def test_without_both_kinds_nothing_is_known() -> None:
    assert not area(scored((1, True), (2, True))).known
    assert not area([]).known


def entry(verdict: Verdict, listed: Listed, case: str = "c", **more: object) -> Entry:
    told = {"run": "m", "name": "x", "reasonable": None, "agreement": 1.0, "place": 1, **more}
    return Entry(case=case, verdict=verdict, listed=listed, **told)


def test_recorded_entries_are_left_out_and_counted() -> None:
    rows = (
        entry(Verdict.SUPPORTED, Listed.RIGHT),
        entry(Verdict.RECORDED, Listed.RIGHT),
        entry(Verdict.CONTRADICTED, Listed.ABSURD),
        entry(Verdict.UNRECOGNISED, Listed.UNLISTED),
    )
    told = report([Judged("m", "c", True, 2.0, 1, rows)])["m"]
    assert told["entries"] == 3
    assert told["recorded, left out"] == {"right": 1}
    assert told["areas"]["verdict, unlisted is wrong"]["value"] == 1.0
    assert told["areas"]["agreement, unlisted is wrong"]["value"] is None  # one sample


def test_a_readers_word_moves_an_unlisted_entry() -> None:
    right = entry(Verdict.UNCERTAIN, Listed.RIGHT)
    absurd = entry(Verdict.UNRECOGNISED, Listed.ABSURD)
    sound = entry(Verdict.SUPPORTED, Listed.UNLISTED, reasonable=True)
    asked_nobody = entry(Verdict.SUPPORTED, Listed.UNLISTED)
    areas = report([Judged("m", "c", True, 2.0, 1, (right, absurd, sound, asked_nobody))])["m"]
    found = areas["areas"]
    # wrong: absurd (won) and two supported ones (lost): 1 of 3
    assert found["verdict, unlisted is wrong"]["value"] == pytest.approx(1 / 3)
    # not wrong: right and sound, which stands for both unlisted ones; wrong: absurd
    assert found["verdict, unlisted as a reader labelled it"]["value"] == 1.0


def test_agreement_is_compared_on_the_same_entries() -> None:
    rows = (
        entry(Verdict.SUPPORTED, Listed.UNLISTED, agreement=1 / 3),
        entry(Verdict.SUPPORTED, Listed.RIGHT, agreement=1.0),
    )
    found = report([Judged("m", "c", True, 2.0, 3, rows)])["m"]["areas"]
    assert found["agreement, unlisted is wrong"]["value"] == 1.0
    assert found["verdict on the same entries as agreement, unlisted is wrong"]["value"] == 0.5


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    if not DATABASE.exists():
        pytest.skip("the terminology is not compiled: run `make`")
    with Terminology(DATABASE) as opened:
        yield opened


@pytest.fixture(scope="module")
def case() -> Case:
    (found,) = (c for c in load(DATA / "danger" / "abdominal-pain.toml") if c.code[:3] == "K35")
    return found


def test_the_truth_in_other_words_is_right_and_what_nobody_listed_is_unlisted(
    case: Case, terminology: Terminology
) -> None:
    labeller = Labeller(terminology, {(case.id, "gastroenteritis"): True})
    assert labeller.listed(case, "Appendicitis") is Listed.RIGHT
    assert labeller.listed(case, case.absurd[0].name) is Listed.ABSURD
    assert labeller.listed(case, "Gastroenteritis") is Listed.UNLISTED
    assert labeller.reasonable(case, "Gastroenteritis") is True
    assert labeller.reasonable(case, "Gout") is None


def entry_of(case: Case, *names: str) -> Answered:
    said = tuple(Said(name=name, group=Group.LIKELY) for name in names)
    return Answered(case=case.id, asked=ASKED, outcome="answered", samples=(said,))


def test_answers_are_judged_and_labelled(case: Case, terminology: Terminology) -> None:
    answers = [entry_of(case, "Appendicitis", "Zorbulaic fendrosis"), entry_of(case)]
    answers.append(answers[0].model_copy(update={"case": "of-another-folder-01"}))
    found = list(judged(answers, {case.id: case}, terminology, Labeller(terminology)))
    assert [len(f.entries) for f in found] == [2, 0]
    right, invented = found[0].entries
    assert (right.listed, right.place) == (Listed.RIGHT, 1)
    assert invented.verdict is Verdict.UNRECOGNISED
    assert found[0].changed  # no digest of the chart was kept


def test_only_unlisted_entries_without_a_label_are_drawn(
    case: Case, terminology: Terminology
) -> None:
    names = (
        "Appendicitis",
        case.absurd[0].name,
        "Cataract",
        "cataract",
        "Gastroenteritis",
        "Sciatica",
    )
    labeller = Labeller(terminology, {(case.id, "gastroenteritis"): True})
    found = unlisted([entry_of(case, *names)], {case.id: case}, labeller)
    assert sorted(name.casefold() for _, name in found) == ["cataract", "sciatica"]
    assert drawn(found, 1, seed=1) == drawn(found, 1, seed=1)
    assert drawn(found, 5, seed=1) == found


def test_labels_are_to_their_form_and_of_cases_in_the_project() -> None:
    labels, cases = read_labels(), {case.id for case in load(DATA)}
    assert labels
    assert {case for case, _ in labels} <= cases


def test_labels_that_stand_twice_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.toml"
    row = '[[label]]\ncase = "a-01"\nname = "Gout"\nreasonable = false\nwhy = "no joint"\n'
    head = 'version = "1"\nwho = "w"\nwhen = "2026-11-28"\nasked = "m"\ndrawn = "d"\n'
    path.write_text(head + row)
    assert read_labels(path) == {("a-01", "gout"): False}
    path.write_text(head + row + row.replace("Gout", "gout"))
    with pytest.raises(CaseError, match="twice"):
        read_labels(path)
    path.write_text(head.replace("2026-11-28", "today") + row)
    with pytest.raises(CaseError, match="no labels"):
        read_labels(path)


def test_the_command_prints_json(
    case: Case,
    terminology: Terminology,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "entries.jsonl"
    append(path, entry_of(case, "Appendicitis", "Zorbulaic fendrosis"))
    folder = str(DATA / "danger" / "abdominal-pain.toml")
    words = ["auroc", "--entries", str(path), "--cases", folder, "--json"]
    monkeypatch.setattr(sys, "argv", words)
    assert auroc.main() == 0
    (told,) = json.loads(capsys.readouterr().out).values()
    assert told["areas"]["verdict, unlisted is wrong"]["value"] == 1.0
    monkeypatch.setattr(sys, "argv", [*words[:2], str(tmp_path / "missing"), *words[3:]])
    assert auroc.main() == 1
