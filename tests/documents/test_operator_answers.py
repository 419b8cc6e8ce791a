"""The site's own answers: asked, kept, and refused when they are no answers."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cds_hooks.cli import export_describe
from cds_hooks.cli.export import export_app
from cds_hooks.documents.operator_answers import (
    LONGEST,
    AnswersInvalid,
    parse_answers,
    questions,
    with_answer,
)
from tests.documents.installations import HOSTILE


def test_an_unknown_key_is_refused_with_the_one_it_is_like() -> None:
    with pytest.raises(AnswersInvalid) as refused:
        parse_answers('[developer]\nname = "A"\ncontakt = "x"\n[purposes]\nusers = "y"', "file")
    told = refused.value.diagnostics()
    assert "developer.contakt is not known (did you mean developer.contact?)" in told
    assert "purposes.users is not known (did you mean purpose.users?)" in told


@pytest.mark.parametrize(
    "text",
    ["a = [", "[developer]\nname = 3", f'[developer]\nname = "{"x" * (LONGEST + 1)}"', "x = 1"],
)
def test_what_is_no_answer_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(AnswersInvalid) as refused:
        parse_answers(text, "file")
    assert "xxxx" not in refused.value.diagnostics()


@given(st.text(max_size=60) | st.sampled_from(["[developer]\nname = ", "[developer.name]"]))
def test_any_text_gives_answers_or_is_refused(text: str) -> None:
    try:
        found = parse_answers(text, "file").by_key
    except AnswersInvalid:
        found = {}
    assert set(found) <= set(questions())


def test_an_empty_answer_is_none() -> None:
    answers = parse_answers('[developer]\nname = "  "\ncontact = "y"', "file")
    assert answers.by_key == {"developer.contact": "y"}
    assert len(answers.missing) == len(questions()) - 1


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# ours\n[purpose]\nusers = 'All'\n",
        '[developer]\nname = ""  # who?\nfunding = "Own"\n[purpose]\nusers = "All"\n',
        '[purpose]\nusers = """a\n[x]\nb"""\n[developer]\ncontact = "y"\n',
        "[developer]",
    ],
)
@pytest.mark.parametrize("answer", ["A Hospital", HOSTILE.replace("\ufffe", ""), '"\\ \n\t\x7f'])
def test_an_answer_is_added_and_all_else_stays(before: str, answer: str) -> None:
    made = with_answer(before, "developer.name", answer.strip(), "file")
    told = tomllib.loads(made)
    assert told["developer"]["name"] == answer.strip()
    kept = parse_answers(before, "file").by_key
    assert kept.items() <= parse_answers(made, "file").by_key.items()
    assert ("# ours" in made) == ("# ours" in before)


def test_a_form_that_cannot_be_added_to_is_left_alone() -> None:
    with pytest.raises(AnswersInvalid, match=r"cannot be added to|not TOML"):
        with_answer('developer = { contact = "x" }', "developer.name", "A", "file")


def test_what_is_missing_is_listed_with_the_documents_that_use_it(tmp_path: Path) -> None:
    file = tmp_path / "operator.toml"
    file.write_text('[developer]\nname = "A Hospital"\n')
    told = _run("--file", str(file), "--json")
    found = json.loads(told)
    assert found["answered"] == ["developer.name"]
    missing = {each["key"]: each for each in found["missing"]}
    assert "developer.name" not in missing
    assert "dsi details.developer" in missing["developer.contact"]["used_by"]
    assert all(each["used_by"] for each in missing.values())


def test_it_asks_what_is_unfilled_and_keeps_what_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after three questions, it goes on with what is unfilled."""
    file = tmp_path / "operator.toml"
    monkeypatch.setattr(export_describe, "_is_terminal", lambda: True)
    told = _run("--file", str(file), given="A Hospital\n\nA grant\n")
    assert "Used by: dsi details.developer; chai BasicInfo/ModelDeveloper" in told
    assert "Stopped; started again, it goes on." in told
    kept = parse_answers(file.read_text(), "file").by_key
    assert kept == {"developer.name": "A Hospital", "developer.funding": "A grant"}
    assert file.stat().st_mode & 0o077 == 0
    again = _run("--file", str(file), given="+1 555 0100\n")
    assert f"[1 of {len(questions()) - 2}] developer.contact" in again
    assert parse_answers(file.read_text(), "file").get("developer.contact") == "+1 555 0100"


def _run(*arguments: str, given: str = "") -> str:
    result = CliRunner().invoke(export_app, ["describe", *arguments], input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout
