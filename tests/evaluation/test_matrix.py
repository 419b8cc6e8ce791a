"""The matrix of models: its file, cells over several sittings, ranks, cost, and the command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cds_hooks.cli.application import app
from cds_hooks.cli.evaluation_matrix import _needed
from cds_hooks.evaluation.evaluation_errors import MatrixError, RunError
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.matrix.cell_folder import CellState, claimed, read_record, state_of
from cds_hooks.evaluation.matrix.cost import Measured, SizeClass, cost, parse_mix
from cds_hooks.evaluation.matrix.page import figures_of, matrix_page
from cds_hooks.evaluation.matrix.plan import Cell, Matrix, read_matrix
from cds_hooks.evaluation.matrix.ranking import holm, ranking
from cds_hooks.evaluation.matrix.running import Sitting, TimeOver, run_matrix
from cds_hooks.evaluation.report.write import to_html, to_markdown
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis, ResultsFile
from cds_hooks.evaluation.runs.runner import RESULTS

TEXT = """
[ways]
samples = [3, 1]
templates = ["brief"]
[[suite]]
id = "osce"
data = "cases"
[[model]]
name = "small"
file = "small.gguf"
parameters_b = 0.5
[[model]]
name = "server"
settings = "server.toml"
"""


def parsed(folder: Path, text: str = TEXT) -> Matrix:
    path = folder / "matrix.toml"
    path.write_text(text)
    return read_matrix(path)[0]


def result(case: str, right: bool) -> CaseResult:
    matches = tuple(MatchRule) if right else ()
    answer = ListedDiagnosis(name="x", matches=matches)
    return CaseResult(case=case, outcome="answered", answers=(answer,), samples=((answer,),))


class Answering:
    """Answers so many cases a sitting, and then the time is over; one model always fails."""

    def __init__(self, cases: int = 4, at_most: int = 100, failing: str = "") -> None:
        self.cases, self.left, self.failing = cases, at_most, failing
        self.places: list[str] = []

    async def __call__(self, cell: Cell, folder: Path, sitting: Sitting) -> None:
        self.places.append(str(cell.place))
        sitting.cases, sitting.load_s = self.cases, 2.0
        if cell.model.name == self.failing:
            raise RunError("no such file")
        sitting.memory_bytes = 1 << 30
        with ResultsFile(folder / RESULTS) as results:
            for number in range(self.cases):
                if f"{number}" in results.done:
                    continue
                if not self.left:
                    raise TimeOver
                self.left -= 1
                results.add(result(f"{number}", number % 2 == 0))


def test_a_file_is_every_combination_with_the_fewest_samples_first(tmp_path: Path) -> None:
    matrix = parsed(tmp_path)
    assert [str(c.place) for c in matrix.cells()] == [
        "small/osce/brief-names-k1",
        "server/osce/brief-names-k1",
        "small/osce/brief-names-k3",
        "server/osce/brief-names-k3",
    ]
    closed = TEXT.replace('"osce"', '"vignettes"').replace('["brief"]', '["brief", "full"]')
    places = [str(c.place) for c in parsed(tmp_path, closed).cells()]
    assert places[::2] == ["small/vignettes/k1", "small/vignettes/k3"]
    assert matrix.model[0].file == tmp_path / "small.gguf"
    assert matrix.suite[0].data == tmp_path / "cases"


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('name = "small"', 'name = "../small"', "model.0.name"),
        ('name = "server"', 'name = "small"', "unique"),
        ("samples = [3, 1]", "samples = [0]", "ways.samples"),
        ("samples = [3, 1]", "samples = [17]", "ways.samples"),
        ("samples = [3, 1]", "samples = [1, 1]", "once"),
        ('settings = "server.toml"', "", "needs a file or settings"),
        ("[ways]", "[ways]\nwho = 1", "ways.who"),
        ('id = "osce"', 'id = "of ours"', "suite.0.id"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, old: str, new: str, where: str) -> None:
    with pytest.raises(MatrixError, match=where.replace(".", r"\.")):
        parsed(tmp_path, TEXT.replace(old, new))


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_a_matrix_or_an_error_with_a_code(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(raw)
    with pytest.raises(MatrixError):
        read_matrix(path)


async def test_sittings_go_on_where_the_last_one_ended_and_ask_nothing_twice(
    tmp_path: Path,
) -> None:
    cells = list(parsed(tmp_path).cells())
    first = Answering(at_most=6)
    states = await run_matrix(cells, tmp_path, first)
    assert states[CellState.DONE] == 1
    assert states[CellState.BEGUN] == 1
    assert states[CellState.WAITING] == 2

    second = Answering()
    states = await run_matrix(cells, tmp_path, second)
    assert states[CellState.DONE] == 4
    assert second.left == 100 - 10
    assert second.places == [str(c.place) for c in cells[1:]]
    assert read_record(tmp_path / cells[1].place).sittings == 2
    assert (tmp_path / cells[1].place).stat().st_mode & 0o777 == 0o700
    assert (tmp_path / cells[1].place / RESULTS).stat().st_mode & 0o777 == 0o600
    assert (await run_matrix(cells, tmp_path, Answering(at_most=0)))[CellState.DONE] == 4


async def test_a_cell_that_fails_is_told_by_its_code_and_asked_again_only_when_wished(
    tmp_path: Path,
) -> None:
    cells = list(parsed(tmp_path).cells())
    states = await run_matrix(cells, tmp_path, Answering(failing="server"))
    assert (states[CellState.DONE], states[CellState.FAILED]) == (2, 2)
    assert read_record(tmp_path / cells[1].place).failed == "bad-run"
    later = Answering()
    await run_matrix(cells, tmp_path, later)
    assert later.places == []
    states = await run_matrix(cells, tmp_path, later, again=True)
    assert states[CellState.DONE] == 4


def test_a_cell_that_somebody_else_asks_is_left_to_them(tmp_path: Path) -> None:
    with claimed(tmp_path) as ours:
        assert ours
        with claimed(tmp_path) as again:
            assert not again
    with claimed(tmp_path) as free:
        assert free


def rights(*answers: Sequence[int]) -> dict[str, dict[str, bool]]:
    return {
        "abcdef"[i]: {f"{n}": bool(so) for n, so in enumerate(row)} for i, row in enumerate(answers)
    }


def test_ranks_by_hand() -> None:
    """a is right in 12 of 12, b in 6, c in the same 6: b and c share a rank."""
    a, b, c = ranking(rights([1] * 12, [1, 0] * 6, [1, 0] * 6))
    assert (a.name, a.rank, a.best_rank, a.worst_rank, a.p_adjusted) == ("a", 1, 1, 1, None)
    assert (b.rank, c.rank) == (2, 2)
    assert (b.best_rank, b.worst_rank, c.best_rank, c.worst_rank) == (2, 3, 2, 3)
    # 6 to 0: p = 2 / 2^6 = 0.03125, twice asked: 0.0625.
    assert b.p_adjusted == c.p_adjusted == pytest.approx(0.0625)
    assert not b.told_apart


def test_equal_models_come_first_equally_often_and_cases_of_one_alone_do_not_count() -> None:
    found = rights([1, 0, 1, 0], [1, 0, 1, 0])
    found["a"]["more"] = True
    one, two = ranking(found)
    assert one.accuracy.n == 4
    assert one.first_share == two.first_share == 0.5
    assert (one.rank, two.rank, one.best_rank, one.worst_rank) == (1, 1, 1, 2)
    assert ranking(rights([1], [])) == ()
    assert ranking({}) == ()


def test_a_model_that_is_better_in_most_draws_has_an_interval_of_ranks() -> None:
    one, two = ranking(rights([1, 1, 1, 0, 0, 0, 1, 1], [1, 1, 1, 0, 0, 0, 1, 0]))
    # The case that tells them apart is not in (7/8)^8 = 34 % of the draws: then they are equal.
    assert (one.best_rank, one.worst_rank) == (1, 2)
    assert (two.best_rank, two.worst_rank) == (1, 2)


def test_holms_correction_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_cost_is_a_straight_line() -> None:
    """3, 5 and 9 seconds for 1, 2 and 4 billion: 1 s and 2 s a billion; 8 billion take 17 s."""
    measured = [Measured(1, 3), Measured(2, 5), Measured(4, 9)]
    needed = cost(measured, [SizeClass(8, 10), SizeClass(1, 178)], 450)
    assert needed is not None
    assert (needed.models, needed.beyond) == (188, 2)
    assert (needed.fixed_s, needed.billion_s) == (pytest.approx(1), pytest.approx(2))
    assert needed.hours == pytest.approx((10 * 450 * 17 + 178 * 450 * 3) / 3600)
    below = cost([Measured(1, 1), Measured(2, 4), Measured(3, 7)], [SizeClass(2, 1)], 1)
    assert below is not None
    # The line would begin at -2 s; through the origin: (1 + 8 + 21) / (1 + 4 + 9) s a billion.
    assert (below.fixed_s, below.billion_s) == (0, pytest.approx(30 / 14))
    falling = cost([Measured(1, 4), Measured(2, 3), Measured(3, 2)], [SizeClass(9, 1)], 3600)
    assert falling is not None
    assert falling.hours == pytest.approx(3)
    assert cost(measured[:2], [SizeClass(8, 10)], 450) is None
    assert parse_mix("8:100,0.5:88") == (SizeClass(8, 100), SizeClass(0.5, 88))
    for bad in ("", "8", "8:x", "-1:3", "8:0", "nan:3"):
        with pytest.raises(ValueError):
            parse_mix(bad)


async def test_cost_counts_every_way_with_its_own_seconds(tmp_path: Path) -> None:
    """Models of 1, 2 and 4 billion take 1, 2 and 4 s a case once, and three times that for three
    samples: 8 billion take 8 and 24 s, so 4 cases each way take 128 s."""
    models = "".join(
        f'[[model]]\nname = "m{size}"\nfile = "m"\nparameters_b = {size}\n' for size in (1, 2, 4)
    )
    cells = list(parsed(tmp_path, TEXT.partition("[[model]]")[0] + models).cells())
    await run_matrix(cells, tmp_path, Answering())
    figures = [
        replace(found, total_s=4 * int(c.model.name[1:]) * c.samples)
        for c in cells
        for found in [figures_of(c, *state_of(c, tmp_path))]
    ]
    needed = _needed(figures, [SizeClass(8, 1)])
    assert needed is not None
    assert needed.cases == 8
    assert needed.hours * 3600 == pytest.approx(128)
    unfinished = [f for f in figures if (f.cell.model.name, f.cell.samples) != ("m4", 3)]
    assert _needed(unfinished, [SizeClass(8, 1)]) is None


async def test_the_page_has_every_cell_with_n_interval_memory_and_seconds(tmp_path: Path) -> None:
    cells = list(parsed(tmp_path).cells())
    await run_matrix(cells, tmp_path, Answering(at_most=10))
    figures = [figures_of(cell, *state_of(cell, tmp_path)) for cell in cells]
    page = matrix_page(figures, None)
    told = to_markdown(page)
    assert "4 cells: 1 waiting, 1 begun, 2 done." in told
    assert "50.0 % (15.0 to 85.0), n = 4" in told
    assert "| 1.00 | done |" in told
    assert "2 of 4 cases" in told
    assert "Ranks on the 4 cases that all of them answered" in told
    assert to_html(page).count("<svg") == 4


def test_the_command_says_what_failed_and_reports_what_is_there(tmp_path: Path) -> None:
    parsed(tmp_path)
    words = ["eval", "matrix", "run", f"{tmp_path}/matrix.toml", "--output", f"{tmp_path}/out"]
    done = CliRunner().invoke(app, [*words, "--only", "*k1", "--json"])
    assert json.loads(done.stdout)["failed"] == 2
    assert done.exit_code == 1
    words[2] = "status"
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert [c["failed"] for c in told] == ["bad-suite", "bad-suite", "", ""]
    words[2] = "report"
    assert CliRunner().invoke(app, words).exit_code == 0
    assert "failed: bad-suite" in (tmp_path / "out" / "report.md").read_text()
