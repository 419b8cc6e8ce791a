"""What a service answers is told in a bounded report that steers no terminal and is XML."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from cds_hooks.conform import Report, as_junit, failure_lines
from cds_hooks.conform.calls import whole
from cds_hooks.conform.discovery import Offered
from cds_hooks.conform.exchange import Answer, Exchange
from cds_hooks.conform.probe import Target
from cds_hooks.conform.shapes import null_or_empty

SERVICE = Offered("greeter", "patient-view", {})
JSON = "application/json"


def _report(document: Any, kind: str = JSON) -> Report:
    probe = whole(Target("http://x", "http://x"), SERVICE, {"context": {}})
    answer = Answer(200, {"content-type": kind}, orjson.dumps(document), 0.1)
    report = Report("http://x")
    report.judge(probe, Exchange(probe.call, answer))
    return report


@pytest.mark.parametrize("text", ["\x1b[2J", "\x00", "\u202e", "\uffff", "\r\n"])
def test_names_of_members_steer_nothing_and_are_xml(text: str) -> None:
    report = _report({"cards": [], f"a{text}b": None}, kind=f"text/{text}html")
    lines = [line for result in report.findings for line in failure_lines(result)]
    assert [line for line in lines if "a" in line and "null or empty" in line]
    assert text not in "".join(lines)
    assert ElementTree.fromstring(as_junit(report)).findall(".//failure")


def test_a_report_of_a_million_faults_is_bounded() -> None:
    report = _report({"cards": [], "x": [None] * 300_000, "y" * 100_000: None})
    [told] = [r for r in report.results if r.check.id == "call-no-null-or-empty"]
    assert (told.status, len(told.came)) == ("failed", 1000)
    assert max(map(len, told.came)) <= 303


def test_a_document_may_be_nested_deeply() -> None:
    document: Any = None
    for _ in range(5000):
        document = [document]
    assert list(null_or_empty({"a": document, "b": ""})) == ["a" + "[0]" * 5000, "b"]


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ({"cards": []}, []),
        ({"cards": [{"links": []}], "services": []}, ["cards[0].links"]),
        ({"b": {"c": "", "d": [None, 1]}, "a": {}}, ["b.c", "b.d[0]", "a"]),
        ([], ["(root)"]),
    ],
)
def test_what_is_null_or_empty_is_told_in_its_order(document: Any, paths: list[str]) -> None:
    assert list(null_or_empty(document)) == paths
