"""What an engine on a model server is made with, checked before anything is connected."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.model_settings import ModelServerSettings
from cds_hooks.inference.remote.address import ServerAddress, allowed_server
from cds_hooks.inference.remote.http_exchange import ConnectionBounds

__all__ = ["OpenAIConfig", "check_tls"]

# Ollama runs a model of such a name outside, though a server on this machine is asked for it.
_ELSEWHERE = re.compile(r"[-:]cloud$")
_DIGEST = re.compile(r"([0-9a-f]{64})?")
# Sampling and templating only: nothing that names files, addresses, adapters or other tools.
_EXTRA = frozenset(
    {
        "cache_prompt",
        "chat_template_kwargs",
        "frequency_penalty",
        "min_p",
        "presence_penalty",
        "reasoning_budget_tokens",
        "reasoning_effort",
        "repeat_penalty",
        "repetition_penalty",
        "thinking_budget_tokens",
        "top_k",
        "top_p",
    }
)

_DECLARED = ModelServerSettings()


@dataclass(frozen=True, slots=True)
class OpenAIConfig:
    """One model on one server.

    `base_url` must be, or lie under, one of `allowed`; `model` is the id in its `/v1/models`.
    `name`, `sha256` (of the model's files, which no server proves), `licence` and `demonstration`
    are what a consultation records. `key_file` holds a bearer key. `together` asks for k samples
    in one request (`n`), so that the prompt is evaluated once. `thinking_tokens` are allowed on
    top of the answer's for a model that thinks first. `extra` are further fields of the request
    body, of sampling and templating only. `in_flight` requests run at most; `retries` are made at
    most, and only while nothing was generated. Times are seconds. Raises ServerNotAllowed and
    ValueError.
    """

    base_url: str
    model: str
    allowed: tuple[str, ...] = ()
    key_file: Path | None = None
    name: str = ""
    sha256: str = ""
    licence: str = ""
    demonstration: bool = False
    together: bool = True
    thinking_tokens: int = _DECLARED.thinking_tokens
    extra: Mapping[str, Any] = field(default_factory=dict)
    in_flight: int = _DECLARED.in_flight
    retries: int = 2
    probe_s: float = 5.0
    tokenize_s: float = 1.0
    longest_answer: int = 65_536
    bounds: ConnectionBounds = field(default_factory=ConnectionBounds)

    def __post_init__(self) -> None:
        if not self.model:
            raise ValueError("model must be an id that the server lists")
        if _ELSEWHERE.search(self.model):
            raise ValueError("model names one that Ollama runs outside this network")
        if not _DIGEST.fullmatch(self.sha256):
            raise ValueError("sha256 must be 64 lower-case hexadecimal digits, or empty")
        if unknown := sorted(set(self.extra) - _EXTRA):
            raise ValueError(f"extra may not hold {', '.join(unknown)}")
        allowed_server(self.base_url, self.allowed)

    @property
    def address(self) -> ServerAddress:
        """The server, once more against the list."""
        return allowed_server(self.base_url, self.allowed)

    def identity(self, build: str = "") -> ModelIdentity:
        """What a consultation records. The id is part of the engine's name, because it tells
        models apart that were configured without a digest."""
        engine = f"{build or 'OpenAI-compatible server'} ({self.model})"
        return ModelIdentity(
            self.name or self.model, self.sha256, engine, self.licence, self.demonstration
        )


def check_tls(tls: ssl.SSLContext | None) -> None:
    """Raise ValueError for a context that would trust any server."""
    if tls is not None and not (tls.verify_mode is ssl.CERT_REQUIRED and tls.check_hostname):
        raise ValueError("the TLS context must require certificates and check host names")
