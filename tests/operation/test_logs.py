"""No log line holds chart content, whoever writes it and however."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cds_hooks.audit import StoreUnavailable
from cds_hooks.operation import get_logger
from cds_hooks.operation.log_fields import FIELDS
from cds_hooks.operation.logs import TRUSTED

ROOT = Path(__file__).resolve().parents[2]
SECRET = "Ada Lovelace, born 1815-12-10, has a phyllodes tumour"
EVENT = st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True)


def _raise() -> None:
    patient = SECRET
    raise ValueError(f"cannot map {patient}")


def test_an_event_is_one_line_with_a_time_a_level_and_its_fields(logged: Any) -> None:
    number = str(uuid.uuid4())
    get_logger().info(
        "exchange",
        request_id=number,
        route="/cds-services/{id}/feedback",
        status=200,
        duration_ms=1.5,
        timings_ms={"map": 3.25},
    )
    [entry] = logged.entries
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {
        "event": "exchange",
        "level": "info",
        "request_id": number,
        "route": "/cds-services/{id}/feedback",
        "status": 200,
        "duration_ms": 1.5,
        "timings_ms": {"map": 3.25},
    }


def test_an_unknown_key_is_left_out_and_counted(logged: Any) -> None:
    get_logger().info("exchange", patient=SECRET, status=200, _patient=SECRET, note=SECRET)
    [entry] = logged.entries
    assert entry["dropped"] == 3
    assert entry["status"] == 200
    assert "Lovelace" not in logged.text


@pytest.mark.parametrize("key", sorted(FIELDS))
def test_no_key_takes_a_sentence(logged: Any, key: str) -> None:
    get_logger().info("exchange", **{key: SECRET})
    get_logger().info("exchange", **{key: {"map": SECRET, SECRET: 1}})
    get_logger().info("exchange", **{key: [SECRET]})
    assert "Lovelace" not in logged.text
    assert [entry["event"] for entry in logged.entries] == ["exchange"] * 3


def test_an_event_that_tells_a_story_loses_it(logged: Any) -> None:
    get_logger().info(f"mapped {SECRET}", status=1)
    assert [entry["event"] for entry in logged.entries] == ["unnamed-event"]
    assert "Lovelace" not in logged.text


_values = st.recursive(
    st.text() | st.integers() | st.floats() | st.binary() | st.none() | st.just(SECRET),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(), _values))
@example("exchange", {"status": -(2**63) - 1, "timings_ms": {"map": 2**64}})
def test_whatever_is_logged_only_the_vocabulary_comes_out(
    logged: Any, event: str, given_: dict[str, Any]
) -> None:
    logged.stream.seek(0)
    logged.stream.truncate()
    fields = {key: value for key, value in given_.items() if key not in ("event", "exc_info")}
    get_logger().info(event, **fields)
    [entry] = logged.entries
    assert "Lovelace" not in logged.text
    assert set(entry) <= {"event", "level", "timestamp", *FIELDS}


def test_an_exception_is_told_by_type_and_place_only(logged: Any) -> None:
    try:
        _raise()
    except ValueError:
        get_logger().exception("consultation-failed")
    [entry] = logged.entries
    assert entry["exception"].startswith("ValueError at tests/operation/test_logs.py:")
    assert "Lovelace" not in logged.text


def test_the_chain_of_causes_is_told_without_texts(logged: Any) -> None:
    try:
        try:
            _raise()
        except ValueError as error:
            raise StoreUnavailable("disk-full") from error
    except StoreUnavailable as error:
        get_logger().error("store-commit-failed", exc_info=error)
    [entry] = logged.entries
    assert entry["exception"].startswith("StoreUnavailable(store-unavailable) at tests/operation")
    assert "after ValueError at tests/operation/test_logs.py" in entry["exception"]
    assert "Lovelace" not in logged.text


def test_a_class_named_after_a_patient_is_only_an_exception(logged: Any) -> None:
    odd = type("Ada Lovelace", (Exception,), {})
    get_logger().error("consultation-failed", exc_info=odd(SECRET))
    assert logged.entries[0]["exception"] == "exception"


def test_a_library_is_told_by_name_level_and_place(logged: Any) -> None:
    try:
        _raise()
    except ValueError:
        logging.getLogger("some.library").exception("failed on %s", SECRET, stack_info=True)
    [entry] = logged.entries
    assert entry["logger"] == "some.library"
    assert entry["level"] == "error"
    assert entry["event"] == "library-message"
    assert entry["place"].startswith("test_logs:")
    assert entry["exception"].startswith("ValueError at ")
    assert "Lovelace" not in logged.text


@pytest.mark.parametrize("name", sorted(TRUSTED))
def test_the_messages_of_trusted_loggers_are_written_but_no_exception_text(
    logged: Any, name: str
) -> None:
    try:
        _raise()
    except ValueError:
        logging.getLogger(name).error("exit status %d", 139, exc_info=True, extra={"p": SECRET})
    [entry] = logged.entries
    assert entry["event"] == "exit status 139"
    assert "Lovelace" not in logged.text


def test_a_record_with_wrong_arguments_is_not_printed_with_them(
    logged: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("some.library").error("%d %d", SECRET)
    captured = capsys.readouterr()
    assert "Lovelace" not in logged.text + captured.out + captured.err


def test_a_warning_of_python_is_a_library_message(logged: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(SECRET, stacklevel=1)
    assert [entry["event"] for entry in logged.entries] == ["library-message"]
    assert "Lovelace" not in logged.text


async def test_a_client_library_does_not_tell_urls(logged: Any) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get("https://fhir.example/Patient/lovelace-1815")
    assert logged.entries
    assert "lovelace" not in logged.text


async def test_a_task_that_nobody_waits_for_is_told_without_text(logged: Any) -> None:
    async def fail() -> None:
        _raise()

    task = asyncio.get_running_loop().create_task(fail())
    await asyncio.wait([task])
    del task
    assert [entry["logger"] for entry in logged.entries if entry["level"] == "error"] == ["asyncio"]
    assert "Lovelace" not in logged.text


_CRASHES = """
import threading
from cds_hooks.operation import configure_logging
configure_logging()

