"""The page of model servers says what is known, and is short enough to be read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.inference.remote.server_faults import FaultCode
from cds_hooks.operation.servers_page import table
from cds_hooks.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/operators/model-servers.md").read_text("utf-8")


def test_the_table_is_that_of_what_is_known() -> None:
    assert PAGE.endswith(table()), (
        "run: python -m cds_hooks.operation.servers_page, and put it at the end of the page"
    )


def test_every_row_of_it_has_four_cells() -> None:
    assert {len(re.split(r"(?<!\\)\|", row)) for row in table().splitlines()} == {6}


def test_it_is_a_thousand_words_at_most() -> None:
    shown = re.sub(r"\]\(http[^)]*\)", "]", PAGE)
    assert len([word for word in shown.split() if word.strip("|-")]) <= 1000


@pytest.mark.parametrize("fault", FaultCode)
def test_every_code_is_on_a_page(fault: FaultCode) -> None:
    failures = (ROOT / "docs/operators/server-failures.md").read_text("utf-8")
    assert f"`{fault.value}`" in PAGE + failures


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_every_settings_file_on_it_can_be_used(example: str) -> None:
    told: dict[str, Any] = tomllib.loads(example)
    settings = Settings.model_validate(told)
    assert settings.model_server.bases
    assert settings.model_server.model
