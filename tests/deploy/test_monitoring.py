"""Alerts and dashboard: promtool takes them, they fire, and every metric they name is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from cds_hooks.consultation import Outcome
from tests.deploy.plain_processes import DEPLOY, ROOT

FILES = DEPLOY / "helm/chartside/files"
RULES = FILES / "chartside.rules.yaml"
PAGE = (ROOT / "docs/operators/logs-and-metrics.md").read_text()
TEST = Path(__file__).with_name("chartside.rules.test.yaml")
UNPACKED = ROOT / "build/prometheus/usr/bin/promtool"
PROMTOOL = shutil.which("promtool") or (str(UNPACKED) if UNPACKED.exists() else "")
# Of prometheus_client's own process collector.
OTHERS = {"process_open_fds", "process_max_fds", "process_resident_memory_bytes"}
_METRIC = re.compile(r"\b(?:chartside|process)[a-z0-9_:]*")
_ENDING = re.compile(r"_(?:bucket|sum|count)$")


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in _rules())
    board = json.loads((FILES / "chartside-dashboard.json").read_text())
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]


def asked_metrics() -> set[str]:
    """The metrics that expressions name, as their families are called in `/metrics`."""
    recorded = {rule["record"] for rule in _rules() if "record" in rule}
    asked = {name for text in _expressions() for name in _METRIC.findall(text)}
    names = {name for name in asked - recorded if ":" not in name}
    return {_ENDING.sub("", name) for name in names}


def _of_the_page() -> dict[str, set[str]]:
    """Metrics with their labels, from the page whose test compares it with the code."""
    table = PAGE.split("## Metrics")[1]
    rows = re.findall(r"^\| `(chartside_[a-z_]+)`[^|]*\| ([^|]*)\|", table, re.MULTILINE)
    return {name: {each.strip() for each in labels.split(",")} - {""} for name, labels in rows}


def test_every_metric_and_label_that_is_asked_for_is_one_of_the_services() -> None:
    known = _of_the_page()
    assert len(asked_metrics()) > 15
    assert asked_metrics() - OTHERS <= set(known)
    for text in _expressions():
        for name, inside in re.findall(r"(chartside_[a-z_]+)\{([^}]*(?:\{id\})?[^}]*)\}", text):
            labels = set(re.findall(r"([a-z_]+)[=!]", inside)) - {"job"}
            assert labels <= known[_ENDING.sub("", name)] | {"le"}, (name, labels)


def test_outcomes_that_alerts_name_are_outcomes() -> None:
    named = re.findall(r'outcome[=!]~?"([^"]+)"', " ".join(_expressions()))
    words = {word for each in named for word in each.split("|")}
    assert words
    assert words <= {each.value for each in Outcome}


def test_every_alert_says_what_to_do_and_pages_that_it_names_are_there() -> None:
    alerts = [rule for rule in _rules() if "alert" in rule]
    for alert in alerts:
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert set(alert["annotations"]) == {"summary", "action"}
        for page in re.findall(r"docs/[a-z/-]+\.md", alert["annotations"]["action"]):
            assert (ROOT / page).is_file()


def test_the_dashboard_has_no_two_panels_in_one_place() -> None:
    board = json.loads((FILES / "chartside-dashboard.json").read_text())
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(set(places)) == len(places)
    assert len({p["id"] for p in board["panels"]}) == len(board["panels"])


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not there (make deploy-tools)")
def test_prometheus_takes_the_rules_and_each_alert_fires_when_it_should(tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path)
    shutil.copy(TEST, tmp_path)
    for words in (
        ["check", "rules", "--lint=all", "--lint-fatal", RULES.name],
        ["test", "rules", TEST.name],
    ):
        done = subprocess.run(
            [PROMTOOL, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    [wrong] = re.findall(r"exp_samples: \[\{labels: '\{\}', value: (\d+)", TEST.read_text())
    assert int(wrong) == sum("alert" in rule for rule in _rules())


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not there (make deploy-tools)")
def test_every_expression_of_the_dashboard_is_promql(tmp_path: Path) -> None:
    board = json.loads((FILES / "chartside-dashboard.json").read_text())
    asked = [t["expr"].replace("$job", ".*") for p in board["panels"] for t in p.get("targets", ())]
    rules = [{"record": f"panel:{n}", "expr": text} for n, text in enumerate(asked)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        [PROMTOOL, "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
