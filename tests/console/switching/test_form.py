"""The form that switches services: nothing without a service, a reason and a confirmation."""

from __future__ import annotations

import contextlib
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.console.switching.form import SwitchForm, SwitchFormRefused, read_form

SERVICES = frozenset({"one", "two"})
GOOD = {"csrf": "x", "scope": "one", "to": "off", "reason": "wrong", "confirmed": "yes"}


def _body(**changes: str | None) -> bytes:
    fields = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return urlencode(fields).encode()


def test_what_a_form_asks_for() -> None:
    assert read_form(_body(), SERVICES) == SwitchForm("one", off=True, reason="wrong")
    everything = read_form(_body(scope="*", to="on"), SERVICES)
    assert everything == SwitchForm("*", off=False, reason="wrong")


@pytest.mark.parametrize(
    ("changes", "scope"),
    [
        ({"scope": "three"}, ""),
        ({"scope": None}, ""),
        ({"to": "away"}, ""),
        ({"reason": " ab "}, "one"),
        ({"confirmed": None}, "one"),
        ({"confirmed": "no"}, "one"),
    ],
)
def test_what_is_missing_is_refused_and_what_was_typed_is_kept(
    changes: dict[str, str | None], scope: str
) -> None:
    with pytest.raises(SwitchFormRefused) as refused:
        read_form(_body(**changes), SERVICES)
    assert refused.value.scope == scope
    assert refused.value.typed == str(changes.get("reason", "wrong")).strip()


@given(st.binary(max_size=300) | st.text(max_size=80).map(lambda t: _body(reason=t)))
def test_any_body_is_a_form_or_refused(body: bytes) -> None:
    with contextlib.suppress(SwitchFormRefused):
        form = read_form(body, SERVICES)
        assert form.scope in SERVICES
        assert 3 <= len(form.reason) <= 500
