"""The changes that `make mutate` makes, and that it makes one at a time."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from tests.mutate.__main__ import interval
from tests.mutate.mutants import changed, mutants


@pytest.mark.parametrize(
    ("source", "after"),
    [
        ("x = a < b", {"x = a <= b", "x = a >= b"}),
        ("x = a == b", {"x = a != b"}),
        ("x = a < b <= c", {f"x = a {o} c" for o in ("<= b <=", ">= b <=", "< b <", "< b >")}),
        ("x = a and b", {"x = a or b"}),
        ("x = not a", {"x = a"}),
        ("x = a + b", {"x = a - b"}),
        ("x = 2", {"x = 3", "x = 1"}),
        ("x = True", {"x = False"}),
        ("x = min(a)", {"x = max(a)"}),
        ("f()", {"pass"}),
        ("raise E", {"pass"}),
        ("x = 'text'", set()),
        ("x: a < b", set()),
        ("__all__ = [1]", set()),
    ],
)
def test_the_ways_to_change_a_line(source: str, after: set[str]) -> None:
    found = {ast.unparse(changed(source, m)) for m in mutants("x.py", source)}
    assert found == after


def test_a_mutant_is_named_by_its_function_and_what_it_changes() -> None:
    source = dedent(
        """
        LIMIT = 5

        class A:
            @decorated(1)
            def f(self, a: int = 2):
                '''Text.'''
                if a:
                    return a > LIMIT
                return None
        """
    )
    found = {m.id: m.at_import for m in mutants("x.py", source)}
    assert found == {
        "x.py::<module>::5 => 6::0": True,
        "x.py::<module>::5 => 4::0": True,
        "x.py::A.f::2 => 3::0": True,
        "x.py::A.f::2 => 1::0": True,
        "x.py::A.f::if a => if not a::0": False,
        "x.py::A.f::return a > LIMIT => return None::0": False,
        "x.py::A.f::a > LIMIT => a >= LIMIT::0": False,
        "x.py::A.f::a > LIMIT => a <= LIMIT::0": False,
    }


def test_equal_changes_in_one_function_have_names_of_their_own() -> None:
    found = mutants("x.py", "def f():\n    return g(1), h(1)\n")
    assert len({m.id for m in found}) == len(found) == 5


def test_the_interval_of_a_proportion() -> None:
    """Wilson's, worked out by hand for 15 of 20."""
    low, high = interval(15, 20)
    assert (round(low, 2), round(high, 2)) == (0.53, 0.89)
