"""The identifiers of a Python file with what they name: modules, classes, functions, fields."""

from __future__ import annotations

import ast
import keyword
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from source_rules.python_file import PythonFile

__all__ = ["Identifier", "identifiers"]

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@dataclass(frozen=True)
class Identifier:
    """`kind` is module, class, function, field, or name: any use of a name."""

    text: str
    kind: str
    line: int

    def bare(self) -> str:
        """In lower case, without underscores about it and a test's prefix."""
        return self.text.lower().strip("_").removeprefix("test_")

    def parts(self) -> set[str]:
        """The words of the name in lower case: read_names -> read, names; NameRule -> name, rule."""
        return {part.lower() for part in _PART.findall(self.text)}


def identifiers(file: PythonFile) -> Iterator[Identifier]:
    """Each definition with its kind, then each other use of a name."""
    for part in PurePath(file.path).with_suffix("").parts:
        yield Identifier(part, "module", 1)
    defined = list(_definitions(file))
    yield from defined
    known = {(name.text, name.line) for name in defined}
    yield from (name for name in _uses(file) if (name.text, name.line) not in known)


def _definitions(file: PythonFile) -> Iterator[Identifier]:
    for node in file.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Identifier(node.name, "function", node.lineno)
        elif isinstance(node, ast.ClassDef):
            yield Identifier(node.name, "class", node.lineno)
            yield from _fields(node)


def _fields(node: ast.ClassDef) -> Iterator[Identifier]:
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        for target in targets:
            if isinstance(target, ast.Name):
                yield Identifier(target.id, "field", target.lineno)


def _uses(file: PythonFile) -> Iterator[Identifier]:
    for token in file.tokens:
        if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
            yield Identifier(token.string, "name", token.start[0])
