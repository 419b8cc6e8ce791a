"""Cookies: of a session, and of a sign-in that is under way."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["Cookie", "inspector_cookie", "session_cookie", "sign_in_cookie"]


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie for this service's pages alone: no script reads it, and no form of another site
    brings it along. It ends with the browser, or after `age_s`."""

    name: str
    secure: bool
    age_s: int | None = None

    def read(self, request: Request) -> str:
        """Its value; "" where there is none, and where there are two (one of them is a guess)."""
        prefix = f"{self.name}="
        found = [
            part.strip().removeprefix(prefix)
            for header in request.headers.getlist("cookie")
            for part in header.split(";")
            if part.strip().startswith(prefix)
        ]
        return found[0] if len(found) == 1 else ""

    def write(self, response: Response, value: str) -> None:
        """Set it."""
        response.set_cookie(
            self.name,
            value,
            max_age=self.age_s,
            path="/",
            secure=self.secure,
            httponly=True,
            # Lax, not Strict: the way back from the identity provider begins at another site.
            samesite="lax",
        )

    def drop(self, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(
            self.name, path="/", secure=self.secure, httponly=True, samesite="lax"
        )


def session_cookie(base_url: str, *, local: bool = False) -> Cookie:
    """The cookie that has the id of a session; `local` for one that begins on this machine."""
    return _cookie(base_url, "session", None, local=local)


def inspector_cookie(base_url: str, *, local: bool = False) -> Cookie:
    """The cookie that has the id of what a browser fired in the inspector."""
    return _cookie(base_url, "inspector", None, local=local)


def sign_in_cookie(base_url: str, age_s: int) -> Cookie:
    """The cookie that binds a sign-in to the browser that began it."""
    return _cookie(base_url, "sign-in", age_s)


def _cookie(base_url: str, what: str, age_s: int | None, *, local: bool = False) -> Cookie:
    """With the prefix `__Host-` a browser takes it from this host over TLS alone. Browsers do not
    tell ports apart, so that without TLS, on this machine, the port is in the name."""
    parts = urlsplit(base_url)
    if parts.scheme == "https" and not local:
        return Cookie(f"__Host-chartside-{what}", secure=True, age_s=age_s)
    return Cookie(f"chartside-{what}-{parts.port or 0}", secure=False, age_s=age_s)
