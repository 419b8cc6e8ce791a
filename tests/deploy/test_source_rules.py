"""`deploy/check_source.py`: names, words and sizes that the source must not have."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))

from source_rules.names import Rules, read_rules  # noqa: E402
from source_rules.python_file import parse  # noqa: E402
from source_rules.sizes import size_problems  # noqa: E402

FORBIDDEN = [
    # the first release's names and what a reader was to understand by them
    ("a/b.py", "class Rooms: ..."),
    ("a/b.py", "class Doors: ..."),
    ("a/question.py", "def put(): ..."),
    ("a/b.py", "def answered(): ..."),
    ("a/entered.py", ""),
    ("a/b.py", "class Shown: ..."),
    ("a/b.py", "class Recall: ..."),
    ("a/b.py", "class Work: ..."),
    ("a/b.py", "self._vain = 1"),
    ("a/b.py", "def asked(): ..."),
    ("a/b.py", "Outcome.STANDS"),
    ("a/b.py", "standing, apart = 1, 2"),
    ("cards/around.py", ""),
    ("a/b.py", "scene: Scene"),
    ("a/b.py", "class Found: ..."),
    ("a/b.py", "class Settled: ..."),
    ("a/b.py", "class Seen: ..."),
    ("a/b.py", "overlooked = 1"),
    ("custody/a.py", ""),
    ("a/held.py", ""),
    ("a/vouched.py", ""),
    ("a/strangers.py", ""),
    ("a/polite.py", ""),
    ("expiry/a.py", ""),
    ("a/b.py", "has_room = 1"),
    ("a/b.py", '"""The doors of the service."""'),
    ("a/b.py", "# held against the chart"),
    ("a/b.py", 'x = "made anew"'),
    ("README.md", "The way in for requests."),
    ("README.md", "`chartside eval --then nothing`"),
    ("README.md", "`chartside eval --at-once 2`"),
    ("README.md", "`chartside eval --on-broken stop`"),
    ("README.md", "What was wrong is put right."),
    ("a.toml", "# one room for each"),
]

ALLOWED = [
    ("a/b.py", "class FoundSiteKey: ..."),
    ("a/b.py", "found = seen = work = held = shown = 1"),
    ("a/b.py", "keepalive_expiry = 1"),
    ("a/b.py", '"""Ways in which a server fails, on room air."""'),
    ("tests/a.py", 'x = "Feels like the room goes round"'),
    ("README.md", "`stranger-rate-limited`; 92 % on room air in the emergency room"),
    ("a.toml", 'text = "house dust"'),
]


@pytest.fixture(scope="module")
def rules() -> Rules:
    return read_rules()


def _problems(rules: Rules, path: str, text: str) -> list[str]:
    if path.endswith(".py"):
        return list(rules.in_code(parse(path, text)))
    return list(rules.in_page(path, text))


@pytest.mark.parametrize(("path", "text"), FORBIDDEN)
def test_a_name_or_word_on_the_list_is_refused_with_its_place(
    rules: Rules, path: str, text: str
) -> None:
    problems = _problems(rules, path, text)
    assert problems
    assert all(problem.startswith(f"{path}:1: ") and ": use " in problem for problem in problems)


@pytest.mark.parametrize(("path", "text"), ALLOWED)
def test_other_names_and_words_of_patients_are_not(rules: Rules, path: str, text: str) -> None:
    assert _problems(rules, path, text) == []


def test_an_exception_is_for_one_file_and_has_its_reason(tmp_path: Path) -> None:
    entry = '[[names]]\nwords = ["scene"]\nwhere = ["any"]\nuse = "x"\nreason = "y"\n'
    entry += 'allowed = [{ path = "a/b.py", reason = "A stage." }]\n'
    file = tmp_path / "names.toml"
    file.write_text(
        entry + "[[prose]]\npattern = 'z'\nuse = 'x'\nreason = 'y'\n[[unread]]\npaths = []"
    )
    rules = read_rules(file)
    assert _problems(rules, "a/b.py", "scene = 1") == []
    assert _problems(rules, "a/c.py", "scene = 1") == ["a/c.py:1: name scene: use x"]
    file.write_text(entry.replace(', reason = "A stage."', ""))
    with pytest.raises(KeyError):
        read_rules(file)


def _file(lines: int, name: str = "a.py") -> str:
    return "x = 1\n" * lines


@pytest.mark.parametrize(
    ("path", "lines", "long"),
    [("a.py", 300, False), ("a.py", 301, True), ("b.py", 600, False), ("b.py", 601, True)],
)
def test_no_file_is_over_300_lines_but_those_that_are_known(
    path: str, lines: int, long: bool
) -> None:
    found = list(size_problems([parse(path, _file(lines))], {"b.py"}))
    assert bool(found) is long


def _function(lines: int) -> str:
    return "def f():\n" + "    x = 1\n" * (lines - 1)


@pytest.mark.parametrize(
    ("lengths", "problems"),
    [
        ([60], 0),
        ([61], 1),
        ([8, 8, 8], 0),
        ([8, 9, 9], 1),  # the median
        ([2] * 17 + [30] * 3, 0),
        ([2] * 17 + [31] * 3, 1),  # one in ten
    ],
)
def test_functions_are_short(lengths: list[int], problems: int) -> None:
    text = "".join(_function(length) for length in lengths)
    assert len(list(size_problems([parse("a.py", text)]))) == problems


def test_a_long_file_that_became_short_is_taken_off_the_list() -> None:
    [problem] = size_problems([parse("b.py", _file(300))], {"b.py"})
    assert "take it off" in problem
