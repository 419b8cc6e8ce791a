"""What the desk refuses: searches that say nothing, and work beyond its bounds."""

from __future__ import annotations

from cds_hooks.errors import ChartsideError

__all__ = ["DeskBusy", "SearchRefused", "VerificationAbsent"]


class SearchRefused(ChartsideError):
    """A term of a search that cannot be one; `where` is its field."""

    code = "search-refused"
    status = 400


class DeskBusy(ChartsideError):
    """As many exports are being made as are made at once."""

    code = "desk-busy"
    status = 503

    def __init__(self) -> None:
        hint = "Wait until it is done, or take it with `chartside audit export FOLDER`."
        super().__init__("another export is being made", hint=hint)


class VerificationAbsent(ChartsideError):
    """There is nothing to verify with: this service has no ledger of its own."""

    code = "verification-absent"
    status = 404
