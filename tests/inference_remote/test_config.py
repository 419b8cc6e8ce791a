"""Which servers may be spoken to, and with what."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.inference.engine import EngineUnavailable
from cds_hooks.inference.remote.address import ServerAddress, ServerNotAllowed, allowed_server
from cds_hooks.inference.remote.key_file import KeyFile
from cds_hooks.inference.remote.openai_engine import OpenAIConfig, OpenAIEngine

GPU = "https://gpu.hospital.example:8443"


@pytest.mark.parametrize(
    ("base", "allowed"),
    [
        (GPU, (GPU,)),
        (f"{GPU}/v1", (GPU,)),
        (f"{GPU}/v1/", (f"{GPU}/",)),
        (f"{GPU}/models/a/v1", (f"{GPU}/models",)),
        ("https://GPU.hospital.example:8443", ("https://other.example", GPU)),
        ("https://gpu.hospital.example:443", ("https://gpu.hospital.example",)),
        ("http://127.0.0.1:8000", ("http://127.0.0.1:8000",)),
        ("http://[::1]:8000/v1", ("http://[::1]:8000",)),
        ("http://localhost:8000", ("http://localhost:8000",)),
    ],
)
def test_a_server_on_the_list_is_allowed(base: str, allowed: tuple[str, ...]) -> None:
    allowed_server(base, allowed)


@pytest.mark.parametrize("model", ["gpt-oss:120b-cloud", "kimi-k2.6:cloud"])
def test_a_model_that_ollama_runs_elsewhere_is_refused(model: str) -> None:
    with pytest.raises(ValueError, match="outside this network"):
        OpenAIConfig("http://127.0.0.1:11434", model, ("http://127.0.0.1:11434",))


@pytest.mark.parametrize(
    ("base", "allowed"),
    [
        (GPU, ()),
        (GPU, ("https://gpu.hospital.example",)),
        (GPU, ("http://gpu.hospital.example:8443",)),
        (f"{GPU}/modelsX", (f"{GPU}/models",)),
        ("https://gpu.hospital.example.evil.example:8443", (GPU,)),
        ("https://evil.example", (GPU,)),
        ("http://gpu.hospital.example", ("http://gpu.hospital.example",)),
        ("http://10.0.0.7:8000", ("http://10.0.0.7:8000",)),
        ("http://0.0.0.0:8000", ("http://0.0.0.0:8000",)),
        ("http://localhost.evil.example", ("http://localhost.evil.example",)),
        ("http://127.0.0.1@evil.example", ("http://127.0.0.1@evil.example",)),
        (f"{GPU}/a/../b", (GPU,)),
        (f"{GPU}/%2e%2e/b", (GPU,)),
        (f"{GPU}?x=1", (GPU,)),
        (f"{GPU}#x", (GPU,)),
        (f"{GPU}\\@evil.example", (GPU,)),
        ("ftp://gpu.hospital.example", ("ftp://gpu.hospital.example",)),
        ("https://gpu.hospital.example:99999", ("https://gpu.hospital.example:99999",)),
        ("https://g\u00fcter.example", ("https://g\u00fcter.example",)),
        ("https://", ("https://",)),
        ("", ("",)),
        (GPU, ("not a url", GPU)),
    ],
)
def test_any_other_is_not(base: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(ServerNotAllowed) as refused:
        OpenAIConfig(base, "m", allowed=allowed)
    assert "evil" not in refused.value.diagnostics()


@given(st.text(max_size=30) | st.text("htps:/@.#?%[]0127a\\", max_size=30).map("http://".__add__))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = ServerAddress.parse(text)
    except ServerNotAllowed:
        return
    assert ServerAddress.parse(address.url("/v1")) == address


def test_a_request_goes_where_the_address_says() -> None:
    address = allowed_server("http://[::1]:8000/a/v1/", ["http://[::1]:8000/a"])
    assert address.url("/v1/models") == "http://[::1]:8000/a/v1/models"


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"sha256": "xyz"},
        {"sha256": "AB" * 32},
        {"extra": {"tools": []}},
        {"extra": {"response_format": {}}},
        {"extra": {"lora": "/etc/passwd"}},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        OpenAIConfig(**{"base_url": GPU, "model": "m", "allowed": (GPU,), **wrong})


def test_a_context_that_trusts_everybody_is_refused() -> None:
    config = OpenAIConfig(GPU, "m", allowed=(GPU,))
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    with pytest.raises(ValueError, match="TLS"):
        OpenAIEngine(config, tls=trusting)
    trusting.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError, match="TLS"):
        OpenAIEngine(config, tls=trusting)


def test_models_without_a_digest_are_told_apart() -> None:
    one, other = (OpenAIConfig(GPU, name, allowed=(GPU,)).identity("vLLM 1") for name in "ab")
    assert one.engine != other.engine


@pytest.mark.parametrize("held", [b"", b" \n", b"two words", b"two\nlines", b"\xff\xfe", b"k\x00y"])
def test_a_key_that_is_none_is_refused(tmp_path: Path, held: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(held)
    with pytest.raises(EngineUnavailable) as refused:
        KeyFile(path).headers()
    assert refused.value.code == "server-key-unusable"


def test_a_key_is_read_each_time(tmp_path: Path) -> None:
    key = KeyFile(tmp_path / "key")
    with pytest.raises(EngineUnavailable):
        key.headers()
    key.path.write_text("old", "ascii")
    assert key.headers() == {"Authorization": "Bearer old"}
    key.path.write_text("new\n", "ascii")
    assert key.headers() == {"Authorization": "Bearer new"}
    assert "new" not in repr(key)
