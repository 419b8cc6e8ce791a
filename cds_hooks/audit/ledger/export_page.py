"""The ledger as one HTML page for a person; it is self-contained and loads nothing."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.record import Record

__all__ = ["ExportPage"]

_MAX_ROWS = 2000


class ExportPage:
    """Collects records as they are exported: counts of all, rows of the newest."""

    def __init__(self) -> None:
        self._newest: deque[Record] = deque(maxlen=_MAX_ROWS)
        self._types: Counter[str] = Counter()
        self._count = 0

    def watching(self, records: Iterable[bytes]) -> Iterator[bytes]:
        """The same records, each counted as it passes."""
        for data in records:
            self._count += 1
            if (record := parse_record(data)) is not None:
                self._newest.append(record)
                self._types[record.type] += 1
            yield data

    def html(
        self, checkpoints: int, public_key: str, signed_at: str = "", exported_at: str = ""
    ) -> str:
        """The page, once all records have passed; its times are UTC, RFC 3339."""
        source = files("cds_hooks.audit.ledger").joinpath("page.html.j2").read_text("utf-8")
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        return environment.from_string(source).render(
            count=self._count,
            types=sorted(self._types.items()),
            rows=list(reversed(self._newest)),
            checkpoints=checkpoints,
            public_key=public_key,
            signed_at=signed_at,
            exported_at=exported_at,
        )
