"""What may stand in a log line: a closed list of keys, and for each what its value looks like.

Numbers, identifiers and words from the program's own vocabulary. A value with a space in it is a
sentence, and a sentence may be about a patient: no key takes one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["FIELDS", "is_event"]

_EVENT = re.compile(r"[a-z][a-z0-9-]{0,63}")
_WORD = re.compile(r"[A-Za-z0-9/][A-Za-z0-9._:/{}\[\]@+-]{0,199}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX = re.compile(r"[0-9a-f]{8,64}")
_FAULT = re.compile(r"[A-Za-z_][A-Za-z0-9_]* at [A-Za-z0-9_./-]+(:\d+)?")


def is_event(value: object) -> bool:
    """Whether a text names an event (`engine-restarted`) rather than telling a story."""
    return isinstance(value, str) and _EVENT.fullmatch(value) is not None


def _number(value: object) -> bool:
    """A number that JSON's writer takes: a larger one would lose the whole line."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63)


def _matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


_word = _matches(_WORD)


def _by_word(value: object) -> bool:
    """A mapping of words to numbers or words, such as milliseconds by stage."""
    if not isinstance(value, Mapping):
        return False
    return all(_word(key) and (_number(each) or _word(each)) for key, each in value.items())


FIELDS: Mapping[str, Callable[[Any], bool]] = {
    # what the logging itself adds
    "timestamp": _word,
    "level": _word,
    "logger": _word,
    "dropped": _number,
    # the service
    "host": _word,
    "port": _number,
    "page": _word,
    "profile": _word,
    "version": _word,
    "model": _word,
    "sha256": _matches(_HEX),
    "checks": _by_word,
    "redacted": _number,
    "files": _number,
    # what may leave
    "way": _word,
    "reason": _word,
    # an exchange
    "request_id": _matches(_UUID),
    "method": _word,
    "route": _word,
    "service": _word,
    "status": _number,
    "code": _word,
    "fault": _matches(_FAULT),
    "duration_ms": _number,
    "client": _word,
    # a consultation
    "consultation": _matches(_UUID),
    "outcome": _word,
    "stage": _word,
    "samples": _number,
    "samples_failed": _number,
    "tokens_prompt": _number,
    "tokens_answer": _number,
    "timings_ms": _by_word,
    # engine, feedback, store
    "queued": _number,
    "running": _number,
    "restarts": _number,
    "entries": _number,
    "unknown": _number,
    "duplicates": _number,
    "records": _number,
    "record": _number,
    # a trial
    "figure": _word,
    # connections, and lines that were counted instead of written
    "open": _number,
    "ended": _by_word,
    "repeated": _number,
}
"""Every key that may be logged, with the check of its value."""
