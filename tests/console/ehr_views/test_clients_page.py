"""The page for integrators says what the data says."""

from __future__ import annotations

from pathlib import Path

from cds_hooks.console.ehr_views.clients_page import clients_page

PAGE = Path(__file__).parents[3] / "docs" / "integrators" / "what-clients-show.md"


def test_the_page_is_the_one_that_the_data_makes() -> None:
    again = (
        "python -m cds_hooks.console.ehr_views.clients_page > docs/integrators/what-clients-show.md"
    )
    assert PAGE.read_text("utf-8") == clients_page(), f"write it again: {again}"


def test_it_speaks_of_no_card_in_particular() -> None:
    assert "{" not in clients_page()
    assert "this card says" not in clients_page()
