"""How pytest-xdist's workers share the tests: a file stays whole, and engines keep to one worker.

A worker that every test could land on would load every model, start every server and build every
module's fixtures once more.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadGroupScheduling

__all__ = ["ByFile", "in_order"]

_FIRST = ("engine", "fhir", "terminology")
# A fixture of the whole run that takes seconds, and the group of those who need it.
_MADE_ONCE = {"fhir_server": "fhir", "compiled": "terminology"}


class ByFile(LoadGroupScheduling):
    """`--dist loadgroup`, but tests of no group go by their file; the long groups go first."""

    def schedule(self) -> None:
        self.config.option.loadscopereorder = False  # `in_order` has put the long ones first
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return scope.partition("::")[0]


def in_order(items: list[pytest.Item]) -> None:
    """Put each test into the group of what it needs, and the groups that take long first."""
    for item in items:
        group = _group_of(item)
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_place)


def _group_of(item: pytest.Item) -> str:
    if any(item.iter_markers("xdist_group")):
        return ""
    needs = getattr(item, "fixturenames", ())
    for fixture, group in _MADE_ONCE.items():
        if fixture in needs:
            return group
    return "engine" if any(item.iter_markers("model")) else ""


def _place(item: pytest.Item) -> int:
    named: Sequence[str] = [str(mark.args[0]) for mark in item.iter_markers("xdist_group")]
    return min((_FIRST.index(name) for name in named if name in _FIRST), default=len(_FIRST))