class Odd:
    def __del__(self):
        raise ValueError({secret!r})

def fail():
    raise ValueError({secret!r})

thread = threading.Thread(target=fail)
thread.start()
thread.join()
odd = Odd()
del odd
fail()
"""


def test_a_process_that_crashes_prints_nothing_of_what_it_was_about() -> None:
    script = _CRASHES.format(secret=SECRET)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 1
    assert "Lovelace" not in done.stdout + done.stderr
    for event in (
        "uncaught-exception",
        "uncaught-exception-in-thread",
        "unraisable-exception",
    ):
        assert f'"event":"{event}"' in done.stderr


def test_a_module_that_made_its_logger_before_is_held_to_the_list(
    configure: Callable[..., Any],
) -> None:
    early = structlog.get_logger("cds_hooks.audit.consultations")
    logged = configure(level="info")
    early.warning("record-unreadable", code="record-unreadable", name=SECRET)
    early.debug("too-quiet")
    [entry] = logged.entries
    assert (entry["event"], entry["dropped"]) == ("record-unreadable", 1)


def test_a_command_that_configured_nothing_keeps_its_output_clean() -> None:
    script = f"""
from cds_hooks.operation import get_logger
log = get_logger()
log.info("consultation", status=1)
log.warning("store-commit-failed", code="disk-full", note={SECRET!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == ""
    assert "store-commit-failed" in done.stderr
    assert "code=disk-full" in done.stderr
    assert "Lovelace" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_lines_for_a_person_hold_no_more_than_lines_for_a_collector(
    configure: Callable[..., Any],
) -> None:
    logged = configure(level="info", json=False)
    try:
        _raise()
    except ValueError:
        get_logger().exception("consultation-failed", status=500, note=SECRET)
        logging.getLogger("some.library").exception("failed on %s", SECRET)
    assert "consultation-failed" in logged.text
    assert "status=500" in logged.text
    assert "Lovelace" not in logged.text
