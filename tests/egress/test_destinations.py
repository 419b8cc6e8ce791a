"""Destinations as settings write them; hypothesis on what anybody could write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.trust.egress import AllowList, Destination, DestinationInvalid, parse
from cds_hooks.trust.egress.addresses import as_address, never

_LABEL = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,5})?", fullmatch=True)
_NAMES = st.lists(_LABEL, min_size=1, max_size=4).map(".".join)
# As they count: 6to4, NAT64 and mapped addresses hide another one.
_ADDRESSES = st.ip_addresses().filter(lambda a: not never(as_address(str(a)) or a))
_SCHEMES = st.sampled_from(["http", "https", "tcp", "udp", "postgresql"])
_PORTS = st.integers(1, 65535)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("https://fhir.hospital.example/r4", "https://fhir.hospital.example:443"),
        ("HTTPS://FHIR.Hospital.Example./r4", "https://fhir.hospital.example:443"),
        ("http://10.1.2.3:8080", "http://10.1.2.3:8080"),
        ("[fd12::1]:8443", "tcp://[fd12::1]:8443"),
        ("collector:514", "tcp://collector:514"),
        ("udp://syslog.hospital.example:514", "udp://syslog.hospital.example:514"),
        ("postgresql+psycopg://chartside@db/records", "postgresql://db:5432"),
        ("unix:/dev/log", "unix:/dev/log"),
        ("[::ffff:10.1.2.3]:80", "tcp://10.1.2.3:80"),
    ],
)
def test_what_settings_write_is_understood(text: str, written: str) -> None:
    assert str(parse(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "", "fhir.hospital.example", "https://", "https://:443", "ftp://host:21", "host:0",
        "host:65536", "host:http", "https://a b", "https://host\\@evil", "https://ho\nst",
        "2130706433:80", "127.1:80", "0x7f000001:80", "https://0177.0.0.1.:443x",
        "http://169.254.169.254", "https://[fe80::1]", "0.0.0.0:80", "unix:relative",
        "https://h\u00f6spital.example", "https://exa%6dple.com", "*:443", "https://*.example",
        "https://fhir.example#frag", "64:ff9b::a9fe:a9fe", "[64:ff9b::a9fe:a9fe]:80",
    ],
)  # fmt: skip
def test_what_is_no_destination_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(DestinationInvalid) as refused:
        parse(text, "egress.allow[0]")
    assert refused.value.where == "egress.allow[0]"
    if len(text) > len("https://"):
        assert text not in refused.value.diagnostics()


@given(_SCHEMES, st.one_of(_NAMES, _ADDRESSES.map(str)), _PORTS)
def test_what_is_written_is_read_again(scheme: str, host: str, port: int) -> None:
    written = f"[{host}]" if ":" in host else host
    item = parse(f"{scheme}://{written}:{port}")
    assert parse(str(item)) == item
    assert (item.scheme, item.port) == (scheme, port)
    listed = AllowList([item])
    assert listed.names(host.upper()) == (item,)
    assert item in listed.destinations


@given(st.text(max_size=80))
def test_any_text_is_a_destination_or_is_refused(text: str) -> None:
    try:
        item = parse(text)
    except DestinationInvalid:
        return
    assert isinstance(item, Destination)
    assert item.host
    assert item.scheme == "unix" or item.host.isascii()
    address = item.address
    assert address is None or not never(address)


@given(st.from_regex(r"[a-z0-9+:/\[\]@.%#?\\x-]{0,40}", fullmatch=True))
def test_text_that_looks_like_a_url_is_never_read_as_two_hosts(text: str) -> None:
    """The host is all between the user's name and the port, as any client would read it."""
    try:
        item = parse(text)
    except DestinationInvalid:
        return
    if item.scheme != "unix":
        behind = text.lower().partition("://")[2] or text.lower()
        authority = behind.partition("/")[0].rpartition("@")[2]
        assert authority.startswith((item.host, "[")) or item.address is not None


def test_a_destination_of_https_is_not_spoken_to_in_clear() -> None:
    listed = AllowList([parse("https://fhir.example:8443"), parse("collector:9000")])
    assert listed.url("https", "fhir.example", 8443)
    assert not listed.url("http", "fhir.example", 8443)
    assert listed.url("http", "collector", 9000)


def test_native_code_has_the_ports_of_the_list_and_of_dns() -> None:
    named = AllowList([parse("https://fhir.example"), parse("udp://syslog:514")])
    assert named.ports == {443, 53}
    assert AllowList([parse("10.0.0.5:8443")]).ports == {8443}
    assert AllowList([parse("unix:/dev/log")]).ports == frozenset()
