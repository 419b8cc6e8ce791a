"""How pytest-xdist's workers share the tests: a file stays whole, and engines keep to one worker.

A worker that every test could land on would load every model, start every server and build every
module's fixtures once more. Groups are found by file: pytest-xdist's own (`xdist_group`) change the
ids of tests, which pytest 9.2 does not let them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

__all__ = ["ByNeed", "group_of", "in_order"]

ROOT = Path(__file__).resolve().parent.parent
# What a file says and the group of all that say it, the group that takes longest first.
_NEEDS = {
    "pytest.mark.fhir_server": "fhir",
    "pytest.mark.model": "engine",
}
_FIRST = ("engine", "fhir", "terminology")


class ByNeed(LoadFileScheduling):
    """`--dist loadfile`, but files that need the same costly thing go to one worker, and first."""

    def schedule(self) -> None:
        self.config.option.loadscopereorder = False  # `in_order` has ordered them
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.partition("::")[0])


def in_order(items: list[pytest.Item]) -> None:
    """The groups that take long first."""
    items.sort(key=lambda item: _place(group_of(item.nodeid.partition("::")[0])))


@cache
def group_of(file: str) -> str:
    """The group of a file of tests: its name, or what it needs that takes long to make."""
    if file.startswith("tests/plausibility/"):
        return "terminology"  # compiled afresh, by the code under test
    text = (ROOT / file).read_text("utf-8")
    return next((group for said, group in _NEEDS.items() if said in text), file)


def _place(group: str) -> int:
    return _FIRST.index(group) if group in _FIRST else len(_FIRST)
