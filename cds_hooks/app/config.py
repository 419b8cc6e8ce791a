"""Limits and settings of the HTTP edge; what makes no sense is refused at construction."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from cds_hooks.protocol.json_body import DEFAULT_LIMITS, BodyLimits

__all__ = ["AppConfig"]


@dataclass(frozen=True, slots=True)
class AppConfig:
    """`limits` of a body; times in seconds.

    `read_within_s` is for a body to arrive, `answer_at_most_s` for an answer to be made: the last
    bound, far above the one a service keeps by itself. `max_in_flight` bounds calls of services
    and feedback at one time (503 past it), `max_per_peer` those from one address (429 past it; 0
    is no bound, for EHRs that come through one proxy), and `max_held_bytes` the bodies of all open
    calls together (503). `cors_origins` are `scheme://host[:port]`. `proxies` are the addresses
    or networks of a proxy that ends TLS before the service; with any, nobody else may call.
    `certificate_header` is where it puts its caller's certificate.
    """

    limits: BodyLimits = DEFAULT_LIMITS
    read_within_s: float = 30.0
    answer_at_most_s: float = 30.0
    max_in_flight: int = 64
    max_per_peer: int = 0
    max_held_bytes: int = 128 * 1024 * 1024
    retry_after_s: int = 2
    cors_origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    certificate_header: str = ""

    def __post_init__(self) -> None:
        for origin in self.cors_origins:
            if not _is_origin(origin):
                raise ValueError("a CORS origin must be scheme://host[:port], without wildcards")
        if self.max_in_flight < 1 or self.max_per_peer < 0:
            raise ValueError("max_in_flight must be at least 1 and max_per_peer at least 0")
        if self.max_held_bytes < self.limits.max_bytes:
            raise ValueError("max_held_bytes must be at least limits.max_bytes")
        if min(self.read_within_s, self.answer_at_most_s, self.retry_after_s) <= 0:
            raise ValueError("times must be above 0")


def _is_origin(text: str) -> bool:
    parts = urlsplit(text)
    whole = f"{parts.scheme}://{parts.netloc}"
    plain = "*" not in text and "@" not in text and text == text.lower()
    return plain and whole == text and parts.scheme in ("http", "https") and bool(parts.hostname)
