"""A report as a document, as JUnit XML, and as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from cds_hooks.conform.catalogue import catalogue_version
from cds_hooks.conform.results import Report, Result

__all__ = ["ALL_SERVICES", "as_document", "as_junit", "failure_lines"]

_MOST_TOLD = 4
ALL_SERVICES = "all services"


def as_document(report: Report) -> dict[str, Any]:
    """The report as JSON. It holds no request and no answer, only what checks say of them."""
    times = [
        {
            "service": service,
            "answers": count,
            "median_s": round(mid, 3),
            "longest_s": round(top, 3),
        }
        for service, count, mid, top in report.times()
    ]
    return {
        "url": report.base,
        "checks_version": catalogue_version(),
        "conformant": not report.findings,
        "counts": report.counts,
        "times": times,
        "results": [_result(result) for result in report.results],
    }


def _result(result: Result) -> dict[str, Any]:
    check = result.check
    told: dict[str, Any] = {
        "check": check.id,
        "service": result.service,
        "status": result.status,
        "level": check.level,
        "clause": check.clause,
        "expected": check.expected,
        "answers_judged": result.calls,
    }
    more = {"sent": result.sent, "came": result.came, "reason": result.reason}
    return told | {name: value for name, value in more.items() if value}


def as_junit(report: Report) -> bytes:
    """JUnit XML: a suite for each service. Findings and notes are failures of type shall, should
    and ours."""
    root = ElementTree.Element("testsuites", name=f"chartside conform {report.base}")
    for service in dict.fromkeys(result.service for result in report.results):
        mine = [result for result in report.results if result.service == service]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=service or ALL_SERVICES,
            tests=str(len(mine)),
            failures=str(sum(result.status == "failed" for result in mine)),
            errors="0",
            skipped=str(sum(result.status == "skipped" for result in mine)),
        )
        for result in mine:
            _case(suite, result)
    ElementTree.indent(root)
    made: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return made


def _case(suite: ElementTree.Element, result: Result) -> None:
    name = {"classname": suite.get("name", ""), "name": result.check.id}
    case = ElementTree.SubElement(suite, "testcase", name)
    if result.status == "failed":
        came = "; ".join(result.came)
        failure = ElementTree.SubElement(case, "failure", type=result.check.level, message=came)
        failure.text = "\n".join(failure_lines(result))
    elif result.status == "skipped":
        ElementTree.SubElement(case, "skipped", message=result.reason)


def failure_lines(result: Result) -> Iterator[str]:
    """Clause, what was sent, what was expected and what came."""
    yield f"clause:   {result.check.clause} ({result.check.level})"
    yield f"sent:     {'; '.join(result.sent)}"
    yield f"expected: {result.check.expected}"
    more = len(result.came) - _MOST_TOLD
    came = "; ".join(result.came[:_MOST_TOLD])
    yield f"came:     {came}{f'; and {more} more' if more > 0 else ''}"
