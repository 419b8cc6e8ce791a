"""Structured logs that cannot hold chart content: what is not on the allow-list is not written.

Our own events have a name and fields of `FIELDS`; anything else is left out and counted in
`dropped`. Of a library's record the logger, the level and the place are written; its message only
for loggers in `TRUSTED`, whose messages are about sockets and processes. An exception is written
as its type and where it was raised, never with its text.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from cds_hooks.operation.exception_description import describe
from cds_hooks.operation.log_fields import FIELDS, is_event
from cds_hooks.operation.repeated_lines import RepeatedLines, Repeats

__all__ = ["TRUSTED", "configure_logging", "get_logger"]

TRUSTED = frozenset(
    {
        "uvicorn.error",
        "cds_hooks.inference.local.llama_engine",
        "cds_hooks.inference.local.process",
        "cds_hooks.inference.local.lifecycle",
        "cds_hooks.settings.sandbox",
    }
)
"""Loggers whose messages are about sockets, the engine's process and settings, and never about a
request."""

_LONGEST = 2000
_OURS = "chartside"
# Of equal lines of a library in a minute; more of them tell nothing more.
_BURST = 10
# What structlog's formatter adds for itself and takes away again before writing.
_OWN = frozenset({"_record", "_from_structlog"})


def configure_logging(
    *, level: str = "info", json: bool = True, stream: TextIO | None = None
) -> None:
    """Route our events, every library's records and uncaught exceptions to one stream."""
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, only_allowed, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared, only_place],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(json=json, colors=out.isatty()),
            ],
        )
    )
    handler.addFilter(RepeatedLines(Repeats(_BURST), _OURS))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # A record that cannot be formatted would be printed with its arguments.
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    _catch_the_uncaught()


def get_logger() -> Any:
    """A logger for events of our own: `log.info("listening", port=8010)`.

    Where nobody has configured logging (a command that asks the service directly), warnings go to
    standard error under the same list, and nothing to standard output.
    """
    if not structlog.is_configured():
        structlog.configure(
            processors=[structlog.stdlib.add_log_level, only_allowed, _renderer(json=False)],
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        )
    return structlog.get_logger(_OURS)


def only_allowed(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep an event's name and the fields on the list; count the rest, and never show it."""
    kept: dict[str, Any] = {key: event.pop(key) for key in _OWN if key in event}
    error = _error_of(event)
    event.pop("stack_info", None)
    name = event.pop("event", None)
    given = {key: value for key, value in event.items() if not _is_nothing(value)}
    allowed = {key: given[key] for key in given if key in FIELDS and FIELDS[key](given[key])}
    kept |= {"event": name if is_event(name) else "unnamed-event", **allowed}
    if error is not None:
        kept["exception"] = describe(error)
    if dropped := len(given) - len(allowed):
        kept["dropped"] = dropped
    return kept


def only_place(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep of a library's record who said it, how loud and from where."""
    record: logging.LogRecord = event["_record"]
    kept = {key: event[key] for key in (*_OWN, "level", "timestamp", "logger") if key in event}
    if record.name in TRUSTED:
        kept["event"] = str(event["event"])[:_LONGEST]
    else:
        kept |= {"event": "library-message", "place": f"{record.module}:{record.lineno}"}
    if record.exc_info and (error := record.exc_info[1]) is not None:
        kept["exception"] = describe(error)
    if repeated := getattr(record, "repeated", 0):
        kept["repeated"] = repeated
    return kept


def _error_of(event: EventDict) -> BaseException | None:
    info = event.pop("exc_info", None)
    if isinstance(info, tuple):
        return info[1] if isinstance(info[1], BaseException) else None
    if info and not isinstance(info, BaseException):
        return sys.exc_info()[1]
    return info if isinstance(info, BaseException) else None


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value)


def _renderer(*, json: bool, colors: bool = False) -> Any:
    if json:
        return structlog.processors.JSONRenderer(serializer=_dumps)
    return structlog.dev.ConsoleRenderer(colors=colors)


def _dumps(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=lambda other: type(other).__name__).decode()


def _catch_the_uncaught() -> None:
    """Python would print what nobody caught with its text, on standard error."""
    log = get_logger()

    def main(_: object, error: BaseException, __: object) -> None:
        if isinstance(error, KeyboardInterrupt):
            return
        log.critical("uncaught-exception", exc_info=error)

    def thread(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and arguments.exc_type is not SystemExit:
            log.critical("uncaught-exception-in-thread", exc_info=arguments.exc_value)

    def unraisable(arguments: Any) -> None:
        if arguments.exc_value is not None:
            log.error("unraisable-exception", exc_info=arguments.exc_value)

    sys.excepthook = main
    threading.excepthook = thread
    sys.unraisablehook = unraisable
