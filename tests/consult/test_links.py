"""Links to one consultation: ours, for a while, and nobody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.audit import SiteKey
from cds_hooks.consult.links import LinkUnknown, consultation_id_of, make_link

ID = "11111111-1111-4111-8111-111111111111"
KEY = SiteKey(b"k" * 32)


def test_a_link_opens_its_consultation_until_it_has_run_out() -> None:
    link = make_link(KEY, ID, until=100.9)
    assert consultation_id_of(KEY, link, now=99.9) == ID
    with pytest.raises(LinkUnknown):
        consultation_id_of(KEY, link, now=100.0)


def test_another_site_s_link_opens_nothing() -> None:
    with pytest.raises(LinkUnknown):
        consultation_id_of(SiteKey(b"o" * 32), make_link(KEY, ID, until=100), now=0)


@given(place=st.integers(0, 200), letter=st.sampled_from("0123456789abcdef.-"))
def test_a_link_that_was_changed_opens_nothing(place: int, letter: str) -> None:
    link = make_link(KEY, ID, until=1_000_000)
    place %= len(link)
    changed = link[:place] + letter + link[place + 1 :]
    if changed != link:
        with pytest.raises(LinkUnknown):
            consultation_id_of(KEY, changed, now=0)


@given(st.text(max_size=200))
def test_any_text_opens_nothing_and_does_no_harm(text: str) -> None:
    with pytest.raises(LinkUnknown):
        consultation_id_of(KEY, text, now=0)
