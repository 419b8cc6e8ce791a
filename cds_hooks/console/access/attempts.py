"""How often an address may try to sign in."""

from __future__ import annotations

from starlette.requests import Request

from cds_hooks.console.access.access import Access
from cds_hooks.console.access.refusals import too_often
from cds_hooks.trust.caller_errors import UnauthenticatedRateLimited
from cds_hooks.trust.unauthenticated_limits import UnauthenticatedLimits

__all__ = ["Attempts"]


class Attempts:
    """Counts attempts by address, good ones too."""

    def __init__(self, access: Access) -> None:
        per_minute = access.config.sign_ins_per_minute
        self._site = access.site
        self._limits = UnauthenticatedLimits(per_minute, max(1, int(per_minute)))

    def enter(self, request: Request) -> None:
        """Count one. Raises PageRefused past the bound."""
        try:
            self._limits.enter(request.client.host if request.client else "")
        except UnauthenticatedRateLimited as limited:
            raise too_often(self._site, request, limited.retry_after_s) from None
