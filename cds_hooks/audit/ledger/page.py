"""The ledger as one page for a person: self-contained, nothing loaded from anywhere."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from cds_hooks.audit.ledger.export import record_of
from cds_hooks.audit.ledger.record import Record

__all__ = ["Page"]

_MOST_ROWS = 2000


class Page:
    """Sees records pass by and makes the page of them: counts of all, rows of the newest."""

    def __init__(self) -> None:
        self._newest: deque[Record] = deque(maxlen=_MOST_ROWS)
        self._types: Counter[str] = Counter()
        self._count = 0

    def watching(self, records: Iterable[bytes]) -> Iterator[bytes]:
        """The same records, each looked at on its way."""
        for data in records:
            self._count += 1
            if (record := record_of(data)) is not None:
                self._newest.append(record)
                self._types[record.type] += 1
            yield data

    def html(self, checkpoints: int, public_key: str) -> str:
        """The page, once all records have passed."""
        source = files("cds_hooks.audit.ledger").joinpath("page.html.j2").read_text("utf-8")
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        return environment.from_string(source).render(
            count=self._count,
            types=sorted(self._types.items()),
            rows=list(reversed(self._newest)),
            checkpoints=checkpoints,
            public_key=public_key,
        )
