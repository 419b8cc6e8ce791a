"""The operator's pages name what there is: every metric, event, field and reason."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from cds_hooks.audit.store_errors import HINTS
from cds_hooks.operation import Metrics
from cds_hooks.operation.log_fields import FIELDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operators" / "logs-and-metrics.md").read_text()
FAILURES = (ROOT / "docs" / "operators" / "failures.md").read_text()
_LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}


def _events() -> set[str]:
    """The names of the events that the service's own code logs."""
    found: set[str] = set()
    for file in (ROOT / "cds_hooks").rglob("*.py"):
        for node in ast.walk(_parsed(file.read_text())):
            if isinstance(node, ast.Call) and _logs(node.func):
                found |= {a.value for a in node.args[:1] if isinstance(a, ast.Constant)}
    # The engine's sentences have blanks, or were put together before.
    return {name for name in found if isinstance(name, str) and " " not in name and name != "%s"}


def _parsed(text: str) -> ast.Module:
    """CPython 3.11 may miscount its recursion when other threads parse as well (gh-106905)."""
    try:
        return ast.parse(text)
    except SystemError:
        return ast.parse(text)


def _logs(called: ast.expr) -> bool:
    if not isinstance(called, ast.Attribute) or called.attr not in _LEVELS:
        return False
    return re.search(r"\b_?log\b|get_logger\(\)", ast.unparse(called.value)) is not None


def test_every_metric_is_on_the_page() -> None:
    names = {
        family.name for family in Metrics().registry.collect() if family.name.startswith("chart")
    }
    assert [name for name in sorted(names) if name not in PAGE] == []


def test_every_event_is_on_the_page_and_a_name() -> None:
    events = _events()
    assert {"exchange", "consultation", "listening", "record-unreadable"} <= events
    assert [name for name in sorted(events) if f"`{name}" not in PAGE] == []


def test_the_fields_that_the_page_names_may_be_logged() -> None:
    table = PAGE.split("## Logs")[1].split("## Metrics")[0]
    rows = re.findall(r"^\| `[a-z`, -]+` \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert len(rows) >= 8
    assert named <= {*FIELDS, "exception"}


def test_every_reason_of_the_store_is_on_the_page() -> None:
    assert [name for name in HINTS if f"`{name}`" not in FAILURES] == []
