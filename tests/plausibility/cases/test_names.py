"""The list of names is to its form: each once, with ICD-10-CM categories and what it is."""

from __future__ import annotations

import re
import tomllib

from tests.plausibility.cases.load import DATA, NAMES

LIST = tomllib.loads((DATA / NAMES).read_text("utf-8"))
ROWS = LIST["name"]


def test_each_name_stands_once_in_any_case_of_letters() -> None:
    names = [row["name"].casefold() for row in ROWS]
    assert len(set(names)) == len(names)


def test_each_row_has_a_kind_categories_and_what_it_is() -> None:
    for row in ROWS:
        assert row.keys() == {"name", "kind", "categories", "is"}, row["name"]
        assert row["kind"] in ("cant-miss", "everyday"), row["name"]
        assert row["is"], row["name"]
        assert row["categories"], row["name"]
        for category in row["categories"]:
            assert re.fullmatch(r"[A-Z]\d[0-9A-Z]", category), row["name"]


def test_both_kinds_are_there() -> None:
    kinds = [row["kind"] for row in ROWS]
    assert min(kinds.count("cant-miss"), kinds.count("everyday")) >= 150
