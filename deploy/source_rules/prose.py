"""The prose of a file, line by line: comments, docstrings and messages of code, whole pages."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from source_rules.python_file import PythonFile

__all__ = ["Line", "code_prose", "page_prose"]


@dataclass(frozen=True)
class Line:
    number: int
    text: str


def code_prose(file: PythonFile, *, messages: bool) -> Iterator[Line]:
    """Comments and docstrings; with `messages` every other string as well.

    The strings of tests are data: sentences of patients, addresses, terms.
    """
    for token in file.tokens:
        if token.type == tokenize.COMMENT:
            yield Line(token.start[0], token.string)
    texts = file.nodes if messages else (n.value for n in file.nodes if isinstance(n, ast.Expr))
    for node in texts:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _numbered(node.value, node.lineno)


def page_prose(path: str, text: str) -> Iterator[Line]:
    """The lines of a page; of TOML its comments, for what it holds else is data."""
    lines = _numbered(text)
    if path.endswith(".toml"):
        return (line for line in lines if line.text.lstrip().startswith("#"))
    return lines


def _numbered(text: str, first: int = 1) -> Iterator[Line]:
    return (Line(number, line) for number, line in enumerate(text.splitlines(), first))
