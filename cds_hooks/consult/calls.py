"""Who asked, as the ledger records it."""

from __future__ import annotations

from cds_hooks.audit import Call
from cds_hooks.consultation import Caller
from cds_hooks.protocol.request import HookRequest

__all__ = ["call_of"]


def call_of(request: HookRequest) -> Call:
    """The call behind a request: hook, client and token as they were checked, user, encounter."""
    caller = request.caller or Caller()
    return Call(
        hook=request.hook,
        hook_instance=request.hook_instance,
        request_id=caller.request_id,
        client_iss=caller.issuer,
        tenant=caller.tenant,
        jti=caller.token,
        user_id=caller.user or request.context.user_id,
        encounter_id=request.context.encounter_id,
    )
