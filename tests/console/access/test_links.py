"""One-time links: they work once, for a time, and only those that were signed here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.console.access.links import LinkFault, LocalLinks, sign_link

SECRET, NOW = b"s" * 32, 1_790_000_000.0


class At:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_link_works_once() -> None:
    links = LocalLinks(SECRET, At())
    link = links.make()
    assert links.use(link) is None
    assert links.use(link) is LinkFault.USED


@pytest.mark.parametrize(
    ("after_s", "fault"),
    [
        (0, None),
        (599.9, None),
        (600, LinkFault.OLD),
        (600.1, LinkFault.OLD),
        (86_400, LinkFault.OLD),
    ],
)
def test_a_link_works_for_ten_minutes(after_s: float, fault: LinkFault | None) -> None:
    clock = At()
    links = LocalLinks(SECRET, clock)
    link = links.make()
    clock.now += after_s
    assert links.use(link) is fault


def test_a_used_link_stays_used_until_it_is_old() -> None:
    clock = At()
    links = LocalLinks(SECRET, clock)
    link = links.make()
    assert links.use(link) is None
    for after_s, fault in ((300, LinkFault.USED), (299, LinkFault.USED), (2, LinkFault.OLD)):
        clock.now += after_s
        links.use(links.make())
        assert links.use(link) is fault


def test_a_link_from_the_future_is_not_good_for_longer() -> None:
    assert LocalLinks(SECRET, At()).use(sign_link(SECRET, NOW + 10_000)) is LinkFault.OLD


def test_a_link_of_another_start_of_the_service_is_wrong() -> None:
    assert LocalLinks(SECRET, At()).use(sign_link(b"t" * 32, NOW)) is LinkFault.WRONG


@given(st.data())
def test_a_changed_link_is_wrong(data: st.DataObject) -> None:
    links = LocalLinks(SECRET, At())
    link = links.make()
    place = data.draw(st.integers(0, len(link) - 1))
    sign = data.draw(st.characters().filter(lambda each: each != link[place]))
    assert links.use(link[:place] + sign + link[place + 1 :]) is LinkFault.WRONG
    assert links.use(link) is None


@given(st.text() | st.text(alphabet="abcXYZ019-_", min_size=75, max_size=75))
def test_any_other_text_is_wrong(text: str) -> None:
    assert LocalLinks(SECRET, At()).use(text) is LinkFault.WRONG
