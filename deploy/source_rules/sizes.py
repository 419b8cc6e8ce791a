"""How long files and functions may be."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from statistics import median, quantiles

from source_rules.python_file import PythonFile

__all__ = ["read_known_long", "size_problems"]

KNOWN_LONG = Path(__file__).with_name("known_long.toml")

FILE_LINES = 300
KNOWN_LONG_LINES = 600
FUNCTION_LINES = 60
MEDIAN_LINES = 8
P90_LINES = 30


def size_problems(
    files: Iterable[PythonFile], known_long: Collection[str] = frozenset()
) -> Iterator[str]:
    """What is too long, in lines; the files of `known_long` (paths) have a bound of their own."""
    lengths = []
    for file in files:
        most = KNOWN_LONG_LINES if file.path in known_long else FILE_LINES
        if file.lines > most:
            yield f"{file.path}: {file.lines} lines, at most {most}"
        elif file.lines <= FILE_LINES < most:
            yield f"{file.path}: short enough now, take it off {KNOWN_LONG.name}"
        for name, line, length in _functions(file):
            lengths.append(length)
            if length > FUNCTION_LINES:
                yield f"{file.path}:{line}: {name} has {length} lines, at most {FUNCTION_LINES}"
    if len(lengths) > 1:
        yield from _distribution(lengths)


def read_known_long(file: Path = KNOWN_LONG) -> frozenset[str]:
    """Paths of the files that are longer than the rule and known to be."""
    return frozenset(tomllib.loads(file.read_text(encoding="utf-8"))["files"])


def _functions(file: PythonFile) -> Iterator[tuple[str, int, int]]:
    for node in file.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def _distribution(lengths: list[int]) -> Iterator[str]:
    if (middle := median(lengths)) > MEDIAN_LINES:
        yield f"functions: median {middle} lines, at most {MEDIAN_LINES}"
    if (p90 := quantiles(lengths, n=10)[-1]) > P90_LINES:
        yield f"functions: 90 % have up to {p90} lines, at most {P90_LINES}"
