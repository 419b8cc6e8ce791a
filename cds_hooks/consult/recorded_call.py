"""The call behind a hook, as the ledger is told of it."""

from __future__ import annotations

from cds_hooks.consultation import Caller, RecordedCall
from cds_hooks.protocol.request import HookRequest

__all__ = ["call_of"]


def call_of(request: HookRequest) -> RecordedCall:
    """The call behind a request: hook, client and token as they were checked, user, encounter."""
    caller = request.caller or Caller()
    return RecordedCall(
        hook=request.hook,
        hook_instance=request.hook_instance,
        request_id=caller.request_id,
        client_iss=caller.issuer,
        tenant=caller.tenant,
        jti=caller.token,
        access=caller.access,
        user_id=caller.user or request.context.user_id,
        encounter_id=request.context.encounter_id,
    )
