"""A Python file, parsed once for all rules."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass

__all__ = ["PythonFile", "parse"]


@dataclass(frozen=True)
class PythonFile:
    path: str
    lines: int
    nodes: tuple[ast.AST, ...]
    tokens: tuple[tokenize.TokenInfo, ...]


def parse(path: str, text: str) -> PythonFile:
    """Raises SyntaxError."""
    tokens = tuple(tokenize.generate_tokens(io.StringIO(text).readline))
    return PythonFile(path, text.count("\n"), tuple(ast.walk(ast.parse(text))), tokens)
