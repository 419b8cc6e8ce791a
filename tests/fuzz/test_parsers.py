"""Parsers of outside bytes that the tests of their own packages do not fuzz."""

from __future__ import annotations

import base64
import contextlib
import zlib
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.audit.ledger.ledger_errors import ExportUnreadable
from cds_hooks.cli.audit_fhir import write_fhir
from cds_hooks.compliance.exports import ExportInvalid
from cds_hooks.errors import ChartsideError
from cds_hooks.gather.fhir_version import version_of
from cds_hooks.inference.model_catalogue.catalogue import CatalogueError, load_catalogue
from cds_hooks.inference.model_files.chat_template import ChatTemplateError, Slot, bounded_scaffold
from cds_hooks.plausibility.agreement.calibration import CalibrationError, load_calibration
from cds_hooks.prewarm import SigningKey
from cds_hooks.prewarm.access_token import _granted, _parsed
from cds_hooks.settings import Settings, SettingsError, load_settings
from fhir_mapping.input.attachments import _READERS, NoText

WORD = "zqx7vk"
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
jinja = st.sampled_from(
    [
        *("{{ messages }}", "{{ messages[0].content }}", "{% for a in messages %}", "{% endfor %}"),
        *("{% if x %}", "{% endif %}", "{{ raise_exception('x') }}", "{{ 9 ** 9 }}", "{% break %}"),
        *("{{ ''.__class__.__mro__ }}", "{{ cycler.__init__.__globals__ }}", "{{ 'a' * 99 }}"),
        *("{% include 'x' %}", "{{ lipsum() }}", "{{ range(99999999) | list }}", "{{ f(1) }}"),
        *("{% macro f(x) %}{{ f(x) }}{% endmacro %}", "{{ strftime_now", "{% set x = messages %}"),
    ]
)


@given(st.lists(jinja | st.text(max_size=8), max_size=8).map("".join))
def test_any_chat_template_is_a_scaffold_or_refused(template: str) -> None:
    try:
        parts = bounded_scaffold(template, ["system", "user"])
    except ChatTemplateError:
        return
    assert [part.index for part in parts if isinstance(part, Slot)] == [0, 1]


@given(st.integers(0, len(CHATML)), st.integers(0, 20), jinja | st.text(max_size=5))
def test_a_damaged_chat_template_is_a_scaffold_or_refused(at: int, cut: int, put: str) -> None:
    template = CHATML[:at] + put + CHATML[at + cut :]
    told = ""
    try:
        bounded_scaffold(template, ["system", "user"])
    except ChatTemplateError as error:
        told = str(error)
    assert len(told) < 200


TOML = st.one_of(
    st.binary(max_size=120),
    st.text(max_size=120).map(str.encode),
    st.sampled_from([b"a = " + b"[" * 5000, b"a = " + b"{b=" * 5000, b"[" * 9000, b"\xff\xfe"]),
    st.dictionaries(
        st.sampled_from(["model", "version", "threshold", "data", "server", WORD]),
        st.sampled_from(
            ["1", "'x'", "[]", "{}", "[{}]", "{a = 1}", "nan", "2026-01-01", f"'{WORD}'"]
        ),
    ).map(lambda found: "\n".join(f"{k} = {v}" for k, v in found.items()).encode()),
)


@pytest.mark.hypothesis
@pytest.mark.parametrize(
    ("load", "refused"),
    [
        (load_catalogue, CatalogueError),
        (load_calibration.__wrapped__, CalibrationError),
        (lambda path: load_settings(path, {}), SettingsError),
    ],
    ids=["catalogue", "calibration", "settings"],
)
def test_any_toml_of_a_site_is_read_or_refused(
    tmp_path: Path, load: Callable[[Path], object], refused: type[ChartsideError]
) -> None:
    @given(TOML)
    def read(content: bytes) -> None:
        place = tmp_path / "file.toml"
        place.write_bytes(content)
        told = ""
        try:
            load(place)
        except refused as error:
            told = error.diagnostics()
        assert f"'{WORD}'" not in told

    read()


PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]"
    b"/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R>>endobj\n4 0 obj<</Length "
    b"30>>stream\nBT /F1 12 Tf (cough) Tj ET\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
)
RTF = rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\f0 fever {\*\x y}\'e9\u8364? \par cough}"


@pytest.mark.parametrize("media", sorted({*_READERS}))
@given(
    data=st.binary(max_size=200)
    | st.builds(
        lambda whole, at, cut, put: whole[:at] + put + whole[at + cut :],
        st.sampled_from([PDF, RTF, b"<p>cough<h2>x</h2><script>y</script>", "é\0".encode()]),
        st.integers(0, 300),
        st.integers(0, 30),
        st.binary(max_size=20),
    )
)
def test_any_attachment_is_text_or_has_a_reason(media: str, data: bytes) -> None:
    with contextlib.suppress(NoText):
        assert isinstance(_READERS[media](data, ""), str)


def test_a_compressed_bomb_in_a_pdf_is_not_unpacked() -> None:
    packed = zlib.compress(b"A" * 400_000_000, 9)
    stream = b"<</Filter/FlateDecode/Length %d>>stream\n" % len(packed) + packed + b"\nendstream"
    head, rest = PDF.split(b"<</Length 30>>", 1)
    bomb = head + stream + rest.partition(b"endstream")[2]
    with pytest.raises(NoText):
        _READERS["application/pdf"](bomb, "")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats()
    | st.text(max_size=6)
    | st.just(WORD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)
STATEMENT = st.fixed_dictionaries(
    {}, optional={"resourceType": JSON | st.just("CapabilityStatement"), "fhirVersion": JSON}
)


@given(JSON | STATEMENT)
def test_any_capability_statement_names_a_version_or_none(statement: object) -> None:
    version = version_of(statement)
    assert version is None or isinstance(version, str)


GRANT = st.fixed_dictionaries(
    {},
    optional={
        "access_token": JSON | st.just(WORD),
        "token_type": JSON | st.just("bearer"),
        "expires_in": JSON,
        "error": JSON | st.just("invalid_client"),
    },
)


@given(st.integers(200, 599), st.binary(max_size=60) | GRANT.map(orjson.dumps))
def test_any_answer_of_a_token_endpoint_is_a_grant_or_refused(status: int, body: bytes) -> None:
    told = ""
    try:
        _granted(status, _parsed(body))
    except ChartsideError as error:
        told = error.diagnostics()
    assert WORD not in told


PEM = st.one_of(
    st.binary(max_size=100),
    st.binary(max_size=80).map(
        lambda raw: (
            b"-----BEGIN PRIVATE KEY-----\n"
            + base64.encodebytes(raw)
            + b"-----END PRIVATE KEY-----\n"
        )
    ),
)


@pytest.mark.hypothesis
def test_any_bytes_are_a_private_key_or_refused(tmp_path: Path) -> None:
    @given(PEM)
    def read(content: bytes) -> None:
        place = tmp_path / "key.pem"
        place.touch(mode=0o600)
        place.write_bytes(content)
        with pytest.raises(ChartsideError):
            SigningKey.load(place, "ES384")

    read()


@pytest.mark.hypothesis
def test_any_lines_are_exported_as_fhir_or_refused(tmp_path: Path) -> None:
    settings = Settings.model_validate({"server": {"public_url": "https://cds.example.org"}})

    @given(st.lists(st.binary(max_size=30) | JSON.map(orjson.dumps), max_size=4))
    def export(lines: list[bytes]) -> None:
        place = tmp_path / "auditevents.ndjson"
        place.unlink(missing_ok=True)
        told = ""
        try:
            write_fhir(tmp_path, lines, "auditevents", settings)
        except (ExportInvalid, ExportUnreadable) as error:
            told = error.diagnostics()
        assert WORD not in told

    export()
