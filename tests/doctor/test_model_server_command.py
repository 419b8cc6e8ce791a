"""`chartside doctor model-server`: what cannot be asked is said in a line, and nobody there too.

The clauses themselves are in `tests/inference_remote/test_contract.py`.
"""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cds_hooks.cli.application import app
from cds_hooks.doctor.contract import clauses
from cds_hooks.errors import ChartsideError

ASK = ["doctor", "model-server"]


@pytest.mark.parametrize(
    "words",
    [
        [], ["--url", "https://127.0.0.1:1"], ["--url", "foo", "--model", "m"],
        ["--url", "http://10.0.0.1", "--model", "m"],
        ["--url", "https://127.0.0.1:1", "--model", "m", "--concurrency", "0"],
        ["--url", "https://127.0.0.1:1", "--model", "m", "--authority", "/nowhere.pem"],
        ["--clause", "nothing-of-ours"],
    ],
    ids=["nothing", "no-model", "no-url", "in-clear", "none-at-once", "no-authority", "no-clause"],
)  # fmt: skip
def test_what_cannot_be_asked_is_told(words: list[str]) -> None:
    done = CliRunner().invoke(app, [*ASK, *words])
    assert isinstance(done.exception, ChartsideError)
    assert done.exception.status < 500


def test_nobody_there_fails_once_and_nothing_more_is_asked() -> None:
    done = CliRunner().invoke(app, [*ASK, "--url", "https://127.0.0.1:1", "--model", "m", "--json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    levels = {each["id"]: each["level"] for each in told["clauses"]}
    assert list(levels) == list(clauses())
    assert (levels.pop("models"), levels.pop("answer")) == ("FAIL", "FAIL")
    assert set(levels.values()) == {"NOT CHECKED"}
    assert told["holds"] is False
