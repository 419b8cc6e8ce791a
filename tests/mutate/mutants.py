"""Small changes to a module's source: each one is a mutant that some test should notice.

Annotations, decorators, docstrings, `__all__` and text are left alone. A mutant is named by where
it is and what it changes, not by its line, so that a name survives edits elsewhere in the file.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Mutant", "changed", "mutants"]

_COMPARE: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitAnd,
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_SKIPPED = frozenset({"annotation", "returns", "decorator_list", "type_params"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """`where` is a function, a class or "<module>"; `at_import`: the changed code runs when the
    module is imported; `number` counts equal changes in one place; `at` is the place of the changed
    node in a walk of the tree, `choice` the change made to it."""

    path: str
    where: str
    at_import: bool
    line: int
    before: str
    after: str
    number: int
    at: int
    choice: int

    @property
    def id(self) -> str:
        return f"{self.path}::{self.where}::{self.before} => {self.after}::{self.number}"


def mutants(path: str, source: str) -> list[Mutant]:
    """All mutants of a module, in the order of its text."""
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    for at, (where, early, node) in enumerate(_walk(ast.parse(source))):
        for choice, other in enumerate(_changes(node)):
            before, after = _text(node), _text(other)
            number = seen[where, before, after]
            line = node.lineno
            found.append(Mutant(path, where, early, line, before, after, number, at, choice))
            seen[where, before, after] += 1
    return found


def changed(source: str, mutant: Mutant) -> ast.Module:
    """The module's tree with one mutant's change made."""
    tree = ast.parse(source)
    node = next(n for at, (*_, n) in enumerate(_walk(tree)) if at == mutant.at)
    other = ast.copy_location(_changes(node)[mutant.choice], node)
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, name, other)
            elif isinstance(value, list):
                setattr(parent, name, [other if item is node else item for item in value])
    return ast.fix_missing_locations(tree)


Found = tuple[str, bool, ast.stmt | ast.expr]


def _walk(node: ast.AST, where: str = "<module>", early: bool = True) -> Iterator[Found]:
    """Every statement and expression that may change, with what it is in and whether it runs when
    the module is imported."""
    for name, value in ast.iter_fields(node):
        late = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name == "body"
        for child in value if isinstance(value, list) else [value]:
            if name in _SKIPPED or not isinstance(child, ast.AST) or _is_aside(child):
                continue
            inside = where
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                inside = child.name if where == "<module>" else f"{where}.{child.name}"
            elif isinstance(child, ast.stmt | ast.expr):
                yield where, early and not late, child
            yield from _walk(child, inside, early and not late)


def _is_aside(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.JoinedStr():
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
    return False


def _changes(node: ast.AST) -> list[ast.AST]:
    return _of_operators(node) or _of_values(node) or _of_statements(node)


def _of_operators(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.Compare(ops=ops):
            every = [(n, other()) for n, op in enumerate(ops) for other in _COMPARE[type(op)]]
            return [_with(node, ops=[*ops[:n], other, *ops[n + 1 :]]) for n, other in every]
        case ast.BoolOp(op=op):
            return [_with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return [operand]
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in _BINARY:
            return [_with(node, op=_BINARY[type(op)]())]
    return []


def _of_values(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.Constant(value=bool() as value):
            return [ast.Constant(not value)]
        case ast.Constant(value=int() | float() as value):
            return [ast.Constant(value + 1), ast.Constant(value - 1)]
        case ast.Name(id=name, ctx=ast.Load()) if name in _NAMES:
            return [ast.Name(_NAMES[name], ast.Load())]
    return []


def _of_statements(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.IfExp(test=test) | ast.If(test=test) | ast.While(test=test) if _is_plain(test):
            return [_with(node, test=ast.UnaryOp(ast.Not(), test))]
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            return [ast.Return(ast.Constant(None))]
        case ast.Break():
            return [ast.Continue()]
        case ast.Continue():
            return [ast.Break()]
        case ast.Raise() | ast.Expr(value=ast.Call() | ast.Await()):
            return [ast.Pass()]
    return []


def _is_plain(test: ast.expr) -> bool:
    """A condition that no other change turns round."""
    return not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _text(node: ast.AST) -> str:
    """One line of source: of a statement with a body only its condition."""
    if isinstance(node, ast.If | ast.While):
        return f"{type(node).__name__.lower()} {ast.unparse(node.test)}"
    return " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
