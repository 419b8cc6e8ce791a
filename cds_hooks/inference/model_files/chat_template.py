"""A chat template as a scaffold: what it writes around the messages, and where each one goes.

The template in a GGUF is untrusted input, so it runs in Jinja's immutable sandbox, and it never
sees what a message says: it is rendered once for a sequence of roles with placeholders, so that
scaffold and content can be tokenised apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cds_hooks.inference.model_files.resource_limits import TookTooLong, limited

__all__ = ["ChatTemplateError", "Slot", "bounded_scaffold", "scaffold"]

_DAY = date(2026, 1, 1)
_MAX_TEMPLATE = 256 * 1024
_MAX_SCAFFOLD = 64 * 1024
_MAX_PRODUCT = 1 << 20
_RENDER_S = 2.0
_RENDER_BYTES = 256 << 20
# What a template may raise when it is read or rendered; `break` outside a loop is a SyntaxError of
# the Python that Jinja makes of it.
_FAULTS = (
    *(TemplateError, SyntaxError, ArithmeticError, AssertionError, AttributeError, LookupError),
    *(TypeError, ValueError),
)
_PLACEHOLDER = re.compile("\ue001(\\d+)\ue002")


class ChatTemplateError(Exception):
    """A chat template that cannot be used; `code` is stable and kebab-case."""

    code = "chat-template-unusable"


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the content of message number `index` goes."""

    index: int


def scaffold(
    template: str,
    roles: Sequence[str],
    *,
    bos: str = "",
    eos: str = "",
    options: Mapping[str, Any] | None = None,
) -> tuple[str | Slot, ...]:
    """What `template` writes for messages of `roles`, up to where the model goes on.

    Every message has exactly one slot, in order. A template that refuses a system message gets
    its content at the head of the first user message. Raises ChatTemplateError.
    """
    if len(template) > _MAX_TEMPLATE:
        raise ChatTemplateError("the chat template is too long")
    contents = [f"\ue001{number}\ue002" for number in range(len(roles))]
    try:
        return _parts(_render(template, roles, contents, bos, eos, options or {}), len(roles))
    except ChatTemplateError:
        if list(roles[:2]) != ["system", "user"]:
            raise
        merged = [f"{contents[0]}\n\n{contents[1]}", *contents[2:]]
        return _parts(_render(template, roles[1:], merged, bos, eos, options or {}), len(roles))


def bounded_scaffold(
    template: str,
    roles: Sequence[str],
    *,
    bos: str = "",
    eos: str = "",
    options: Mapping[str, Any] | None = None,
) -> tuple[str | Slot, ...]:
    """`scaffold` in bounded time and memory; in the main thread of a process only."""
    try:
        with limited(_RENDER_S, _RENDER_BYTES):
            return scaffold(template, roles, bos=bos, eos=eos, options=options)
    except TookTooLong:
        raise ChatTemplateError("the chat template takes too long") from None
    except MemoryError:
        raise ChatTemplateError("the chat template takes too much memory") from None


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, and no product or power that takes for ever or all memory in one step."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or max(_weight(left), 1) * max(_weight(right), 1) > _MAX_PRODUCT:
            raise SecurityError("a product is too large")
        return super().call_binop(context, operator, left, right)


def _weight(operand: Any) -> float:
    """A number's size, or a sequence's length."""
    return len(operand) if hasattr(operand, "__len__") else abs(operand)


def _render(
    template: str,
    roles: Sequence[str],
    contents: Sequence[str],
    bos: str,
    eos: str,
    options: Mapping[str, Any],
) -> str:
    messages = [{"role": r, "content": c} for r, c in zip(roles, contents, strict=True)]
    environment = _Sandbox(
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        extensions=["jinja2.ext.loopcontrols"],
    )
    environment.globals.update(raise_exception=_refuse, strftime_now=_today)
    try:
        text = environment.from_string(template).render(
            messages=messages, add_generation_prompt=True, bos_token=bos, eos_token=eos, **options
        )
    except _FAULTS as error:
        kind = type(error).__name__
        raise ChatTemplateError(f"the chat template does not render ({kind})") from None
    except RecursionError:
        raise ChatTemplateError("the chat template recurses without end") from None
    if len(text) > _MAX_SCAFFOLD:
        raise ChatTemplateError("the chat template writes too much")
    return text


def _parts(text: str, messages: int) -> tuple[str | Slot, ...]:
    pieces = _PLACEHOLDER.split(text)
    slots = [int(number) for number in pieces[1::2]]
    if slots != list(range(messages)):
        raise ChatTemplateError("the chat template does not show every message once, in order")
    parts = [Slot(int(p)) if at % 2 else p for at, p in enumerate(pieces)]
    return tuple(part for part in parts if part != "")


def _refuse(_message: str = "") -> NoReturn:
    raise TemplateError("refused by the chat template")


def _today(form: str) -> str:
    """A fixed day: the same chart must give the same prompt tomorrow, and it tells no date."""
    return _DAY.strftime(form)
