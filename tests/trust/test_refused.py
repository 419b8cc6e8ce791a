"""Refused ways out in the ledger: by way, each counted once, later where the ledger was away."""

from __future__ import annotations

from typing import Any

from cds_hooks.audit import StoreUnavailable
from cds_hooks.runtime.refused_calls import RefusalBook


class Book:
    """A store whose ledger can be taken away."""

    def __init__(self) -> None:
        self.away = False
        self.records: list[tuple[str, dict[str, Any]]] = []

    async def record_event(self, kind: str, **fields: Any) -> None:
        if self.away:
            raise StoreUnavailable("locked")
        self.records.append((kind, fields))


async def test_ways_out_are_recorded_by_way_and_once() -> None:
    book, counts = Book(), {"connect": 2, "lookup": 1}
    refusals = RefusalBook(book, lambda: counts)  # type: ignore[arg-type]
    await refusals.record()
    await refusals.record()
    counts["connect"] = 5
    await refusals.record()
    assert book.records == [
        ("egress-refused", {"way": "connect", "count": 2}),
        ("egress-refused", {"way": "lookup", "count": 1}),
        ("egress-refused", {"way": "connect", "count": 3}),
    ]


async def test_what_could_not_be_recorded_is_recorded_later() -> None:
    book = Book()
    refusals = RefusalBook(book, lambda: {"send": 4})  # type: ignore[arg-type]
    book.away = True
    await refusals.record()
    book.away = False
    await refusals.record()
    assert book.records == [("egress-refused", {"way": "send", "count": 4})]
