"""A chat template that a site keeps in a file of its own, for a model file that brings none."""

from __future__ import annotations

from pathlib import Path

from cds_hooks.errors import ChartsideError

__all__ = ["TemplateFileError", "read_template"]

_MAX_BYTES = 256 * 1024
_HINT = "It is the chat_template.jinja of the model's publisher, as text of up to 256 KiB."


class TemplateFileError(ChartsideError):
    """A chat template's file that cannot be used."""

    code = "chat-template-unreadable"


def read_template(path: Path) -> str:
    """The text of a chat template. Raises TemplateFileError."""
    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_BYTES + 1).decode()
    except UnicodeDecodeError:
        raise _error("is not UTF-8", path) from None
    except OSError as error:
        raise _error(f"cannot be read ({error.strerror})", path) from None
    if not text.strip():
        raise _error("is empty", path)
    if len(text.encode()) > _MAX_BYTES:
        raise _error("is too long", path)
    return text


def _error(what: str, path: Path) -> TemplateFileError:
    return TemplateFileError(f"The chat template's file {what}", where=path.name, hint=_HINT)
