"""What somebody does who can write into the database behind the service's back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

__all__ = ["execute", "rows"]


def _url(where: Path | str) -> str:
    return f"sqlite:///{where}" if isinstance(where, Path) else where


def execute(where: Path | str, *statements: str, **values: object) -> None:
    """Carry statements out in one transaction."""
    engine = create_engine(_url(where))
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement), values)
    finally:
        engine.dispose()


def rows(where: Path | str, query: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    engine = create_engine(_url(where))
    with engine.begin() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found
