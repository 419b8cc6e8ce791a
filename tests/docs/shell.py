"""What a block of shell calls, and whether each command and option exists. Nothing is run here."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import typer

from cds_hooks.cli.application import app
from tests.docs.pages import ROOT

__all__ = ["commands_in", "fault_of"]

_SEPARATORS = {";", "|", "||", "&&", "&", "(", ")"}
_HEREDOC = re.compile(r"<<-?\s*'?(\w+)'?\n.*?\n\s*\1(?=\n|$)", re.DOTALL)
_SUBSTITUTED = re.compile(r"\$\([^()]*\)")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*")
_PREFIXES = {"nice", "exec", "time"}
# Programs of the system that the pages name; each is one that its reader has.
_SYSTEM = frozenset(
    {"cat", "cd", "chmod", "chown", "cp", "curl", "cut", "docker", "eval", "export", "git", "grep"}
    | {"install", "journalctl", "ls", "mkdir", "mount", "mv", "nvidia-smi", "openssl", "pg_dump"}
    | {"pg_restore", "pip", "podman", "printf", "ps", "psql", "python", "python3", "rm", "sh"}
    | {"sha256sum", "systemctl", "systemd-analyze", "systemd-creds", "tar", "test", "umask"}
    | {"useradd", "vault", "vllm", "llama-server", "helm", "kubectl"}
)


def commands_in(text: str) -> list[list[str]]:
    """The words of each simple command, without comments, redirections and assignments."""
    without = _SUBSTITUTED.sub("VALUE", _HEREDOC.sub("", text.replace("\\\n", " ")))
    return [words for line in without.splitlines() for words in _commands(line)]


def _commands(line: str) -> Iterator[list[str]]:
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.commenters, reader.whitespace_split = "#", True
    words: list[str] = []
    redirected = False
    for word in [*reader, ";"]:
        if word in _SEPARATORS:
            if words:
                yield words
            words = []
        elif redirected or word.startswith(("<", ">")):
            redirected = not redirected
        elif words or not (_ASSIGNMENT.fullmatch(word) or word in _PREFIXES):
            words.append(word)


def fault_of(words: list[str]) -> str:
    """What is wrong with the command, or nothing."""
    if words[:2] == ["sudo", "-u"]:
        words = words[3:]
    program, *arguments = words
    program = program.removeprefix(".venv/bin/")
    if program == "chartside":
        return _fault_of_ours(arguments)
    if program == "make":
        return _fault_of_make(arguments)
    if program.startswith("python") and arguments[:1] == ["-m"]:
        return _fault_of_module(arguments[1])
    return "" if program in _SYSTEM else f"{program}: an unknown program"


def _fault_of_ours(arguments: list[str]) -> str:
    command: Any = typer.main.get_command(app)
    context = command.context_class(command, info_name="chartside")
    while hasattr(command, "get_command"):
        if not arguments or arguments[0] in {"--help", "--version"}:
            return ""
        if command.invoke_without_command and arguments[0].startswith("-"):
            break
        found = command.get_command(context, arguments[0])
        if found is None:
            return f"{context.command_path} has no command {arguments[0]}"
        context = found.context_class(found, parent=context, info_name=arguments[0])
        command, arguments = found, arguments[1:]
    return _fault_of_usage(command, context, arguments)


def _fault_of_usage(command: Any, context: Any, arguments: list[str]) -> str:
    """Parsed by the command's own parser. Its errors derive from nothing that typer exports."""
    try:
        given, rest, _ = command.make_parser(context).parse_args(list(arguments))
    except Exception as error:
        return f"{context.command_path}: {error}"
    missing = [p.name for p in command.params if p.required and given.get(p.name) in (None, ())]
    if rest or (missing and "--help" not in arguments):
        return f"{context.command_path}: too much {rest}, missing {missing}"
    return ""


@cache
def _makefile() -> str:
    return (ROOT / "Makefile").read_text("utf-8")


def _fault_of_make(arguments: list[str]) -> str:
    for argument in arguments:
        name, assigned, _ = argument.partition("=")
        if assigned and not re.search(rf"\$\({name}\)|^{name} \?=", _makefile(), re.MULTILINE):
            return f"make: no variable {name}"
        if not assigned and not re.search(rf"^{re.escape(name)}\b.*:", _makefile(), re.MULTILINE):
            return f"make: no target {name}"
    return ""


def _fault_of_module(name: str) -> str:
    return "" if importlib.util.find_spec(name) else f"no module {name}"
