"""A real service: what it answers is counted, and told on its own page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from typing import Any

from cds_hooks.consultation import ChartFinding, Seriousness
from cds_hooks.statistics.flags import flags_of
from tests.console.inspecting import fire
from tests.console.whole_service import WholeService
from tests.statistics.month import base


def _told(service: WholeService) -> dict[str, Any]:
    """The figures once all is counted; the page asks for that."""

    def counted() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(service.get("/statistics.json", signed_in=True).text)
        return found

    service.until(lambda: counted()["not_counted_yet"] == 0)
    return counted()


def test_a_hook_is_counted_and_a_trial_is_not(whole_service: WholeService) -> None:
    before = _told(whole_service)
    for _ in range(2):
        whole_service.consultation(whole_service.somebody())
    fire(whole_service)
    after = _told(whole_service)
    hooks = sum(after["hooks"].values()) - sum(before["hooks"].values())
    ended = sum(after["consultations"].values()) - sum(before["consultations"].values())
    assert (hooks, ended) == (2, 2)
    assert after["smallest_count"] == 11
    assert after["flagged"]["count"] in (None, 0)
    page = whole_service.get("/statistics", signed_in=True).text
    assert f'<p class="big">{sum(after["hooks"].values())}</p>' in page
    assert whole_service.subject.patient_id not in page
    assert "Quellfeld" not in page


def test_every_rule_of_a_chart_has_a_name_that_is_counted() -> None:
    folder = files("cds_hooks.plausibility") / "data" / "chart_rules"
    texts = [each.read_text("utf-8") for each in folder.iterdir() if each.name.endswith(".toml")]
    rules = {name for text in texts for name in re.findall(r'^id = "(.+)"$', text, re.MULTILINE)}
    assert len(rules) > 100
    for rule in rules:
        found = ChartFinding(rule, "", Seriousness.SERIOUS, (), (), "")
        flags = set(flags_of(replace(base(), chart_findings=(found,))))
        assert flags == {"flagged", f"flag:rule:{rule}"}
