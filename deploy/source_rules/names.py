"""Names that identifiers must not bear and words that prose must not use, read from names.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from source_rules.identifiers import Identifier, identifiers
from source_rules.prose import Line, code_prose, page_prose
from source_rules.python_file import PythonFile

__all__ = ["NameRule", "ProseRule", "Rules", "read_rules"]

LIST = Path(__file__).with_name("names.toml")


@dataclass(frozen=True)
class NameRule:
    """A name that no identifier of the kinds in `where` bears outside the `allowed` files."""

    words: frozenset[str]
    where: frozenset[str]
    use: str
    reason: str
    parts: bool = False
    allowed: frozenset[str] = frozenset()

    def forbids(self, path: str, name: Identifier) -> bool:
        if path in self.allowed or not ({"any", name.kind} & self.where):
            return False
        return bool(self.words & (name.parts() if self.parts else {name.bare()}))


@dataclass(frozen=True)
class ProseRule:
    """A pattern that no comment, docstring, message or page matches outside the `allowed` files."""

    pattern: re.Pattern[str]
    use: str
    reason: str
    allowed: frozenset[str] = frozenset()

    def forbids(self, path: str, line: Line) -> bool:
        return path not in self.allowed and self.pattern.search(line.text) is not None


@dataclass(frozen=True)
class Rules:
    names: tuple[NameRule, ...]
    prose: tuple[ProseRule, ...]
    unread: tuple[str, ...]

    def in_code(self, file: PythonFile) -> Iterator[str]:
        """`path:line: what, what to use instead` for each breach in a Python file."""
        if file.path.startswith(self.unread):
            return
        for name in identifiers(file):
            for rule in self.names:
                if rule.forbids(file.path, name):
                    yield f"{file.path}:{name.line}: {name.kind} {name.text}: use {rule.use}"
        yield from self._in_prose(file.path, code_prose(file, messages=not _is_test(file.path)))

    def in_page(self, path: str, text: str) -> Iterator[str]:
        """The same for a page or a table."""
        if not path.startswith(self.unread):
            yield from self._in_prose(path, page_prose(path, text))

    def _in_prose(self, path: str, lines: Iterable[Line]) -> Iterator[str]:
        for line in lines:
            for rule in self.prose:
                if rule.forbids(path, line):
                    yield f"{path}:{line.number}: {line.text.strip()[:90]!r}: use {rule.use}"


def _is_test(path: str) -> bool:
    return path.startswith("tests/")


def read_rules(file: Path = LIST) -> Rules:
    """The rules of one file; KeyError or TypeError where an entry lacks or adds something."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    names = tuple(_name_rule(**entry) for entry in table["names"])
    prose = tuple(_prose_rule(**entry) for entry in table["prose"])
    unread = tuple(path for entry in table["unread"] for path in entry["paths"])
    return Rules(names, prose, unread)


def _name_rule(
    words: list[str],
    where: list[str],
    use: str,
    reason: str,
    parts: bool = False,
    allowed: tuple[dict[str, str], ...] = (),
) -> NameRule:
    kinds = frozenset(where)
    return NameRule(frozenset(words), kinds, use, reason, parts, _allowed(allowed))


def _prose_rule(
    pattern: str, use: str, reason: str, allowed: tuple[dict[str, str], ...] = ()
) -> ProseRule:
    return ProseRule(re.compile(pattern, re.IGNORECASE), use, reason, _allowed(allowed))


def _allowed(entries: tuple[dict[str, str], ...]) -> frozenset[str]:
    """The files of the exceptions, each of which has a reason beside it."""
    return frozenset(entry["path"] for entry in entries if entry["reason"])
