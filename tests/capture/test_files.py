"""What is in a captured file, and what is not; the folder's bounds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.capture import (
    CallKind,
    CaptureFolder,
    CaptureRefused,
    Exchange,
    Recorder,
    kind_of,
    require_allowed,
)
from cds_hooks.capture.document import document_of
from cds_hooks.cds_client.captured import captured_exchange
from cds_hooks.replay.exchanges import cards_of
from tests.capture.conftest import SECRETS, secrets_in

WHEN = datetime(2026, 11, 29, 8, 30, tzinfo=UTC)


def exchange(
    request: Any, response: Any = None, kind: CallKind = CallKind.HOOK, service: str = "s"
) -> Exchange:
    bodies = (b"" if each is None else orjson.dumps(each) for each in (request, response))
    return Exchange(kind, service, WHEN, 200, 12.34, *bodies)


def document(exchange: Exchange, *, redacted: bool = True) -> dict[str, Any]:
    return document_of(
        exchange, redacted=redacted, served_by={"version": "1"}, is_term=lambda _: False
    )


def folder(path: Path, *, files: int = 10, mib: int = 10) -> CaptureFolder:
    return CaptureFolder(path / "captures", most_files=files, most_mib=mib)


def test_a_chart_full_of_identifiers_leaves_none(
    identified: dict[str, Any], cards: dict[str, Any]
) -> None:
    assert set(secrets_in(json.dumps(identified))) == set(SECRETS)
    written = json.dumps(document(exchange(identified, cards)))
    assert secrets_in(written) == []
    assert "2026-11-29" not in written
    assert "consultations/" not in written


def test_a_redacted_file_still_is_a_request_with_its_numbers(
    identified: dict[str, Any], cards: dict[str, Any]
) -> None:
    made = document(exchange(identified, cards))
    found = captured_exchange(made, where="f")
    assert found is not None
    assert found.redacted
    assert found.when is not None
    assert found.when.tzinfo is not None
    lab = found.request["prefetch"]["labs"]["entry"][0]["resource"]
    assert lab["valueQuantity"]["value"] == 6.9
    taken = datetime.fromisoformat(lab["effectiveDateTime"])
    assert (found.when - taken) == (WHEN - datetime(2026, 11, 20, 8, tzinfo=UTC))
    [card] = cards_of(found.response or {})
    assert (card.summary, card.indicator, len(card.suggestions)) == ("", "warning", 1)
    assert found.served_by == {"version": "1"}


def test_unredacted_it_is_as_it_was_but_for_tokens(
    identified: dict[str, Any], cards: dict[str, Any]
) -> None:
    made = document(exchange(identified, cards), redacted=False)
    told = json.dumps(made)
    assert set(secrets_in(told)) == set(SECRETS) - {"s3cret-t0ken"}
    assert "a" * 64 not in told
    assert made["response"]["cards"][0]["summary"] == cards["cards"][0]["summary"]
    assert made["captured"] == "2026-11-29T08:30:00+00:00"


def test_feedback_and_discovery_keep_no_word_of_anybody() -> None:
    comment = {"feedback": [{"card": "x", "outcome": "overridden", "outcomeTimestamp": "2026-11-20",
                             "overrideReason": {"userComment": "Mustermann refuses"}}]}  # fmt: skip
    told = document(exchange(comment, None, CallKind.FEEDBACK))
    assert told["request"] == {"feedback": [{"outcome": "overridden"}]}
    services = {"services": [{"id": "s"}]}
    assert document(exchange(None, services, CallKind.DISCOVERY))["response"] == services


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"hook": '])
def test_a_body_that_is_no_object_is_not_written(body: bytes) -> None:
    broken = Exchange(CallKind.HOOK, "s", WHEN, 400, 1.0, body, b"{}")
    with pytest.raises(ValueError, match="no JSON object"):
        document(broken)


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/cds-services/a", (CallKind.HOOK, "a")),
        ("POST", "/base/cds-services/a/", (CallKind.HOOK, "a")),
        ("POST", "/cds-services/a/feedback", (CallKind.FEEDBACK, "a")),
        ("GET", "/cds-services", (CallKind.DISCOVERY, "")),
        ("OPTIONS", "/cds-services/a", None),
        ("GET", "/consultations/11111111.9.aa", None),
        ("POST", "/cds-services/a/b", None),
        ("POST", "/cds-services/Anna Muster", None),
    ],
)
def test_only_calls_of_cds_hooks_are_written(method: str, path: str, kind: Any) -> None:
    assert kind_of(method, path) == kind


def test_files_are_private_and_named_by_number(tmp_path: Path) -> None:
    made = folder(tmp_path)
    assert made.write(b"{}")
    assert folder(tmp_path).write(b"{}")
    files = sorted(each.name for each in made.path.iterdir())
    assert [name[:15] for name in files] == ["exchange-000001", "exchange-000002"]
    for each in made.path.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o700


def test_a_full_folder_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    made = folder(tmp_path, files=2)
    assert [made.write(b"{}") for _ in range(3)] == [True, True, False]
    assert len(list(made.path.iterdir())) == 2
    assert not folder(tmp_path, files=2).write(b"{}")
    other = CaptureFolder(tmp_path / "other", most_files=9, most_mib=1)
    assert other.write(b"x" * 2**20)
    assert not other.write(b"x")


def test_a_folder_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "captures").mkdir(mode=0o755)
    (tmp_path / "captures").chmod(0o755)
    with pytest.raises(CaptureRefused, match="may read"):
        folder(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CaptureRefused, match="cannot be used"):
        CaptureFolder(tmp_path / "file", most_files=1, most_mib=1)


@pytest.mark.parametrize(
    ("production", "redacted", "reason", "refused"),
    [
        (False, True, "", False),
        (False, False, "", True),
        (False, False, "case 4711", False),
        (True, True, "", True),
        (True, True, "  ", True),
        (True, True, "case 4711", False),
        (True, False, "case 4711", False),
        (False, True, "x" * 201, True),
        (False, True, "one\ntwo", True),
    ],
)
def test_a_reason_is_needed_in_production_and_without_redaction(
    production: bool, redacted: bool, reason: str, refused: bool
) -> None:
    expected = pytest.raises(CaptureRefused) if refused else contextlib.nullcontext()
    with expected:
        require_allowed(production=production, redacted=redacted, reason=reason, where="w")


async def test_what_is_too_much_is_counted_and_no_call_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, gate = folder(tmp_path), threading.Event()
    write = made.write
    monkeypatch.setattr(made, "write", lambda data: gate.wait(30) and write(data))
    recorder = Recorder(made)
    hook = {"hook": "patient-view", "context": {"patientId": "p"}}
    async with recorder.running():
        for _ in range(12):
            recorder.record(exchange(hook, {"cards": []}))
        recorder.record(Exchange(CallKind.HOOK, "s", WHEN, 200, 1.0, None, b""))
        recorder.record(exchange([1]))
        assert recorder.counts == {"behind": 5, "too-large": 1}
        gate.set()
    assert recorder.counts["written"] == 8
    assert len(list(made.path.iterdir())) == 8


async def test_a_disk_that_fails_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = folder(tmp_path)

    def fail(_: bytes) -> bool:
        raise OSError("no space")

    monkeypatch.setattr(made, "write", fail)
    recorder = Recorder(made)
    async with recorder.running():
        recorder.record(exchange({"hook": "patient-view"}, {}))
        recorder.record(exchange([1], {}))
        await asyncio.sleep(0)
    assert recorder.counts == {"disk": 1, "not-json": 1}


_SENTINEL = "Zyzzogeton"
_JSON = st.recursive(
    st.none() | st.integers(-9, 9) | st.sampled_from([_SENTINEL, f"a {_SENTINEL}", "", True]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["cards", "summary", "detail", "indicator", "source", "label", "topic", "code", "uuid",
             "suggestions", "links", "feedback", "card", "outcome", "overrideReason", "hook",
             "context", "patientId", "extension", "prefetch", "systemActions"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=14,
)  # fmt: skip


@given(_JSON, _JSON, st.sampled_from([CallKind.HOOK, CallKind.FEEDBACK]))
def test_no_word_of_any_body_is_in_a_redacted_file(asked: Any, told: Any, kind: CallKind) -> None:
    """Wherever in a call or an answer it stands."""
    try:
        made = document(exchange(asked, told, kind))
    except ValueError:
        assert kind is CallKind.HOOK
        assert not isinstance(asked, dict)
        return
    assert _SENTINEL not in json.dumps(made)


@given(st.binary(max_size=60), st.binary(max_size=60), st.sampled_from(list(CallKind)))
def test_any_bytes_are_a_file_or_none(asked: bytes, told: bytes, kind: CallKind) -> None:
    with contextlib.suppress(ValueError):
        made = document(Exchange(kind, "s", WHEN, 200, 1.0, asked, told))
        assert json.loads(json.dumps(made))["kind"] == kind.value
