"""A CDS client as the site knows it."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.trust.keys import ALGORITHMS

__all__ = ["DEFAULT_ALGORITHMS", "Client"]

DEFAULT_ALGORITHMS = ("ES384", "RS384")
"""CDS Hooks 2.0.1, Trusting CDS Clients: RECOMMENDED."""


@dataclass(frozen=True, slots=True)
class Client:
    """`name` is the site's; everything else is compared with a token. Times are seconds.

    `audiences` are exact texts instead of the URL that was called. Without `tenants` any is taken.
    `key_url` is the only `jku` that a token may name; keys are read there unless `keys` holds a
    JWK Set. `per_minute` and `burst` bound its calls (0: no bound). With `certificates` (SHA-256)
    or `subjects` (RFC 4514) it has to show one of these beside its token. Raises ValueError.
    """

    name: str
    issuer: str
    keys: bytes = b""
    key_url: str = ""
    algorithms: frozenset[str] = frozenset(DEFAULT_ALGORITHMS)
    audiences: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()
    leeway_s: float = 60.0
    max_lifetime_s: float = 3600.0
    per_minute: float = 0.0
    burst: int = 20
    certificates: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.name or not self.issuer:
            raise ValueError("a client has a name and an issuer")
        if not self.keys and not self.key_url:
            raise ValueError("a client has a key set or a URL of one")
        if not self.algorithms or not self.algorithms <= set(ALGORITHMS):
            raise ValueError(f"algorithms must be of {', '.join(ALGORITHMS)}")
        if self.leeway_s < 0 or self.max_lifetime_s <= 0 or self.per_minute < 0 or self.burst < 1:
            raise ValueError("leeway, lifetime, rate and burst must be bounds")

    @property
    def is_bound(self) -> bool:
        """Whether it has to show a certificate."""
        return bool(self.certificates or self.subjects)

    @property
    def fetches(self) -> bool:
        """Whether its keys are read from its URL."""
        return not self.keys
