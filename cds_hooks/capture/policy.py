"""When calls may be captured: in production, and unredacted anywhere, only for a reason."""

from __future__ import annotations

from cds_hooks.capture.folder import CaptureRefused

__all__ = ["LONGEST_REASON", "require_allowed"]

LONGEST_REASON = 200


def require_allowed(*, production: bool, redacted: bool, reason: str, where: str) -> None:
    """Raises CaptureRefused, which names `where` the reason is given."""
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        hint = f"At most {LONGEST_REASON} characters in one line, nothing of a patient."
        raise CaptureRefused("the reason is too long", where=where, hint=hint)
    if reason.strip():
        return
    hint = "Say why; the ledger records it with who began and when."
    if not redacted:
        message = "charts would be captured unredacted without a reason"
        raise CaptureRefused(message, where=where, hint=hint)
    if production:
        message = "calls would be captured in production without a reason"
        raise CaptureRefused(message, where=where, hint=hint)
